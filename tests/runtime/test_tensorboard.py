"""Event files, read by protobuf itself from a schema of their own."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image

import waterhorse as wh
from waterhorse.errors import ArgumentError, ExportError
from waterhorse.runtime.callbacks import events

# The parts of tensorboard/compat/proto that are written: message -> {field: (number, type)}; a type that
# is a message's name is that message, * is repeated.
SCHEMA: dict[str, dict[str, tuple[int, str]]] = {
    "Event": {"wall_time": (1, "DOUBLE"), "step": (2, "INT64"), "file_version": (3, "STRING"),
              "graph_def": (4, "BYTES"), "summary": (5, "Summary")},
    "Summary": {"value": (1, "*Value")},
    "Value": {"tag": (1, "STRING"), "tensor": (8, "Tensor"), "metadata": (9, "Metadata")},
    "Metadata": {"plugin_data": (1, "Plugin"), "data_class": (4, "INT32")},
    "Plugin": {"plugin_name": (1, "STRING"), "content": (2, "BYTES")},
    "Tensor": {"dtype": (1, "INT32"), "shape": (2, "Shape"), "content": (4, "BYTES"),
               "strings": (8, "*BYTES")},
    "Shape": {"dim": (2, "*Dim")},
    "Dim": {"size": (1, "INT64")},
    "GraphDef": {"node": (1, "*NodeDef"), "versions": (4, "Versions")},
    "NodeDef": {"name": (1, "STRING"), "op": (2, "STRING"), "input": (3, "*STRING")},
    "Versions": {"producer": (1, "INT32")},
}  # fmt: skip


def schema() -> dict[str, Any]:
    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="t", syntax="proto3")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for label, (number, kind) in fields.items():
            bare = kind.removeprefix("*")
            field = message.field.add(name=label, number=number)
            field.label = field_type.LABEL_REPEATED if bare != kind else field_type.LABEL_OPTIONAL
            if bare in SCHEMA:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".t.{bare}"
            else:
                field.type = getattr(field_type, f"TYPE_{bare}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {n: pool.FindMessageTypeByName(f"t.{n}") for n in SCHEMA}
    return {n: message_factory.GetMessageClass(d) for n, d in found.items()}


MESSAGES = schema()


def masked(data: bytes) -> int:
    """As record_writer.h has it, with the checksum computed bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def read(folder: Path) -> list[Any]:
    """All events of a run; every checksum is looked at."""
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content = io.BytesIO(path.read_bytes())
        while header := content.read(8):
            (length,) = struct.unpack("<Q", header)
            assert struct.unpack("<I", content.read(4))[0] == masked(header)
            data = content.read(length)
            assert struct.unpack("<I", content.read(4))[0] == masked(data)
            found.append(MESSAGES["Event"].FromString(data))
    return found


def values(folder: Path, plugin: str) -> dict[str, dict[int, Any]]:
    """Tensors of one plugin: tag -> step -> value."""
    found: dict[str, dict[int, Any]] = {}
    for event in read(folder):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == plugin:
                shape = [d.size for d in value.tensor.shape.dim]
                kind = {1: "<f4", 2: "<f8"}.get(value.tensor.dtype)
                content: Any = list(value.tensor.strings)
                if kind is not None:
                    content = np.frombuffer(value.tensor.content, kind).reshape(shape)
                found.setdefault(value.tag, {})[event.step] = content
    return found


def model() -> wh.Model:
    made = wh.Sequential([wh.Input((5,), dtype="int32"), wh.layers.Embedding(7, 3, name="words"),
                          wh.layers.Flatten(), wh.layers.Dense(4, name="hidden"),
                          wh.layers.Dense(1, name="out")])  # fmt: skip
    made.compile("sgd", "mse", metrics=["mae"])
    return made


X = np.random.default_rng(0).integers(0, 7, (32, 5))
Y = X.sum(1, keepdims=True).astype(np.float32) / 10


def test_checksum() -> None:
    assert events.crc32c(b"123456789") == 0xE3069283  # RFC 3720, and every catalogue of CRCs
    assert events.crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**63 - 1, -1, -5])
def test_numbers(number: int) -> None:
    assert MESSAGES["Event"].FromString(events.number(2, number)).step == number


def test_curves_of_epochs(tmp_path: Path) -> None:
    m = model()
    history = m.fit(X, Y, batch_size=8, epochs=3, validation_split=0.25, verbose=0,
                    callbacks=[wh.callbacks.TensorBoard(tmp_path)]).history  # fmt: skip
    train, held = (values(tmp_path / r, "scalars") for r in ("train", "validation"))
    assert set(train) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    for name in ("loss", "mae"):
        found = [float(v) for v in train[f"epoch_{name}"].values()]
        np.testing.assert_allclose(found, history[name], rtol=1e-6)
        found = [float(v) for v in held[f"epoch_{name}"].values()]
        np.testing.assert_allclose(found, history[f"val_{name}"], rtol=1e-6)
    assert list(held["epoch_loss"]) == [0, 1, 2]
    assert list(held["evaluation_loss_vs_iterations"]) == [3, 6, 9]
    assert read(tmp_path / "train")[0].file_version == "brain.Event:2"


