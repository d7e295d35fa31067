"""Damaged and hostile stored tensors: dense, sparse, and in other files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

import waterhorse as wh

from .malformed import refused, small

# -- stored tensors ---------------------------------------------------------------------------------


def stored(**fields: Any) -> onnx.ModelProto:
    """The small model whose weight is written field by field."""
    proto = small()
    tensor = proto.graph.initializer[0]
    tensor.Clear()
    made = {
        "name": "w",
        "data_type": TensorProto.FLOAT,
        "dims": [4, 3],
        "raw_data": b"\0" * 48,
        **fields,
    }
    for name, value in made.items():
        if isinstance(value, list):
            getattr(tensor, name).extend(value)
        elif value is not None:
            setattr(tensor, name, value)
    return proto


STORED = {
    "too few bytes": {"raw_data": b"\0" * 47},
    "too many bytes": {"raw_data": b"\0" * 49},
    "no data": {"raw_data": None},
    "too few numbers": {"raw_data": None, "float_data": [1.0]},
    "numbers of another field": {"raw_data": None, "int32_data": [1] * 12},
    "a negative dim": {"dims": [-4, -3]},
    "a negative dim alone": {"dims": [-1], "raw_data": None},
    "dims for terabytes": {"dims": [1 << 40, 1 << 20]},
    "dims beyond 64 bits": {"dims": [1 << 32, 1 << 32, 1 << 32]},
    "an unknown type": {"data_type": 99},
    "no type": {"data_type": 0},
    "a negative type": {"data_type": -1},
    "text as raw bytes": {"data_type": TensorProto.STRING},
    "text that is no text": {"data_type": TensorProto.STRING, "raw_data": None, "dims": [1], "string_data": [b"\xff"]},
    "external without a place": {"raw_data": None, "data_location": TensorProto.EXTERNAL},
}  # fmt: skip


@pytest.mark.parametrize("fields", STORED.values(), ids=STORED)
def test_stored_tensors(fields: dict[str, Any]) -> None:
    refused(stored(**fields))


def test_segments() -> None:
    proto = stored()
    proto.graph.initializer[0].segment.begin = 0
    refused(proto, "in segments")


def sparse(indices: Any, values: int = 2, dims: Any = (4, 3)) -> onnx.ModelProto:
    proto = small()
    del proto.graph.initializer[0]
    made = proto.graph.sparse_initializer.add(dims=dims)
    made.values.CopyFrom(numpy_helper.from_array(np.ones(values, "float32"), "w"))
    made.indices.CopyFrom(numpy_helper.from_array(np.array(indices), "w_indices"))
    return proto


SPARSE = {
    "beyond the end": sparse([0, 12]), "beyond an axis": sparse([[0, 0], [4, 0]]),
    "too few": sparse([1], 2), "too many": sparse([1, 2, 3], 2), "of rank 3": sparse([[[1]], [[2]]]),
    "a single number": sparse(3), "for too many axes": sparse([[0, 0, 0], [1, 1, 1]]),
    "floats": sparse([0.5, 1.5]), "negative dims": sparse([0, 1], dims=(-4, 3)),
    "terabytes": sparse([0, 1], dims=(1 << 40, 1 << 20)), "beyond 64 bits": sparse([0, 1], dims=(1 << 32, 1 << 32)),
}  # fmt: skip


@pytest.mark.parametrize("proto", SPARSE.values(), ids=SPARSE)
def test_sparse_tensors(proto: onnx.ModelProto) -> None:
    refused(proto, "sparse|'w'")


def test_the_sparse_form_of_these_cases_is_read() -> None:
    weight = wh.load_onnx(sparse([[0, 0], [3, 2]])).state["w"].numpy()
    assert weight.sum() == 2
    assert weight[0, 0] == weight[3, 2] == 1


# -- external data ----------------------------------------------------------------------------------


def external(**entries: str) -> onnx.ModelProto:
    proto = stored(raw_data=None, data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        proto.graph.initializer[0].external_data.add(key=key, value=value)
    return proto


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, with its data and with what a file may not lead to."""
    inner = tmp_path / "models"
    (inner / "sub").mkdir(parents=True)
    data = np.arange(12, dtype="float32").tobytes()
    for path in (inner / "w.bin", inner / "sub" / "w.bin", tmp_path / "secret.bin"):
        path.write_bytes(data)
    (inner / "short.bin").write_bytes(data[:40])
    (inner / "link.bin").symlink_to(tmp_path / "secret.bin")
    (inner / "inside.bin").symlink_to(inner / "w.bin")
    (inner / "way").symlink_to(tmp_path)
    os.link(tmp_path / "secret.bin", inner / "hard.bin")
    os.mkfifo(inner / "pipe.bin")
    return inner


