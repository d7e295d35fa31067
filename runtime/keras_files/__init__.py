"""Models and weights in the files of Keras 3 (``.keras``, ``.weights.h5``) and in its old form (``.h5``).

What lies in a file is data: no code in it is run, classes and functions are looked up by name among ours
and those that the user names, and a file that is damaged or does not fit changes nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ...compiler import config
from ...compiler.network import Network
from ...errors import FileFormatError
from . import archive, graphs, hdf5, legacy, optimizer, weights
from .archive import kind_of
from .configuration import Reader, explained
from .places import Places

__all__ = ["is_keras", "load_model", "load_weights"]


def is_keras(filepath: str | os.PathLike[str]) -> bool:
    """Whether ``filepath`` is a file (or folder) as Keras writes them, by its content."""
    return kind_of(filepath) is not None


def load_model(
    filepath: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, compile: bool
) -> Any:
    """The model that Keras saved, with its weights and (if ``compile``) losses, metrics and optimizer.

    Raises ``FileFormatError`` where the file is damaged, or uses what is not known here.
    """
    kind = kind_of(filepath)
    if kind == "index":
        raise FileFormatError(f"{filepath} lists parts of weights: call the model's load_weights")
    with config.custom_object_scope(custom_objects or {}):
        if kind == "hdf5":
            with explained(os.fspath(filepath)):
                return legacy.load(filepath, _reader(filepath), _compiled if compile else None)
        with archive.opened(filepath) as found, explained(os.fspath(filepath)):
            return _load(found, filepath, compile=compile)


def _reader(
    filepath: str | os.PathLike[str], vocabularies: Mapping[str, list[str]] | None = None
) -> Reader:
    reader = Reader(os.fspath(filepath), vocabularies)
    reader.graphs = graphs
    return reader


def _load(found: archive.Archive, filepath: Any, *, compile: bool) -> Any:
    data = found.json(archive.CONFIG)
    if not isinstance(data, Mapping) or "class_name" not in data:
        raise FileFormatError(f"{filepath}: {archive.CONFIG} describes no model")
    reader = _reader(filepath, found.vocabularies())
    model = reader.instance(data, "models", "")
    if not isinstance(model, Network):
        raise FileFormatError(f"{filepath} describes a {type(model).__name__}, no model")
    if reader.vocabularies:
        raise FileFormatError(
            f"{filepath} has a vocabulary for {next(iter(reader.vocabularies))}, where the model has no "
            "such layer"
        )
    found.check_size(weights.needed(model))
    stored = found.weights()
    values = weights.matched(model, stored, reader.places)
    if compile and data.get("compile_config"):
        _compiled(model, data["compile_config"], reader)
        trained = [v for v in reader.places.variables(model) if v.trainable]
        values += optimizer.state(model.optimizer, trained, stored, "optimizer")  # type: ignore[attr-defined]
    for variable, array in values:
        variable.assign(array)
    return model


def _compiled(model: Any, saved: Mapping[str, Any], reader: Reader | None = None) -> None:
    """``compile`` with what Keras noted of it."""
    reader = reader or _reader("the file")
    options = {k: v for k, v in saved.items() if k not in ("run_eagerly", "jit_compile")}
    for name, package in (("loss", "losses"), ("metrics", "metrics"), ("weighted_metrics", "metrics"),
                          ("optimizer", "optimizers")):  # fmt: skip
        options[name] = reader.value(options.get(name), package)
    with explained(f"{reader.label}: compile"):
        model.compile(**options)


@contextmanager
def _stored(filepath: Any) -> Iterator[hdf5.Stored]:
    """The weights in any of Keras' files but the old ones."""
    kind = kind_of(filepath)
    with ExitStack() as stack:
        if kind in ("zip", "folder"):
            yield stack.enter_context(archive.opened(filepath)).weights()
            return
        stack.enter_context(archive.translated(Path(filepath)))
        opened = hdf5.opened_parts if kind == "index" else hdf5.opened
        yield stack.enter_context(opened(Path(filepath)))


def load_weights(model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool) -> None:
    """See ``Model.load_weights``; the optimizer's state in the file is left alone, as by Keras."""
    if not model.built:
        raise FileFormatError(
            f"model {model.name!r} is not built: call it on data before loading weights"
        )
    with explained(os.fspath(filepath)):
        _load_weights(model, filepath, strict=not skip_mismatch)


def _load_weights(model: Any, filepath: str | os.PathLike[str], *, strict: bool) -> None:
    places = Places()
    if kind_of(filepath) == "hdf5":
        with archive.translated(Path(filepath)), hdf5.file(filepath, os.fspath(filepath)) as root:
            if legacy.is_legacy(root):
                _assign(model, legacy.values(model, root, places, str(filepath), strict=strict))
                return
    with _stored(filepath) as stored:
        _assign(model, weights.matched(model, stored, places, strict=strict))


def _assign(model: Any, values: weights.Values) -> None:
    given = {id(v) for v, _ in values}
    missing = [v.path for v in model.weights if id(v) not in given]
    if missing:
        warnings.warn(
            f"{len(missing)} weights are not in the file, or of another shape there, and keep their "
            f"values: {missing[0]} ...",
            stacklevel=5,
        )
    for variable, array in values:
        variable.assign(array)
