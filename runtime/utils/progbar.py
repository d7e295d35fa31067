"""``Progbar``: a bar for loops of one's own, with Keras' look."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .messages import say

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Shows how far a loop is, how fast, and values.

    On a terminal, the bar is redrawn in place; elsewhere only its last state is written, as a line
    without control characters.

    Args:
        target: how many steps there will be; None where that is unknown.
        width: cells of the bar.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: seconds between two redrawings, at least.
        stateful_metrics: names of values that are shown as given; others are averaged over steps.
        stateless_metrics: the other way round: only these are averaged.
        unit_name: what a step is called.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError("give stateful_metrics or stateless_metrics, not both")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._values: dict[str, list[float]] = {}  # name -> sum, number of steps
        self._seen = 0
        self._start = time.time()
        self._first_done: float | None = None
        self._drawn = 0.0
        self._length = 0

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """``n`` more steps are done."""
        self.update(self._seen + n, values)

    def update(
        self, current: int, values: Sequence[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:  # fmt: skip
        """``current`` steps are done. ``finalize``: it was the last call; default: at ``target``."""
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._record(name, float(np.mean(value)), current, finalize)
        self._seen = current
        now = time.time()
        per_step = self._per_step(current, now)
        if self.verbose == 1:
            self._draw(current, now, per_step, finalize)
        elif self.verbose == 2 and finalize and self.target:
            say(f"{self._count(current)} - {self._info(now, per_step)}")

    def _record(self, name: str, value: float, current: int, finalize: bool) -> None:
        averaged = (
            name not in self.stateful_metrics
            if self.stateful_metrics is not None
            else name in (self.stateless_metrics or ())
        )
        steps = max(current - self._seen, 1)
        before = self._values.get(name)
        if finalize or not averaged:
            self._values[name] = [value, 1]
        elif before is None:
            self._values[name] = [value * steps, steps]
        else:
            self._values[name] = [before[0] + value * steps, before[1] + steps]

    def _per_step(self, current: int, now: float) -> float:
        """Seconds per step, without the first one, which is often slower than the others."""
        if not current:
            return 0.0
        if self._first_done is not None and current > 1:
            return (now - self._first_done) / (current - 1)
        if current == 1:
            self._first_done = now
        return (now - self._start) / current

    def _count(self, current: int) -> str:
        if not self.target:
            return f"{current:7d}/Unknown"
        return f"{current:{len(str(self.target))}d}/{self.target}"

    def _info(self, now: float, per_step: float) -> str:
        parts = [f"{now - self._start:.0f}s", f"{_time(per_step)}/{self.unit_name}", *self._shown()]
        return " - ".join(parts)

    def _shown(self) -> list[str]:
        means = {name: total / max(1, steps) for name, (total, steps) in self._values.items()}
        return [f"{n}: {v:.4f}" if abs(v) > 1e-3 else f"{n}: {v:.4e}" for n, v in means.items()]

    def _draw(self, current: int, now: float, per_step: float, finalize: bool) -> None:
        if not sys.stdout.isatty():
            if finalize:
                say(f"{self._count(current)} - {self._info(now, per_step)}")
            return
        if now - self._drawn < self.interval and not finalize:
            return
        self._drawn = now
        bar, clock = "", f"{now - self._start:.0f}s"
        if self.target:
            filled = math.floor(self.width * min(current / self.target, 1))
            done, rest = "━" * filled, "━" * (self.width - filled)
            bar = f" {_GREEN}{done}{_WHITE}{rest}{_PLAIN}"
            if not finalize:
                clock = _eta(per_step * (self.target - current))
        tail = " - ".join([f"{_time(per_step)}/{self.unit_name}", *self._shown()])
        plain = len(self._count(current)) + (self.width + 1 if self.target else 0)
        length = plain + 2 + len(clock) + len(tail)
        text = f"\r{_BOLD}{self._count(current)}{_PLAIN}{bar} {_BOLD}{clock}{_PLAIN} {tail}"
        say(text + " " * (self._length - length) + ("\n" if finalize else ""), line_break=False)
        self._length = length


def _time(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _eta(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"
