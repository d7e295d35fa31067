"""``Callback``: hooks into training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from ..model import Model

Logs: TypeAlias = dict[str, Any]


class Callback:
    """Override what you need; ``self.model`` and ``self.params`` are set before training.

    Batch hooks cost a read-back of the metrics per batch, so they are called only on callbacks that
    override them. All callbacks of a run get the same ``logs`` at a hook: what one adds at the end of
    an epoch those after it see, and the history keeps it.
    """

    model: Model
    params: dict[str, Any]

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Model) -> None:
        self.model = model

    def best_by(self, logs: Logs) -> str:
        """The metric by which an epoch with these logs is the best so far; "" where that is not known.

        Asked before ``on_epoch_end``, for the progress display.
        """
        return ""

    def get_state(self) -> dict[str, Any]:
        """What must be known to go on after an interruption: numbers, texts, arrays; lists and dicts.

        Kept in checkpoints. Tuples come back as lists, NaN as the text "nan".
        """
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``get_state``, called after ``on_train_begin`` of a resumed run."""

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of ``on_train_batch_end``."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def overrides(callback: Callback, hook: str) -> bool:
    """Whether the callback does something at ``hook``."""
    own = getattr(callback, hook)
    if getattr(own, "__func__", own) is not getattr(Callback, hook):
        return True
    return hook in _OLDER and overrides(callback, _OLDER[hook])
