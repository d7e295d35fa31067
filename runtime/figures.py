"""Pictures of a training run (needs the extra ``viz``)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler.ir import Array
from .files import replacing

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:  # the extra is not installed
    raise ImportError(
        "pictures need matplotlib, which pip install 'waterhorse[viz]' brings"
    ) from error


def confusion_matrix(y_true: Array, y_pred: Array, classes: int) -> Array:
    """Counts [true class, predicted class]."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(y_true, np.intp), np.asarray(y_pred, np.intp)), 1)
    return counts


def draw_curves(axes: Any, history: Mapping[str, Sequence[float]]) -> None:
    """Loss (and its validation) per epoch, accuracy on a second scale."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], color="#c44e52", label="loss, training")
    if "val_loss" in history:
        axes.plot(epochs, history["val_loss"], "--", color="#c44e52", label="loss, held out")
    axes.set(xlabel="epoch", ylabel="loss", title="Training", ylim=(0, None))
    right = axes.twinx()
    for name, style, label in (("accuracy", "-", "accuracy, training"),
                               ("val_accuracy", "--", "accuracy, held out")):  # fmt: skip
        if name in history:
            right.plot(epochs, history[name], style, color="#4c72b0", label=label)
    right.set(ylabel="accuracy", ylim=(min(0.9, *history.get("accuracy", [1])) - 0.02, 1.005))
    handles = [h for a in (axes, right) for h in a.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, loc="center right", fontsize=8)


def draw_confusion(axes: Any, counts: Array, labels: Sequence[str]) -> None:
    """The confusion matrix with its numbers; what is right is on the diagonal."""
    axes.imshow(np.sqrt(counts), cmap="Blues")
    for (i, j), n in np.ndenumerate(counts):
        if n:
            dark = counts[i, j] > counts.max() / 3
            axes.text(j, i, n, ha="center", va="center", fontsize=7, color="w" if dark else "k")
    ticks = range(len(labels))
    axes.set(xticks=ticks, yticks=ticks, xlabel="predicted", ylabel="true", title="Held-out digits")
    axes.set_xticklabels(labels)
    axes.set_yticklabels(labels)


def report(
    history: Mapping[str, Sequence[float]], images: Array, y_true: Array, y_pred: Array,
    labels: Sequence[str], shown: int = 16,
) -> Figure:  # fmt: skip
    """Training curve, confusion matrix, and images with predictions (mistakes first)."""
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.6, 1])
    upper, lower = parts
    left, right = upper.subplots(1, 2)
    draw_curves(left, history)
    draw_confusion(right, confusion_matrix(y_true, y_pred, len(labels)), labels)
    wrong = np.flatnonzero(y_true != y_pred)
    order = np.concatenate([wrong, np.flatnonzero(y_true == y_pred)])[:shown]
    lower.suptitle("Predictions (true class in brackets where it differs)", fontsize=10)
    for axes, i in zip(np.ravel(lower.subplots(2, shown // 2)), order, strict=False):
        axes.imshow(images[i], cmap="gray_r", interpolation="nearest")
        right_answer = y_true[i] == y_pred[i]
        title = labels[y_pred[i]] if right_answer else f"{labels[y_pred[i]]} ({labels[y_true[i]]})"
        axes.set_title(title, fontsize=9, color="#2a7f3f" if right_answer else "#b02a30")
        axes.set_axis_off()
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a PNG, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
