"""Small ONNX models for the server to serve, and the repository that they are in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

LABELS = ["cat", "dog", "eel"]
ECHO_TYPES = {
    "BOOL": T.BOOL, "UINT8": T.UINT8, "UINT16": T.UINT16, "UINT32": T.UINT32, "UINT64": T.UINT64,
    "INT8": T.INT8, "INT16": T.INT16, "INT32": T.INT32, "INT64": T.INT64,
    "FP16": T.FLOAT16, "FP32": T.FLOAT, "FP64": T.DOUBLE, "BYTES": T.STRING,
}  # fmt: skip
WEIGHTS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0]], np.float32)


def tensor(name: str, kind: int, shape: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Mapping[str, np.ndarray] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> onnx.ModelProto:
    constants = [numpy_helper.from_array(v, k) for k, v in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), constants)
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    for key, value in (metadata or {}).items():
        helper.set_model_props(found, {**_props(found), f"waterhorse.{key}": json.dumps(value)})
    return found


def _props(found: onnx.ModelProto) -> dict[str, str]:
    return {p.key: p.value for p in found.metadata_props}


def save(folder: Path, name: str, version: str, proto: onnx.ModelProto) -> None:
    path = folder / name / version / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(proto.SerializeToString())


def linear(bias: float = 0.0) -> onnx.ModelProto:
    """Logits of 2x2 images: ``flatten(image) @ WEIGHTS + bias``."""
    return model(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["digits"]),
        ],
        [tensor("image", T.FLOAT, ["N", 2, 2, 1])],
        [tensor("digits", T.FLOAT, ["N", 3])],
        {"w": WEIGHTS, "b": np.full(3, bias, np.float32)},
        {
            "labels": LABELS,
            "inputs": {"image": {"shape": [2, 2, 1], "range": [0, 1]}},
            "outputs": {"digits": {"kind": "logits"}},
        },
    )


def unary(
    op: str, kind: int, shape: Sequence[int | str | None], metadata: Mapping[str, Any] | None = None
) -> onnx.ModelProto:
    return model(
        [helper.make_node(op, ["x"], ["y"])],
        [tensor("x", kind, shape)],
        [tensor("y", kind, shape)],
        metadata=metadata,
    )


def pair() -> onnx.ModelProto:
    """Two inputs, two outputs: a sum, and integers passed through."""
    return model(
        [
            helper.make_node("Add", ["a", "a"], ["twice"]),
            helper.make_node("Identity", ["n"], ["same"]),
        ],
        [tensor("a", T.FLOAT, ["N", 2]), tensor("n", T.INT64, ["M"])],
        [tensor("twice", T.FLOAT, ["N", 2]), tensor("same", T.INT64, ["M"])],
    )


def second_classifies() -> onnx.ModelProto:
    """The best class first, probabilities second, as scikit-learn's exporters order them."""
    return model(
        [
            helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0),
            helper.make_node("Softmax", ["x"], ["p"], axis=1),
        ],
        [tensor("x", T.FLOAT, ["N", 3])],
        [tensor("best", T.INT64, ["N"]), tensor("p", T.FLOAT, ["N", 3])],
        metadata={"outputs": {"p": {"kind": "probabilities"}}},
    )


def busy() -> onnx.ModelProto:
    """Multiplies matrices ``rounds`` times: about a millisecond each."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["again"]),
            helper.make_node("MatMul", ["h", "w"], ["next"]),
        ],
        "body",
        [tensor("i", T.INT64, []), tensor("go", T.BOOL, []), tensor("h", T.FLOAT, [256, 256])],
        [tensor("again", T.BOOL, []), tensor("next", T.FLOAT, [256, 256])],
        [numpy_helper.from_array(np.eye(256, dtype=np.float32), "w")],
    )
    return model(
        [
            helper.make_node("Loop", ["rounds", "", "start"], ["end"], body=body),
            helper.make_node("ReduceSum", ["end"], ["sum"], keepdims=0),
        ],
        [tensor("rounds", T.INT64, [])],
        [tensor("sum", T.FLOAT, [])],
        {"start": np.eye(256, dtype=np.float32)},
    )


def fill(folder: Path) -> Path:
    """A repository with all of them, and with things in it that are no models."""
    for version, bias in (("1", 0.0), ("2", 1.0), ("10", 0.0)):
        save(folder, "digits", version, linear(bias))
    n3 = ["N", 3]
    save(folder, "plain", "1", unary("Identity", T.FLOAT, n3))
    probabilities = {"outputs": {"y": {"kind": "probabilities"}}, "labels": LABELS[:2]}
    save(folder, "probabilities", "1", unary("Identity", T.FLOAT, n3, probabilities))
    logits = {"outputs": {"y": {"kind": "logits"}}}
    save(folder, "root", "1", unary("Sqrt", T.FLOAT, n3, logits))
    save(folder, "half", "1", unary("Identity", T.FLOAT16, n3, logits))
    save(folder, "double", "1", unary("Identity", T.DOUBLE, n3))
    save(folder, "small", "1", model(
        [helper.make_node("Cast", ["x"], ["y"], to=T.FLOAT)],
        [tensor("x", T.INT32, n3)], [tensor("y", T.FLOAT, n3)],
    ))  # fmt: skip
    save(folder, "cube", "1", unary("Identity", T.FLOAT, ["N", 2, 2]))
    save(folder, "scalar", "1", unary("Identity", T.FLOAT, []))
    save(folder, "second", "1", second_classifies())
    save(folder, "pair", "1", pair())
    save(folder, "busy", "1", busy())
    for name, kind in ECHO_TYPES.items():
        save(folder, f"echo_{name}", "1", unary("Identity", kind, ["N", 2]))
    litter(folder)
    return folder


def litter(folder: Path) -> None:
    """What a server must step over: bad names, bad versions, broken files, a link out."""
    for path in (
        "bad name!/1",
        "digits/latest",
        "digits/0",
        "digits/007",
        "digits/-1",
        ".hidden/1",
    ):
        target = folder / path / "model.onnx"
        target.parent.mkdir(parents=True)
        target.write_bytes(unary("Identity", T.FLOAT, ["N"]).SerializeToString())
    broken = folder / "broken" / "1" / "model.onnx"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"\x08\x0aThis is no model")
    save(folder, "badlabels", "1", unary("Identity", T.FLOAT, ["N", 3], {"labels": {"a": 1}}))
    save(
        folder,
        "badkind",
        "1",
        unary("Identity", T.FLOAT, ["N", 3], {"outputs": {"y": {"kind": "odds"}}}),
    )
    outside = folder.parent / "outside"
    save(outside, "secret", "1", unary("Identity", T.FLOAT, ["N"]))
    (folder / "secret").symlink_to(outside / "secret", target_is_directory=True)
    (folder / "README.txt").write_text("not a model")


SERVED = sorted(
    [
        "digits", "plain", "probabilities", "root", "half", "double", "small", "cube", "scalar",
        "second", "pair", "busy", *(f"echo_{name}" for name in ECHO_TYPES),
    ]
)  # fmt: skip
