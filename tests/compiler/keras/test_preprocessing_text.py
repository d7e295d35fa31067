"""Text, lookup and hashing layers, and what ``adapt`` finds, against Keras on TensorFlow."""

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest

import waterhorse as wh
from waterhorse.compiler import config as configuration

from .goldens import FOLDER

BOOK = json.loads((FOLDER / "keras_text.json").read_text("utf-8"))
CASES = BOOK["cases"]
every = pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])


def made(case: dict[str, Any]) -> Any:
    config = dict(case["config"])
    if isinstance(config.get("ngrams"), list):
        config["ngrams"] = tuple(config["ngrams"])
    layer = getattr(wh.layers, case["layer"])(**config)
    data = case["adapt"]
    if isinstance(data, dict):
        layer.adapt(iter([np.array(b, object) for b in data["batches"]]))
    elif data is not None:
        layer.adapt(data)
    return layer


def asked(case: dict[str, Any]) -> Any:
    given = case["input"]
    return given["columns"] if isinstance(given, dict) else given


def check(found: Any, case: dict[str, Any]) -> None:
    array = np.asarray(found)
    assert ("string" if array.dtype == object else array.dtype.name) == case["dtype"]
    assert list(array.shape) == case["shape"]
    if array.dtype.kind == "f":
        np.testing.assert_allclose(array, case["output"], rtol=1e-6, atol=1e-7)
    else:
        assert array.tolist() == case["output"]


@every
def test_as_in_keras(case: dict[str, Any]) -> None:
    layer = made(case)
    check(layer(asked(case)), case)
    if "vocabulary" in case:
        assert layer.get_vocabulary() == case["vocabulary"]
        assert layer.vocabulary_size() == len(case["vocabulary"])
        special = layer.vocabulary_size() - len(layer.get_vocabulary(include_special_tokens=False))
        assert layer.get_vocabulary(False) == case["vocabulary"][special:]


@every
def test_made_again_from_its_configuration(case: dict[str, Any]) -> None:
    layer = made(case)
    saved = json.loads(json.dumps(configuration.serialize(layer)))
    again = configuration.deserialize(saved)
    check(again(asked(case)), case)
    assert again.get_config() == layer.get_config()


def arrays_of(case: dict[str, Any]) -> list[Any]:
    given = case["input"]
    columns = given["columns"] if isinstance(given, dict) else [given]
    kinds = {"U": object, "f": "float32", "i": "int64"}
    return [np.array(c, kinds[np.array(c).dtype.kind]) for c in columns]


@every
def test_in_a_model_and_exported(case: dict[str, Any], tmp_path: Any) -> None:
    layer = made(case)
    arrays = arrays_of(case)
    starts = [
        wh.Input(a.shape[1:], dtype="string" if a.dtype == object else a.dtype, name=f"in_{i}")
        for i, a in enumerate(arrays)
    ]
    if case["layer"] == "StringLookup" and case["config"].get("invert"):
        pytest.skip("strings that a step gives are tried in tests/runtime/test_text_models.py")
    model = wh.Model(starts, layer(starts if len(starts) > 1 else starts[0]))
    check(model.predict_on_batch(arrays), case)
    file = tmp_path / "model.onnx"
    split = case["config"].get("split")
    hashes = case["layer"].startswith("Hash") or case["name"] in HASHED
    if hashes or split == "character":
        with pytest.raises(NotImplementedError, match="cannot be part of a graph"):
            model.export(file, example=arrays)
        return
    model.export(file, example=arrays)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    check(session.run(None, {f"in_{i}": a for i, a in enumerate(arrays)})[0], case)


HASHED = {
    "string_three_unknown", "string_three_unknown_mask", "string_salted", "string_count",
    "integer_farmhash", "integer_salted",
}  # fmt: skip
