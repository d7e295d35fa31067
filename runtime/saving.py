"""A model in one file: safetensors, with the architecture as JSON in its metadata. No code in it is run."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..compiler import config, tree
from ..compiler.ir import Array, argument
from ..compiler.optimizers import Optimizer
from ..compiler.program import TensorSpec
from ..compiler.state import Trace, Variable, tracing
from ..errors import ArgumentError, ExportError, FileFormatError
from . import keras_files
from .files import replacing
from .places import placed

if TYPE_CHECKING:
    from .model import Model

FORMAT = 1
_KEY = "waterhorse"
_SHARDS = "weights"


def named_state(model: Model) -> dict[str, Variable]:
    """All that a file keeps: ``model/...`` and ``optimizer/...``, uniquely named."""
    found = {f"model/{n}": v for n, v in placed(model).items()}
    for label, optimizer in _optimizers(model).items():  # slots are named after weights: by order
        found |= {f"{label}/{i}": v for i, v in enumerate(optimizer.variables)}
    return found


def _optimizers(model: Model) -> dict[str, Optimizer]:
    """The optimizer of ``compile``, and those that are attributes of a model with its own steps."""
    own = {
        f"optimizer/{key}": value
        for key, value in vars(model).items()
        if isinstance(value, Optimizer)
    }
    return own if model.optimizer is None else {"optimizer": model.optimizer, **own}


def save(
    model: Model,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    include_optimizer: bool = True,
) -> None:
    """See ``Model.save``."""
    _check_free(filepath, overwrite)
    specs = model.input_specs
    if specs is None:
        raise ExportError(f"model {model.name!r} is not built: call it on data before saving it")
    description = {
        "format": FORMAT,
        "model": config.serialize(model),
        "inputs": config.encode(tree.map_leaves(_spec_config, specs)),
        "compile": None if model.compilation is None else config.encode(model.compilation.config),
    }
    arrays = {
        n: v.numpy()
        for n, v in named_state(model).items()
        if include_optimizer or not n.startswith("optimizer/")
    }
    with replacing(filepath) as temporary:
        save_file(arrays, str(temporary), {_KEY: json.dumps(description)})


def save_model(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs: Any
) -> None:
    """``model.save``."""
    model.save(filepath, overwrite, **kwargs)


def _spec_config(spec: TensorSpec) -> str:
    return json.dumps({"shape": list(spec.shape), "dtype": spec.dtype.name, "name": spec.name})


def _spec_from(text: str) -> TensorSpec:
    fields = json.loads(text)
    return TensorSpec(fields["shape"], fields["dtype"], fields["name"])


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that ``save`` wrote, with weights and (if ``compile``) optimizer state.

    Args:
        custom_objects: your own classes and functions by name. Nothing else in the file is executed,
            whatever ``safe_mode`` says.

    Files of Keras 3 (``.keras``, or the folder) and its old ``.h5`` are read as well; they need the extra
    ``waterhorse[keras]``.

    Raises ``FileFormatError`` where the file is damaged, of another kind, or uses unknown classes.
    """
    if keras_files.is_keras(filepath):
        return keras_files.load_model(filepath, custom_objects, compile)
    description, arrays = _read(filepath)
    with config.custom_object_scope(custom_objects or {}):
        model = config.deserialize(description["model"])
        _build(model, description["inputs"])
        if compile and description["compile"] is not None:
            model.compile(**_decoded(description["compile"]))
            model.compilation.optimizer.build(model.trainable_variables)
    state = named_state(model)
    wanted = {n for n in state if not n.startswith("optimizer/")} | {
        n for n in state if n in arrays
    }
    missing = sorted(wanted - set(arrays))
    if missing:
        raise FileFormatError(f"{os.fspath(filepath)} has no values for {missing[:3]}")
    for name in wanted:
        if arrays[name].shape != state[name].shape:
            raise FileFormatError(
                f"{os.fspath(filepath)}: {name} has shape {arrays[name].shape}; the model has "
                f"{state[name].shape}"
            )
    for name in wanted:
        state[name].assign(arrays[name])
    return model


