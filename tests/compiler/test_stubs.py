"""What type checkers are told of ``op`` agrees with what it does."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from waterhorse.compiler import ir, op, schema
from waterhorse.compiler.infer import TensorType

STUB = Path(op.__file__ or "").resolve().with_suffix(".pyi")
TREE = ast.parse(STUB.read_text())
DECLARED = {n.name: n for n in TREE.body if isinstance(n, ast.FunctionDef)}


def test_every_operator_is_declared() -> None:
    usable = {n for n in schema.names() if schema.signature(n).schema.outputs}
    assert set(DECLARED) == usable
    assert usable <= set(dir(op))


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_keywords_are_the_attributes(name: str) -> None:
    keywords = {a.arg for a in DECLARED[name].args.kwonlyargs} - {"outputs"}
    assert keywords == set(schema.signature(name).attributes)


def test_declared_results() -> None:
    x = ir.argument("x", TensorType(np.dtype(np.float32), (1, 1, 4)))
    several = {
        "TopK": op.TopK(x, [1]),
        "Split": op.Split(x, num_outputs=2, axis=2),
        "MaxPool": op.MaxPool(x, kernel_shape=[2], outputs=2),
    }
    assert all(isinstance(v, tuple) for v in several.values())
    assert isinstance(op.MaxPool(x, kernel_shape=[2]), ir.Tensor)
    results = {n: ast.unparse(DECLARED[n].returns or ast.Constant(None)) for n in ("TopK", "Split")}
    assert set(results.values()) == {"tuple[Tensor, ...]"}
    assert ast.unparse(DECLARED["Relu"].returns or ast.Constant(None)) == "Tensor"


def test_unknown_names_are_attribute_errors_only_for_dunders() -> None:
    with pytest.raises(AttributeError):
        op.__wrapped__  # noqa: B018
    assert "Relu" in dir(op)
    assert op.Relu.__doc__
