"""What ``adapt`` finds in numbers, against Keras; and what it and the layers refuse."""

import json
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError, ShapeError

from .goldens import FOLDER

BOOK = json.loads((FOLDER / "keras_text.json").read_text("utf-8"))
L = wh.layers


@pytest.mark.parametrize("case", BOOK["discretization"], ids=lambda c: c["name"])
def test_boundaries_as_in_keras(case: dict[str, Any]) -> None:
    generator = np.random.default_rng(3)
    batches: list[Any] = []
    for other in BOOK["discretization"]:
        drawn = [np.round(generator.normal(size=s), 4).astype("float32") for s in other["shapes"]]
        if other is case:
            batches = drawn
    layer = wh.layers.Discretization(**case["config"])
    layer.adapt(batches[0] if len(batches) == 1 else batches)
    np.testing.assert_allclose(layer.bin_boundaries, case["boundaries"], rtol=1e-6)
    again = wh.layers.Discretization.from_config(layer.get_config())
    assert again.bin_boundaries == layer.bin_boundaries
    x = np.linspace(-3, 3, 50, dtype="float32")
    np.testing.assert_array_equal(again(x), np.digitize(x, case["boundaries"]))


def batches_of(case: dict[str, Any]) -> list[Any]:
    generator = np.random.default_rng(4)
    for other in BOOK["normalization"]:
        drawn = [(generator.normal(size=s) * 3 + 5).astype("float32") for s in other["shapes"]]
        if other is case:
            return drawn
    raise AssertionError(case["name"])


