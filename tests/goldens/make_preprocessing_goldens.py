"""Golden values of text, lookup and hashing layers and of ``adapt``, made by Keras on TensorFlow.

Not run by the tests, which only read what it wrote: ``keras_text.json``. To make it again, in a virtual
environment of its own:

    pip install keras==3.15.1 tensorflow-cpu==2.21.0
    KERAS_BACKEND=tensorflow python tests/goldens/make_preprocessing_goldens.py

JSON because most of it is text. Each case has "layer", "config", "adapt" (None, data, or {"batches": [...]}),
"input", "output" (nested lists), "dtype", and what there is of "vocabulary" and "weights".
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

CORPUS = [
    "The cat, the dog!", "A Dog's life: it's \t hard.", "", "no\nnew-lines\x0bhere\x0cor\rthere",
    "Ünïcode ÀÉ stays; 日本 語 too", "one\u00a0space is (not) a_space", "the the the",
]  # fmt: skip
ASKED = [
    "The dog's new life?", "  ", "", "日本 日本語 ünïcode Ünïcode", "hard\x1chard hard\x85hard",
    "no no no no no no no no no no no no", "[UNK] cat  cat\n",
]  # fmt: skip
WORDS = ["b", "a", "c", "a", "b", "a", "日本"]
TABLE = [["a", "c", "zebra"], ["yak", "b", ""], ["a", "a", "[UNK]"]]
NUMBERS = [[10, 20, 7], [-3, 10, 0], [99, 98, 30]]


def text(name: str, adapt: Any = CORPUS, asked: Any = ASKED, **config: Any) -> dict[str, Any]:
    return {"name": f"text_{name}", "layer": "TextVectorization", "config": config,
            "adapt": None if "vocabulary" in config else adapt, "input": asked}  # fmt: skip


def lookup(name: str, asked: Any = TABLE, adapt: Any = None, **config: Any) -> dict[str, Any]:
    return {"name": f"string_{name}", "layer": "StringLookup", "config": config, "adapt": adapt,
            "input": asked}  # fmt: skip


def integer(name: str, asked: Any = NUMBERS, adapt: Any = None, **config: Any) -> dict[str, Any]:
    return {"name": f"integer_{name}", "layer": "IntegerLookup", "config": config, "adapt": adapt,
            "input": asked}  # fmt: skip


def hashing(name: str, asked: Any, **config: Any) -> dict[str, Any]:
    return {"name": f"hashing_{name}", "layer": "Hashing", "config": config, "adapt": None,
            "input": asked}  # fmt: skip


KNOWN = ["a", "b", "c"]
IDF = [0.1, 0.2, 0.4]
LONG = [["x" * n] for n in (0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 127, 128, 129, 300)]
CASES = [
    text("default"), text("length", output_sequence_length=4), text("long", output_sequence_length=20),
    text("column", asked=[[s] for s in ASKED]),
    text("batches", adapt={"batches": [CORPUS[:3], CORPUS[3:]]}),
    text("max_tokens", max_tokens=8),
    text("none", standardize=None), text("lower", standardize="lower"),
    text("strip", standardize="strip_punctuation"), text("character", split="character"),
    text("whole", split=None), text("whole_table", split=None, asked=[["a dog", "b"], ["x", "a b"]],
                                    adapt=[["A b", "a dog"], ["b", "b"]]),
    text("bigrams", ngrams=2), text("only_trigrams", ngrams=(3,), output_sequence_length=3),
    text("one_and_three", ngrams=(3, 1)), text("bigrams_count", ngrams=2, output_mode="count"),
    text("multi_hot", output_mode="multi_hot"), text("count", output_mode="count"),
    text("tf_idf", output_mode="tf_idf"),
    text("tf_idf_batches", output_mode="tf_idf", adapt={"batches": [CORPUS[:3], CORPUS[3:]]}),
    text("padded", output_mode="count", max_tokens=40, pad_to_max_tokens=True),
    text("tf_idf_padded", output_mode="tf_idf", max_tokens=40, pad_to_max_tokens=True),
    text("tf_idf_cut", output_mode="tf_idf", max_tokens=6),
    text("vocabulary", vocabulary=["dog", "the", "日本"]),
    text("vocabulary_special", vocabulary=["", "[UNK]", "dog", "the"]),
    text("idf_given", vocabulary=["dog", "the", "no"], idf_weights=IDF, output_mode="tf_idf"),
    lookup("default", vocabulary=KNOWN), lookup("vector", asked=WORDS, vocabulary=KNOWN),
    lookup("mask", vocabulary=KNOWN, mask_token=""),
    lookup("three_unknown", vocabulary=KNOWN, num_oov_indices=3),
    lookup("three_unknown_mask", vocabulary=KNOWN, num_oov_indices=3, mask_token=""),
    lookup("salted", vocabulary=KNOWN, num_oov_indices=3, salt=[133, 137]),
    lookup("no_unknown", asked=["c", "a", "b"], vocabulary=KNOWN, num_oov_indices=0),
    lookup("one_hot", vocabulary=KNOWN, output_mode="one_hot"),
    lookup("one_hot_column", asked=[["a"], ["x"]], vocabulary=KNOWN, output_mode="one_hot"),
    lookup("multi_hot", vocabulary=KNOWN, output_mode="multi_hot", mask_token=""),
    lookup("multi_hot_vector", asked=WORDS, vocabulary=KNOWN, output_mode="multi_hot"),
    lookup("count", vocabulary=KNOWN, output_mode="count", num_oov_indices=2),
    lookup("count_padded", vocabulary=KNOWN, output_mode="count", max_tokens=9,
           pad_to_max_tokens=True),
    lookup("tf_idf", vocabulary=KNOWN, output_mode="tf_idf", idf_weights=IDF),
    lookup("tf_idf_special", vocabulary=["[UNK]", *KNOWN], output_mode="tf_idf",
           idf_weights=[0.9, *IDF]),
    lookup("invert", asked=[[0, 1], [2, 7], [-1, 3]], vocabulary=KNOWN, invert=True),
    lookup("invert_mask", asked=[0, 1, 2, 3, 4, 5], vocabulary=KNOWN, invert=True, mask_token="",
           oov_token="?"),
    lookup("adapted", asked=WORDS, adapt=WORDS),
    lookup("adapted_limited", asked=WORDS, adapt=WORDS, max_tokens=3, mask_token="c"),
    lookup("adapted_tf_idf", adapt=TABLE, output_mode="tf_idf"),
    lookup("adapted_batches", asked=WORDS, adapt={"batches": [["x", "y"], ["y", "a"]]}),
    lookup("adapted_batches_tf_idf", adapt={"batches": [["x", "y"], ["y", "a"]]},
           output_mode="tf_idf"),
    integer("default", vocabulary=[10, 20, 30]),
    integer("mask", vocabulary=[10, 20, 30], mask_token=0),
    integer("three_unknown", vocabulary=[10, 20, 30], num_oov_indices=3),
    integer("three_unknown_mask", vocabulary=[10, 20, 30], num_oov_indices=3, mask_token=0),
    integer("farmhash", vocabulary=[10, 20, 30], num_oov_indices=3, oov_method="farmhash"),
    integer("salted", vocabulary=[10, 20, 30], num_oov_indices=3, oov_method="farmhash", salt=5),
    integer("one_hot", vocabulary=[10, 20, 30], output_mode="one_hot"),
    integer("count", vocabulary=[10, 20, 30], output_mode="count"),
    integer("tf_idf", vocabulary=[10, 20, 30], output_mode="tf_idf", idf_weights=IDF),
    integer("invert", asked=[0, 1, 2, 3, 9], vocabulary=[10, 20, 30], invert=True),
    integer("adapted", adapt=[5, 5, 7, -1, 7, 7, 9]),
    hashing("strings", LONG, num_bins=1000003), hashing("salt", LONG, num_bins=1000003, salt=[133, 137]),
    hashing("one_salt", LONG, num_bins=7, salt=2**40), hashing("integers", NUMBERS, num_bins=97),
    hashing("floats", [1.5, -2.7, 1e6], num_bins=97), hashing("salted_integers", NUMBERS, num_bins=97, salt=3),
    hashing("mask", TABLE, num_bins=5, mask_value=""),
    hashing("integer_mask", NUMBERS, num_bins=5, mask_value=10),
    hashing("one_hot", [["a"], ["b"], ["c"]], num_bins=4, output_mode="one_hot"),
    hashing("multi_hot", TABLE, num_bins=4, output_mode="multi_hot"),
    hashing("count", TABLE, num_bins=4, output_mode="count"),
    {"name": "crossing", "layer": "HashedCrossing", "config": {"num_bins": 1000003}, "adapt": None,
     "input": {"columns": [["A", "日本", "A"], [101, -101, 102], ["x", "y", "z"]]}},
    {"name": "crossing_one_hot", "layer": "HashedCrossing",
     "config": {"num_bins": 5, "output_mode": "one_hot"}, "adapt": None,
     "input": {"columns": [[["A"], ["B"]], [[1], [2]]]}},
]  # fmt: skip


def plain(value: Any) -> Any:
    """Nested lists of text and numbers."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value


