"""Golden values of losses, made by Keras on torch: every loss, reduction, weights and masks; gradients.

Not run by the tests, which only read what it wrote, ``keras_losses.npz``. See make_keras_goldens.py for
how to make it again and what is in such a file:

    KERAS_BACKEND=torch python tests/goldens/make_loss_goldens.py

Per case: the reduced losses by name of the reduction, ``_weighted``, ``_masked`` and ``_both``; "grad" is
the derivative of the default by the predictions, with weights; "grad_masked" with the mask.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from book import RNG, Book, normal
from keras.src.backend import set_keras_mask
from samples import targets_and_predictions

LOSSES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "numbers"), ("MeanSquaredError", {}, "column"),
    ("MeanSquaredError", {}, "vector"), ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"), ("Huber", {}, "numbers"),
    ("Huber", {"delta": 0.3}, "numbers"), ("LogCosh", {}, "numbers"), ("Poisson", {}, "positive"),
    ("CosineSimilarity", {}, "numbers"), ("CosineSimilarity", {"axis": 0}, "numbers"),
    ("KLDivergence", {}, "soft"), ("Hinge", {}, "signs"), ("Hinge", {}, "binary_logits"),
    ("SquaredHinge", {}, "signs"), ("CategoricalHinge", {}, "one_hot_logits"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("BinaryCrossentropy", {}, "binary"), ("BinaryCrossentropy", {}, "binary_column"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, "binary_logits"),
    ("CategoricalCrossentropy", {}, "one_hot"), ("CategoricalCrossentropy", {}, "one_hot_scaled"),
    ("CategoricalCrossentropy", {}, "soft"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1, "from_logits": True}, "one_hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {}, "classes_column"),
    ("SparseCategoricalCrossentropy", {}, "extreme"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "classes_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "extreme_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sequence"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "classes"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "sequence"),
    ("BinaryCrossentropy", {"axis": 1}, "binary_sequence"),
    ("CategoricalCrossentropy", {"axis": 1}, "planes"),
    ("CategoricalCrossentropy", {"axis": 1, "from_logits": True}, "planes"),
    ("SparseCategoricalCrossentropy", {"axis": 1, "from_logits": True}, "plane_logits"),
    ("BinaryFocalCrossentropy", {}, "binary"), ("BinaryFocalCrossentropy", {}, "binary_column"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.3}, "binary_logits"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3}, "binary"),
    ("BinaryFocalCrossentropy", {"label_smoothing": 0.2, "gamma": 3.0}, "binary"),
    ("BinaryFocalCrossentropy", {"axis": 1}, "binary_sequence"),
    ("CategoricalFocalCrossentropy", {}, "one_hot"),
    ("CategoricalFocalCrossentropy", {}, "one_hot_scaled"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 0.5}, "one_hot_logits"),
    ("CategoricalFocalCrossentropy", {"label_smoothing": 0.1, "alpha": 1.0}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"axis": 1}, "planes"),
    ("CategoricalGeneralizedCrossEntropy", {}, "classes"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, "classes"),
    ("Dice", {}, "binary"), ("Dice", {"axis": [1]}, "binary"),
    ("Dice", {"axis": [1, 2]}, "binary_sequence"), ("Dice", {"axis": -1}, "planes"),
    ("Tversky", {}, "binary"), ("Tversky", {"alpha": 0.3, "beta": 0.7}, "binary"),
    ("Tversky", {"alpha": 0.2, "beta": 0.9, "axis": [1, 2]}, "binary_sequence"),
    ("Circle", {}, "embeddings"), ("Circle", {"gamma": 2.0, "margin": 0.2}, "embeddings"),
    ("Circle", {"gamma": 1.5, "remove_diagonal": False}, "embeddings"),
    ("Circle", {"gamma": 4.0}, "alone"), ("CTC", {}, "labelled"),
]  # fmt: skip
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]


def losses() -> None:
    book = Book()
    for i, (call, kwargs, kind) in enumerate(LOSSES):
        true, pred = targets_and_predictions(kind)
        given = {
            k: tuple(v) if k == "axis" and isinstance(v, list) else v for k, v in kwargs.items()
        }
        make = getattr(keras.losses, call)

        def loss(reduction: str = "sum_over_batch_size", leaf: Any = None, weight: Any = None,
                 mask: Any = None, make: Any = make, given: Any = given, true: Any = true,
                 pred: Any = pred) -> Any:  # fmt: skip
            """With leaf, of that tensor; the mask belongs to the tensor."""
            x = torch.tensor(pred) if leaf is None else leaf
            if mask is not None:
                set_keras_mask(x, torch.tensor(mask))
            return make(**given, reduction=reduction)(true, x, sample_weight=weight)

        plain = loss("none")
        weight = np.abs(normal(*plain.shape)).astype("float32")
        mask = RNG.integers(0, 4, plain.shape) > 0
        found = {}
        for reduction in REDUCTIONS:
            found[reduction] = loss(reduction)
            found[f"{reduction}_weighted"] = loss(reduction, weight=weight)
            found[f"{reduction}_masked"] = loss(reduction, mask=mask)
            found[f"{reduction}_both"] = loss(reduction, weight=weight, mask=mask)
        leaf, other = (torch.tensor(pred, requires_grad=True) for _ in range(2))
        loss(leaf=leaf, weight=weight).backward()
        loss(leaf=other, mask=mask).backward()
        case = {"name": f"{i:02d}_{call}", "call": call, "kwargs": kwargs, "data": kind}
        book.add(case, true=true, pred=pred, weight=weight, mask=mask, grad=leaf.grad,
                 grad_masked=other.grad, **found)  # fmt: skip
    book.write("losses")


if __name__ == "__main__":
    losses()
