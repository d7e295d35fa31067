"""Losses against Keras: values in every reduction, weights, gradients; and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, RunError, ShapeError

from .goldens import Array, Case, close, load

CASES = load("losses")
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]
STRINGS = {
    "mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError", "bce": "BinaryCrossentropy", "kld": "KLDivergence",
    "huber": "Huber", "log_cosh": "LogCosh", "logcosh": "LogCosh", "hinge": "Hinge",
    "cosine_similarity": "CosineSimilarity", "poisson": "Poisson",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "mean_squared_error": "MeanSquaredError", "SquaredHinge": "SquaredHinge",
}  # fmt: skip


def dynamic(array: Array) -> wh.TensorSpec:
    return wh.TensorSpec((None, *array.shape[1:]) if array.ndim else (), array.dtype)


def given(case: Case) -> dict[str, Any]:
    """The arguments; a list of numbers per class stays a list."""
    return {
        k: list(v) if k == "alpha" and isinstance(v, tuple) else v for k, v in case.kwargs.items()
    }


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_reductions_equal_keras(case: Case, reduction: str) -> None:
    loss = getattr(wh.losses, case.call)(**given(case), reduction=reduction)
    true, pred, weight = case["true"], wh.ops.convert_to_tensor(case["pred"]), case["weight"]
    masked = pred.with_mask(wh.ops.convert_to_tensor(case["mask"]))
    close(loss(true, pred), case[reduction])
    close(loss(true, pred, sample_weight=weight), case[f"{reduction}_weighted"])
    close(loss(true, masked), case[f"{reduction}_masked"])
    close(loss(true, masked, sample_weight=weight), case[f"{reduction}_both"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_gradients_equal_keras_with_a_dynamic_batch(case: Case) -> None:
    loss = getattr(wh.losses, case.call)(**given(case))
    data = case["true"], case["pred"], case["weight"], case["mask"]

    @wh.function(input_signature=[dynamic(a) for a in data])
    def step(true: Any, pred: Any, weight: Any, mask: Any) -> Any:
        value = loss(true, pred, sample_weight=weight)
        masked = loss(true, pred.with_mask(mask))
        return value, *(wh.grad(v, [pred])[0] for v in (value, masked))

    value, grad, masked = step(*data)
    close(value, case["sum_over_batch_size_weighted"])
    close(grad, slope(case, "grad"))
    close(masked, slope(case, "grad_masked"))


def slope(case: Case, label: str) -> Array:
    """Keras' gradient. Its circle loss has none (NaN) for an example without a partner; ours is 0."""
    grad = case[label]
    return np.nan_to_num(grad) if case.facts["data"] == "alone" else grad


@pytest.mark.parametrize("call", sorted({c.call for c in CASES}))
def test_every_loss_is_saved_and_made_again(call: str) -> None:
    case = [c for c in CASES if c.call == call][-1]
    made = getattr(wh.losses, call)(**given(case), name="mine")
    again = wh.losses.deserialize(wh.losses.serialize(made))
    assert type(again) is type(made)
    assert (again.name, again.reduction) == ("mine", "sum_over_batch_size")
    close(again(case["true"], case["pred"]), case["sum_over_batch_size"])


def test_every_public_loss_has_a_golden_case() -> None:
    classes = {n for n in wh.losses.__all__ if n[0].isupper()}
    assert classes - {c.call for c in CASES} == {"Loss", "LossFunctionWrapper"}


@pytest.mark.parametrize(("name", "wanted"), STRINGS.items())
def test_strings(name: str, wanted: str) -> None:
    assert type(wh.losses.get(name)).__name__ == wanted


def test_functions_give_a_value_per_example() -> None:
    true, pred = np.zeros((3, 4), "float32"), np.full((3, 4), 2.0, "float32")
    close(wh.losses.mean_squared_error(true, pred), np.full(3, 4.0))
    close(wh.losses.cosine_similarity(pred, pred), np.full(3, -1.0))
    labels = np.array([0, 1, 2])
    close(wh.losses.sparse_categorical_crossentropy(labels, pred, from_logits=True),
          np.full(3, np.log(4.0)))  # fmt: skip


def test_a_function_of_yours_is_a_loss() -> None:
    def cubed(y_true: Any, y_pred: Any) -> Any:
        return wh.ops.mean((y_true - y_pred) ** 3, axis=-1)

    assert wh.losses.get(cubed) is cubed
    loss = wh.losses.LossFunctionWrapper(cubed)
    close(loss(np.full((2, 3), 3), np.ones((2, 3), "float32")), np.array(8.0))
    assert loss.name == "cubed"