def answered(case: dict[str, Any]) -> dict[str, Any]:
    config = {k: tuple(v) if k == "ngrams" and isinstance(v, tuple) else v
              for k, v in case["config"].items()}  # fmt: skip
    layer = getattr(keras.layers, case["layer"])(**config)
    data = case["adapt"]
    if isinstance(data, dict):
        layer.adapt(iter([tf.constant(b) for b in data["batches"]]))
    elif data is not None:
        layer.adapt(np.array(data))
    asked = case["input"]
    given = (
        [tf.constant(c) for c in asked["columns"]]
        if isinstance(asked, dict)
        else tf.constant(asked)
    )
    output = np.asarray(layer(given))
    found = {**case, "output": plain(output.tolist()), "shape": list(output.shape)}
    found["dtype"] = "string" if output.dtype == object else output.dtype.name
    if hasattr(layer, "get_vocabulary"):
        words = layer.get_vocabulary()
        found["vocabulary"] = [str(w) if isinstance(w, str) else int(w) for w in words]
    return found


def discretization() -> list[dict[str, Any]]:
    """Boundaries that ``adapt`` finds."""
    generator = np.random.default_rng(3)
    found = []
    for name, batches, config in [
        ("few", [generator.normal(size=7)], {"num_bins": 3}),
        ("many", [generator.normal(size=3000)], {"num_bins": 10}),
        ("coarse", [generator.normal(size=(50, 40))], {"num_bins": 4, "epsilon": 0.1}),
        ("batches", [generator.normal(size=n) for n in (500, 30, 700)], {"num_bins": 5}),
    ]:
        layer = keras.layers.Discretization(**config)
        rounded = [np.round(b, 4).astype("float32") for b in batches]
        layer.adapt(rounded[0] if len(rounded) == 1 else rounded)
        found.append({"name": name, "config": config, "shapes": [list(b.shape) for b in batches],
                      "boundaries": [float(b) for b in layer.bin_boundaries]})  # fmt: skip
    return found


