"""Several callbacks as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError
from .base import Callback, Logs, overrides
from .history import History
from .progbar import ProgbarLogger

if TYPE_CHECKING:
    from ..model import Model


def listed(callbacks: Any) -> list[Callback]:
    """The callbacks that a user means by one, a ``CallbackList``, nested lists of them, or None.

    Raises ``ArgumentError`` for anything else.
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    if isinstance(callbacks, Callback):
        return [callbacks]
    if isinstance(callbacks, Iterable) and not isinstance(callbacks, (str, bytes)):
        return [c for item in callbacks for c in listed(item)]
    raise ArgumentError(f"callbacks: {callbacks!r} is no wh.callbacks.Callback")


class CallbackList(Callback):
    """All callbacks of a run, called in order.

    Args:
        callbacks: callbacks, also nested in lists.
        add_history: add a ``History`` unless there is one.
        add_progbar: add a ``ProgbarLogger`` unless there is one.
        model: what ``set_model`` is told.
        params: what ``set_params`` is told, if anything: ``verbose``, ``epochs``, ``steps``.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Model | None = None,
        **params: Any,
    ) -> None:
        self.callbacks = listed(callbacks)
        self._by_hook: dict[str, list[Callback]] = {}
        for cls, wanted in ((History, add_history), (ProgbarLogger, add_progbar)):
            if wanted and not any(isinstance(c, cls) for c in self.callbacks):
                self.callbacks.append(cls())
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add one at the end; it is told the model and the parameters that the others know."""
        self.callbacks.append(callback)
        self._by_hook = {}
        if self.params:
            callback.set_params(self.params)
        if hasattr(self, "model"):
            callback.set_model(self.model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks if params else ():
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)
            if isinstance(callback, History):
                model.history = callback

    def overriding(self, hook: str) -> list[Callback]:
        """The callbacks that do something at ``hook``."""
        if hook not in self._by_hook:
            self._by_hook[hook] = [c for c in self.callbacks if overrides(c, hook)]
        return self._by_hook[hook]

    def call(self, hook: str, *args: Any) -> None:
        """Call ``hook`` on all callbacks that override it; logs that are not given are empty."""
        position = int("epoch" in hook or "batch" in hook)  # before the logs there is a number
        logs = dict(args[position] or {}) if len(args) > position else {}
        for callback in self.overriding(hook):
            getattr(callback, hook)(*args[:position], logs)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.call("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.call("on_epoch_end", epoch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self.call("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self.call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self.call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self.call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_predict_batch_end", batch, logs)
