"""Operators of other domains: carried along as they are, so that what comes behind them can be trained.

Only the runtime knows what they compute. Their types must be known all the same: from their schema, from
what the file declares, or from the table of ``ai.onnx.ml`` below, for which the standard infers nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ...errors import FileFormatError
from .. import dtypes
from ..infer import Dim, TensorType
from ..ir import Foreign, Tensor, foreign
from .values import Call

Kinds = Sequence[TensorType]


def applied(
    call: Call, node: onnx.NodeProto, declared: Mapping[str, TensorType]
) -> Sequence[Tensor]:
    """The node as a ``Foreign`` one. Raises ``FileFormatError`` where its types cannot be known."""
    if any(a.type in (a.GRAPH, a.GRAPHS) or a.ref_attr_name for a in node.attribute):
        raise FileFormatError(
            f"{node.domain}::{node.op_type} has a subgraph, or is in a function: not supported"
        )
    operator = Foreign(node.domain, node.op_type, call.version, tuple(node.attribute))
    return foreign(operator, call.tensors, _types(call, node, declared))


def declared_types(graph: onnx.GraphProto) -> dict[str, TensorType]:
    """Types that the file declares for results."""
    found = {}
    for info in (*graph.value_info, *graph.output):
        kind = info.type.tensor_type
        if info.type.HasField("tensor_type") and kind.elem_type and kind.HasField("shape"):
            try:
                found[info.name] = _read(kind)
            except KeyError:
                continue  # an element type that nobody knows declares nothing
    return found


def _read(kind: onnx.TypeProto.Tensor) -> TensorType:
    """Names of dims are not believed: exporters give different dims the same."""
    shape: list[Dim] = [
        d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None
        for d in kind.shape.dim
    ]
    return TensorType(dtypes.from_onnx(kind.elem_type), tuple(shape))


def _types(call: Call, node: onnx.NodeProto, declared: Mapping[str, TensorType]) -> Kinds:
    rule = _CLASSICAL.get(node.op_type) if node.domain == "ai.onnx.ml" else None
    if rule is not None:
        return rule(call)[: len(node.output)]
    kinds = [declared.get(n) for n in node.output]
    known = [k for k in kinds if k is not None]
    return known if len(known) == len(kinds) else _inferred(node, call)


def _inferred(node: onnx.NodeProto, call: Call) -> Kinds:
    """By the operator's schema, if there is one that says."""
    unknown = (
        f"the type of what {node.domain}::{node.op_type} gives is unknown: the file has no value_info "
        f"with element type and shape for {list(node.output)}"
    )
    types = {
        n: helper.make_tensor_type_proto(dtypes.to_onnx(t.dtype), t.shape)
        for n, t in zip(node.input, call.tensors, strict=False) if t is not None
    }  # fmt: skip
    try:
        facts = onnx.defs.get_schema(node.op_type, call.version, node.domain)
        imports = [helper.make_opsetid(node.domain, call.version)]
        made = onnx.shape_inference.infer_node_outputs(facts, node, types, opset_imports=imports)
        kinds = [made[n].tensor_type for n in node.output]
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise FileFormatError(f"{unknown} ({reason})") from error
    if not all(k.HasField("shape") and k.elem_type for k in kinds):
        raise FileFormatError(unknown)
    return [_read(k) for k in kinds]


# -- ai.onnx.ml -------------------------------------------------------------------------------------


def _same_as_floats(call: Call) -> Kinds:
    return [TensorType(dtypes.FLOAT32, call.needed(0).shape)]


def _same(call: Call) -> Kinds:
    return [call.needed(0).type]


def _rows(call: Call) -> Dim:
    x = call.needed(0)
    return x.shape[0] if x.ndim > 1 else 1


def _classes(call: Call) -> tuple[np.dtype[Any], int]:
    for name in ("classlabels_ints", "classlabels_int64s"):
        if call.get(name):
            return dtypes.INT64, len(call.get(name))
    labels = call.get("classlabels_strings", ())
    return (dtypes.OBJECT, len(labels)) if labels else (dtypes.INT64, 2)


def _classifier(call: Call) -> Kinds:
    dtype, count = _classes(call)
    rows = _rows(call)
    return [TensorType(dtype, (rows,)), TensorType(dtypes.FLOAT32, (rows, count))]


def _regressor(targets: str) -> Callable[[Call], Kinds]:
    return lambda call: [
        TensorType(dtypes.FLOAT32, (_rows(call), int(call.get(targets, 1))))
    ]  # fmt: skip


def _encoded(call: Call) -> Kinds:
    """LabelEncoder: the element type is that of its values."""
    x = call.needed(0)
    given = {
        "values_strings": dtypes.OBJECT, "values_int64s": dtypes.INT64,
        "values_floats": dtypes.FLOAT32,
    }  # fmt: skip
    for name, dtype in given.items():
        if call.get(name) is not None:
            return [TensorType(dtype, x.shape)]
    table = call.get("values_tensor")
    other = dtypes.OBJECT if x.dtype.kind == "i" else dtypes.INT64
    return [TensorType(table.array.dtype if table is not None else other, x.shape)]


def _one_hot(call: Call) -> Kinds:
    count = len(call.get("cats_int64s") or call.get("cats_strings") or ())
    return [TensorType(dtypes.FLOAT32, (*call.needed(0).shape, count))]


def _features(call: Call) -> Kinds:
    sizes = call.get("inputdimensions") or ()
    return [TensorType(dtypes.FLOAT32, (_rows(call), int(sum(sizes)) or None))]


def _picked(call: Call) -> Kinds:
    x, places = call.needed(0), call.needed(1)
    sizes = [d for d in places.shape if isinstance(d, int)]
    count = math.prod(sizes) if len(sizes) == places.ndim else None
    return [TensorType(x.dtype, (*x.shape[:-1], count) if x.ndim > 1 else (1, count))]


_CLASSICAL: dict[str, Callable[[Call], Kinds]] = {
    "ArrayFeatureExtractor": _picked,
    "Binarizer": _same,
    "FeatureVectorizer": _features,
    "Imputer": _same,
    "LabelEncoder": _encoded,
    "LinearClassifier": _classifier,
    "LinearRegressor": _regressor("targets"),
    "Normalizer": _same_as_floats,
    "OneHotEncoder": _one_hot,
    "SVMClassifier": _classifier,
    "SVMRegressor": _regressor("targets"),
    "Scaler": _same_as_floats,
    "TreeEnsembleClassifier": _classifier,
    "TreeEnsembleRegressor": _regressor("n_targets"),
}