def test_a_subclass_sees_targets_in_the_type_of_the_loss() -> None:
    class Plain(wh.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            assert y_true.dtype == y_pred.dtype == np.float32
            return y_pred - y_true

    close(Plain()(np.array([1, 2]), np.array([3.0, 5.0])), np.array(2.5))


def test_the_gradient_at_a_logit_of_zero_is_half_minus_the_target() -> None:
    # a model whose weights start at zero learns from its first step on
    loss = wh.losses.BinaryCrossentropy(from_logits=True)

    @wh.function
    def slope(true: Any, logit: Any) -> Any:
        return wh.grad(loss(true, logit), [logit])[0]

    zeros = np.zeros((2, 1), "float32")
    close(slope(np.array([[0.0], [1.0]], "float32"), zeros), np.array([[0.25], [-0.25]]))


def test_no_overflow_with_large_logits() -> None:
    logits = np.array([[1e4, -1e4]], "float32")
    close(wh.losses.BinaryCrossentropy(from_logits=True)(np.array([[1, 0]]), logits), np.array(0.0))
    sparse = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    close(sparse(np.array([1]), logits), np.array(2e4))


def test_probabilities_of_0_and_1_are_cut_at_1e_7() -> None:
    wrong = np.array([[1.0, 0.0]], "float32")
    right = 1 - wrong
    far = -np.log(1e-7)
    for call in ("BinaryCrossentropy", "CategoricalCrossentropy"):
        close(getattr(wh.losses, call)()(right, wrong), np.array(far), rtol=1e-2)
        close(getattr(wh.losses, call)()(right, right), np.array(1.2e-7), atol=1e-8, rtol=0.01)
    close(wh.losses.KLDivergence()(right, wrong), np.array(far), rtol=1e-5)


@pytest.mark.parametrize("label", [-6, 5])
def test_a_label_that_is_no_class_fails_when_it_runs(label: int) -> None:
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.raises(RunError, match=r"out of|bounds|range"):
        loss(np.array([0, label]), np.zeros((2, 5), "float32")).numpy()


@pytest.mark.parametrize("call", ["MeanSquaredError", "CategoricalCrossentropy"])
def test_shapes_that_do_not_match(call: str) -> None:
    with pytest.raises(ShapeError, match="differ in shape"):
        getattr(wh.losses, call)()(np.ones((4, 3), "float32"), np.ones((4, 5), "float32"))


def test_one_hot_rows_for_class_numbers() -> None:
    with pytest.raises(ShapeError, match="use categorical_crossentropy"):
        wh.losses.SparseCategoricalCrossentropy()(np.eye(3), np.ones((3, 3), "float32"))


def test_weights_of_a_higher_rank() -> None:
    with pytest.raises(ShapeError, match="sample_weight"):
        wh.losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), np.ones((4, 2, 2)))


def test_unknown_names_and_reductions() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'mean_squared_error'"):
        wh.losses.get("mean_squared_eror")
    with pytest.raises(ArgumentError, match="reduction='average'"):
        wh.losses.Huber(reduction="average")
    with pytest.raises(ArgumentError, match="expected a name"):
        wh.losses.get(3)
    with pytest.raises(TypeError, match="did you mean 'from_logits'"):
        wh.losses.BinaryCrossentropy(from_logit=True)


@pytest.mark.parametrize("q", [0, 1, -0.5])
def test_the_exponent_of_generalised_crossentropy_lies_between_0_and_1(q: float) -> None:
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        wh.losses.CategoricalGeneralizedCrossEntropy(q)


def test_a_loss_is_made_from_what_keras_writes() -> None:
    written = {"module": "keras.losses", "class_name": "Huber", "registered_name": None,
               "config": {"name": "h", "reduction": "sum", "delta": 0.5}}  # fmt: skip
    made = wh.losses.deserialize(written)
    assert (type(made), made.name, made.reduction, made.delta) == (wh.losses.Huber, "h", "sum", 0.5)
    function = {"module": "builtins", "class_name": "function", "config": "dice"}
    assert wh.losses.deserialize(function) is wh.losses.dice


def test_custom_objects() -> None:
    def mine(y_true: Any, y_pred: Any) -> Any:
        return y_pred - y_true

    assert wh.losses.deserialize("mine", custom_objects={"mine": mine}) is mine
    with pytest.raises(ArgumentError, match="unknown loss 'mine'"):
        wh.losses.deserialize("mine")


def test_a_loss_of_several_tensors() -> None:
    class Apart(wh.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred["a"] + y_pred["b"] - y_true["a"]

    ones = np.ones((2, 3))
    loss = Apart(reduction="sum", dtype="float64")
    found = loss({"a": ones.astype("int64")}, {"a": ones, "b": 2 * ones.astype("float32")})
    assert found.dtype == np.float64
    close(found, np.array(12.0))


def test_losses_without_a_name_are_numbered() -> None:
    class Odd1Out(wh.losses.Loss):
        pass

    assert [Odd1Out().name, Odd1Out().name, Odd1Out(name="x").name] == [
        "odd1_out",
        "odd1_out_1",
        "x",
    ]


def test_the_circle_of_other_embeddings() -> None:
    rng = np.random.default_rng(1)
    batch, others = (rng.normal(size=(n, 4)).astype("float32") for n in (3, 5))
    batch, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (batch, others))
    labels, known = np.array([0, 1, 2]), np.array([0, 1, 2, 0, 1])
    found = wh.losses.circle(labels, batch, known, others, remove_diagonal=False, gamma=2.0)
    distance = np.maximum(1 - batch @ others.T, 0)
    near = np.exp(2 * (distance + 0.4) * (distance - 0.4)) * (labels[:, None] == known)
    far = np.exp(2 * np.maximum(1.4 - distance, 0) * (0.6 - distance)) * (labels[:, None] != known)
    close(found, np.log1p(near.sum(1) * far.sum(1)))


def test_infinite_and_ignored_rows_leave_no_trace() -> None:
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)

    @wh.function
    def step(labels: Any, logits: Any) -> Any:
        value = loss(labels, logits)
        return value, wh.grad(value, [logits])[0]

    value, grad = step(np.array([1, -1]), np.array([[0.0, 0.0], [np.inf, 0.0]], "float32"))
    close(value, np.log(np.array(2.0)))
    close(grad, np.array([[0.5, -0.5], [0.0, 0.0]]))