@pytest.mark.parametrize("case", BOOK["normalization"], ids=lambda c: c["name"])
def test_statistics_as_in_keras(case: dict[str, Any], tmp_path: Any) -> None:
    layer = L.Normalization(**case["config"])
    batches = batches_of(case)
    layer.adapt(batches[0] if len(batches) == 1 else iter(batches))
    assert [w.name for w in layer.weights] == ["mean", "variance", "count"]
    assert not layer.trainable_weights
    mean, variance = (w.numpy().ravel() for w in layer.weights[:2])
    np.testing.assert_allclose(mean, case["mean"], rtol=1e-6)
    np.testing.assert_allclose(variance, case["variance"], rtol=1e-5)
    found = np.asarray(layer(batches[0]))
    # a single row (axis=0 leaves none out) has variance 0 up to rounding in Keras
    np.testing.assert_allclose(found.ravel(), case["output"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [-1, None, (0, 2), 1])
def test_batches_are_merged_exactly(axis: Any) -> None:
    generator = np.random.default_rng(0)
    shapes = [(4, 6, 3)] * 4 if axis == (0, 2) else [(n, 6, 3) for n in (4, 1, 9, 2)]
    batches = [1e4 + generator.normal(size=s) for s in shapes]
    layer = L.Normalization(axis=axis)
    layer.adapt(batches)
    if axis == (0, 2):
        kept = np.stack(batches)
        mean, variance = kept.mean((0, 2)), kept.var((0, 2))
    else:
        every = np.concatenate(batches)
        over = {-1: (0, 1), None: (0, 1, 2), 1: (0, 2)}[axis]
        mean, variance = every.mean(over), every.var(over)
    np.testing.assert_array_equal(layer.weights[0].numpy(), mean.astype("float32"))
    np.testing.assert_allclose(layer.weights[1].numpy(), variance, rtol=1e-6)


def test_what_was_learnt_is_saved_with_a_model(tmp_path: Any) -> None:
    x = np.random.default_rng(1).normal(3, 2, (20, 3)).astype("float32")
    scale, bins = L.Normalization(), L.Discretization(num_bins=3, output_mode="count")
    scale.adapt(x)
    bins.adapt(x)
    start = wh.Input((3,))
    model = wh.Model(start, L.Concatenate()([scale(start), bins(start)]))
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(wanted[:, :3], (x - x.mean(0)) / x.std(0), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.wh")
    again = wh.models.load_model(tmp_path / "m.wh")
    np.testing.assert_array_equal(again.predict(x, verbose=0), wanted)
    again.layers[1].adapt(x + 1)  # adapted layers stay so when they come from a file
    again.layers[2].adapt(x + 1)


REFUSED = [
    (lambda: L.Normalization(mean=1.0), "both mean= and variance="),
    (lambda: L.Normalization(mean=[1.0], variance=[1.0, 2.0]), "variance"),
    (lambda: L.Normalization(axis=None, mean=[1.0], variance=[1.0]), "axes"),
    (lambda: L.Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 2))), "nothing to adapt"),
    (lambda: L.Normalization(axis=3).adapt(np.ones((2, 2))), "axis"),
    (lambda: L.Normalization().adapt(iter([])), "without a single batch"),
    (lambda: L.Normalization().adapt(np.array(["a"])), "numbers"),
    (lambda: L.Normalization().adapt(5), "iterable of batches"),
    (L.Discretization, "either"),
    (lambda: L.Discretization([1.0], num_bins=2), "either"),
    (lambda: L.Discretization(num_bins=-1), "at least 0"),
    (lambda: L.Discretization([1.0], output_mode="tf_idf"), "output_mode"),
    (lambda: L.Discretization(num_bins=2)(np.ones(3, "float32")), "adapt"),
    (lambda: L.Discretization([1.0]).adapt(np.ones(3)), "nothing to adapt"),
    (L.CategoryEncoding, "num_tokens"),
    (lambda: L.CategoryEncoding(3, output_mode="int"), "output_mode"),
    (lambda: L.CategoryEncoding(3)([1], count_weights=[1.0]), "count_weights"),
    (lambda: L.StringLookup(max_tokens=1), "above 1"),
    (lambda: L.StringLookup(num_oov_indices=-1), "at least 0"),
    (lambda: L.StringLookup(pad_to_max_tokens=True), "needs max_tokens"),
    (lambda: L.StringLookup(invert=True, output_mode="count"), "invert"),
    (lambda: L.StringLookup(vocabulary=["a", "a"]), "repeats"),
    (lambda: L.StringLookup(vocabulary=[]), "empty"),
    (lambda: L.StringLookup(vocabulary=["a", ""], mask_token=""), "reserved"),
    (lambda: L.StringLookup(max_tokens=2, vocabulary=["a", "b"]), "max_tokens"),
    (lambda: L.StringLookup(vocabulary="/no/such/file"), "no vocabulary file"),
    (lambda: L.StringLookup(vocabulary=["a"], idf_weights=[1.0]), "tf_idf"),
    (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf_weights"),
    (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1.0, 2.0]),
     "2"),
    (lambda: L.StringLookup(output_mode="count")(["a"]), "adapt"),
    (lambda: L.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "b"]), "not in its"),
    (lambda: L.StringLookup(vocabulary=["a"]).adapt(["b"]), "cannot be adapted"),
    (lambda: L.StringLookup(vocabulary=["a"])([1, 2]), "takes"),
    (lambda: L.StringLookup(vocabulary=["a"])([["a"], ["b", "c"]]), "rectangular"),
    (lambda: L.StringLookup(vocabulary=["a"])([None]), "strings or numbers"),
    (lambda: L.StringLookup(salt="x"), "salt"),
    (lambda: L.IntegerLookup(salt=3), "farmhash"),
    (lambda: L.IntegerLookup(oov_method="other"), "oov_method"),
    (lambda: L.TextVectorization(standardize="upper"), "standardize"),
    (lambda: L.TextVectorization(split="word"), "split"),
    (lambda: L.TextVectorization(ngrams=0), "ngrams"),
    (lambda: L.TextVectorization(output_mode="count", output_sequence_length=3), "int"),
    (lambda: L.TextVectorization(vocabulary=["a"])([["a", "b"]]), "batch"),
    (lambda: L.TextVectorization(vocabulary=["a"])([1]), "strings"),
    (lambda: L.Hashing(0), "num_bins"),
    (lambda: L.Hashing(3, dtype="float32"), "int32"),
    (lambda: L.HashedCrossing(0), "num_bins"),
    (lambda: L.HashedCrossing(3)(["a"]), "at least two"),
    (lambda: L.HashedCrossing(3)([[["a", "b"]], [["a", "b"]]]), "batch, 1"),
    (lambda: L.HashedCrossing(3)([[1.5], [2.5]]), "integers"),
    (lambda: L.STFTSpectrogram(mode="x"), "mode"),
    (lambda: L.STFTSpectrogram(frame_step=0), "frame_step"),
    (lambda: L.STFTSpectrogram(frame_length=8, fft_length=4), "fft_length"),
    (lambda: L.MelSpectrogram(fft_length=8, sequence_length=9), "fft_length"),
    (lambda: L.MelSpectrogram(window="blackman"), "window"),
    (lambda: L.MelSpectrogram(window=[1.0]), "window"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "words"), REFUSED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_refused(attempt: Any, words: str) -> None:
    with pytest.raises((ArgumentError, DataError, ShapeError), match=words):
        attempt()


NOT_THERE = [
    lambda: L.TextVectorization(ragged=True), lambda: L.TextVectorization(sparse=True),
    lambda: L.StringLookup(sparse=True), lambda: L.StringLookup(encoding="latin-1"),
    lambda: L.IntegerLookup(vocabulary_dtype="int32"), lambda: L.Hashing(3, sparse=True),
    lambda: L.HashedCrossing(3, sparse=True), lambda: L.CategoryEncoding(3, sparse=True),
    lambda: L.Discretization([1.0], sparse=True),
]  # fmt: skip


@pytest.mark.parametrize("attempt", NOT_THERE)
def test_not_supported(attempt: Any) -> None:
    with pytest.raises(NotImplementedError):
        attempt()
