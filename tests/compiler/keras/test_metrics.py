"""Metrics against Keras: two batches, with and without weights, at the prompt and in a function."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

from .goldens import Array, Case, close, load

CASES = load("metrics")


LISTS = ("label_weights", "thresholds", "target_class_ids")


def make(case: Case) -> Any:
    given = {
        k: list(v) if k in LISTS and isinstance(v, tuple) else v for k, v in case.kwargs.items()
    }
    return getattr(wh.metrics, case.call)(**given)


def dynamic(array: Array) -> wh.TensorSpec:
    return wh.TensorSpec((None, *array.shape[1:]), array.dtype)


def has(case: Case, label: str) -> bool:
    return f"{case.name}/{label}" in case._index


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_results_equal_keras(case: Case) -> None:
    plain, weighted = make(case), make(case)
    if has(case, "empty"):
        close(plain.result(), case["empty"])
    for i in range(2):
        true, pred = case[f"true_{i}"], case[f"pred_{i}"]
        plain.update_state(true, pred)
        weighted.update_state(true, pred, sample_weight=case[f"weight_{i}"])
        close(plain.result(), case[f"result_{i}"])
        close(weighted.result(), case[f"weighted_{i}"])
    # Keras takes negatives as differences of sums: what should be 0 is as far from it as they are rounded
    state = np.concatenate([v.numpy().ravel() for v in plain.variables])
    close(state, case["state"], atol=1e-5)
    plain.reset_state()
    if has(case, "empty"):
        close(plain.result(), case["empty"])
    plain.update_state(case["true_0"], case["pred_0"])
    close(plain.result(), case["result_0"])


@pytest.mark.parametrize("case", [c for c in CASES if has(c, "mask_0")], ids=repr)
def test_masks_equal_keras(case: Case) -> None:
    plain, weighted = make(case), make(case)
    for i in range(2):
        mask = wh.ops.convert_to_tensor(case[f"mask_{i}"])
        pred = wh.ops.convert_to_tensor(case[f"pred_{i}"]).with_mask(mask)
        plain.update_state(case[f"true_{i}"], pred)
        weighted.update_state(case[f"true_{i}"], pred, sample_weight=case[f"heavy_{i}"])
        close(plain.result(), case[f"masked_{i}"])
        close(weighted.result(), case[f"both_{i}"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_same_in_a_function_with_a_dynamic_batch(case: Case) -> None:
    metric = make(case)
    data = case["true_0"], case["pred_0"], case["weight_0"]

    @wh.function(input_signature=[dynamic(a) for a in data])
    def step(true: Any, pred: Any, weight: Any) -> Any:
        metric.update_state(true, pred, sample_weight=weight)
        return metric.result()  # sees the update

    for i in range(2):
        found = step(case[f"true_{i}"], case[f"pred_{i}"], case[f"weight_{i}"])
        close(found, case[f"weighted_{i}"])
        close(metric.result(), case[f"weighted_{i}"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_names_and_saved_forms(case: Case) -> None:
    metric = make(case)
    assert re.fullmatch(rf"{case.facts['label']}(_\d+)?", metric.name)
    again = wh.metrics.deserialize(json.loads(json.dumps(wh.metrics.serialize(metric))))
    assert type(again) is type(metric)
    close(again(case["true_0"], case["pred_0"]), case["result_0"])


def test_every_public_metric_has_a_golden_case() -> None:
    classes = {n for n in wh.metrics.__all__ if n[0].isupper()}
    assert classes - {c.call for c in CASES} == {"Mean", "MeanMetricWrapper", "Metric", "Sum"}


def test_mean_and_sum_weigh_examples() -> None:
    values, weight = np.array([[1.0, 3.0], [5.0, 7.0]], "float32"), np.array([1.0, 3.0], "float32")
    mean, total = wh.metrics.Mean(), wh.metrics.Sum()
    close(mean(values), np.array(4.0))
    close(total(values), np.array(16.0))
    close(wh.metrics.Mean()(values, sample_weight=weight), np.array(5.0))
    close(wh.metrics.Sum()(values, sample_weight=weight), np.array(40.0))
    close(mean(10.0), np.array(6.0))  # a scalar counts as one example
    assert float(mean.count.numpy()) == 3.0


def test_a_weight_per_element() -> None:
    values = np.array([[1.0, 3.0], [5.0, 7.0]], "float32")
    weight = np.array([[1.0, 0.0], [0.0, 3.0]], "float32")
    mean = wh.metrics.Mean()
    close(mean(values, sample_weight=weight), np.array(22 / 4))
    close(mean.count.value, np.array(2.0))  # the mean weight of each example, summed
    close(wh.metrics.Sum()(values, sample_weight=weight), np.array(22.0))


def test_weights_of_zero_give_zero() -> None:
    close(wh.metrics.Mean()([1.0, 2.0], sample_weight=[0.0, 0.0]), np.array(0.0))


def test_variables_are_named_after_the_metric_even_when_it_is_renamed() -> None:
    metric = wh.metrics.Mean(name="loss")
    assert [v.path for v in metric.variables] == ["loss/total", "loss/count"]
    metric.name = "val_loss"
    assert [v.path for v in metric.variables] == ["val_loss/total", "val_loss/count"]
    assert not any(v.trainable for v in metric.variables)


def test_a_metric_of_yours() -> None:
    class Largest(wh.metrics.Metric):
        def __init__(self, name: str = "largest", dtype: Any = None) -> None:
            super().__init__(dtype, name)
            self.top = self.add_weight(name="top")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.top.assign(wh.ops.maximum(self.top, wh.ops.max(y_pred)))

        def result(self) -> Any:
            return self.top.value

    metric = Largest()
    metric.update_state(None, np.array([1.0, 4.0], "float32"))
    metric.update_state(None, np.array([2.0], "float32"))
    close(metric.result(), np.array(4.0))


def test_a_function_of_yours() -> None:
    def bias(y_true: Any, y_pred: Any) -> Any:
        return y_pred - y_true

    metric = wh.metrics.MeanMetricWrapper(bias)
    assert metric.name == "bias"
    close(metric(np.zeros((2, 3), "float32"), np.ones((2, 3), "float32")), np.array(1.0))


def test_ids_sorted_by_score() -> None:
    metric = wh.metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)
    close(metric([3, 1, 0], np.array([[1, 3, 2], [0, 2, 1], [0, 1, 2]])), np.array(2 / 3))


@pytest.mark.parametrize(
    ("true", "pred", "accuracy", "entropy"),
    [
        ((None, 1), (None, 1), "BinaryAccuracy", "BinaryCrossentropy"),
        ((None,), (None, 1), "BinaryAccuracy", "BinaryCrossentropy"),
        ((None,), (None, 10), "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"),
        ((None, 1), (None, 10), "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"),
        ((None, 10), (None, 10), "CategoricalAccuracy", "CategoricalCrossentropy"),
        ((None, 7), (None, 7, 4), "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"),
    ],
)
def test_accuracy_depends_on_shapes(true: Any, pred: Any, accuracy: str, entropy: str) -> None:
    for name, wanted in (("accuracy", accuracy), ("acc", accuracy), ("ce", entropy),
                         ("crossentropy", entropy)):  # fmt: skip
        found = wh.metrics.resolve_accuracy(name, true, pred)
        assert (type(found).__name__, found.name) == (wanted, name)
    with pytest.raises(ArgumentError, match="precision"):
        wh.metrics.resolve_accuracy("precision", true, pred)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("mse", "MeanSquaredError"), ("mae", "MeanAbsoluteError"), ("rmse", "RootMeanSquaredError"),
     ("SparseCategoricalAccuracy",) * 2, ("binary_accuracy", "BinaryAccuracy"),
     ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"), ("logcosh", "LogCoshError"),
     ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")],
)  # fmt: skip
def test_strings(name: str, wanted: str) -> None:
    assert type(wh.metrics.get(name)).__name__ == wanted


def test_unknown_names_and_arguments() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'binary_accuracy'"):
        wh.metrics.get("binary_acuracy")
    with pytest.raises(ArgumentError, match="expected a name"):
        wh.metrics.get(3)
    with pytest.raises(TypeError, match="threshold"):
        wh.metrics.BinaryAccuracy(treshold=0.3)
