"""Golden values of metrics, made by Keras on torch: two batches, with and without weights, and masks.

Not run by the tests, which only read what it wrote, ``keras_metrics.npz``. See make_keras_goldens.py for
how to make it again and what is in such a file:

    KERAS_BACKEND=torch python tests/goldens/make_metric_goldens.py

Per case: "empty", the result before any batch (not where Keras has none); for each batch "true_", "pred_",
"weight_" (per example) and "mask_" (per value, for metrics that look at masks), and what the result is
then: "result_", "weighted_", "masked_" and "both_" ; "state", all variables one after the other.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from book import RNG, Book, normal
from keras.src.backend import set_keras_mask
from samples import targets_and_predictions

METRICS: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "equal"), ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {}, "binary_column"), ("BinaryAccuracy", {"threshold": 0.3}, "binary"),
    ("CategoricalAccuracy", {}, "one_hot"), ("SparseCategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalAccuracy", {}, "classes_column"),
    ("SparseCategoricalAccuracy", {}, "sequence"), ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "classes"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "sequence"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "extreme"), ("MeanSquaredError", {}, "numbers"),
    ("MeanSquaredError", {}, "column"), ("RootMeanSquaredError", {}, "numbers"),
    ("MeanAbsoluteError", {}, "numbers"), ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"), ("LogCoshError", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"), ("KLDivergence", {}, "soft"), ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"), ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one_hot_logits"), ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sequence"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "classes"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "sequence"),
    ("SparseCategoricalCrossentropy", {"axis": 1, "from_logits": True}, "plane_logits"),
    ("CategoricalCrossentropy", {"axis": 1}, "planes"),
    ("CosineSimilarity", {"axis": 0}, "numbers"), ("BinaryAccuracy", {}, "binary_sequence"),
    ("PearsonCorrelation", {}, "numbers"), ("PearsonCorrelation", {"axis": 0}, "numbers"),
    ("ConcordanceCorrelation", {}, "numbers"), ("ConcordanceCorrelation", {"axis": 0}, "near"),
    ("R2Score", {}, "near"), ("R2Score", {"class_aggregation": None}, "near"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "near"),
    ("R2Score", {"num_regressors": 2}, "near"), ("R2Score", {"num_regressors": 17}, "near"),
    ("R2Score", {"num_regressors": 25, "class_aggregation": None}, "near"),
    *((call, kwargs, kind)
      for call in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
      for kwargs, kind in (({}, "binary"), ({"thresholds": 0.3}, "binary_column"),
                           ({"thresholds": [0.2, 0.6]}, "binary_sequence"),
                           ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "binary"))),
    *((call, kwargs, kind)
      for call in ("Precision", "Recall")
      for kwargs, kind in (({}, "binary"), ({}, "binary_column"), ({"thresholds": 0.7}, "rounded"),
                           ({"thresholds": [0.1, 0.5, 0.8]}, "binary"), ({"top_k": 2}, "binary"),
                           ({"top_k": 3, "thresholds": 0.4}, "binary"),
                           ({"top_k": 1}, "binary_sequence"), ({"class_id": 1}, "binary"),
                           ({"class_id": 2, "top_k": 2}, "one_hot"))),
    *(("F1Score", {"average": average}, "one_hot")
      for average in (None, "micro", "macro", "weighted")),
    ("F1Score", {"threshold": 0.4}, "binary"), ("F1Score", {"average": "macro"}, "rounded"),
    ("FBetaScore", {"beta": 2.0}, "one_hot"),
    ("FBetaScore", {"beta": 0.5, "average": "weighted", "threshold": 0.6}, "binary"),
    *(("AUC", {"curve": curve, "summation_method": method}, kind)
      for curve in ("ROC", "PR", "PRGAIN") for method in ("interpolation", "minoring", "majoring")
      for kind in ("binary", "rounded")),
    ("AUC", {"num_thresholds": 7}, "binary_column"), ("AUC", {"num_thresholds": 2}, "binary"),
    ("AUC", {"thresholds": [0.9, 0.1, 0.4]}, "binary"),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75], "curve": "PR"}, "rounded"),
    ("AUC", {"from_logits": True}, "binary_logits"), ("AUC", {}, "binary_sequence"),
    ("AUC", {"label_weights": [0.1, 2.0, 0.0, 1.0, 0.5]}, "binary"),
    ("AUC", {"multi_label": True}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": 5, "curve": "PR"}, "binary"),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 2.0, 0.0, 1.0, 0.5]}, "binary"),
    ("AUC", {"multi_label": True, "thresholds": [0.2, 0.7], "curve": "PRGAIN"}, "binary"),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 2.0, 0.0, 1.0, 0.5], "curve": "PR"},
     "binary"),
    *((call, {name: value, **more}, kind)
      for call, name in (("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision"),
                         ("SensitivityAtSpecificity", "specificity"),
                         ("SpecificityAtSensitivity", "sensitivity"))
      for value, more, kind in ((0.4, {}, "binary"), (0.6, {"num_thresholds": 5}, "binary_column"),
                                (0.3, {"num_thresholds": 1}, "binary"),
                                (0.9, {}, "binary"), (0.5, {"class_id": 3}, "binary"))),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "equal"),
    ("IoU", {"num_classes": 5, "target_class_ids": [1, 3], "ignore_class": 2}, "numbered"),
    ("IoU", {"num_classes": 5, "target_class_ids": [4], "sparse_y_pred": False}, "sequence"),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "dtype": "float32"}, "equal"),
    ("BinaryIoU", {}, "binary"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, "rounded"),
    ("MeanIoU", {"num_classes": 7}, "numbered"),
    ("MeanIoU", {"num_classes": 5, "ignore_class": 0}, "numbered"),
    ("MeanIoU", {"num_classes": 5, "sparse_y_true": False, "sparse_y_pred": False}, "one_hot"),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [0, 1, 2]}, "one_hot"),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [2], "sparse_y_pred": True},
     "one_hot_classes"),
    ("OneHotMeanIoU", {"num_classes": 5}, "one_hot_logits"),
    ("OneHotMeanIoU", {"num_classes": 5, "sparse_y_pred": True, "ignore_class": 3},
     "one_hot_classes"),
]  # fmt: skip


def batch(
    call: str, kwargs: dict[str, Any], kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    true, pred = targets_and_predictions(kind)
    weight = np.abs(normal(len(true)))
    if "IoU" in call:  # weights of counts are numbers
        shape = true.shape[:-1] if kind.startswith("one_hot") else true.shape
        weight = RNG.integers(0, 4, shape)
    elif kind == "binary_sequence" and call in FLAT:  # Keras has no weight per example there
        weight = np.abs(normal(*true.shape[:2]))
    elif kwargs.get("axis") == 0:
        weight = np.abs(normal(true.shape[1]))
    elif "ignore_class" in kwargs:  # nor there
        weight = np.abs(normal(*true.shape))
    return true, pred, weight


FLAT = ("AUC", "Precision", "Recall", "TruePositives", "FalsePositives", "TrueNegatives",
        "FalseNegatives")  # fmt: skip


def value(metric: Any) -> np.ndarray:
    """The result now: some results are views of the state."""
    return np.array(metric.result().detach().numpy())


def metrics() -> None:
    book = Book()
    for i, (call, kwargs, kind) in enumerate(METRICS):
        arrays: dict[str, Any] = {}
        kinds = ("result", "weighted", "masked", "both")
        found = {k: getattr(keras.metrics, call)(**kwargs) for k in kinds}
        with suppress(AttributeError):  # some are made when the first batch is seen
            arrays["empty"] = value(found["result"])
        for b in range(2):
            true, pred, weight = batch(call, kwargs, kind)
            arrays |= {f"true_{b}": true, f"pred_{b}": pred, f"weight_{b}": weight}
            found["result"].update_state(true, torch.tensor(pred))
            found["weighted"].update_state(true, torch.tensor(pred), sample_weight=weight)
            for k in kinds[:2]:
                arrays[f"{k}_{b}"] = value(found[k])
            if isinstance(found["result"], keras.metrics.MeanMetricWrapper):
                metric = found["result"]
                values = metric._fn(true, torch.tensor(pred), **metric._fn_kwargs)
                mask = RNG.integers(0, 4, values.shape) > 0
                masked = torch.tensor(pred)
                set_keras_mask(masked, torch.tensor(mask))
                heavy = np.abs(normal(*values.shape))
                found["masked"].update_state(true, masked)
                found["both"].update_state(true, masked, sample_weight=heavy)
                arrays |= {f"mask_{b}": mask, f"heavy_{b}": heavy}
                for k in kinds[2:]:
                    arrays[f"{k}_{b}"] = value(found[k])
        state = [v.numpy().ravel().astype("float32") for v in found["result"].variables]
        arrays["state"] = np.concatenate(state)
        case = {"name": f"{i:03d}_{call}", "call": call, "kwargs": kwargs, "data": kind}
        plain = getattr(keras.metrics, call)(**kwargs).name.rstrip("0123456789").rstrip("_")
        book.add(case | {"label": plain}, **arrays)
    book.write("metrics")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of too few samples for an adjusted score
    metrics()
