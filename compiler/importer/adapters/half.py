"""Sixteen-bit floats where an operator learned them after our opset: computed in single precision."""

from __future__ import annotations

from typing import Any

import onnx

from ... import dtypes, op
from ...ir import Tensor, apply
from ...schema import OPSET, names, signature
from ..values import Call, results_of

_HALF = frozenset({"float16", "bfloat16"})


def half(call: Call) -> Any:
    """The call as it is, unless our opset has the operator for wider floats only."""
    facts = signature(call.op)
    narrow: dict[str, dtypes.DType] = {}
    for i, x in enumerate(call.tensors):
        parameter = facts.parameter(i)
        if x is None or x.dtype.name not in _HALF:
            continue
        if f"tensor({x.dtype.name})" not in parameter.allowed:
            narrow[parameter.type_str] = x.dtype
    if not narrow:
        return call

    def wide(i: int, x: Tensor | None) -> Tensor | None:
        if x is None or facts.parameter(i).type_str not in narrow:
            return x
        return op.Cast(x, to=dtypes.FLOAT32)

    operands = [wide(i, x) for i, x in enumerate(call.tensors)]
    found = results_of(apply(call.op, *operands, outputs=call.outputs, **call.attributes))
    kinds = [p.type_str for p in facts.schema.outputs]
    return tuple(
        op.Cast(y, to=narrow[k]) if k in narrow else y for y, k in zip(found, kinds, strict=False)
    )


def learned() -> list[str]:
    """Operators that take sixteen-bit floats today, and did not at our opset."""
    found = []
    for name in names():
        now, then = onnx.defs.get_schema(name), onnx.defs.get_schema(name, OPSET)
        for a, b in zip(now.inputs, then.inputs, strict=False):
            if any(f"tensor({t})" in a.types and f"tensor({t})" not in b.types for t in _HALF):
                found.append(name)
                break
    return found