def _decoded(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {k: config.decode(v) for k, v in saved.items()}


def _read(filepath: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    path = os.fspath(filepath)
    metadata, arrays = tensors_of(path, "no model saved by waterhorse, or damaged")
    try:
        description = json.loads(metadata[_KEY])
    except (KeyError, ValueError) as error:
        raise FileFormatError(
            f"{path} is a safetensors file, but holds no waterhorse model"
        ) from error
    if description.get("format") != FORMAT:
        raise FileFormatError(
            f"{path} has format {description.get('format')}; this version reads {FORMAT}"
        )
    return description, arrays


def tensors_of(path: str, otherwise: str) -> tuple[dict[str, str], dict[str, Array]]:
    """Metadata and arrays of a safetensors file; ``otherwise`` says what another file is."""
    if not Path(path).is_file():
        raise ArgumentError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, arrays
    except SafetensorError as error:
        raise FileFormatError(f"{path} is {otherwise}: {error}") from error


def _build(model: Model, saved: Any) -> None:
    """Make the variables of a model that is built by its first call."""
    if model.built and model.input_specs is not None:
        return
    specs = tree.map_leaves(_spec_from, saved)
    symbols = tree.map_leaves(lambda s: argument(s.name or "input", s.type), specs)
    with tracing(Trace()):
        model(symbols)


def _check_free(filepath: str | os.PathLike[str], overwrite: bool) -> None:
    if not overwrite and Path(filepath).exists():
        raise ExportError(f"{os.fspath(filepath)} exists; pass overwrite=True to replace it")


def save_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """See ``Model.save_weights``."""
    _check_free(filepath, overwrite)
    arrays = {n: v.numpy() for n, v in placed(model).items()}
    if max_shard_size is None:
        with replacing(filepath) as temporary:
            save_file(arrays, str(temporary))
        return
    target = Path(filepath)
    shards = _shards(arrays, max_shard_size * 1e9)
    index: dict[str, str] = {}
    for i, names in enumerate(shards):
        part = target.with_name(f"{target.stem}_{i:05d}.safetensors")
        with replacing(part) as temporary:
            save_file({n: arrays[n] for n in names}, str(temporary))
        index |= dict.fromkeys(names, part.name)
    with replacing(target) as temporary:  # last: without it the parts are nothing
        Path(temporary).write_text(json.dumps({_SHARDS: index}), "utf-8")


def _shards(arrays: Mapping[str, Array], limit: float) -> list[list[str]]:
    """Names in groups of at most ``limit`` bytes; a larger tensor is a group of its own."""
    groups: list[list[str]] = [[]]
    size = 0
    for name, array in arrays.items():
        if groups[-1] and size + array.nbytes > limit:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += array.nbytes
    return groups


def _stored_weights(path: str) -> dict[str, Array]:
    """The arrays of a file of ``save_weights``, or of all the parts that an index names."""
    if Path(path).is_file() and Path(path).read_bytes()[:1] == b"{":
        try:
            index = json.loads(Path(path).read_text("utf-8"))[_SHARDS]
            parts = sorted({Path(part).name for part in index.values()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(f"{path} is no index of weights: {error}") from error
        found: dict[str, Array] = {}
        for part in parts:
            found |= tensors_of(str(Path(path).with_name(part)), "no part of these weights")[1]
        return found
    return tensors_of(path, "no safetensors file")[1]


def load_weights(
    model: Model, filepath: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """See ``Model.load_weights``."""
    if keras_files.is_keras(filepath):
        keras_files.load_weights(model, filepath, skip_mismatch)
        return
    arrays = _stored_weights(os.fspath(filepath))
    state = placed(model)
    fitting = {n for n, v in state.items() if n in arrays and arrays[n].shape == v.shape}
    for name, variable in state.items():
        if name in fitting:
            continue
        found = arrays[name].shape if name in arrays else "nothing"
        message = f"{name} needs shape {variable.shape}; the file has {found}"
        if not skip_mismatch:
            raise FileFormatError(message)
        warnings.warn(f"{message}: it keeps its value", stacklevel=3)
    for name in fitting:
        state[name].assign(arrays[name])
