"""Regularizers and constraints: Keras' values, gradients, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ShapeError

from . import cases

GOLDEN = np.load(Path(__file__).parents[2] / "goldens" / "keras_penalties.npz")


@pytest.mark.parametrize("name", cases.REGULARIZERS)
def test_regularizer(name: str) -> None:
    cls, kwargs = cases.REGULARIZERS[name]
    found = getattr(wh.regularizers, cls)(**kwargs)(cases.matrix())
    assert found.shape == ()
    np.testing.assert_allclose(found.numpy(), GOLDEN[f"regularizer/{name}"], rtol=1e-5)


@pytest.mark.parametrize("name", cases.REGULARIZERS)
def test_regularizers_have_gradients(name: str) -> None:
    cls, kwargs = cases.REGULARIZERS[name]
    penalty = getattr(wh.regularizers, cls)(**kwargs)
    point = cases.matrix().astype(np.float64)
    direction = np.random.Generator(np.random.Philox(4)).standard_normal(point.shape)

    @wh.function
    def both(x: Any) -> Any:
        value = penalty(x)
        return value, wh.grad(value, [x])[0]

    h = 1e-6
    slope = (both(point + h * direction)[0] - both(point - h * direction)[0]) / (2 * h)
    np.testing.assert_allclose((both(point)[1] * direction).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("name", cases.REGULARIZERS)
def test_gradients_are_those_of_keras(name: str) -> None:
    cls, kwargs = cases.REGULARIZERS[name]
    penalty = getattr(wh.regularizers, cls)(**kwargs)
    found = wh.function(lambda x: wh.grad(penalty(x), [x])[0])(cases.matrix())
    np.testing.assert_allclose(found, GOLDEN[f"gradient/{name}"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", cases.CONSTRAINTS)
def test_constraint(name: str) -> None:
    cls, kwargs = cases.CONSTRAINTS[name]
    found = getattr(wh.constraints, cls)(**kwargs)(cases.matrix())
    np.testing.assert_allclose(found.numpy(), GOLDEN[f"constraint/{name}"], rtol=1e-5, atol=1e-7)


def test_nothing_penalised() -> None:
    assert wh.regularizers.L1L2()(cases.matrix()).numpy() == 0


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (wh.regularizers, ["l1", "l2", "l1_l2", "L1", "L2", "L1L2", "OrthogonalRegularizer"]),
        (wh.constraints, ["max_norm", "MaxNorm", "non_neg", "NonNeg", "unit_norm", "UnitNorm",
                          "min_max_norm", "MinMaxNorm"]),
    ],
)  # fmt: skip
def test_get(module: Any, names: list[str]) -> None:
    for name in names:
        made = module.get(name)
        assert callable(made)
        assert module.get(made) is made
        assert type(module.get(type(made))) is type(made)
    assert module.get(None) is None
    assert module.get(abs) is abs
    with pytest.raises(ArgumentError, match="did you mean"):
        module.get(names[0] + "x")
    with pytest.raises(ArgumentError, match="expected a name"):
        module.get(3)


def test_senseless_arguments() -> None:
    with pytest.raises(ArgumentError, match="l1=-1"):
        wh.regularizers.L1(-1.0)
    with pytest.raises(ArgumentError, match="l2=nan"):
        wh.regularizers.L2(float("nan"))
    with pytest.raises(ArgumentError, match="rows or columns"):
        wh.regularizers.OrthogonalRegularizer(mode="diagonal")
    with pytest.raises(ShapeError, match="matrix"):
        wh.regularizers.OrthogonalRegularizer()(np.zeros(3, np.float32))
