"""Operators for ``onnx.reference`` in float64, where its own are slow or go wrong.

ONNX Runtime has no double kernels for convolutions and some others; the reference takes seconds for one
convolution. These take NumPy's matrix products.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Array = np.ndarray[Any, Any]


def _padding(x: Array, size: Any, kwargs: dict[str, Any]) -> list[tuple[int, int]]:
    """(before, after) for each spatial axis; ``size`` is the extent of the dilated window."""
    rank = x.ndim - 2
    auto = kwargs.get("auto_pad") or "NOTSET"
    if auto in {"SAME_UPPER", "SAME_LOWER"}:
        strides = kwargs.get("strides") or [1] * rank
        found = []
        for n, k, s in zip(x.shape[2:], size, strides, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            small = total // 2
            found.append((small, total - small) if auto == "SAME_UPPER" else (total - small, small))
        return found
    pads = kwargs.get("pads") or [0] * 2 * rank
    return [*zip(pads[:rank], pads[rank:], strict=True)]


def _windows(x: Array, kernel: Any, kwargs: dict[str, Any], fill: float) -> Array:
    """Windows of the padded input: [N, C, *positions, *kernel]."""
    rank = x.ndim - 2
    dilations = kwargs.get("dilations") or [1] * rank
    strides = kwargs.get("strides") or [1] * rank
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0), *_padding(x, size, kwargs)], constant_values=fill)
    windows = sliding_window_view(padded, size, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, s) for s in strides] + [slice(None, None, d) for d in dilations]
    return windows[(slice(None), slice(None), *steps)]


class Conv(OpRun):
    """Convolution as one matrix product per group."""

    def _run(self, x: Array, w: Array, b: Array | None = None, **kwargs: Any) -> tuple[Array]:
        rank, group = x.ndim - 2, kwargs.get("group") or 1
        windows = _windows(x, w.shape[2:], kwargs, 0.0)
        if group == x.shape[1] == w.shape[0]:  # depthwise
            position, taps = [*range(2, 2 + rank)], [*range(2 + rank, 2 + 2 * rank)]
            channels = w[:, 0]
            y = np.einsum(
                windows, [0, 1, *position, *taps], channels, [1, *taps], [0, 1, *position]
            )
            return (y if b is None else y + b.reshape(-1, *[1] * rank),)
        over = [1, *range(2 + rank, 2 + 2 * rank)]
        parts = [
            np.tensordot(part, kernel, (over, [*range(1, w.ndim)]))
            for part, kernel in zip(np.split(windows, group, 1), np.split(w, group), strict=True)
        ]
        y = np.moveaxis(np.concatenate(parts, -1), -1, 1)
        if b is not None:
            y = y + b.reshape(-1, *[1] * rank)
        return (np.ascontiguousarray(y),)


class ConvTranspose(OpRun):
    """Each input element spreads a kernel: added tap by tap."""

    def _run(self, x: Array, w: Array, b: Array | None = None, **kwargs: Any) -> tuple[Array]:
        if (kwargs.get("group") or 1) != 1 or kwargs.get("output_shape"):
            raise NotImplementedError("ConvTranspose with groups or an output shape")
        rank = x.ndim - 2
        strides = kwargs.get("strides") or [1] * rank
        pads = kwargs.get("pads") or [0] * 2 * rank
        extra = kwargs.get("output_padding") or [0] * rank
        if any(d != 1 for d in kwargs.get("dilations") or []):
            raise NotImplementedError("ConvTranspose with dilation")
        sizes = [
            (n - 1) * s + k + e
            for n, s, k, e in zip(x.shape[2:], strides, w.shape[2:], extra, strict=True)
        ]
        full = np.zeros((x.shape[0], w.shape[1], *sizes), x.dtype)
        for tap in np.ndindex(*w.shape[2:]):
            spread = np.moveaxis(
                np.tensordot(x, w[(slice(None), slice(None), *tap)], (1, 0)), -1, 1
            )
            place = tuple(
                slice(t, t + (n - 1) * s + 1, s)
                for t, n, s in zip(tap, x.shape[2:], strides, strict=True)
            )
            full[(slice(None), slice(None), *place)] += spread
        cut = tuple(
            slice(p, n - q) for p, q, n in zip(pads[:rank], pads[rank:], sizes, strict=True)
        )
        y = full[(slice(None), slice(None), *cut)]
        return (y if b is None else y + b.reshape(-1, *[1] * rank),)


class MaxPool(OpRun):
    """The maximum of each window."""

    def _run(self, x: Array, **kwargs: Any) -> tuple[Array]:
        if kwargs.get("ceil_mode"):
            raise NotImplementedError("MaxPool with ceil_mode")
        rank = x.ndim - 2
        windows = _windows(x, kwargs["kernel_shape"], kwargs, -np.inf)
        return (windows.max(axis=tuple(range(2 + rank, 2 + 2 * rank))),)


class AveragePool(OpRun):
    """The mean of each window, without padding."""

    def _run(self, x: Array, **kwargs: Any) -> tuple[Array]:
        if kwargs.get("ceil_mode") or any(kwargs.get("pads") or []):
            raise NotImplementedError("AveragePool with ceil_mode or padding")
        rank = x.ndim - 2
        windows = _windows(x, kwargs["kernel_shape"], kwargs, 0.0)
        return (windows.mean(axis=tuple(range(2 + rank, 2 + 2 * rank))),)


class GlobalMaxPool(OpRun):
    """The reference's own drops the channels of sequences."""

    def _run(self, x: Array) -> tuple[Array]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class BatchNormalization(OpRun):
    """With the running statistics; the reference's own for opset 9 is another function."""

    def _run(self, x: Array, scale: Array, bias: Array, mean: Array, var: Array, epsilon: float = 1e-5,
             **kwargs: Any) -> tuple[Array]:  # fmt: skip
        if kwargs.get("training_mode"):
            raise NotImplementedError("BatchNormalization in training mode")
        scale, bias, mean, var = (
            a.reshape(-1, *[1] * (x.ndim - 2)) for a in (scale, bias, mean, var)
        )
        return ((x - mean) / np.sqrt(var + epsilon) * scale + bias,)


