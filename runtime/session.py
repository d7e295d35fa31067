"""ONNX Runtime sessions, made in one place with options that suit training and serving."""

from __future__ import annotations

import os

import onnxruntime as ort

from ..errors import RunError
from .device import Device

# Failures are raised with the user's line in them; ONNX Runtime need not log them as well.
ort.set_default_logger_severity(4)


def create(
    model: bytes | str | os.PathLike[str],
    *,
    device: Device,
    threads: int = 0,
    spinning: bool = True,
    optimize: bool = True,
    profile: str | None = None,
) -> ort.InferenceSession:
    """A session for a model (its bytes, or a path).

    Args:
        threads: for one operator; 0 takes all cores.
        spinning: whether idle threads wait actively. Faster steps in training; a server that shares
            its cores should say False.
        optimize: False runs the graph as it stands.
        profile: prefix of a file for ONNX Runtime's own profile.

    Raises ``RunError`` where the model cannot be loaded.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    source = model if isinstance(model, bytes) else os.fspath(model)
    try:
        return ort.InferenceSession(source, options, providers=device.providers)
    except Exception as error:  # onnxruntime's exceptions share no base but this
        raise RunError(f"ONNX Runtime cannot load the model: {error}") from error
