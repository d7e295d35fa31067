"""ONNX files of other origin as our graph: opsets 7 to 28, normalised to ours on the way in.

``read`` gives an ``Imported``: inputs, outputs and weights as tensors of our graph. Shapes are inferred
anew; of what the file declares only the inputs' types are believed. Functions of the file are inlined,
operators newer than our opset are replaced by their bodies, sequences are unrolled.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from ...errors import ArgumentError, FileFormatError
from ..ir import Tensor
from . import classical, control, sequences, training
from .reader import Reader
from .texts import check_texts
from .values import Weight


@dataclass(frozen=True, slots=True)
class Imported:
    """A file as a graph.

    Args:
        inputs: ``Argument`` leaves, by their names in the file.
        outputs: by their names in the file.
        weights: stored tensors that the outputs may depend on, by their names in the file.
        metadata: the file's ``metadata_props``.
    """

    name: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    weights: Mapping[str, Weight]
    metadata: Mapping[str, str] = field(default_factory=dict)


def parsed(
    source: str | os.PathLike[str] | bytes | onnx.ModelProto,
) -> tuple[onnx.ModelProto, Path | None]:
    """A model and the folder that its external data may be in.

    Raises ``ArgumentError`` where there is no such file, ``FileFormatError`` where it is no ONNX model.
    """
    if isinstance(source, onnx.ModelProto):
        _check(source, "the model")
        return source, None
    label, folder = "the model", None
    if not isinstance(source, bytes):
        path = Path(source)
        if not path.is_file():
            raise ArgumentError(f"there is no file {os.fspath(source)}")
        label, folder, source = os.fspath(path), path.resolve().parent, path.read_bytes()
    try:
        model = onnx.ModelProto.FromString(source)
    except (DecodeError, RuntimeError) as error:
        raise FileFormatError(f"{label} is no ONNX file, or is damaged: {error}") from error
    _check(model, label)
    return model, folder


def _check(model: onnx.ModelProto, label: str) -> None:
    """Raises ``FileFormatError`` for what is no model at all."""
    if not model.HasField("graph") or not model.graph.output:
        raise FileFormatError(f"{label} is no ONNX file: it has no graph with outputs")
    try:
        check_texts(model)
    except RecursionError as error:
        raise FileFormatError("the model is nested too deeply") from error


def read(
    source: str | os.PathLike[str] | bytes | onnx.ModelProto,
    *,
    masters: bool = True,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    state: Collection[str] = (),
    folder: Path | None = None,
) -> Imported:
    """Read a model.

    Args:
        source: a path, the file's bytes, or the model.
        masters: whether float16 or int8 weights that are only cast or dequantised become float32 ones.
        input_shapes: shapes to assume for inputs instead of the declared ones; None for any size.
        state: stored tensors that the file's own training changes: weights, whatever they are.
        folder: where the external data of a model that is given as an object may be.

    Raises ``FileFormatError`` where the file is damaged or asks for what is not supported; it names the
    node. ``ArgumentError`` where there is no file.
    """
    model, own = parsed(source)
    reader = Reader(model, own or folder, masters, input_shapes or {}, state)
    try:
        outputs = reader.graph(model.graph)
    except RecursionError as error:
        raise FileFormatError("the model is nested too deeply") from error
    except MemoryError as error:
        raise FileFormatError(f"the model asks for more memory than there is: {error}") from error
    flat: dict[str, Tensor] = {}
    for name, value in outputs.items():
        if not isinstance(value, Tensor):
            raise FileFormatError(f"the output {name!r} is a sequence or an optional, not a tensor")
        flat[name] = value
    metadata = {p.key: p.value for p in model.metadata_props}
    return Imported(model.graph.name, reader.inputs, flat, reader.weights, metadata)


__all__ = ["Imported", "Weight", "classical", "control", "parsed", "read", "sequences", "training"]
