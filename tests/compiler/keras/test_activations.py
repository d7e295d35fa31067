"""Activations against Keras: values and gradients, at the prompt and with a dynamic batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

from .goldens import Case, close, load, load_array

CASES = load("activations")
X = load_array("activations", "x")
# all of Keras' activations, but for the one that is not there yet
KERAS = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_values_equal_keras(case: Case) -> None:
    close(getattr(wh.activations, case.call)(X, **case.kwargs), case["y"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_gradients_equal_keras_with_a_dynamic_batch(case: Case) -> None:
    function = getattr(wh.activations, case.call)
    batch = 4 if case.kwargs.get("axis") == 0 and case.call == "glu" else None

    @wh.function(input_signature=[wh.TensorSpec((batch, 12)), wh.TensorSpec((None, None))])
    def step(x: Any, cotangent: Any) -> Any:
        y = function(x, **case.kwargs)
        return y, wh.grad(wh.ops.sum(y * cotangent), [x])[0]

    y, grad = step(X, case["cotangent"])
    close(y, case["y"])
    close(grad, case["grad"], atol=3e-6)  # tails of gelu cancel in float32


def test_every_activation_of_keras_has_a_golden_case_or_is_an_alias() -> None:
    covered = {case.call for case in CASES} | {"swish", "hard_swish", "sparsemax"}
    assert covered == set(KERAS)
    assert set(KERAS) | {"get", "serialize", "deserialize"} == set(wh.activations.__all__)


@pytest.mark.parametrize("name", KERAS)
def test_names_and_saved_forms_give_the_function_back(name: str) -> None:
    function = getattr(wh.activations, name)
    assert wh.activations.get(name) is function
    saved = wh.activations.serialize(function)
    assert saved in KERAS
    assert wh.activations.deserialize(saved) is function
    assert wh.activations.get(wh.compiler.config.serialize(function)) is function


def test_get_takes_none_and_functions_and_refuses_the_rest() -> None:
    assert wh.activations.get(None) is wh.activations.linear
    assert wh.activations.get(np.sin) is np.sin
    with pytest.raises(ArgumentError, match="did you mean 'relu'"):
        wh.activations.get("rellu")
    with pytest.raises(ArgumentError, match="expected a name or a function"):
        wh.activations.get(3)


@pytest.mark.parametrize("name", ["relu", "relu6", "elu", "gelu", "sigmoid", "softmax", "tanh"])
def test_integers_are_welcome(name: str) -> None:
    function = getattr(wh.activations, name)
    numbers = np.array([[-3, 0, 2, 9]])
    close(function(numbers), function(numbers.astype("float32")).numpy())


def test_single_operators_where_the_standard_has_them() -> None:
    single = {
        "relu": "Relu", "elu": "Elu", "selu": "Selu", "celu": "Celu", "gelu": "Gelu",
        "hard_silu": "HardSwish", "hard_sigmoid": "HardSigmoid", "mish": "Mish",
        "softmax": "Softmax", "softplus": "Softplus", "softsign": "Softsign",
        "leaky_relu": "LeakyRelu", "sigmoid": "Sigmoid", "tanh": "Tanh",
    }  # fmt: skip
    for name, operator in single.items():
        made = getattr(wh.activations, name)(wh.op.Identity(X))
        assert made.node.op == operator
        assert made.node.inputs[0].node.op == "Identity"


def test_glu_refuses_an_odd_axis() -> None:
    with pytest.raises(ArgumentError, match="odd"):
        wh.activations.glu(np.ones((2, 3), "float32"))


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    """Against bisection in double precision: Keras 3.15 gives rows that do not sum to 1."""
    x = np.random.default_rng(4).normal(size=(6, 7)).astype("float32") * 2
    low, high = x.min(1, keepdims=True) - 1.0, x.max(1, keepdims=True).astype("float64")
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    wanted = np.maximum(x - low, 0).astype("float32")
    close(wh.activations.sparsemax(x), wanted)
    close(wh.activations.sparsemax(x.T, axis=0), wanted.T)
    close(wh.activations.get("sparsemax")(x).numpy().sum(1), np.ones(6, "float32"))
