"""Keras' switches for what this package does in one way only: they say so."""

from __future__ import annotations


def backend() -> str:
    """What computes: "onnxruntime"."""
    return "onnxruntime"


def set_backend(backend: str) -> None:
    """Accepts "onnxruntime" alone."""
    if backend != "onnxruntime":
        raise NotImplementedError(f"set_backend({backend!r}): there is one backend, 'onnxruntime'")


def is_traceback_filtering_enabled() -> bool:
    """False: tracebacks are always whole."""
    return False


def disable_traceback_filtering() -> None:
    """Nothing to do: tracebacks are always whole."""


def enable_traceback_filtering() -> None:
    """Raises ``NotImplementedError``: tracebacks are always whole."""
    raise NotImplementedError(
        "tracebacks are never filtered: an error's last line says what was wrong and what to do"
    )


def is_flash_attention_enabled() -> bool:
    """False: which kernel runs is up to ONNX Runtime."""
    return False


def disable_flash_attention() -> None:
    """Nothing to do: which kernel runs is up to ONNX Runtime."""


def enable_flash_attention() -> None:
    """Raises ``NotImplementedError``: which kernel runs is up to ONNX Runtime."""
    raise NotImplementedError("which attention kernel runs is up to ONNX Runtime")


def enable_unsafe_deserialization() -> None:
    """Raises ``NotImplementedError``: code that lies in files is never run."""
    raise NotImplementedError(
        "code that lies in files is never run: register functions and classes, and name them"
    )
