"""The device that this process computes on."""

from __future__ import annotations

import os

from .device import Device, resolve

_current: Device | None = None


def set_device(name: str = "auto") -> Device:
    """Compute on ``auto``, ``cpu``, ``cuda`` or ``cuda:i`` from now on.

    Variables move there when the next function runs. Raises ``DeviceError`` where it is not there.
    """
    global _current
    _current = resolve(name)
    return _current


def current() -> Device:
    """The device in use: what ``set_device`` chose, else ``WATERHORSE_DEVICE``, else ``auto``."""
    return _current or set_device(os.environ.get("WATERHORSE_DEVICE", "auto"))
