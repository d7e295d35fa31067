"""Keras' old form, one HDF5 file (``.h5``): the configuration in attributes, the weights by layer."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.layers.base import Layer
from ...compiler.network import Network
from ...compiler.state import Variable
from ...errors import ArgumentError, FileFormatError
from . import hdf5
from .archive import translated
from .configuration import Reader
from .optimizer import in_order
from .places import Places, is_chain
from .weights import Values

_MODEL, _WEIGHTS = "model_config", "model_weights"


def is_legacy(root: Any) -> bool:
    """Whether an HDF5 file has the old form: of a model, or of ``save_weights``."""
    return "layer_names" in root.attrs or _WEIGHTS in root


def load(path: str | os.PathLike[str], reader: Reader, compiled: Any) -> Any:
    """The model of a file; ``compiled(model, config)`` compiles it."""
    with translated(Path(path)), hdf5.file(path, os.fspath(path)) as root:
        if _MODEL not in root.attrs or _WEIGHTS not in root:
            raise FileFormatError(
                f"{path} holds no model, only weights or something else: make the model, and call its "
                "load_weights"
            )
        model = reader.instance(_json(root.attrs[_MODEL]), "models")
        if not isinstance(model, Network):
            raise FileFormatError(f"{path} describes a {type(model).__name__}, no model")
        found = values(model, root[_WEIGHTS], reader.places, str(path))
        training = _json(root.attrs.get("training_config", "null"))
        if training is not None and compiled is not None:
            options = {k: v for k, v in training.items() if k != "optimizer_config"}
            compiled(model, {**options, "optimizer": training["optimizer_config"]})
            found += _state(model, root, reader.places, str(path))
        for variable, array in found:
            variable.assign(array)
        return model


def _json(text: Any) -> Any:
    return json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)


def values(model: Network, root: Any, places: Places, label: str, *, strict: bool = True) -> Values:
    """The values of all variables, layer by layer in the order of the file."""
    group = root.get(_WEIGHTS, root)
    stored = hdf5.strings(group.attrs["layer_names"])
    full = [n for n in stored if len(group[n].attrs["weight_names"])]
    owners = _layers(model, places)
    if len(full) != len(owners):
        raise FileFormatError(
            f"{label} has weights of {len(full)} layers; the model has {len(owners)}"
        )
    found: Values = []
    for name, layer in zip(full, owners, strict=True):
        arrays = [group[name][n] for n in hdf5.strings(group[name].attrs["weight_names"])]
        variables = _old_order(layer, places)
        if len(arrays) != len(variables):
            raise FileFormatError(
                f"{label} has {len(arrays)} values for layer {name!r}; it needs {len(variables)}"
            )
        for variable, data in zip(variables, arrays, strict=True):
            if tuple(data.shape) == variable.shape:
                found.append((variable, _array(data, variable)))
            elif strict:
                raise FileFormatError(
                    f"{label}: {data.name} has shape {tuple(data.shape)}; the model needs {variable.shape}"
                )
    return found


def _array(data: Any, variable: Variable) -> Any:
    values = np.asarray(data[()])
    if values.dtype.kind not in "fiub":
        raise FileFormatError(f"{data.name} holds {values.dtype}, no numbers")
    return values.astype(variable.dtype)


def _layers(model: Network, places: Places) -> list[Layer]:
    """The model's own layers that have weights, in the order of the file."""
    if not is_chain(model):
        raise ArgumentError(
            "the old form of weights is read for Sequential and functional models only"
        )
    return [x for _, x in places.layers(model) if x.weights]


def _old_order(layer: Layer, places: Places) -> list[Variable]:
    """All that is trainable in a layer and those in it, then the rest; no states of random generators."""
    weights = {id(v) for v in layer.weights}
    every = [v for v in places.variables(layer) if id(v) in weights]
    return sorted(every, key=lambda v: not v.trainable)  # is stable


def _state(model: Any, root: Any, places: Places, label: str) -> Values:
    """The optimizer's state, where Keras 3 wrote it."""
    group = root.get("optimizer_weights")
    if group is None:
        return []
    arrays = [group[n] for n in hdf5.strings(group.attrs["weight_names"])]
    order = in_order(model.optimizer, [v for v in places.variables(model) if v.trainable])
    version = root.attrs.get("keras_version", "")
    version = version.decode() if isinstance(version, bytes) else str(version)
    fits = version.startswith("3") and len(arrays) == len(order)
    if fits and all(v is None or v.shape == a.shape for v, a in zip(order, arrays, strict=True)):
        pairs = zip(order, arrays, strict=True)
        return [(v, _array(a, v)) for v, a in pairs if v is not None]
    if len(arrays) > 2:
        warnings.warn(
            f"{label}: the optimizer's state, of Keras {version}, is not read: it starts anew",
            stacklevel=5,
        )
    return []
