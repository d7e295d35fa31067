"""Small callbacks: hooks given as functions, and an end to training that has failed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import NonFiniteError
from .base import Callback, Logs


class LambdaCallback(Callback):
    """Hooks given as functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``."""

    def __init__(
        self,
        on_epoch_begin: Callable[..., None] | None = None,
        on_epoch_end: Callable[..., None] | None = None,
        on_train_begin: Callable[..., None] | None = None,
        on_train_end: Callable[..., None] | None = None,
        on_train_batch_begin: Callable[..., None] | None = None,
        on_train_batch_end: Callable[..., None] | None = None,
        **kwargs: Callable[..., None] | None,
    ) -> None:
        hooks = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }  # fmt: skip
        unknown = sorted(n for n in hooks if not (n.startswith("on_") and hasattr(Callback, n)))
        if unknown:
            raise TypeError(f"LambdaCallback has no hook {unknown[0]!r}")
        for name, hook in hooks.items():
            if hook is not None:
                setattr(self, name, hook)


class TerminateOnNaN(Callback):
    """Stop training where the loss is NaN or infinite, instead of raising ``NonFiniteError``.

    With ``raise_error`` it is raised after all (Keras raises ``RuntimeError``).
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise NonFiniteError(f"the loss became {loss} at batch {batch}; training is ended")
        print(f"batch {batch}: the loss is {loss}, training is ended")
        self.model.stop_training = True