class Erf(OpRun):
    """The reference's own is float32."""

    _erf = staticmethod(np.frompyfunc(math.erf, 1, 1))

    def _run(self, x: Array) -> tuple[Array]:
        return (self._erf(x).astype(x.dtype),)


class GatherElements(OpRun):
    """Indices may be fewer than the data along the other axes."""

    def _run(self, data: Array, indices: Array, axis: int = 0) -> tuple[Array]:
        places = list(np.indices(indices.shape, sparse=True))
        places[axis] = indices
        return (data[tuple(places)],)


class ScatterElements(OpRun):
    """Replaces, or adds."""

    def _run(
        self, data: Array, indices: Array, updates: Array, axis: int = 0, reduction: Any = None
    ) -> tuple[Array]:
        places = list(np.indices(indices.shape, sparse=True))
        places[axis] = indices
        result = data.astype(updates.dtype)
        if reduction == "add":
            np.add.at(result, tuple(places), updates)
        elif reduction in {None, "none"}:
            result[tuple(places)] = updates
        else:
            raise NotImplementedError(f"ScatterElements with reduction={reduction}")
        return (result,)


class ReduceMax(OpRun):
    """With axes as an attribute or as an input."""

    def _run(self, data: Array, axes: Any = None, keepdims: int = 1, **_: Any) -> tuple[Array]:
        over = None if axes is None or len(axes) == 0 else tuple(int(a) for a in axes)
        return (np.asarray(data.max(axis=over, keepdims=bool(keepdims))),)


def evaluator(model: onnx.ModelProto) -> ReferenceEvaluator:
    """The reference with the operators above in place of its own."""
    ours = [
        AveragePool, BatchNormalization, Conv, ConvTranspose, Erf, GatherElements, GlobalMaxPool,
        MaxPool, ReduceMax, ScatterElements,
    ]  # fmt: skip
    return ReferenceEvaluator(model, new_ops=ours)
