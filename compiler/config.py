"""Objects that can be written down as JSON and made again: layers, losses, metrics, optimizers ...

A ``Configurable`` remembers the arguments it was made with; ``get_config`` gives them back, so that a
class needs no code of its own to be saved. Nothing in a file is ever executed: a name is looked up
among the registered classes, and an unknown one is an error.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

import numpy as np

from ..errors import ArgumentError, FileFormatError
from .ir import Operators

_T = TypeVar("_T")
OWN = "waterhorse"
_registered: dict[str, Any] = {}
_everywhere: dict[str, Any] = {}
_custom: ContextVar[Mapping[str, Any]] = ContextVar("custom", default=_everywhere)
_copied: ContextVar[dict[str, Any] | None] = ContextVar("copied", default=None)


@functools.cache
def _parameters(cls: Any) -> inspect.Signature:
    return inspect.signature(cls.__init__)


def _parameters_of(cls: Any) -> inspect.Signature:
    return _parameters(cls)


def _package(module: str) -> str:
    """``losses`` for what is in ``waterhorse.compiler.losses`` (a metric may have a loss's name)."""
    parts = module.split(".")
    if parts[0] != OWN:
        return "Custom"
    return "models" if parts[1] == "runtime" else parts[2]


class Configurable:
    """Base of everything with a configuration. Subclasses register themselves by name."""

    _arguments: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _registered[f"{_package(cls.__module__)}>{cls.__name__}"] = cls

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        try:
            bound = _parameters_of(cls).bind(instance, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}{_suggestion(cls, kwargs)}") from None
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[1:])
        for parameter in _parameters_of(cls).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(parameter.name)
            elif parameter.kind is parameter.VAR_POSITIONAL and parameter.name in arguments:
                arguments.pop(parameter.name)
        instance._arguments = arguments
        return instance

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; nested objects are written as dicts by ``serialize``."""
        return {k: encode(v) for k, v in self._arguments.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that ``get_config`` describes."""
        return cls(**{k: decode(v) for k, v in config.items()})


def _suggestion(cls: type, kwargs: Mapping[str, Any]) -> str:
    known = [n for n in _parameters_of(cls).parameters if n != "self"]
    for name in kwargs:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            return f"; did you mean {close[0]!r}?" if close else f"; it takes {known}"
    return ""


def unknown_argument(cls: type, name: str) -> str:
    """What is wrong with an argument that neither the class nor its bases take."""
    known: dict[str, None] = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            kinds = _parameters_of(base).parameters
            known |= {k: None for k, p in kinds.items() if p.kind is not p.VAR_KEYWORD}
            if not any(p.kind is p.VAR_KEYWORD for p in kinds.values()):
                break
    known.pop("self", None)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it takes {[*known]}"
    return f"{cls.__name__}: unknown argument {name!r}; {hint}"


def encode(value: Any) -> Any:
    """``value`` as JSON can hold it."""
    if isinstance(value, Configurable) or callable(value):
        return serialize(value)
    if isinstance(value, Operators):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        return {
            "class_name": "__numpy__",
            "config": {"value": value.tolist(), "dtype": value.dtype.name},
        }
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArgumentError(
        f"a {type(value).__name__} cannot be saved in a configuration: override get_config and "
        "from_config in the class that takes it"
    )


def decode(value: Any) -> Any:
    """The inverse of ``encode``."""
    if isinstance(value, dict):
        if "class_name" in value or "function" in value:
            return deserialize(value)
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def serialize(value: Any) -> dict[str, Any]:
    """``{"class_name", "config"}`` of an object, or ``{"function"}`` of a registered function."""
    if isinstance(value, Configurable):
        return {"class_name": _name_of(type(value)), "config": value.get_config()}
    name = _name_of(value)
    return {"function": name}


def _name_of(value: Any) -> str:
    for name, known in _registered.items():
        if known is value:
            return name
    label = getattr(value, "__name__", type(value).__name__)
    copied = _copied.get()
    if copied is not None:
        name = f"Copied>{label}_{len(copied)}"
        copied[name] = value
        return name
    if label == "<lambda>":
        raise ArgumentError("a lambda cannot be saved: give the function a name and register it")
    return f"Custom>{label}"


