"""What ``fit`` shows: a live bar on a terminal, plain lines elsewhere, nothing when asked so."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..errors import ArgumentError

if TYPE_CHECKING:
    from .callbacks import Callback, Logs
    from .model import Model
    from .step import Step

_WIDTH = 20
_PLAIN_SECONDS = 10.0


class Progress:
    """The silent one, and the interface of the others."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None: ...
    def watch(self, callbacks: Sequence[Callback]) -> None: ...
    def compiled(self, step: Step, seconds: float) -> None: ...
    def begin_epoch(self, epoch: int, epochs: int, steps: int | None) -> None: ...
    def update(self, done: int, examples: int, logs: Logs) -> None: ...
    def begin_test(self, steps: int | None) -> None: ...
    def update_test(self, done: int) -> None: ...
    def end_test(self) -> None: ...
    def end_epoch(self, logs: Logs) -> None: ...
    def report(self, title: str, logs: Logs) -> None: ...


def reporter(verbose: Any, model: Model) -> Progress:
    """The progress display for Keras' ``verbose``: 0, 1, 2 or "auto"."""
    if verbose not in (0, 1, 2, "auto", True, False):
        raise ArgumentError(f"verbose={verbose!r}: expected 0, 1, 2 or 'auto'")
    if verbose in (0, False) and verbose != "auto":
        return Progress()
    if verbose == 2:
        return Plain(model)
    if not sys.stdout.isatty():
        return Lines(model)
    return Bar(model)


def formatted(logs: Logs) -> str:
    """``accuracy 0.9712  loss 0.0931``: four decimals, powers of ten where they would vanish."""
    return "  ".join(f"{name} {number(value)}" for name, value in logs.items())


def number(value: Any) -> str:
    """Four decimals, or scientific where those would say nothing; of several values, their mean."""
    value = float(np.mean(value))
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4f}"
    return f"{value:.3e}"


def duration(seconds: float) -> str:
    """``0.4s``, ``12s``, ``3:05``, ``1:02:03``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def step_duration(seconds: float) -> str:
    """``43ms``, ``2s``, ``310us``, as Keras writes them."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


class Epochs(Progress):
    """What the bar and the lines share: where we are, how fast, and what is the best so far."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.epoch = self.epochs = self.done = self.examples = 0
        self.unit = "samples"  # what ``examples`` counts
        self.steps: int | None = None
        self.logs: Logs = {}
        self.started = self.trained = time.perf_counter()
        self._watched: Sequence[Callback] = ()

    def watch(self, callbacks: Sequence[Callback]) -> None:
        """The callbacks, some of which know what is best."""
        self._watched = callbacks

    def best(self, logs: Logs) -> str:
        """``best val_loss`` where a callback that follows it finds so, else nothing."""
        names = dict.fromkeys(n for c in self._watched if (n := c.best_by(logs)))
        return f"best {', '.join(names)}" if names else ""

    def begin_epoch(self, epoch: int, epochs: int, steps: int | None) -> None:
        self.epoch, self.epochs, self.steps = epoch, epochs, steps
        self.done = self.examples = 0
        self.logs = {}
        self.started = self.trained = time.perf_counter()

    def update(self, done: int, examples: int, logs: Logs) -> None:
        self.done, self.examples, self.logs = done, examples, logs
        self.trained = time.perf_counter()

    @property
    def rate(self) -> float:
        """Examples per second of training in this epoch."""
        return self.examples / max(self.trained - self.started, 1e-9)

    def learning_rate(self) -> str:
        """The optimizer's present rate."""
        optimizer = self.model.optimizer
        rate = getattr(optimizer, "learning_rate", None)  # several optimizers have no common one
        return "" if rate is None else f"lr {float(rate):.3g}"

    def title(self) -> str:
        width = len(str(self.epochs))
        return f"epoch {self.epoch + 1:>{width}}/{self.epochs}"

    def speed(self) -> str:
        per_second = self.rate
        return (
            f"{per_second / 1000:.1f}k {self.unit}/s"
            if per_second >= 1e4
            else f"{per_second:.0f} {self.unit}/s"
        )


