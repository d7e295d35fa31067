"""What onnx's inference (1.23) does not survive, refused before it is asked.

It is C++: an index beyond a vector, or a loop over two billion dims, ends the process or takes all memory.
Found by ``benchmarks/fuzz_import.py`` and by random operands and attributes for every operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx.shape_inference import InferenceError

from .dtypes import TensorType

MOST_AXES = 1024
_LARGEST = 2**31 - 1  # positions are ints in C++
_POSITIONS = frozenset(
    {"axis", "batch_axis", "batch_dims", "group", "k", "num_outputs", "time_axis"}
)
# the place of an operand that has an element for each axis of the result
_SHAPES = {"ConstantOfShape": 0, "Expand": 1, "Reshape": 1, "Squeeze": 1, "Unsqueeze": 1, "Tile": 1}
_WINDOWS = frozenset({"AveragePool", "Conv", "LpPool", "MaxPool"})
_TERM = r"[A-Za-z ]*(\.\.\.)?[A-Za-z ]*"
_EQUATION = re.compile(rf"{_TERM}(,{_TERM})*(->{_TERM})?")


def check(
    op: str, inputs: Sequence[TensorType | None], attrs: Mapping[str, Any], outputs: int
) -> None:
    """Raises ``InferenceError`` where inference would not come back."""
    for name, value in attrs.items():
        if name in _POSITIONS and isinstance(value, int) and abs(value) > _LARGEST:
            raise InferenceError(f"{name}={value} is no position of anything")
    if op in _WINDOWS:
        _check_windows(inputs, attrs)
    for kind in inputs:
        if kind is not None and any(isinstance(d, int) and d < 0 for d in kind.shape):
            raise InferenceError(f"an operand has a negative dim: {kind}")
    _check_rank(op, inputs)
    special = _SPECIAL.get(op)
    if special is not None:
        special(inputs, attrs, outputs)


def _check_windows(inputs: Sequence[TensorType | None], attrs: Mapping[str, Any]) -> None:
    """A kernel that is larger than what it moves over gives nothing."""
    x, weight = (*inputs, None)[:2]
    windows = attrs.get("kernel_shape") or (weight.shape[2:] if weight is not None else ())
    if x is None or attrs.get("auto_pad", "NOTSET") != "NOTSET" or attrs.get("ceil_mode"):
        return
    rank = len(x.shape) - 2
    pads = attrs.get("pads") or (0,) * 2 * rank
    dilations = attrs.get("dilations") or (1,) * rank
    sizes = [*zip(x.shape[2:], windows, strict=False)]
    if len(sizes) != rank or len(pads) != 2 * rank or len(dilations) != rank:
        return
    for i, (size, window) in enumerate(sizes):
        if not isinstance(size, int) or not isinstance(window, int):
            continue
        room = size + pads[i] + pads[i + rank]
        if 0 <= room < (window - 1) * dilations[i] + 1:
            raise InferenceError(
                f"a kernel of {window} (dilation {dilations[i]}) is larger than the {size} places "
                "that it moves over: use padding='same', a smaller kernel, or a larger input"
            )


def check_graph(graph: onnx.GraphProto) -> None:
    """As ``check``, for the nodes of a graph and of those in it, as far as the file itself shows.

    For inference of whole models, which cannot be stopped on its way. Raises ``InferenceError``.
    """
    known = {i.name: _declared(i.type.tensor_type) for i in graph.input}
    for node in graph.node:
        attrs = {a.name: a.i for a in node.attribute if a.type == a.INT}
        texts = {a.name: a.s.decode(errors="replace") for a in node.attribute if a.type == a.STRING}
        if node.domain in ("", "ai.onnx"):
            operands = [known.get(n) for n in node.input]
            check(node.op_type, operands, {**attrs, **texts}, len(node.output))
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                check_graph(inner)


def _declared(kind: onnx.TypeProto.Tensor) -> TensorType:
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
    return TensorType(np.dtype(np.float32), tuple(sizes))  # the element type is not looked at


def _check_rank(op: str, inputs: Sequence[TensorType | None]) -> None:
    place = _SHAPES.get(op, len(inputs))
    target = inputs[place] if place < len(inputs) else None
    length = target.shape[0] if target is not None and len(target.shape) == 1 else None
    if isinstance(length, int) and length > MOST_AXES:
        raise InferenceError(f"a tensor of {length} axes was asked for; {MOST_AXES} are the most")


def _split(inputs: Sequence[TensorType | None], attrs: Mapping[str, Any], outputs: int) -> None:
    wanted = attrs.get("num_outputs")
    if wanted is not None and wanted != outputs:
        raise InferenceError(f"num_outputs={wanted} for {outputs} outputs")


def _gather_nd(inputs: Sequence[TensorType | None], attrs: Mapping[str, Any], outputs: int) -> None:
    if attrs.get("batch_dims", 0) < 0:
        raise InferenceError(f"batch_dims={attrs['batch_dims']} is negative")


def _einsum(inputs: Sequence[TensorType | None], attrs: Mapping[str, Any], outputs: int) -> None:
    equation = attrs.get("equation", "")
    if not _EQUATION.fullmatch(equation):
        raise InferenceError(
            f"the equation {equation!r} is none: expected letters, commas, '...' once in a term, and '->'"
        )


_SPECIAL = {"Split": _split, "GatherND": _gather_nd, "Einsum": _einsum}
