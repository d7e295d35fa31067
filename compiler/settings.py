"""What ``wh.config`` says: the defaults of types and layouts, and limits for trying things out."""

from __future__ import annotations

import os

from ..errors import ArgumentError

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")


def _limit(variable: str) -> int | None:
    given = os.environ.get(variable)
    return int(given) if given else None


class _Global:
    floatx = "float32"
    layout = "channels_last"
    epsilon = 1e-7
    max_epochs = _limit("KERAS_MAX_EPOCHS")
    max_steps = _limit("KERAS_MAX_STEPS_PER_EPOCH")


def floatx() -> str:
    """The name of the default float type: "float32" unless it was changed."""
    return _Global.floatx


def set_floatx(value: str) -> None:
    """Set the default float type, and with it the policy of new layers where that was the old type.

    Raises ``ArgumentError`` unless it is "float16", "bfloat16", "float32" or "float64".
    """
    if value not in _FLOATS:
        raise ArgumentError(f"set_floatx({value!r}): expected one of {', '.join(_FLOATS)}")
    _Global.floatx = value


def epsilon() -> float:
    """The small number that keeps losses from 0 and infinity: 1e-7."""
    return _Global.epsilon


def set_epsilon(value: float) -> None:
    """Accepts 1e-7 alone: losses have it built in."""
    if float(value) != _Global.epsilon:
        raise NotImplementedError(
            f"set_epsilon({value!r}): the losses have {_Global.epsilon} built in. Layers and optimizers "
            "take epsilon= as an argument"
        )


def image_data_format() -> str:
    """How images are laid out where ``data_format`` is not given: "channels_last", unless changed."""
    return _Global.layout


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images for layers and functions that are given none.

    Raises ``ArgumentError`` unless it is "channels_last" or "channels_first".
    """
    if data_format not in _LAYOUTS:
        raise ArgumentError(f"data_format={data_format!r}: expected one of {', '.join(_LAYOUTS)}")
    _Global.layout = data_format


def data_format_or_default(data_format: str | None) -> str:
    """``data_format``, or the default for None. Raises ``ArgumentError`` for anything else."""
    found = _Global.layout if data_format is None else str(data_format).lower()
    if found not in _LAYOUTS:
        raise ArgumentError(f"data_format={data_format!r}: expected one of {', '.join(_LAYOUTS)}")
    return found


def max_epochs() -> int | None:
    """The most epochs that ``fit`` runs, whatever it is told; None without a limit."""
    return _Global.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every ``fit`` (also by ``KERAS_MAX_EPOCHS``), to try a script quickly."""
    _Global.max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """The most steps of an epoch, whatever the data has; None without a limit."""
    return _Global.max_steps


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of fit, evaluate and predict (also by ``KERAS_MAX_STEPS_PER_EPOCH``)."""
    _Global.max_steps = max_steps_per_epoch