def normalization() -> list[dict[str, Any]]:
    """Statistics that ``adapt`` finds, and what the layer then gives for the first batch."""
    generator = np.random.default_rng(4)
    found = []
    for name, config, shapes in [
        ("default", {}, [(5, 3)]), ("all", {"axis": None}, [(5, 3)]),
        ("two_axes", {"axis": [1, -1]}, [(3, 4, 5, 2)]), ("invert", {"invert": True}, [(5, 3)]),
        ("batches", {}, [(5, 3), (2, 3), (7, 3)]), ("first", {"axis": 0}, [(5, 3)]),
        ("batches_all", {"axis": None}, [(5, 3), (2, 3)]),
    ]:  # fmt: skip
        layer = keras.layers.Normalization(**config)
        batches = [(generator.normal(size=s) * 3 + 5).astype("float32") for s in shapes]
        layer.adapt(batches[0] if len(batches) == 1 else batches)
        mean, variance = (np.asarray(w).ravel().tolist() for w in layer.weights[:2])
        found.append({"name": name, "config": config, "shapes": shapes, "mean": mean,
                      "variance": variance, "output": np.asarray(layer(batches[0])).ravel().tolist()})  # fmt: skip
    return found


if __name__ == "__main__":
    path = Path(__file__).parent / "keras_text.json"
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in map(answered, CASES))
    more = json.dumps(discretization())
    last = json.dumps(normalization())
    path.write_text(
        f'{{"cases": [\n{lines}\n],\n"discretization": {more},\n"normalization": {last}}}\n',
        "utf-8",
    )
    print(f"{path.name}: {len(CASES)} cases, {path.stat().st_size} bytes")
