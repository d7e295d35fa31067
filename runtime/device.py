"""Which device to compute on: one word everywhere, ``auto``, ``cpu``, ``cuda`` or ``cuda:1``."""

from __future__ import annotations

import base64
import functools
import logging
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort

from ..errors import DeviceError

logger = logging.getLogger("waterhorse")

# One Neg node, float[1] -> float[1]: what a CUDA provider must be able to run to count as working.
_TRIAL = base64.b64decode(
    "CAo6MgoLCgF4EgF5IgNOZWcSAXRaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgQKABAV"
)


@dataclass(frozen=True)
class Device:
    """A processor: ``kind`` is "cpu" or "cuda", ``index`` which of them."""

    kind: str
    index: int = 0

    @property
    def providers(self) -> list[Any]:
        """What ``onnxruntime.InferenceSession`` takes; the CPU runs what CUDA has no kernel for."""
        if self.kind == "cuda":
            return [("CUDAExecutionProvider", {"device_id": self.index}), "CPUExecutionProvider"]
        return ["CPUExecutionProvider"]

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"{self.kind}:{self.index}"


CPU = Device("cpu")


def resolve(name: str = "auto") -> Device:
    """The device for ``name``; ``auto`` takes CUDA where it works.

    Raises ``DeviceError`` for an unknown word, and where CUDA is asked for but does not work.
    """
    found = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", name) if isinstance(name, str) else None
    if found is None:
        raise DeviceError(f"device {name!r}: expected 'auto', 'cpu', 'cuda' or 'cuda:1'")
    if name == "cpu":
        return _announced(CPU, "as asked")
    wanted = Device("cuda", int(found.group(1) or 0))
    problem = cuda_problem(wanted.index)
    if problem is None:
        return _announced(wanted, "CUDA works")
    if name == "auto":
        return _announced(CPU, problem)
    raise DeviceError(
        f"device {name!r} cannot be used: {problem}. Install onnxruntime-gpu (pip install "
        "'waterhorse[gpu]') on a machine with an NVIDIA driver, or use device='cpu'"
    )


@functools.cache
def cuda_problem(index: int) -> str | None:
    """Why CUDA device ``index`` cannot be used, or None where it can."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this onnxruntime has no CUDA provider"
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(_TRIAL, options, providers=Device("cuda", index).providers)
        if "CUDAExecutionProvider" not in session.get_providers():
            return "the CUDA provider did not load"
        session.run(None, {"x": np.ones(1, np.float32)})
    except Exception as error:  # onnxruntime's exceptions share no base but this
        return f"a trial run failed: {str(error).splitlines()[0]}"
    return None


_said: set[Device] = set()


def _announced(device: Device, why: str) -> Device:
    if device not in _said:
        _said.add(device)
        logger.info("computing on %s (%s)", device, why)
    return device