class Lines(Epochs):
    """One line per epoch (and one every ten seconds in long ones), without control characters."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._said = time.perf_counter()
        self._test_steps: int | None = None

    def _say(self, line: str) -> None:
        print(line, flush=True)
        self._said = time.perf_counter()

    def update(self, done: int, examples: int, logs: Logs) -> None:
        super().update(done, examples, logs)
        if time.perf_counter() - self._said > _PLAIN_SECONDS and done != self.steps:
            of = f"/{self.steps}" if self.steps else ""
            self._say(f"{self.title()}  step {done}{of}  {formatted(logs)}  {self.speed()}")

    def end_epoch(self, logs: Logs) -> None:
        took = duration(time.perf_counter() - self.started)
        parts = [
            self.title(),
            took,
            formatted(logs),
            self.learning_rate(),
            self.speed(),
            self.best(logs),
        ]
        self._say("  ".join(p for p in parts if p))

    def begin_test(self, steps: int | None) -> None:
        self._test_steps = steps

    def update_test(self, done: int) -> None:
        if time.perf_counter() - self._said > _PLAIN_SECONDS:
            of = f"/{self._test_steps}" if self._test_steps else ""
            self._say(
                f"{self.title()}  validating {done}{of}" if self.epochs else f"step {done}{of}"
            )

    def report(self, title: str, logs: Logs) -> None:
        self._say(f"{title}  {formatted(logs)}")


class Plain(Epochs):
    """Keras' lines for ``verbose=2``: ``2/2 - 0s - 43ms/step - accuracy: 0.3594 - loss: 1.4268``.

    A learning rate is added where it is not that of the epoch before, and a mark to the best epochs.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._rate = ""
        self._test_started = 0.0
        self._tested = 0

    def begin_epoch(self, epoch: int, epochs: int, steps: int | None) -> None:
        super().begin_epoch(epoch, epochs, steps)
        self._rate = self._rate or self.learning_rate()
        if epochs > 1:
            print(f"Epoch {epoch + 1}/{epochs}", flush=True)

    def end_epoch(self, logs: Logs) -> None:
        now = time.perf_counter()
        per_step = (self.trained - self.started) / max(self.done, 1)
        parts = self._parts(self.done, now - self.started, per_step, logs)
        rate = self.learning_rate()
        if rate != self._rate:
            parts.append(rate.replace("lr ", "learning_rate: "))
            self._rate = rate
        print(" - ".join([*parts, *filter(None, [self.best(logs)])]), flush=True)

    def _parts(self, done: int, seconds: float, per_step: float, logs: Logs) -> list[str]:
        values = [f"{name}: {number(value)}" for name, value in sorted(logs.items())]
        return [f"{done}/{done}", f"{seconds:.0f}s", f"{step_duration(per_step)}/step", *values]

    def begin_test(self, steps: int | None) -> None:
        self._test_started, self._tested = time.perf_counter(), steps or 0

    def update_test(self, done: int) -> None:
        self._tested = max(self._tested, done)

    def report(self, title: str, logs: Logs) -> None:
        took = time.perf_counter() - self._test_started
        per_step = took / max(self._tested, 1)
        print(" - ".join(self._parts(self._tested, took, per_step, logs)), flush=True)


class Bar(Epochs):
    """A bar that is redrawn in place; finished epochs stay as lines."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._testing: tuple[int, int | None] | None = None

    def __enter__(self) -> Bar:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def compiled(self, step: Step, seconds: float) -> None:
        if seconds > 0.5:
            nodes = len(step.model.graph.node)
            self._console.print(f"[dim]built a graph of {nodes} nodes in {duration(seconds)}[/dim]")

    def _draw(self) -> None:
        self._live.update(self._line(), refresh=True)

    def _line(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(self.title() if self.epochs else "", "bold")
        done, steps = self._testing or (self.done, self.steps)
        filled = _WIDTH if not steps else math.floor(_WIDTH * min(done / steps, 1))
        text.append("  ")
        text.append("━" * filled, "green" if self._testing is None else "cyan")
        text.append("━" * (_WIDTH - filled), "bright_black")
        text.append(f" {done}/{steps}" if steps else f" {done}")
        if self._testing is not None:
            text.append(" validating" if self.epochs else "", "cyan")
        text.append(f"  {formatted(self.logs)}")
        if self.epochs:
            text.append(f"  {self.learning_rate()}  {self.speed()}", "dim")
            text.append(self._eta(), "dim")
        return text

    def _eta(self) -> str:
        if not self.steps or not self.done:
            return ""
        left = (self.trained - self.started) / self.done * (self.steps - self.done)
        return f"  ETA {duration(left)}"

    def update(self, done: int, examples: int, logs: Logs) -> None:
        super().update(done, examples, logs)
        self._draw()

    def begin_test(self, steps: int | None) -> None:
        self._testing = (0, steps)
        self._draw()

    def update_test(self, done: int) -> None:
        self._testing = (done, self._testing[1] if self._testing else None)
        self._draw()

    def end_test(self) -> None:
        self._testing = None

    def end_epoch(self, logs: Logs) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(self.title(), "bold")
        text.append(f"  {duration(time.perf_counter() - self.started)}  ")
        text.append(formatted(logs))
        text.append(f"  {self.learning_rate()}  {self.speed()}", "dim")
        best = self.best(logs)
        if best:
            text.append(f"  ★ {best}", "bold yellow")
        self._console.print(text)

    def report(self, title: str, logs: Logs) -> None:
        self._console.print(f"[bold]{title}[/bold]  {formatted(logs)}")