def deserialize(data: Mapping[str, Any]) -> Any:
    """The inverse of ``serialize``. Raises ``FileFormatError`` for a name nobody registered."""
    if data.get("class_name") == "__numpy__":
        return np.array(data["config"]["value"], data["config"]["dtype"])
    name = _registered_as(data)
    short = name.rsplit(">", maxsplit=1)[-1]
    copied = (_copied.get() or {}).get(name)
    found = copied or _custom.get().get(short) or _registered.get(name)
    if found is None:
        raise FileFormatError(
            f"unknown object {name!r}: pass custom_objects={{{short!r}: ...}} to load_model, "
            " or register the class before loading"
        )
    return found.from_config(data["config"]) if "class_name" in data else found


def _registered_as(data: Mapping[str, Any]) -> str:
    """The name in a saved form; Keras writes the module, and what users registered, apart."""
    name = str(data.get("class_name") or data.get("function"))
    module = data.get("module")
    if module and ">" not in name:
        return f"{str(module).removeprefix('keras.').split('.', maxsplit=1)[0]}>{name}"
    return str(data.get("registered_name") or name)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_T], _T]:
    """Make a class or function of yours known to ``load_model`` (decorator)."""

    def decorate(value: _T) -> _T:
        _registered[f"{package}>{name or getattr(value, '__name__', '')}"] = value
        return value

    return decorate


def register_own(value: _T) -> _T:
    """Make one of our functions (an activation, a loss) known by its name."""
    return register_keras_serializable(_package(getattr(value, "__module__", OWN)))(value)


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Inside, ``custom_objects`` (name -> class or function) are known when files are read."""
    token = _custom.set({**_custom.get(), **custom_objects})
    try:
        yield
    finally:
        _custom.reset(token)


@contextmanager
def copying() -> Iterator[None]:
    """Inside, what ``serialize`` writes is read again at once: functions and classes need no names."""
    token = _copied.set({})
    try:
        yield
    finally:
        _copied.reset(token)


def get_custom_objects() -> dict[str, Any]:
    """The names (to classes or functions) that are known without a ``custom_object_scope``; change it."""
    return _everywhere


def get_registered_name(obj: Any) -> str:
    """``package>name`` of a class or function that is registered, else its own name."""
    found = next((name for name, known in _registered.items() if known is obj), None)
    return found or obj.__name__


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The class or function that is registered as ``name`` (``package>name``), or None."""
    for known in (_custom.get(), _everywhere, _registered, custom_objects, module_objects):
        if known is not None and name in known:
            return known[name]
    return None


def lookup(kind: str, identifier: str, known: Mapping[str, _T]) -> _T:
    """The entry of ``known`` for a user's string; an unknown one is an ``ArgumentError``."""
    found = _custom.get().get(identifier)
    if found is not None:
        return found  # type: ignore[no-any-return]
    if identifier in known:
        return known[identifier]
    close = difflib.get_close_matches(identifier, list(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
    raise ArgumentError(f"unknown {kind} {identifier!r}; {hint}")


def resolved(kind: str, identifier: Any, known: Mapping[str, Any]) -> Any:
    """The object that a user means by a name, an object, a class, a saved dict, a function, or None.

    Raises ``ArgumentError`` for anything else.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        identifier = lookup(kind, identifier, known)
    elif isinstance(identifier, Mapping):
        return deserialize(identifier)
    if not callable(identifier):
        raise ArgumentError(
            f"{identifier!r} is no {kind}: expected a name, an object or a function"
        )
    return identifier() if isinstance(identifier, type) else identifier


def not_supported(owner: str, **arguments: tuple[Any, Any]) -> None:
    """Raise ``NotImplementedError`` for a Keras argument that has no effect here yet.

    Each argument is ``name=(value, default)``; only the default is accepted.
    """
    for name, (value, default) in arguments.items():
        if value is not default and value != default:
            raise NotImplementedError(f"{owner} does not support {name}={value!r} yet")
