"""docs/operators.md says what the tables of gradients and of the importer hold."""

from __future__ import annotations

import runpy
from pathlib import Path

import onnx
import pytest

import waterhorse as wh
from waterhorse.compiler import autodiff, ir
from waterhorse.compiler.differentiability import KINDS, how, limits, operators, opsets
from waterhorse.compiler.importer.reader import HIGHEST

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")


@pytest.mark.skipif(
    onnx.defs.onnx_opset_version() < HIGHEST, reason="this onnx has not all of the opsets yet"
)
def test_the_page_is_current() -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "operators.py"))["page"]()
    assert written == PAGE, "run: python scripts/operators.py"


def test_every_operator_of_the_standard_is_on_it() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    for facts in onnx.defs.get_all_schemas():
        if facts.domain == "" and facts.since_version <= HIGHEST and not facts.deprecated:
            assert rows.count(facts.name) == 1, facts.name


@pytest.mark.parametrize(
    ("op", "domain", "kind"),
    [
        ("Softmax", "", "rule"),
        ("Softmax", "ai.onnx", "rule"),
        ("Loop", "", "rule"),  # it has a handler, too
        ("LinearAttention", "", "body"),
        ("Swish", "", "adapter"),
        ("Upsample", "", "adapter"),
        ("SequenceAt", "", "handler"),
        ("Floor", "", "zero"),
        ("ArgMax", "", "none"),
        ("QuantizeLinear", "", "none"),
        ("BitCast", "", "none"),
        ("NoSuchOperator", "", "unsupported"),
        ("Scaler", "ai.onnx.ml", "adapter"),
        ("TreeEnsembleRegressor", "ai.onnx.ml", "unsupported"),
        ("FusedMatMul", "com.microsoft", "unsupported"),
    ],
)
def test_how(op: str, domain: str, kind: str) -> None:
    found = how(op, domain)
    assert found.kind == kind
    assert found.note


def test_nothing_is_without_a_line_or_of_a_kind_unknown() -> None:
    for op in operators():
        kind, note = how(op)
        assert kind in KINDS, op
        assert note, op
    assert set(autodiff.RULES) <= set(operators())


def test_no_operator_of_the_standard_is_unsupported() -> None:
    assert [op for op in operators() if how(op).kind == "unsupported"] == []


def test_opsets() -> None:
    assert opsets("Relu") == (7, HIGHEST)
    assert opsets("Upsample") == (7, 9)
    assert opsets("Scatter") == (9, 10)
    first, last = opsets("NoSuchOperator")
    assert first > last


def test_a_limit_is_an_error() -> None:
    assert "64" in limits("Det")
    assert not limits("Relu")
    x = ir.argument("x", ir.TensorType(wh.compiler.dtypes.FLOAT32, (65, 65)))
    with pytest.raises(wh.errors.GradientError, match="64 x 64"):
        autodiff.grad(wh.compiler.op.Det(x), [x])
