"""The curves of a training run as numbers and as text; pictures of them are in ``figures``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler.ir import Array
from ..errors import ArgumentError

_BARS = "▁▂▃▄▅▆▇█"
_MOST = 60  # bars in a line


def chosen(history: Mapping[str, Sequence[Any]], metrics: str | Sequence[str] | None) -> list[str]:
    """Names of metrics without ``val_``, in the order asked for, else the loss first.

    Metrics with several values per epoch are no curves. Raises ``ArgumentError`` for unknown names, and
    where there is nothing to draw.
    """
    curves = [n for n, values in history.items() if values and all(np.ndim(v) == 0 for v in values)]
    known = list(dict.fromkeys(n.removeprefix("val_") for n in curves))
    if not known:
        raise ArgumentError(
            "the history is empty: there is nothing to draw before an epoch is done"
        )
    if metrics is None:
        return sorted(known, key=lambda n: (n != "loss", n == "learning_rate", n))
    wanted = [metrics] if isinstance(metrics, str) else list(metrics)
    names = list(dict.fromkeys(n.removeprefix("val_") if n in curves else n for n in wanted))
    unknown = [n for n in names if n not in known]
    if unknown or not names:
        raise ArgumentError(f"metrics={wanted}: the history has the curves {known}")
    return names


def check_smoothing(smoothing: float) -> None:
    """Raises ``ArgumentError`` unless it is from 0 to below 1."""
    if not 0 <= smoothing < 1:
        raise ArgumentError(f"smoothing={smoothing}: expected a number from 0 to below 1")


def smoothed(values: Array, smoothing: float) -> Array:
    """The exponential moving average, without the pull of its start towards zero."""
    if not smoothing:
        return values
    found, total, weight = np.empty_like(values), 0.0, 0.0
    for i, value in enumerate(values):
        total = smoothing * total + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
        found[i] = total / weight
    return found


def sparklines(history: Mapping[str, Sequence[Any]], names: Sequence[str]) -> str:
    """A line of bars per curve: ``loss  █▅▂▁  1.2031 -> 0.1042``; training and validation on one scale."""
    lines = []
    labels = [n for name in names for n in (name, f"val_{name}") if n in history]
    width = max(len(n) for n in labels)
    for label in labels:
        values = np.asarray(history[label], float)
        base = label.removeprefix("val_")
        both = np.concatenate(
            [np.asarray(history.get(n, ()), float) for n in (base, f"val_{base}")]
        )
        lines.append(
            f"{label:<{width}}  {_bars(values, both)}  {values[0]:.4g} -> {values[-1]:.4g}"
        )
    return "\n".join(lines)


def _bars(values: Array, scale: Array) -> str:
    if len(values) > _MOST:  # means of neighbours
        values = np.array([part.mean() for part in np.array_split(values, _MOST)])
    finite = scale[np.isfinite(scale)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    span = high - low or 1.0
    return "".join(
        _BARS[round((len(_BARS) - 1) * (v - low) / span)] if np.isfinite(v) else "?" for v in values
    )
