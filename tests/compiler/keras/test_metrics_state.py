"""Metrics as objects: their state, users' own, use within fit, what they refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ShapeError

from .goldens import close

TRUE = np.array([[0, 1], [1, 1], [1, 0]])
PRED = np.array([[0.2, 0.7], [0.9, 0.4], [0.6, 0.1]], "float32")
METRICS = {
    "auc": lambda: wh.metrics.AUC(num_thresholds=20), "precision": wh.metrics.Precision,
    "true": lambda: wh.metrics.TruePositives([0.3, 0.6]), "mean": wh.metrics.BinaryAccuracy,
    "f1": lambda: wh.metrics.F1Score("macro"), "r2": wh.metrics.R2Score, "iou": wh.metrics.BinaryIoU,
    "labels": lambda: wh.metrics.AUC(multi_label=True),
    "at": lambda: wh.metrics.PrecisionAtRecall(0.5), "pearson": wh.metrics.PearsonCorrelation,
}  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_without_state_of_its_own(name: str) -> None:
    metric, other = METRICS[name](), METRICS[name]()
    metric.update_state(TRUE, PRED)  # makes the variables
    metric.reset_state()
    start = metric.stateless_reset_state()
    assert [s.shape for s in start] == [v.shape for v in metric.variables]
    state = metric.stateless_update_state(start, TRUE, PRED)
    state = metric.stateless_update_state(state, TRUE[::-1], PRED)
    assert not any(v.numpy().any() for v in metric.variables)
    other.update_state(TRUE, PRED)
    other.update_state(TRUE[::-1], PRED)
    close(metric.stateless_result(state), np.asarray(other.result()))
    for found, variable in zip(state, other.variables, strict=True):
        close(found, variable.numpy())


def test_without_state_in_a_function() -> None:
    metric = wh.metrics.Precision()

    @wh.function
    def twice(true: Any, pred: Any) -> Any:
        state = metric.stateless_reset_state()
        for _ in range(2):
            state = metric.stateless_update_state(state, true, pred)
        return metric.stateless_result(state), *state

    ratio, hits, wrong = twice(TRUE, PRED)
    close(ratio, np.array(1.0))
    close(hits, np.array([6.0]))
    close(wrong, np.array([0.0]))
    close(metric.true_positives.numpy(), np.array([0.0]))


def test_the_number_of_values_is_checked() -> None:
    with pytest.raises(ArgumentError, match="2 variables; metric_variables has 1"):
        wh.metrics.Mean().stateless_result([1.0])


class Spread(wh.metrics.Metric):
    """The largest prediction less the mean."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.mean = wh.metrics.Mean()
        self.top = self.add_weight(shape=(2,), initializer="zeros", name="top")
        self.own = wh.Variable(np.zeros((), "float32"), trainable=False)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.mean.update_state(y_pred, sample_weight)
        self.top.assign(wh.ops.maximum(self.top, wh.ops.max(y_pred, axis=0)))
        self.own.assign_add(1.0)

    def result(self) -> Any:
        return {"spread": wh.ops.max(self.top) - self.mean.result(), "batches": self.own.value}


def test_a_metric_of_yours_with_a_metric_in_it() -> None:
    metric = Spread()
    assert len(metric.variables) == 4
    assert metric.name.startswith("spread")
    found = metric(TRUE, PRED)
    close(found["spread"], 0.9 - PRED.mean())
    metric.update_state(TRUE, PRED)
    close(metric.result()["batches"], np.array(2.0))
    metric.reset_state()
    assert not any(v.numpy().any() for v in metric.variables)


def test_names_are_numbered_and_variables_follow_them() -> None:
    first, second = wh.metrics.FalsePositives(), wh.metrics.FalsePositives()
    assert first.name != second.name
    assert second.name.rsplit("_", 1)[0] == "false_positives"
    assert [v.path for v in second.variables] == [f"{second.name}/accumulator"]


def test_add_variable() -> None:
    metric = wh.metrics.Metric(name="m")
    made = metric.add_variable((2,), "ones", "int32", "mean", "count")
    assert (made.path, made.dtype, made.trainable) == ("m/count", np.int32, False)
    with pytest.raises(ArgumentError, match="aggregation"):
        metric.add_variable((2,), "ones", aggregation="best")
    with pytest.raises(NotImplementedError, match="update_state"):
        metric.update_state()
    with pytest.raises(NotImplementedError, match="result"):
        metric.result()


def test_in_fit() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4)).astype("float32")
    y = (x[:, :2] > 0).astype("float32")
    model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(2, "sigmoid")])
    kinds = ["auc", "precision", "f1", "r2", "iou", "labels", "pearson"]
    held = [METRICS[k]() for k in kinds]
    model.compile("sgd", "binary_crossentropy", metrics=held, weighted_metrics=["recall"])
    weight = rng.random(50).astype("float32")
    model.fit(x, y, sample_weight=weight, batch_size=16, epochs=2, verbose=0)
    found = model.evaluate(x, y, sample_weight=weight, batch_size=16, verbose=0, return_dict=True)
    pred = model.predict(x, verbose=0)
    for kind, metric in zip(kinds, held, strict=True):
        close(found[metric.name], np.asarray(METRICS[kind]()(y, pred)), rtol=1e-4)
    close(found["recall"], np.asarray(wh.metrics.Recall()(y, pred, weight)), rtol=1e-4)


