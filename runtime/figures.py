"""Pictures of a training run (needs the extra ``viz``)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.ir import Array
from ..errors import ArgumentError
from .curves import smoothed
from .files import replacing

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:  # the extra is not installed
    raise ImportError(
        "pictures need matplotlib, which pip install 'waterhorse[viz]' brings"
    ) from error

_LOSS, _METRIC = "#c44e52", "#4c72b0"


def confusion_matrix(y_true: Array, y_pred: Array, classes: int) -> Array:
    """Counts [true class, predicted class]."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(y_true, np.intp), np.asarray(y_pred, np.intp)), 1)
    return counts


def curves(
    history: Mapping[str, Sequence[Any]], names: Sequence[str], epochs: Sequence[int],
    smoothing: float = 0.0,
) -> Figure:  # fmt: skip
    """One picture per metric, at most three in a row: training solid, validation dashed."""
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(4.4 * columns + 0.4, 3.2 * rows + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    places = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes, name in zip(places, names, strict=False):
        _draw_metric(axes, history, name, epochs, smoothing)
    for axes in places[len(names) :]:
        axes.set_axis_off()
    return figure


def _draw_metric(
    axes: Any, history: Mapping[str, Sequence[Any]], name: str, epochs: Sequence[int], smoothing: float
) -> None:  # fmt: skip
    if name == "learning_rate":
        smoothing = 0.0  # it is what it was set to
        axes.set_yscale("log")
    color = _LOSS if name == "loss" or name.endswith("_loss") else _METRIC
    for label, style, title in ((name, "-", "training"), (f"val_{name}", "--", "validation")):
        values = np.asarray(history.get(label, ()), float)
        if not values.size:
            continue
        # a validation that is not done in every epoch: its values belong to the last ones known
        numbers = _numbers(epochs, len(values), history)
        if smoothing:
            axes.plot(numbers, values, style, color=color, alpha=0.25, linewidth=1)
        marker = "o" if len(values) < 16 else None
        axes.plot(numbers, smoothed(values, smoothing), style, color=color, label=title, marker=marker,
                  markersize=3)  # fmt: skip
    axes.set(xlabel="epoch", title=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if f"val_{name}" in history:
        axes.legend(fontsize=8, frameon=False)


def _numbers(epochs: Sequence[int], count: int, history: Mapping[str, Sequence[Any]]) -> Array:
    """The numbers of the epochs that values belong to, from 1."""
    longest = max(len(v) for v in history.values())
    known = [e + 1 for e in epochs] if len(epochs) == longest else list(range(1, longest + 1))
    if count == longest:
        return np.asarray(known)
    return np.linspace(known[0] + longest / count - 1, known[-1], count)


def draw_curves(axes: Any, history: Mapping[str, Sequence[float]]) -> None:
    """Loss (and its validation) per epoch, accuracy on a second scale."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], color=_LOSS, label="loss, training")
    if "val_loss" in history:
        axes.plot(epochs, history["val_loss"], "--", color=_LOSS, label="loss, held out")
    axes.set(xlabel="epoch", ylabel="loss", title="Training", ylim=(0, None))
    right = axes.twinx()
    for name, style, label in (("accuracy", "-", "accuracy, training"),
                               ("val_accuracy", "--", "accuracy, held out")):  # fmt: skip
        if name in history:
            right.plot(epochs, history[name], style, color=_METRIC, label=label)
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
    """Write a .png, .svg or .pdf file, whole or not at all; .png where the name says nothing."""
    kind = Path(path).suffix.lower().removeprefix(".") or "png"
    if kind not in ("png", "svg", "pdf"):
        raise ArgumentError(f"{os.fspath(path)!r}: a picture is a .png, .svg or .pdf file")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format=kind)
