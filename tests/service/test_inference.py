"""The Open Inference Protocol: what a well-formed request gets."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waterhorse.protos import inference_pb2 as pb
from waterhorse.service import wire

from . import models

Call = Callable[..., Any]

VALUES: dict[str, np.ndarray] = {
    "BOOL": np.array([[True, False], [False, True]]),
    "UINT8": np.array([[0, 255]], np.uint8),
    "UINT16": np.array([[0, 65535]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1]], np.uint32),
    "UINT64": np.array([[0, 2**64 - 1]], np.uint64),
    "INT8": np.array([[-128, 127]], np.int8),
    "INT16": np.array([[-32768, 32767]], np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**63), 2**63 - 1]], np.int64),
    "FP16": np.array([[1.5, -65504]], np.float16),
    "FP32": np.array([[np.nan, -np.inf], [1e-45, -0.0]], np.float32),
    "FP64": np.array([[1e308, 5e-324]], np.float64),
    "BYTES": np.array([["", "a\0b"], ["\u00e4\u6f22", "x" * 300]], object),
}
FIELDS = {
    "BOOL": "bool_contents", "UINT8": "uint_contents", "UINT16": "uint_contents",
    "UINT32": "uint_contents", "UINT64": "uint64_contents", "INT8": "int_contents",
    "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip


def raw(array: np.ndarray) -> bytes:
    if array.dtype == object:
        return b"".join(struct.pack("<I", len(s.encode())) + s.encode() for s in array.flat)
    return array.tobytes()


def request(model: str, name: str, datatype: str, array: np.ndarray, **more: Any) -> Any:
    tensor = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=array.shape)
    return pb.ModelInferRequest(
        model_name=model, inputs=[tensor], raw_input_contents=[raw(array)], **more
    )


def test_live_ready_and_who(call: Call) -> None:
    assert call("ServerLive", pb.ServerLiveRequest()).live
    assert call("ServerReady", pb.ServerReadyRequest()).ready
    assert call("ServerMetadata", pb.ServerMetadataRequest()).name == "waterhorse"


@pytest.mark.parametrize(
    ("name", "version", "ready"),
    [("digits", "", True), ("digits", "2", True), ("digits", "3", False), ("nope", "", False),
     ("broken", "1", False), ("secret", "1", False), ("bad name!", "1", False), ("", "", False)],
)  # fmt: skip
def test_model_ready(call: Call, name: str, version: str, ready: bool) -> None:
    assert call("ModelReady", pb.ModelReadyRequest(name=name, version=version)).ready is ready


def test_metadata(call: Call) -> None:
    found = call("ModelMetadata", pb.ModelMetadataRequest(name="digits"))
    assert list(found.versions) == ["1", "2", "10"]
    assert found.platform == "onnxruntime_onnx"
    (image,), (digits,) = found.inputs, found.outputs
    assert (image.name, image.datatype, list(image.shape)) == ("image", "FP32", [-1, 2, 2, 1])
    assert (digits.name, digits.datatype, list(digits.shape)) == ("digits", "FP32", [-1, 3])
    assert found.properties["waterhorse.labels"] == '["cat", "dog", "eel"]'
    one = call("ModelMetadata", pb.ModelMetadataRequest(name="digits", version="2"))
    assert list(one.versions) == ["2"]


def test_index_tells_what_is_served_and_what_failed(call: Call) -> None:
    found = call("RepositoryIndex", pb.RepositoryIndexRequest()).models
    states = {(m.name, m.version): (m.state, m.reason) for m in found}
    assert [v for n, v in states if n == "digits"] == ["1", "2", "10"]
    assert states["digits", "1"] == ("READY", "")
    for bad in ("broken", "badlabels", "badkind"):
        state, reason = states[bad, "1"]
        assert state == "UNAVAILABLE"
        assert "could not be loaded" in reason
        assert "/" not in reason
    ready = call("RepositoryIndex", pb.RepositoryIndexRequest(ready=True)).models
    assert sorted({m.name for m in ready}) == models.SERVED


@pytest.mark.parametrize("datatype", VALUES)
def test_every_type_travels_raw(call: Call, datatype: str) -> None:
    array = VALUES[datatype]
    answer = call("ModelInfer", request(f"echo_{datatype}", "x", datatype, array, id="42"))
    (output,) = answer.outputs
    assert (output.name, output.datatype, tuple(output.shape)) == ("y", datatype, array.shape)
    assert list(answer.raw_output_contents) == [raw(array)]
    assert (answer.id, answer.model_name, answer.model_version) == ("42", f"echo_{datatype}", "1")


@pytest.mark.parametrize("datatype", FIELDS)
def test_every_type_travels_typed_and_is_answered_raw(call: Call, datatype: str) -> None:
    array = VALUES[datatype]
    flat = [s.encode() for s in array.flat] if datatype == "BYTES" else array.reshape(-1).tolist()
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="x",
        datatype=datatype,
        shape=array.shape,
        contents=pb.InferTensorContents(**{FIELDS[datatype]: flat}),
    )
    answer = call(
        "ModelInfer", pb.ModelInferRequest(model_name=f"echo_{datatype}", inputs=[tensor])
    )
    assert list(answer.raw_output_contents) == [raw(array)]
    assert not answer.outputs[0].HasField("contents")


def test_no_rows(call: Call) -> None:
    answer = call("ModelInfer", request("plain", "x", "FP32", np.zeros((0, 3), np.float32)))
    assert list(answer.outputs[0].shape) == [0, 3]
    assert list(answer.raw_output_contents) == [b""]


def test_scalar(call: Call) -> None:
    answer = call("ModelInfer", request("scalar", "x", "FP32", np.array(2.5, np.float32)))
    assert list(answer.outputs[0].shape) == []
    assert list(answer.raw_output_contents) == [struct.pack("<f", 2.5)]


def pair_request(*outputs: str) -> Any:
    inputs = [
        pb.ModelInferRequest.InferInputTensor(name="n", datatype="INT64", shape=[1]),
        pb.ModelInferRequest.InferInputTensor(name="a", datatype="FP32", shape=[1, 2]),
    ]
    wanted = [pb.ModelInferRequest.InferRequestedOutputTensor(name=o) for o in outputs]
    return pb.ModelInferRequest(
        model_name="pair", inputs=inputs, outputs=wanted,
        raw_input_contents=[struct.pack("<q", 7), struct.pack("<2f", 1, 2)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "given"),
    [((), ("twice", "same")), (("same",), ("same",)), (("same", "twice"), ("same", "twice"))],
)
def test_outputs_as_asked(call: Call, asked: tuple[str, ...], given: tuple[str, ...]) -> None:
    answer = call("ModelInfer", pair_request(*asked))
    bytes_of = {"twice": struct.pack("<2f", 2, 4), "same": struct.pack("<q", 7)}
    assert tuple(o.name for o in answer.outputs) == given
    assert list(answer.raw_output_contents) == [bytes_of[name] for name in given]


def test_the_newest_version_answers_unless_one_is_named(call: Call) -> None:
    image = np.zeros((1, 2, 2, 1), np.float32)
    newest = call("ModelInfer", request("digits", "image", "FP32", image))
    assert newest.model_version == "10"  # by number, not by text
    second = call("ModelInfer", request("digits", "image", "FP32", image, model_version="2"))
    assert second.model_version == "2"
    assert second.raw_output_contents[0] == np.ones(3, np.float32).tobytes()


def test_raw_bytes_of_strided_and_big_endian_arrays() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert wire.to_raw(array.T) == array.T.copy().tobytes()
    assert wire.to_raw(array.astype(">f4")) == array.tobytes()