def test_weights_of_counts_that_are_no_numbers_are_warned_about() -> None:
    metric = wh.metrics.MeanIoU(num_classes=2)
    with pytest.warns(UserWarning, match="cut to int32"):
        metric.update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 1.5], "float32"))
    close(metric.total_cm.numpy(), np.array([[0, 0], [0, 1]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = wh.metrics.MeanIoU(num_classes=2, dtype="float32")
        exact.update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 1.5], "float32"))
    close(exact.total_cm.numpy(), np.array([[0.5, 0], [0, 1.5]]))


def test_predictions_that_are_no_numbers_count_as_no() -> None:
    metric = wh.metrics.AUC(num_thresholds=5)
    metric.update_state([1, 0], np.array([np.nan, 0.1], "float32"))
    close(metric.false_negatives.numpy(), np.array([0.0, 1, 1, 1, 1]))


def test_predictions_of_exactly_a_threshold_are_below_it() -> None:
    metric = wh.metrics.TruePositives(thresholds=[0.0, 0.5, 1.0])  # placed
    metric.update_state([1, 1, 1], np.array([0.0, 0.5, 1.0], "float32"))
    close(metric.result(), np.array([2.0, 1.0, 0.0]))
    other = wh.metrics.TruePositives(thresholds=[0.0, 0.5])  # compared
    other.update_state([1, 1, 1], np.array([0.0, 0.5, 1.0], "float32"))
    close(other.result(), np.array([2.0, 1.0]))


def test_how_good_values_are_is_known() -> None:
    up = [
        wh.metrics.AUC(),
        wh.metrics.Recall(),
        wh.metrics.R2Score(),
        wh.metrics.CosineSimilarity(),
    ]
    down = [wh.metrics.MeanSquaredError(), wh.metrics.KLDivergence(), wh.metrics.FalsePositives()]
    assert {m.direction for m in up} == {"up"}
    assert {m.direction for m in down} == {"down"}
    assert wh.metrics.Mean().direction is None
    assert wh.metrics.MeanMetricWrapper(wh.losses.dice).direction == "down"
    assert wh.metrics.MeanMetricWrapper(lambda a, b: a).direction is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wh.metrics.AUC(curve="RUC"), "curve"),
        (lambda: wh.metrics.AUC(summation_method="simpson"), "summation_method"),
        (lambda: wh.metrics.AUC(num_thresholds=1), "num_thresholds=1"),
        (lambda: wh.metrics.AUC(num_labels=3), "multi_label"),
        (lambda: wh.metrics.AUC(multi_label=True).result(), "no batch"),
        (lambda: wh.metrics.Precision(thresholds=[0.2, 1.5]), "1.5 is not between"),
        (lambda: wh.metrics.PrecisionAtRecall(1.5), "1.5"),
        (lambda: wh.metrics.RecallAtPrecision(0.5, num_thresholds=0), "num_thresholds=0"),
        (lambda: wh.metrics.F1Score(average="mean"), "average"),
        (lambda: wh.metrics.F1Score(threshold=1.5), "threshold"),
        (lambda: wh.metrics.F1Score().result(), "no batch"),
        (lambda: wh.metrics.FBetaScore(beta=-1.0), "beta"),
        (lambda: wh.metrics.R2Score(class_aggregation="sum"), "class_aggregation"),
        (lambda: wh.metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: wh.metrics.R2Score().result(), "no batch"),
        (lambda: wh.metrics.IoU(2, [2]), "classes go from 0 to 1"),
    ],
)
def test_arguments_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("metric", "true", "pred", "weight"),
    [
        (wh.metrics.F1Score(), [0, 1], [0.1, 0.2], None),
        (wh.metrics.R2Score(), [0.0, 1.0], [0.1, 0.2], None),
        (wh.metrics.AUC(multi_label=True), [0, 1], [0.1, 0.2], None),
        (wh.metrics.Precision(class_id=0), [0, 1], [0.1, 0.2], None),
        (wh.metrics.Recall(), [0, 1], np.zeros((2, 3), "float32"), None),
        (wh.metrics.AUC(), [0, 1], [0.1, 0.2], np.ones((2, 3), "float32")),
        (wh.metrics.OneHotMeanIoU(2), [0, 1], [0, 1], None),
    ],
)
def test_shapes_that_are_refused(metric: Any, true: Any, pred: Any, weight: Any) -> None:
    with pytest.raises(ShapeError):
        metric.update_state(true, pred, sample_weight=weight)


def test_a_metric_is_made_from_what_keras_writes() -> None:
    written = {"module": "keras.metrics", "class_name": "AUC", "registered_name": None,
               "config": {"name": "a", "dtype": "float32", "num_thresholds": 9, "curve": "PR",
                          "summation_method": "minoring", "multi_label": False, "num_labels": None,
                          "label_weights": None, "from_logits": False}}  # fmt: skip
    made = wh.metrics.deserialize(written)
    assert (type(made), made.name, made.num_thresholds, made.curve) == (
        wh.metrics.AUC,
        "a",
        9,
        "PR",
    )
    assert isinstance(wh.metrics.deserialize("Mine", {"Mine": Spread}), Spread)


def test_an_exported_step_has_no_state_of_metrics(tmp_path: Any) -> None:
    model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(2)])
    kinds = ["f1", "r2", "labels"]  # made of the predictions' shape
    model.compile("sgd", "mse", metrics=[METRICS[k]() for k in kinds])
    model.export_training(str(tmp_path / "m.train.onnx"))
    step = onnx.load(tmp_path / "m.train.onnx")
    assert not [i.name for i in step.graph.input if "positives" in i.name or "r2" in i.name]
    assert {m.name for m in model.metrics} <= {o.name for o in step.graph.output}
