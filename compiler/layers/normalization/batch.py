"""BatchNormalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import initializers, op
from ...casting import as_type
from ...config import not_supported
from ...ir import Tensor, constant, stopped
from ...state import Variable
from ..core import known_size
from ..input_spec import InputSpec
from .affine import Affine, widened
from .turning import channels_at_one, channels_back

__all__ = ["BatchNormalization"]


class BatchNormalization(Affine):
    """Each channel is shifted and scaled to mean 0 and variance 1 over the batch.

    Ioffe and Szegedy 2015. In training with the batch's own (population) statistics, whose moving
    averages ``moving = moving * momentum + batch * (1 - momentum)`` serve in inference and where
    ``trainable`` is False. A mask [all axes but the last] says what is counted.

    With ``renorm`` (Ioffe 2017) training is corrected towards statistics that move by
    ``renorm_momentum``: ``normal * r + d``, within ``renorm_clipping`` = {"rmin", "rmax", "dmax"}.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        not_supported("BatchNormalization", synchronized=(synchronized, False))
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self._configure_affine(
            center, scale, (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )  # fmt: skip
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _checked_clipping(renorm_clipping or {})

    def build(self, input_shape: Any) -> None:
        channels = known_size(self.name, input_shape[self.axis], f"the size of axis {self.axis}")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_affine((channels,))
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self._moving("moving_mean", channels, mean)
        self.moving_variance = self._moving("moving_variance", channels, variance)
        if self.renorm:
            deviation = _RootOf(variance)
            self.moving_stddev = self._moving("moving_stddev", channels, deviation)
            self.renorm_mean = self._moving("renorm_mean", channels, mean)
            self.renorm_stddev = self._moving("renorm_stddev", channels, deviation)

    def _moving(self, name: str, channels: int, initializer: Any) -> Variable:
        return self.add_weight(
            (channels,), initializer, name=name, trainable=False, autocast=False
        )  # fmt: skip

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        axis, x = self.axis % inputs.ndim, widened(inputs)
        if not (training and self.trainable):
            return self._finished(self._by_moving_averages(channels_at_one(x, axis)), axis)
        if mask is None:
            return self._finished(self._by_batch(channels_at_one(x, axis), 1), axis)
        if mask.ndim != inputs.ndim - 1:
            raise ArgumentError(
                f"layer {self.name!r}: a mask has all axes but the last, {inputs.ndim - 1} of them; "
                f"got {mask.type}"
            )
        return as_type(self._by_batch(x, axis, mask), self.compute_dtype)

    def _finished(self, y: Tensor, axis: int) -> Tensor:
        return as_type(channels_back(y, axis), self.compute_dtype)

    def _by_moving_averages(self, x: Tensor) -> Tensor:
        channels = self.moving_mean.shape
        gamma = self.gamma if self.gamma is not None else constant(np.ones(channels, self.dtype))
        beta = self.beta if self.beta is not None else constant(np.zeros(channels, self.dtype))
        result: Tensor = op.BatchNormalization(
            x, gamma, beta, self.moving_mean, self.moving_variance, epsilon=self.epsilon
        )
        return result

    def _by_batch(self, x: Tensor, axis: int, mask: Tensor | None = None) -> Tensor:
        # Written out: onnxruntime's CUDA provider has no training mode for this operator.
        axes = [i for i in range(x.ndim) if i != axis]
        column = [-1 if i == axis else 1 for i in range(x.ndim)]
        if mask is None:
            mean = op.ReduceMean(x, axes, keepdims=1)
            centred = x - mean
            variance = op.ReduceMean(centred * centred, axes, keepdims=1)
        else:
            mean, variance = _masked_moments(x, axes, mask)
            centred = x - mean
        seen = op.Reshape(mean, [-1]), op.Reshape(variance, [-1])
        gamma, beta = self.gamma, self.beta
        if self.renorm:
            gamma, beta = self._renormed(*seen)
        else:
            _move(self.moving_mean, seen[0], self.momentum)
            _move(self.moving_variance, seen[1], self.momentum)
        factor = op.Reciprocal(op.Sqrt(variance + self.epsilon))
        if gamma is not None:
            factor = factor * op.Reshape(gamma, column)
        y: Tensor = centred * factor
        return y if beta is None else y + op.Reshape(beta, column)

    def _renormed(self, mean: Tensor, variance: Tensor) -> tuple[Any, Any]:
        """Gamma and beta with the correction in them; and the statistics move on."""
        deviation = op.Sqrt(variance + self.epsilon)
        usual = op.Max(self.renorm_stddev, float(np.sqrt(self.epsilon)))  # early on it may be 0
        r, d = deviation / usual, (mean - self.renorm_mean) / usual
        limits = self.renorm_clipping
        if "rmin" in limits:
            r = op.Max(r, limits["rmin"])
        if "rmax" in limits:
            r = op.Min(r, limits["rmax"])
        if "dmax" in limits:
            d = op.Min(op.Max(d, -limits["dmax"]), limits["dmax"])
        r, d = stopped(r), stopped(d)
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        moved = _move(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(op.Relu(moved * moved - self.epsilon))
        gamma, beta = (r, d) if self.gamma is None else (r * self.gamma, d * self.gamma)
        return gamma, beta if self.beta is None else beta + self.beta


def _move(moving: Variable, seen: Tensor, momentum: float) -> Tensor:
    moved = moving * momentum + seen * (1 - momentum)
    moving.assign(moved)
    return moved


def _masked_moments(x: Tensor, axes: list[int], mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over ``axes`` of what the mask (without the last axis) keeps."""
    kept = op.Unsqueeze(mask, [x.ndim - 1])
    count = op.Expand(op.Cast(kept, to=x.dtype), op.Shape(x))
    total = op.ReduceSum(count, axes, keepdims=1) + 1e-7
    zero = constant(0, x.dtype)
    mean = op.ReduceSum(op.Where(kept, x, zero), axes, keepdims=1) / total
    centred = op.Where(kept, x - mean, zero)
    return mean, op.ReduceSum(centred * centred, axes, keepdims=1) / total


def _checked_clipping(limits: Mapping[str, float]) -> dict[str, float]:
    found = {k: v for k, v in limits.items() if v is not None}
    if set(found) - {"rmin", "rmax", "dmax"}:
        raise ArgumentError(
            f"renorm_clipping={dict(limits)}: expected the keys 'rmin', 'rmax' and 'dmax'"
        )
    if found.get("rmin", 0) > found.get("rmax", np.inf) or found.get("dmax", 0) < 0:
        raise ArgumentError(
            f"renorm_clipping={dict(limits)}: rmax is at least rmin, and dmax at least 0"
        )
    return found


class _RootOf(initializers.Initializer):
    """The square root of what another initializer gives: deviations where there are variances."""

    def __init__(self, of: Any) -> None:
        self.of = initializers.get(of)

    def values(self, shape: tuple[int, ...]) -> Any:
        return np.sqrt(np.asarray(self.of(shape).numpy()))