def test_curves_of_batches(tmp_path: Path) -> None:
    board = wh.callbacks.TensorBoard(
        tmp_path, update_freq=2, write_steps_per_second=True, write_graph=False
    )
    model().fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[board])
    found = values(tmp_path / "train", "scalars")
    assert list(found["batch_loss"]) == list(found["batch_mae"]) == [2, 4, 6, 8]
    assert list(found["epoch_steps_per_second"]) == [0, 1]
    assert all(v > 0 for v in found["batch_steps_per_second"].values())
    assert not values(tmp_path / "train", "text")


def test_weights_as_histograms_and_images(tmp_path: Path) -> None:
    m = model()
    board = wh.callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True)
    m.fit(X, Y, epochs=3, verbose=0, callbacks=[board])
    found = values(tmp_path / "train", "histograms")
    assert set(found) == {f"{w.path}/histogram" for w in m.weights}
    assert list(found["hidden/kernel/histogram"]) == [0, 2]
    kernel = m.get_weights()[1]
    buckets = found["hidden/kernel/histogram"][2]
    counts, edges = np.histogram(kernel.astype(np.float64), 30)
    np.testing.assert_allclose(buckets[:, 2], counts)
    np.testing.assert_allclose(buckets[:, 0], edges[:-1])
    np.testing.assert_allclose(buckets[:, 1], edges[1:])
    width, height, content = values(tmp_path / "train", "images")["hidden/kernel/image"][2]
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert picture.shape == (int(height), int(width)) == (4, 15)
    np.testing.assert_allclose(picture / 255, np.clip(kernel.T, 0, 1), atol=1 / 255)


def test_equal_and_infinite_values() -> None:
    def rows(x: Any) -> Any:
        (value,) = MESSAGES["Summary"].FromString(events.histogram("a", np.asarray(x))).value
        shape = [d.size for d in value.tensor.shape.dim]
        return np.frombuffer(value.tensor.content).reshape(shape).tolist()

    assert rows([2.0, 2.0, np.nan]) == [[1.5, 2.5, 2]]
    assert rows([np.inf]) == []
    assert rows(np.zeros((0, 3))) == []


def test_the_graph_and_the_summary(tmp_path: Path) -> None:
    m = model()
    m.fit(X, Y, verbose=0, callbacks=[wh.callbacks.TensorBoard(tmp_path)])
    (text,) = values(tmp_path / "train", "text")["model_summary"][0]
    assert "words (Embedding)" in text.decode()
    (definition,) = [e.graph_def for e in read(tmp_path / "train") if e.graph_def]
    graph = MESSAGES["GraphDef"].FromString(definition)
    operators = {n.name: n.op for n in graph.node}
    assert len(operators) == len(graph.node)
    assert operators["forward/hidden/Gemm" if "forward/hidden/Gemm" in operators
                     else "forward/hidden/MatMul"]  # fmt: skip
    assert operators["words/embeddings"] == "Input"
    named = {i.split(":")[0] for n in graph.node for i in n.input}
    assert named <= set(operators)


def test_embeddings(tmp_path: Path) -> None:
    m = model()
    board = wh.callbacks.TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"}
    )
    m.fit(X, Y, epochs=2, verbose=0, callbacks=[board])
    found = np.loadtxt(tmp_path / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(found, m.get_weights()[0], rtol=1e-5)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    for line in ('tensor_name: "words"', 'tensor_path: "words.tsv"', 'metadata_path: "names.tsv"'):
        assert line in text
    wrong = wh.callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"a": "b"})
    with pytest.raises(ArgumentError, match="'a'"):
        m.fit(X, Y, verbose=0, callbacks=[wrong])


def test_evaluation_alone_and_two_runs(tmp_path: Path) -> None:
    m, board = model(), wh.callbacks.TensorBoard(tmp_path)
    m.evaluate(X, Y, verbose=0, callbacks=[board])
    m.fit(X, Y, verbose=0, callbacks=[board])
    m.evaluate(X, Y, verbose=0, callbacks=[board])
    found = values(tmp_path / "validation", "scalars")
    assert list(found["evaluation_loss_vs_iterations"]) == [0, 1]


def test_senseless_arguments(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="profile_batch"):
        wh.callbacks.TensorBoard(profile_batch=2)
    with pytest.raises(ArgumentError, match="update_freq"):
        wh.callbacks.TensorBoard(update_freq=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file"):
        model().fit(X, Y, verbose=0, callbacks=[wh.callbacks.TensorBoard(tmp_path / "file")])
