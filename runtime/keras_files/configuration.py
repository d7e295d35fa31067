"""Keras' configuration, made into objects: of registered classes and functions only, of none in the file.

Keras writes ``{"module", "class_name", "config", "registered_name"}`` where we write ``{"class_name":
"package>Class", "config"}``; the arguments in ``config`` are the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...compiler import (  # the modules register their classes
    activations,
    config,
    constraints,
    dtypes,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    random,
    regularizers,
)
from ...compiler.config import Configurable
from ...compiler.layers.base import Layer
from ...errors import ArgumentError, FileFormatError, GraphError
from .places import Places

# Keras' packages, in which classes are looked up, and where ours are
_PACKAGES = {
    "layers": "layers", "initializers": "initializers", "regularizers": "regularizers",
    "constraints": "constraints", "losses": "losses", "metrics": "metrics",
    "optimizers": "optimizers", "dtype_policies": "policies", "dtype_policy": "policies",
    "random": "random", "models": "models", "quantizers": "quantizers",
}  # fmt: skip
_FUNCTIONS = (activations, losses, metrics)
_ROOT = {"DTypePolicy": "policies", "Sequential": "models", "Functional": "models",
         "Model": "models", "SeedGenerator": "random"}  # fmt: skip
_KNOWN = (constraints, initializers, layers, optimizers, random, regularizers)


class Reader:
    """Makes objects of configurations; remembers where Keras keeps what belongs to each layer."""

    def __init__(self, label: str, vocabularies: Mapping[str, list[str]] | None = None) -> None:
        self.label = label
        self.places = Places()
        self.vocabularies = dict(vocabularies or {})
        self._shared: dict[Any, Layer] = {}
        self.graphs: Any = None  # makes models: set by the package, which has no cycles

    # -- values -------------------------------------------------------------------------------

    def value(self, data: Any, key: str = "") -> Any:
        """The object that ``data`` describes; ``key`` is the argument's name."""
        if isinstance(data, list):
            return [self.value(item, key) for item in data]
        if not isinstance(data, Mapping):
            return data
        if "class_name" not in data or "config" not in data:
            return {k: self.value(v, k) for k, v in data.items()}
        return self.instance(data, key)

    def instance(self, data: Mapping[str, Any], key: str = "", path: str | None = None) -> Any:
        """The object of ``{"class_name", "config"}``; ``path`` is the layer's place in the file."""
        kind, settings = data["class_name"], data["config"]
        if not isinstance(kind, str):
            raise FileFormatError(f"{self.label}: a class is named {kind!r}")
        if kind.startswith("__"):
            return self._special(kind, settings)
        if kind == "function":
            return self._function(data)
        if not isinstance(settings, Mapping):
            raise FileFormatError(f"{self.label}: {kind} has the configuration {settings!r}")
        number = data.get("shared_object_id")
        if number in self._shared:
            return self._shared[number]
        made = self._made(data, self._class(data, key), dict(settings), path)
        if number is not None and isinstance(made, Layer):
            self._shared[number] = made
        return made

    def _special(self, kind: str, settings: Any) -> Any:
        if kind in ("__numpy__", "__tensor__"):
            return np.array(settings["value"], dtypes.as_dtype(settings["dtype"]))
        if kind == "__slice__":
            return slice(*(self.value(settings[n]) for n in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return Ellipsis
        if kind == "__bytes__":
            return str(settings["value"]).encode()
        if kind == "__lambda__":
            raise FileFormatError(
                f"{self.label} holds the code of a lambda, which is never run. Give it a name, as a "
                "function in custom_objects, and save the model once more with that"
            )
        raise FileFormatError(f"{self.label} holds a {kind}, which is not read")

    def _function(self, data: Mapping[str, Any]) -> Any:
        name = data["config"]
        if not isinstance(name, str):
            raise FileFormatError(f"{self.label}: a function is named {name!r}")
        for label in (data.get("registered_name"), name):
            found = config.get_registered_object(label) if label else None
            if callable(found) and not isinstance(found, type):
                return found
        module = str(data.get("module") or "keras").split(".")[0]
        if module in ("keras", "builtins") and any(name in m.__all__ for m in _FUNCTIONS):
            return name
        raise FileFormatError(
            f"{self.label} uses the function {name!r}: pass custom_objects={{{name!r}: ...}}"
        )

    # -- classes ------------------------------------------------------------------------------

    def name_of(self, data: Mapping[str, Any]) -> str:
        """The name by which Keras numbers a layer: its class's, which need not be the public one."""
        cls = self._class(data, "layer")
        return str(data["class_name"]) if _package(cls) == "models" else cls.__name__

    def _class(self, data: Mapping[str, Any], key: str) -> type[Configurable]:
        kind: str = data["class_name"]
        module = data.get("module")
        names = [data.get("registered_name"), kind]
        for label in names:
            found = config.get_registered_object(label) if label else None
            if isinstance(found, type) and issubclass(found, Configurable):
                return found
        for package in self._packages(kind, module, key):
            ours = "Model" if (package, kind) == ("models", "Functional") else kind
            found = config.get_registered_object(f"{package}>{ours}")
            if found is None and kind in layers.__all__ and package == "layers":
                found = getattr(layers, kind)  # a second name
            if isinstance(found, type) and issubclass(found, Configurable):
                return found
        if str(module).startswith("keras"):
            raise FileFormatError(
                f"{self.label} uses Keras' {module}.{kind}, which is not known here: see docs/keras.md for "
                f"what there is, or pass a class of yours as custom_objects={{{kind!r}: ...}}"
            )
        raise FileFormatError(
            f"{self.label} uses the class {kind!r} of {module or 'unknown origin'}: pass "
            f"custom_objects={{{kind!r}: ...}}, or register it before loading"
        )

    def _packages(self, kind: str, module: Any, key: str) -> list[str]:
        """Where to look for a class of Keras; old files do not say it."""
        if module is not None:
            parts = str(module).split(".")
            if parts[0] != "keras":
                return []
            found = [_PACKAGES[p] for p in parts if p in _PACKAGES]
            return found[:1] or ([_ROOT[kind]] if kind in _ROOT else [])
        hint = key.rsplit("_", maxsplit=1)[-1]
        wanted = [p for p in _PACKAGES.values() if p.rstrip("s").startswith(hint)] if hint else []
        return [*wanted, *dict.fromkeys(_PACKAGES.values())]

    def _made(
        self, data: Mapping[str, Any], cls: Any, settings: dict[str, Any], path: str | None
    ) -> Any:
        if self.graphs is not None and self.graphs.is_graph(cls, settings):
            return self.graphs.model(self, cls, settings, path)
        name = settings.get("name", cls.__name__)
        # what a class does not know and is switched off says nothing
        plain = {k: v for k, v in settings.items() if v not in (None, False) or _takes(cls, k)}
        if path is not None:
            plain |= self._learnt(path, cls, plain)
        with explained(f"{self.label}: {cls.__name__} {name!r}"):
            made = cls.from_config({k: self.value(v, k) for k, v in plain.items()})
        if isinstance(made, Layer) and not made.built and self.graphs is not None:
            with explained(f"{self.label}: {cls.__name__} {name!r}"):
                self.graphs.build(made, data.get("build_config"))
        return made

    def _learnt(self, path: str, cls: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The vocabulary of a layer that was adapted, from the file's assets."""
        for place in (path, f"{path}/_lookup_layer"):
            if place in self.vocabularies:
                if settings.get("output_mode") == "tf_idf":
                    raise FileFormatError(
                        f"{self.label}: layer {settings.get('name')!r} has learnt tf-idf weights, which "
                        "are not read: make it with vocabulary= and idf_weights= and load the other weights"
                    )
                return {"learnt": [self.vocabularies.pop(place), None]}
        return {}


def _package(cls: type) -> str:
    return config.get_registered_name(cls).partition(">")[0]


def _takes(cls: Any, name: str) -> bool:
    """Whether a constructor of a class, or one that it hands keywords on to, has this argument."""
    for each in cls.__mro__:
        if "__init__" not in vars(each):
            continue
        parameters = inspect.signature(each.__init__).parameters
        if name in parameters:
            return True
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return False
    return False


class explained:  # noqa: N801  # reads as a statement
    """What goes wrong inside is a ``FileFormatError`` that says where."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        wrong = (
            ArgumentError,
            GraphError,
            TypeError,
            LookupError,
            AttributeError,
            UnicodeEncodeError,
        )
        if isinstance(error, wrong) or type(error) is ValueError:
            raise FileFormatError(f"{self.where}: {error}") from error
