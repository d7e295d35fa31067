"""Targets and predictions that suit a loss or a metric, for the scripts that make golden values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from book import RNG, normal

Pair = tuple[np.ndarray, np.ndarray]
CLASSES = np.array([2, 0, 4, 1, 3, 2])
ROWS = np.eye(5, dtype="float32")[CLASSES]


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return (e / e.sum(axis, keepdims=True)).astype("float32")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-x))).astype("float32")


def logits() -> np.ndarray:
    x = normal(6, 5) * 2
    x[0, 0] = 0.0
    return x


def signs(*shape: int) -> np.ndarray:
    return (normal(*shape) > 0).astype("int64")


def classes(*shape: int) -> np.ndarray:
    return RNG.integers(0, 5, shape)


def planes(*shape: int) -> np.ndarray:
    """One-hot with the classes second."""
    return np.moveaxis(np.eye(5, dtype="float32")[classes(*shape)], -1, 1)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


KINDS: dict[str, Callable[[], Pair]] = {
    "numbers": lambda: (normal(6, 5), normal(6, 5)),
    "column": lambda: (normal(6), normal(6, 1)),
    "vector": lambda: (normal(6, 1), normal(6)),
    "positive": lambda: (np.abs(normal(6, 5)) + 0.1, np.abs(normal(6, 5)) + 0.1),
    "near": lambda: (x := normal(6, 3), x + 0.3 * normal(6, 3)),
    "binary_logits": lambda: (signs(6, 5).astype("float32"), logits()),
    "binary": lambda: (signs(6, 5), sigmoid(logits())),
    "binary_column": lambda: (np.array([0, 1, 1, 0, 1, 0]), sigmoid(logits()[:, :1])),
    "binary_sequence": lambda: (signs(3, 4, 2), sigmoid(normal(3, 4, 2))),
    "rounded": lambda: (signs(6, 5), (RNG.integers(0, 5, (6, 5)) / 4).astype("float32")),
    "signs": lambda: (np.sign(normal(6, 5)), normal(6, 5)),
    "one_hot": lambda: (ROWS, softmax(logits())),
    "one_hot_scaled": lambda: (ROWS, softmax(logits()) * 3),
    "one_hot_logits": lambda: (ROWS, logits()),
    "one_hot_classes": lambda: (ROWS, classes(6)),
    "soft": lambda: (softmax(normal(6, 5)), softmax(logits())),
    "classes": lambda: (CLASSES, softmax(logits())),
    "classes_column": lambda: (CLASSES[:, None], softmax(logits())),
    "classes_logits": lambda: (CLASSES, logits()),
    "extreme": lambda: (CLASSES, ROWS[::-1].copy()),
    "extreme_logits": lambda: (CLASSES, logits() * 60),
    "sequence": lambda: (classes(3, 4), normal(3, 4, 5)),
    "planes": lambda: (planes(3, 4), softmax(normal(3, 5, 4), 1)),
    "plane_logits": lambda: (classes(3, 4), normal(3, 5, 4)),
    "plane_scores": lambda: (classes(3, 1, 4), normal(3, 5, 4)),
    "equal": lambda: (RNG.integers(0, 3, (6, 5)), RNG.integers(0, 3, (6, 5))),
    "numbered": lambda: (RNG.integers(-1, 6, (6, 5)), RNG.integers(0, 5, (6, 5))),
    "embeddings": lambda: (np.array([0, 1, 1, 2, 0, 1]), unit(normal(6, 4))),
    "alone": lambda: (np.array([[0], [1], [2], [2]]), unit(normal(4, 3))),
    "labelled": lambda: (np.array([[1, 2, 2], [3, 0, 0], [2, 1, 0]]), normal(3, 7, 4)),
}


def targets_and_predictions(kind: str) -> Pair:
    """Data of a kind; predictions of class numbers remain integers."""
    true, pred = KINDS[kind]()
    return true, pred if pred.dtype.kind == "i" else pred.astype("float32")
