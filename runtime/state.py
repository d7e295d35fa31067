"""Variables on a device: two buffers each, of which one is current.

A step reads the current buffers and writes the others; then the written variables swap. ONNX Runtime
gives no guarantee for one buffer as input and output (aliasing trains silently wrong), hence two.

Which buffer is current is one byte per variable in one array, so that a step swaps all that it wrote
by a single NumPy operation: nothing, not even an interrupt, sees half of a swap.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import onnxruntime as ort

from ..compiler.ir import Array
from ..compiler.state import Variable
from .device import Device


class Parities:
    """The current buffer (0 or 1) of every slot, and a clock that ticks with each change."""

    def __init__(self) -> None:
        self.bits = np.zeros(256, np.uint8)
        self.clock = 0
        self._free: list[int] = []
        self._used = 0

    def take(self, owner: object) -> int:
        """A slot for ``owner``, given back when it is collected."""
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._used
            self._used += 1
            if slot == len(self.bits):
                self.bits = np.concatenate([self.bits, np.zeros_like(self.bits)])
        self.bits[slot] = 0
        weakref.finalize(owner, self._free.append, slot).atexit = False
        return slot

    def swap(self, slots: np.ndarray[Any, Any]) -> None:
        """Make the other buffer current for all ``slots``."""
        self.bits[slots] ^= 1
        self.clock += 1


PARITIES = Parities()


class DeviceStorage:
    """A variable's value in the memory of ``device``."""

    def __init__(self, value: Array, device: Device) -> None:
        self.device = device
        self.slot = PARITIES.take(self)
        self._buffers: list[ort.OrtValue | None] = [self._upload(value), None]
        self._like = value

    def _upload(self, value: Array) -> ort.OrtValue:
        # On the CPU the OrtValue shares the array's memory and keeps it alive.
        array = np.array(value, order="C")
        if self.device.kind == "cpu":
            return ort.OrtValue.ortvalue_from_numpy(array)
        return ort.OrtValue.ortvalue_from_numpy(array, self.device.kind, self.device.index)

    def buffer(self, parity: int) -> ort.OrtValue:
        """Buffer 0 or 1; the second is made when a step first writes the variable."""
        found = self._buffers[parity]
        if found is None:
            found = self._buffers[parity] = self._upload(self._like)
        return found

    @property
    def current(self) -> ort.OrtValue:
        return self.buffer(int(PARITIES.bits[self.slot]))

    def read(self) -> Array:
        # numpy() is a view that dangles once the OrtValue goes, so copy.
        return np.array(self.current.numpy())

    def write(self, value: Array) -> None:
        self.current.update_inplace(np.asarray(value, order="C"))


def on_device(variable: Variable, device: Device) -> DeviceStorage:
    """The variable's storage on ``device``; moves its value there the first time."""
    storage = variable.storage
    if isinstance(storage, DeviceStorage) and storage.device == device:
        return storage
    moved = DeviceStorage(storage.read(), device)
    variable.storage = moved
    PARITIES.clock += 1
    return moved
