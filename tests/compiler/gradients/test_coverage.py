"""Every operator of the standard has a rule, or says why it has none; and what it says is true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, lower, op, schema
from waterhorse.compiler.infer import TensorType

from .data import integers, normal
from .harness import run

# Neither rule nor declaration. Tensors are all that the graph has: these take or give sequences or
# optionals, which the importer takes apart. It may only become shorter.
ABSENT = frozenset({
    "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt",
    "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
    "SequenceMap", "SplitToSequence",
})  # fmt: skip
# Rules without a line on what they do. It may only become shorter.
UNNOTED = frozenset({
    "Conv", "ConvTranspose", "GRU", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
    "GridSample", "LSTM", "LpPool", "RNN",
})  # fmt: skip

FLOATS = {f"tensor({kind})" for kind in ("float", "double", "float16", "bfloat16")}
NO_RESULT, NO_INPUT = "gives no floating-point result", "has no floating-point input"


def test_every_operator_has_a_rule_or_a_reason() -> None:
    known = {*autodiff.RULES, *autodiff.NONDIFFERENTIABLE}
    assert set(schema.names()) - known <= ABSENT
    assert known <= set(schema.names())
    assert not set(autodiff.RULES) & set(autodiff.NONDIFFERENTIABLE)
    assert all(autodiff.NONDIFFERENTIABLE.values())


def test_every_rule_says_what_it_does() -> None:
    silent = {name for name in autodiff.RULES if not autodiff.note(name)}
    assert silent <= UNNOTED
    assert all(autodiff.note(name) is None for name in ABSENT - autodiff.RULES.keys())


@pytest.mark.parametrize("name", sorted(autodiff.NONDIFFERENTIABLE))
def test_reasons_agree_with_the_types_of_the_standard(name: str) -> None:
    facts = schema.signature(name).schema
    reason = autodiff.NONDIFFERENTIABLE[name]
    gives = any(FLOATS & set(output.types) for output in facts.outputs)
    takes = any(FLOATS & set(x.types) for x in facts.inputs)
    if reason == NO_RESULT:
        assert not gives
    elif reason == NO_INPUT:
        assert gives
        assert not takes
    else:
        assert takes


def _byte(value: int) -> ir.Tensor:
    return ir.constant(value, "uint8")


def _mel(x: Any) -> Any:
    return op.MelWeightMatrix(np.array(8), np.array(64), np.array(8000), x[0], x[1])


def _product(x: Any) -> Any:
    a, b = (ir.constant(integers(9, *shape), "uint8") for shape in ((2, 3), (3, 2)))
    return op.QLinearMatMul(a, x[0], _byte(2), b, x[1], _byte(1), x[2], _byte(5))


PLATEAUS: dict[str, tuple[Any, Any]] = {
    **{name: (getattr(op, name), normal(3, 4)) for name in ("Ceil", "Floor", "Round", "Sign")},
    "Hardmax": (op.Hardmax, normal(3, 4)),
    "MelWeightMatrix": (_mel, np.array([130.0, 3000.0])),
    "QuantizeLinear": (lambda x: op.QuantizeLinear(x, np.float32(0.3), _byte(9)), normal(3, 4)),
    "QLinearMatMul": (_product, np.array([0.31, 0.47, 2.3])),
    "EyeLike": (lambda x: op.EyeLike(x, dtype=1), normal(3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", PLATEAUS)
def test_what_is_called_constant_does_not_move(name: str) -> None:
    build, point = PLATEAUS[name]
    x = ir.argument("x", TensorType(np.dtype(np.float32), point.shape))
    y = build(x)
    assert autodiff.NONDIFFERENTIABLE[name] not in (NO_RESULT, NO_INPUT)
    assert name in {n.op for n in ir.toposort([y])}
    with pytest.raises(autodiff.GradientError, match="only through operators without a gradient"):
        autodiff.vector_jacobian([y], [y], [x])
    model = lower.lower({"x": x}, {"y": y}).model
    here, near = (run(model, {"x": np.float32(point * f)})[0] for f in (1, 1 + 1e-5))
    np.testing.assert_array_equal(here, near)
    assert np.any(np.asarray(here, np.float64) != 0)
