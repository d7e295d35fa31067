"""``wh.lora``: arguments that make no sense, and files that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import waterhorse as wh
from waterhorse.errors import ArgumentError, FileFormatError

Array = np.ndarray[Any, Any]
WEIGHTS = {"w0": (6, 8), "bias": (8,), "w1": (7, 8), "w2": (7, 5), "w3": (5, 4)}


def stored(text: str, weights: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
    for name, shape in weights.items():
        made.graph.initializer.append(numpy_helper.from_array(np.full(shape, 0.1, "float32"), name))
    return made


def mlp() -> onnx.ModelProto:
    text = """net (float[N, 6] x) => (float[N, 4] logits) {
        a = MatMul (x, w0)  b = Add (a, bias)  c = Gemm <transB = 1> (b, w1)  d = Tanh (c)
        e = Gemm (d, w2)  logits = MatMul (e, w3) }"""
    return stored(text, WEIGHTS)


def compiled(model: Any, optimizer: Any = None) -> Any:
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or wh.optimizers.Adam(0.05), loss=loss)
    return model


ERRORS = {
    "no such weight": ({"targets": "layer*"}, r"no weight of model .* matches 'layer\*'; it has 'w0'"),
    "one of several": ({"targets": ["w0", "nope"]}, "matches 'nope'"),
    "no matrix": ({"targets": "bias"}, r"'bias', which can have no adapter: it is no matrix"),
    "nothing": ({"targets": []}, "targets is empty"),
    "rank": ({"rank": 5}, r"rank=5 is more than the weight 'w3' of shape \(5, 4\) has, 4"),
    "no rank": ({"rank": 0}, "rank=0: expected a whole number"),
    "half a rank": ({"rank": 1.5}, r"rank=1\.5: expected a whole number"),
    "alpha": ({"alpha": 0.0}, r"alpha=0\.0: expected a number other than 0"),
    "dropout": ({"dropout": 1.0}, r"dropout=1\.0: expected"),
    "seed": ({"seed": -1}, "seed=-1: expected"),
    "also": ({"also": "nothing*"}, r"also: no variable of model .* matches 'nothing\*'"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), ERRORS.values(), ids=ERRORS)
def test_what_add_refuses(options: dict[str, Any], message: str) -> None:
    model = wh.load_onnx(mlp())
    with pytest.raises(ArgumentError, match=message):
        wh.lora.add(model, **{"rank": 2, **options})
    assert {v.path for v in model.trainable_variables} == set(WEIGHTS)  # as before


def test_what_a_weight_is_used_by() -> None:
    text = "net (float[N, 3] x) => (float[N, 3] y) { a = Mul (x, m)  y = MatMul (a, w) }"
    model = wh.load_onnx(stored(text, {"m": (1, 3), "w": (3, 3)}))
    with pytest.raises(ArgumentError, match="used by Mul; adapters are for MatMul, Gemm"):
        wh.lora.add(model, rank=1, targets="m")
    assert wh.lora.add(model, rank=1) == ["w"]
    with pytest.raises(ArgumentError, match="'w' has an adapter"):
        wh.lora.add(model, rank=1)


def test_models_of_our_own() -> None:
    model = wh.Sequential([wh.Input((3,)), wh.layers.Dense(2)])
    for call in (wh.lora.add, lambda m: wh.lora.load(m, "nowhere")):
        with pytest.raises(
            ArgumentError, match=r"from wh\.load_onnx, not for a Sequential: export"
        ):
            call(model)
    for end in (wh.lora.merge, wh.lora.remove, lambda m: wh.lora.save(m, "nowhere")):
        with pytest.raises(ArgumentError, match="has no adapters"):
            end(model)


def bare(tmp_path: Path) -> tuple[Path, dict[str, Array], dict[str, Any]]:
    path = tmp_path / "a.safetensors"
    model = wh.load_onnx(mlp())
    wh.lora.add(model, rank=2, targets="w0", alpha=3.0)
    wh.lora.save(model, path)
    with safe_open(str(path), framework="numpy") as file:
        return path, load_file(str(path)), json.loads(file.metadata()["waterhorse.lora"])


def spoiled(content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**content, "targets": {"w0": {**content["targets"]["w0"], **fields}}}


MISFITS = {
    "no metadata": (lambda c, a: (None, a), "is no file of adapters"),
    "format": (lambda c, a: ({**c, "format": 2}, a), "has format 2; this version reads 1"),
    "targets": (lambda c, a: ({**c, "targets": 3}, a), "is no file of adapters"),
    "rank of another kind": (lambda c, a: (spoiled(c, rank="many"), a), "is no file of adapters"),
    "rank too large": (lambda c, a: (spoiled(c, rank=9), a), "does not fit the model: rank=9"),
    "not finite": (lambda c, a: (spoiled(c, alpha=float("inf")), a), "is no file of adapters: alpha=inf"),
    "unknown weight": (lambda c, a: ({**c, "targets": {"w9": c["targets"]["w0"]}}, a), "for a weight 'w9'; the model has none"),
    "no matrix": (lambda c, a: ({**c, "targets": {"bias": {**c["targets"]["w0"], "shape": [8]}}}, a), "it is no matrix"),
    "shape": (lambda c, a: (spoiled(c, shape=[6, 9]), a), r"of shape \(6, 9\); the model's has \(6, 8\)"),
    "a factor is missing": (lambda c, a: (c, {"w0/lora_a": a["w0/lora_a"]}), "w0/lora_b needs shape .* has nothing"),
    "a factor of another shape": (lambda c, a: (c, {**a, "w0/lora_b": a["w0/lora_a"]}), r"w0/lora_b needs shape \(8, 2\)"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), MISFITS.values(), ids=MISFITS)
def test_files_that_do_not_fit(spoil: Any, message: str, tmp_path: Path) -> None:
    path, arrays, content = bare(tmp_path)
    described, arrays = spoil(content, arrays)
    metadata = None if described is None else {"waterhorse.lora": json.dumps(described)}
    save_file(arrays, str(path), metadata)
    model = wh.load_onnx(mlp())
    with pytest.raises(FileFormatError, match=message):
        wh.lora.load(model, path)
    assert not model.adapters
    assert {v.path for v in model.trainable_variables} == set(WEIGHTS)


def test_other_files(tmp_path: Path) -> None:
    model = wh.load_onnx(mlp())
    with pytest.raises(ArgumentError, match="there is no file"):
        wh.lora.load(model, tmp_path / "nothing")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(FileFormatError, match="no file of adapters, or damaged"):
        wh.lora.load(model, tmp_path / "text")
    path, _, _ = bare(tmp_path)
    wh.lora.add(model, targets="w1", rank=2)
    with pytest.raises(ArgumentError, match="has other adapters than"):
        wh.lora.load(model, path)


def test_a_model_that_trains_by_its_own_algorithm(tmp_path: Path) -> None:
    model = compiled(wh.load_onnx(mlp()), wh.optimizers.SGD(0.1))
    model.export_training(tmp_path / "self.onnx", form="training_info")
    own = wh.load_onnx(tmp_path / "self.onnx")
    with pytest.raises(ArgumentError, match=r"by its file's own algorithm.*call compile first"):
        wh.lora.add(own, rank=2)
    compiled(own)
    assert wh.lora.add(own, rank=2) == ["w0", "w1", "w2", "w3"]