OUTSIDE = {
    "absolute": ("{root}/secret.bin", "not a place within"),
    "up": ("../secret.bin", "not a place within"),
    "up from below": ("sub/../../secret.bin", "not a place within"),
    "up with backslashes": ("..\\secret.bin", "not a place within"),
    "a drive": ("C:\\secret.bin", "not a place within"),
    "nothing": ("", "not a place within"),
    "a dot": (".", "not a place within"),
    "a zero byte": ("w.bin\0", "not a place within"),
    "a symbolic link": ("link.bin", "no plain file"),
    "a symbolic link inside": ("inside.bin", "no plain file"),
    "through a linked folder": ("way/secret.bin", "no plain file"),
    "a hard link": ("hard.bin", "which is a link"),
    "a folder": ("sub", "no plain file"),
    "a pipe": ("pipe.bin", "no plain file"),
    "missing": ("nowhere.bin", "not there"),
    "a file as folder": ("w.bin/w.bin", "no plain file"),
    "too long a name": ("a" * 5000, "not there|not a place"),
}  # fmt: skip


@pytest.mark.parametrize(("location", "message"), OUTSIDE.values(), ids=OUTSIDE)
def test_places_of_external_data(location: str, message: str, folder: Path) -> None:
    proto = external(location=location.format(root=folder.parent))
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    refused(folder / "m.onnx", message)


PARTS = {
    "a file too short": ({"location": "short.bin"}, "has 40"),
    "an offset beyond the end": ({"location": "w.bin", "offset": "49"}, "has 48"),
    "a huge offset": ({"location": "w.bin", "offset": str(1 << 62)}, "has 48"),
    "an offset beyond 64 bits": ({"location": "w.bin", "offset": "9" * 40}, "no number"),
    "an endless offset": ({"location": "w.bin", "offset": "9" * 5000}, "offset"),
    "a negative offset": ({"location": "w.bin", "offset": "-1"}, "no number"),
    "an offset that is no number": ({"location": "w.bin", "offset": "ten"}, "no number"),
    "other digits": ({"location": "w.bin", "offset": "٣"}, "no number"),
    "a length too short": ({"location": "w.bin", "length": "47"}, "takes 48 bytes; the file says 47"),
    "a length too long": ({"location": "w.bin", "length": "49"}, "takes 48 bytes; the file says 49"),
    "a negative length": ({"location": "w.bin", "length": "-48"}, "no number"),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "message"), PARTS.values(), ids=PARTS)
def test_parts_of_external_data(entries: dict[str, str], message: str, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(external(**entries).SerializeToString())
    refused(folder / "m.onnx", message)


def test_external_data_that_may_be_read(folder: Path) -> None:
    for location in ("w.bin", "sub/w.bin", "./w.bin"):
        (folder / "m.onnx").write_bytes(
            external(location=location, length="48").SerializeToString()
        )
        weight = wh.load_onnx(folder / "m.onnx").state["w"].numpy()
        np.testing.assert_array_equal(weight.ravel(), np.arange(12))
    refused(external(location="w.bin"), "load the model by its path")


@pytest.mark.parametrize(
    "fields",
    [{"data_type": TensorProto.STRING}, {"data_type": TensorProto.INT4}, {"data_type": 99}, {"dims": [-4, 3]},
     {"dims": [1 << 40, 1 << 40]}],
)  # fmt: skip
def test_types_of_external_data(fields: dict[str, Any], folder: Path) -> None:
    proto = stored(raw_data=None, data_location=TensorProto.EXTERNAL, **fields)
    proto.graph.initializer[0].external_data.add(key="location", value="w.bin")
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    refused(folder / "m.onnx")
