"""Operators that Keras records in functional models (``a + b``, ``ops.concatenate``): functions of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...compiler import ops
from ...compiler.ops import image, linalg
from ...errors import FileFormatError

# Keras' classes have the functions' names, but for these
_OTHERWISE = {"batchnorm": "batch_normalization", "layernorm": "layer_normalization",
              "rmsnorm": "rms_normalization"}  # fmt: skip


def is_operation(data: Mapping[str, Any]) -> bool:
    """Whether an entry of a model's layers is an operator."""
    if data.get("module") is None:  # the old form, in which only layers have these
        return not {"trainable", "dtype", "batch_shape", "batch_input_shape"} & set(data["config"])
    return str(data["module"]).startswith("keras.src.ops.")


def operation(data: Mapping[str, Any], value: Callable[[Any, str], Any]) -> Callable[..., Any]:
    """The function that an operator applies. Raises ``FileFormatError`` for unknown ones."""
    kind = str(data["class_name"])
    settings = {k: value(v, k) for k, v in data["config"].items() if k not in ("name", "dtype")}
    if kind == "GetItem":
        return _item
    if "dtype" in data["config"] and not isinstance(data["config"]["dtype"], Mapping):
        settings["dtype"] = data["config"]["dtype"]
    module = str(data.get("module") or "keras.src.ops")
    function = _functions(module).get(_plain(kind))
    if function is None:
        raise FileFormatError(f"the operator {module}.{kind} is not known: see docs/keras.md")
    parameters = inspect.signature(function).parameters
    unknown = [k for k, v in settings.items() if k not in parameters and v is not None]
    if unknown:
        raise FileFormatError(
            f"the operator {kind} has the argument {unknown[0]!r}, which is not known"
        )
    options = {k: v for k, v in settings.items() if k in parameters}
    first = _leading(parameters, options)
    return lambda *args, **kwargs: function(*first, *args, **options, **kwargs)


def _leading(parameters: Mapping[str, Any], options: dict[str, Any]) -> list[Any]:
    """Settings that come before the tensors: ``einsum(subscripts, *operands)``."""
    found = []
    for name in parameters:
        if name not in options:
            break
        found.append(options.pop(name))
    return found


def _plain(name: str) -> str:
    plain = name.lower().replace("_", "")
    return _OTHERWISE.get(plain, plain).replace("_", "")


def _functions(module: str) -> dict[str, Callable[..., Any]]:
    package = image if module.endswith("image") else ops
    found = {_plain(n): getattr(package, n) for n in package.__all__}
    if module.endswith("linalg"):
        found |= {_plain(n): getattr(linalg, n) for n in linalg.__all__}
    return {n: f for n, f in found.items() if inspect.isfunction(f)}


def _item(x: Any, key: Any) -> Any:
    return x[tuple(key) if isinstance(key, list) else key]
