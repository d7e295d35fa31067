"""Progress for training loops of one's own."""

from __future__ import annotations

from ..progress import Epochs, Progress, reporter
from .base import Callback, Logs


class ProgbarLogger(Callback):
    """Show the progress as ``fit`` does, which needs no such callback.

    For loops of your own, with ``CallbackList(add_progbar=True, model=model, verbose=1, epochs=3,
    steps=100)``. ``fit``, ``evaluate`` and ``predict`` leave it out: ``verbose`` says what they show.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self.params = {}
        self._training = False

    def _begin(self) -> None:
        self.progress = reporter(self.params.get("verbose", 1), self.model)
        if isinstance(self.progress, Epochs):
            self.progress.unit = "steps"
        self.progress.__enter__()

    def _end(self) -> None:
        self.progress.__exit__(None, None, None)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._training = True
        self._begin()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        epochs, steps = self.params.get("epochs", 1), self.params.get("steps")
        self.progress.begin_epoch(epoch, epochs, steps)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.progress.update(batch + 1, batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.progress.end_epoch(logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False
        self._end()

    def _tested(self, title: str, logs: Logs | None) -> None:
        self.progress.end_test()
        if not self._training:
            self.progress.report(title, logs or {})
            self._end()

    def _test_begins(self) -> None:
        if not self._training:
            self._begin()
        self.progress.begin_test(self.params.get("steps"))

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._test_begins()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.progress.update_test(batch + 1)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._tested("evaluate", logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._test_begins()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.progress.update_test(batch + 1)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._tested("predict", logs)
