"""A sample of the node cases, and proof that the check can fail. All of them: ``python -m tests.conformance``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from waterhorse.compiler import autodiff, importer

from .__main__ import row_of
from .cases import Case, collect
from .check import check
from .report import failed, unsupported_share

EVERY = 12
KNOWN = json.loads(Path(__file__).with_name("summary.json").read_text())


@pytest.fixture(scope="module")
def rows() -> Sequence[dict[str, Any]]:
    return [row_of(case) for case in collect()[::EVERY]]


def test_a_sample_is_right(rows: Sequence[dict[str, Any]]) -> None:
    """What fails is known to, with its reason."""
    assert len(rows) > 100
    new = {r["name"]: r["reason"] for r in rows if failed(r) and r["name"] not in KNOWN["failures"]}
    assert not new
    assert {r["name"] for r in rows if r["forward"] == "runtime"} <= {*KNOWN["as_onnxruntime"]}


def test_nearly_all_is_supported() -> None:
    counts = KNOWN["counts"]
    due = counts["differentiable"]
    assert sum(c["cases"] for c in counts.values()) >= 1884
    assert due["gradient"].get("unsupported", 0) <= 0.02 * due["cases"]
    assert "wrong" not in due["gradient"] | due["forward"]


def _case(op: str, *arrays: Any, expected: Any, **attributes: Any) -> Case:
    names = [f"x{i}" for i in range(len(arrays))]
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
             for n, a in zip(names, arrays, strict=True)]  # fmt: skip
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, expected.shape)
    node = helper.make_node(op, names, ["y"], **attributes)
    graph = helper.make_graph([node], "case", infos, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    feeds = dict(zip(names, arrays, strict=True))
    return Case(f"test_{op}", model, feeds, {"y": expected}, 1e-3, 1e-7)


X = np.array([[0.5, -1.5, 2.0], [0.1, 0.7, -0.3]], np.float32)


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _case("Tanh", X, expected=np.tanh(X))
    assert (check(case).forward, check(case).gradient) == ("right", "right")
    rule = autodiff.RULES["Tanh"]
    monkeypatch.setitem(autodiff.RULES, "Tanh", lambda *args, **attrs: rule(*args, **attrs) * 1.01)
    assert check(case).gradient == "wrong"


def test_a_gradient_that_is_silently_zero_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _case("Tanh", X, expected=np.tanh(X))
    monkeypatch.setattr(autodiff, "NONDIFFERENTIABLE", {**autodiff.NONDIFFERENTIABLE, "Tanh": ""})
    assert check(case).gradient == "wrong"


def test_a_gradient_that_is_wrong_beside_a_kink_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([0, -1, 2, 0, 0, 1], np.float32)
    case = _case("Abs", x, expected=np.abs(x))
    assert check(case).gradient in ("right", "jittered")
    monkeypatch.setitem(autodiff.RULES, "Abs", lambda dy, y, x: dy)
    assert check(case).gradient == "wrong"


def test_a_wrong_result_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _case("Tanh", X, expected=np.tanh(X))
    other = importer.read(_case("Sigmoid", X, expected=X).model, masters=False)
    monkeypatch.setattr(importer, "read", lambda *args, **options: other)
    assert check(case).forward == "wrong"


def test_where_onnxruntime_differs_from_a_case_it_is_said() -> None:
    case = _case("Tanh", X, expected=np.tanh(X) + 0.01)
    assert check(case).forward == "runtime"


def test_the_share_counts_what_is_differentiable() -> None:
    row = {"kind": "differentiable", "forward": "right", "gradient": "right"}
    rows = [row] * 3 + [row | {"gradient": "unsupported"}, row | {"kind": "text", "gradient": ""}]
    assert unsupported_share(rows) == 0.25
