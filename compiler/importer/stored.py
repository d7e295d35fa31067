"""Which stored tensors of a file are weights, and which are just numbers.

A weight becomes an ``Argument`` of our graph, so that it can be trained and differentiated by. What an
operator must know to infer a shape (axes, scales of a Resize) stays a constant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import TensorProto

from ...errors import FileFormatError
from .. import dtypes
from ..infer import TensorType
from ..ir import Array, Tensor, argument, constant, data
from ..schema import OPSET
from .values import Weight

# operands that say how, not what: (operator, position)
STATIC = frozenset({
    ("Clip", 1), ("Clip", 2), ("Dropout", 1), ("OneHot", 2), ("Pad", 2), ("Resize", 1), ("Resize", 2),
    ("Upsample", 1), ("Range", 0), ("Range", 1), ("Range", 2), ("QuantizeLinear", 1),
    ("NonMaxSuppression", 3), ("NonMaxSuppression", 4),
})  # fmt: skip
# operands that are weights wherever they come from: (operator, position)
WEIGHTS = frozenset({
    ("BatchNormalization", 1), ("BatchNormalization", 2), ("BatchNormalization", 3),
    ("BatchNormalization", 4), ("Conv", 1), ("Conv", 2), ("ConvTranspose", 1), ("ConvTranspose", 2),
    ("GRU", 1), ("GRU", 2), ("GRU", 3), ("Gemm", 1), ("Gemm", 2), ("InstanceNormalization", 1),
    ("InstanceNormalization", 2), ("LSTM", 1), ("LSTM", 2), ("LSTM", 3), ("LayerNormalization", 1),
    ("LayerNormalization", 2), ("MatMul", 1), ("PRelu", 1), ("RNN", 1), ("RNN", 2), ("RNN", 3),
})  # fmt: skip
STATISTICS = frozenset({("BatchNormalization", 3), ("BatchNormalization", 4)})
# types that came after our opset, and types of it that hold all their values
_WIDER = {
    "int2": TensorProto.INT8, "uint2": TensorProto.UINT8, "float4_e2m1fn": TensorProto.FLOAT8E4M3FN,
    "float6_e2m3fn": TensorProto.FLOAT8E4M3FN, "float6_e3m2fn": TensorProto.FLOAT8E4M3FN,
    "float8_e8m0fnu": TensorProto.FLOAT,
}  # fmt: skip
# operands of which only the values count, not the type
_READ = frozenset({
    ("Cast", 0), ("CastLike", 0), ("DequantizeLinear", 0), ("DequantizeLinear", 2),
})  # fmt: skip
KNOWN = 64  # integers up to so many elements may be shapes or axes


class Uses:
    """Where each name of a graph, and of the subgraphs in it, is used."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for node in _nodes(graph):
            for i, name in enumerate(node.input):
                self._found[name].append((node.op_type, i))
        self.outputs = {o.name for o in graph.output}

    def of(self, name: str) -> Sequence[tuple[str, int]]:
        return self._found.get(name, ())

    def only(self, name: str, places: frozenset[tuple[str, int]]) -> bool:
        """Whether all uses of a name are among ``places``, and there are some."""
        found = self.of(name)
        return bool(found) and name not in self.outputs and all(use in places for use in found)

    def some(self, name: str, places: frozenset[tuple[str, int]]) -> bool:
        """Whether some use of a name is among ``places``."""
        return any(use in places for use in self.of(name))


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for a in node.attribute:
            for sub in (a.g, *a.graphs) if a.type in (a.GRAPH, a.GRAPHS) else ():
                yield from _nodes(sub)


def as_weight(name: str, array: Array, origin: str, uses: Uses) -> Weight | None:
    """The weight that a stored tensor is, or None where it is just numbers."""
    if array.dtype == object or uses.only(name, STATIC):
        return None
    kind = TensorType(array.dtype, array.shape)
    if not dtypes.is_float(array.dtype):
        if array.size <= KNOWN or origin != "initializer":
            return None
        return Weight(
            argument(name, kind), array, origin, False, f"its elements are {kind.dtype.name}"
        )
    if origin == "Constant" and array.size < 2:
        return None
    if origin == "ConstantOfShape" and not uses.some(name, WEIGHTS):
        return None
    leaf = argument(name, kind)
    if uses.some(name, STATISTICS):
        return Weight(leaf, array, origin, False, "it is a running statistic")
    if not array.ndim:
        return Weight(leaf, array, origin, False, "it is a single number")
    return Weight(leaf, array, origin, True)


def as_state(name: str, array: Array, uses: Uses) -> Weight:
    """A stored tensor that the file's own training changes: a weight, or a counter, a mean, a rate."""
    known = as_weight(name, array, "initializer", uses)
    leaf = argument(name, TensorType(array.dtype, array.shape))
    if known is not None:
        return Weight(leaf, array, "state", known.trainable, known.reason)
    return Weight(leaf, array, "state", False, "only the file's own training changes it")


def representable(name: str, array: Array, uses: Uses) -> Array:
    """The same values in a type that our opset has, where only the values count.

    Raises ``FileFormatError`` where the type itself counts, as that of a zero point in QuantizeLinear.
    """
    wider = _WIDER.get(array.dtype.name)
    if wider is None:
        return array
    if (uses.of(name) or name in uses.outputs) and not uses.only(name, _READ):
        raise FileFormatError(
            f"stored tensor {name!r} is {array.dtype.name}, which opset {OPSET} does not have: only Cast "
            "and DequantizeLinear can take it"
        )
    return array.astype(dtypes.from_onnx(wider))


def as_constant(array: Array) -> Tensor:
    """A stored tensor that is part of the graph."""
    return constant(array) if array.size <= KNOWN else data(np.ascontiguousarray(array))
