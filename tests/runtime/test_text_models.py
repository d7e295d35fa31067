"""Models that begin with text: trained, saved, exported to one file that takes strings, and served."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import waterhorse as wh
from waterhorse.compiler.ir import data
from waterhorse.compiler.layers.preprocessing.tables import mapped
from waterhorse.errors import DataError
from waterhorse.service.client import Client
from waterhorse.service.server import Options, Server

GOOD = ["a good film", "Great, great fun!", "I liked it.", "good AND great", "what fun: I liked it"]
BAD = [
    "a bad film",
    "Boring... so boring",
    "I hated it",
    "bad and BORING!",
    "what a bore; I hated it",
]
TEXTS = np.array(GOOD + BAD, object)
LABELS = np.array([1.0] * 5 + [0.0] * 5, "float32")
ODD = np.array(["", "good!", "never seen words", "  \t\n", "GOOD. bad? é É 日本"], object)


def classifier(length: int | None = None, **options: Any) -> Any:
    layer = wh.layers.TextVectorization(output_sequence_length=length, **options)
    layer.adapt(TEXTS)
    start = wh.Input((), dtype="string", name="text")
    x = wh.layers.Embedding(layer.vocabulary_size(), 8)(layer(start))
    x = wh.ops.mean(x, axis=1) if length else wh.ops.sum(x, axis=1)
    return wh.Model(start, wh.layers.Dense(1, activation="sigmoid")(x))


def run(path: Any, feeds: dict[str, Any]) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


@pytest.mark.parametrize("length", [None, 6])
def test_trained_saved_exported(length: int | None, tmp_path: Any) -> None:
    model = classifier(length)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.05
    model.fit(TEXTS, LABELS, epochs=40, batch_size=4, verbose=0)
    assert model.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["accuracy"] == 1.0
    found = model.predict(ODD, verbose=0)
    np.testing.assert_array_equal(model.predict(list(ODD), verbose=0), found)

    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    np.testing.assert_array_equal(again.predict(ODD, verbose=0), found)
    again.fit(TEXTS, LABELS, verbose=0)

    path = tmp_path / "model.onnx"
    model.export(path)
    for part in (ODD, ODD[:1], TEXTS[:2], np.array(["", ""], object), np.array([".", "!"], object)):
        wanted = model.predict(part, verbose=0)
        np.testing.assert_allclose(run(path, {"text": part}), wanted, rtol=1e-5, atol=1e-6)


def test_the_file_is_standard_onnx(tmp_path: Any) -> None:
    classifier().export(tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert {o.domain: o.version for o in proto.opset_import} == {"": 21, "ai.onnx.ml": 2}
    kind = proto.graph.input[0].type.tensor_type
    assert kind.elem_type == onnx.TensorProto.STRING
    assert [d.dim_param for d in kind.shape.dim] == ["batch"]
    output = proto.graph.output[0].type.tensor_type
    assert [d.dim_param or d.dim_value for d in output.shape.dim] == ["batch", 1]


def random_texts(count: int) -> Any:
    generator = np.random.default_rng(5)
    letters = [
        *"aAbBzZéÉß日 \t\n\v\f\r\x1c\x85\u00a0",
        *"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'",
        *"   ",
    ]
    return np.array(
        ["".join(generator.choice(letters, generator.integers(0, 60))) for _ in range(count)],
        object,
    )


@pytest.mark.parametrize(
    "standardize", [None, "lower", "strip_punctuation", "lower_and_strip_punctuation"]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"output_sequence_length": 7}, {"ngrams": 3}, {"ngrams": (2, 1), "output_sequence_length": 4},
     {"output_mode": "tf_idf"}, {"output_mode": "multi_hot", "ngrams": 2}, {"split": None}],
    ids=str,
)  # fmt: skip
def test_the_graph_splits_as_the_host_does(standardize: Any, options: Any, tmp_path: Any) -> None:
    layer = wh.layers.TextVectorization(standardize=standardize, **options)
    texts = random_texts(60)
    layer.adapt(texts[:40])
    start = wh.Input((1,), dtype="string", name="text")
    model = wh.Model(start, layer(start))
    path = tmp_path / "model.onnx"
    model.export(path)
    for rows in (slice(0, 60), slice(40, 43), slice(59, 60)):
        part = texts[rows, None]
        np.testing.assert_array_equal(run(path, {"text": part}), np.asarray(layer(part)))
        np.testing.assert_array_equal(model.predict_on_batch(part), np.asarray(layer(part)))


def shout(texts: Any) -> Any:
    return np.char.upper(texts)


def commas(texts: Any) -> Any:
    return [t.split(",") for t in texts]


@pytest.mark.parametrize(
    "options", [{"split": "character"}, {"standardize": shout}, {"split": commas, "standardize": None}],
    ids=["characters", "a function that standardises", "a function that splits"],
)  # fmt: skip
def test_on_the_host_alone(options: Any, tmp_path: Any) -> None:
    """What ONNX has no operators for is done before the step; it is not exported."""
    model = classifier(**options)
    model.compile("adam", "binary_crossentropy")
    history = model.fit(TEXTS, LABELS, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    with pytest.raises(NotImplementedError, match="cannot be part of a graph"):
        model.export(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_callables_give_the_tokens_they_say() -> None:
    layer = wh.layers.TextVectorization(standardize=shout, split=commas)
    layer.adapt(["a b,c", "c,d"])
    assert layer.get_vocabulary() == ["", "[UNK]", "C", "D", "A B"]
    assert np.asarray(layer(["a b,d,x"])).tolist() == [[4, 3, 1]]


def test_several_inputs_of_several_kinds(tmp_path: Any) -> None:
    words = wh.layers.StringLookup(vocabulary=["red", "green"], output_mode="multi_hot")
    codes = wh.layers.IntegerLookup(vocabulary=[7, 9], output_mode="one_hot")
    colour = wh.Input((2,), dtype="string", name="colour")
    code = wh.Input((1,), dtype="int64", name="code")
    size = wh.Input((3,), name="size")
    parts = [words(colour), codes(code)]
    x = wh.layers.Concatenate()([*(wh.ops.cast(p, "float32") for p in parts), size])
    model = wh.Model({"colour": colour, "code": code, "size": size}, wh.layers.Dense(2)(x))
    data = {
        "colour": np.array([["red", "blue"], ["green", "red"], ["?", "?"]], object),
        "code": np.array([[7], [1], [9]]),
        "size": np.ones((3, 3), "float32"),
    }
    found = model.predict(data, verbose=0)
    kernel, bias = model.get_weights()
    rows = np.array(
        [[1, 1, 0, 0, 1, 0, 1, 1, 1], [0, 1, 1, 1, 0, 0, 1, 1, 1], [1, 0, 0, 0, 0, 1, 1, 1, 1]]
    )
    np.testing.assert_allclose(found, rows @ kernel + bias, rtol=1e-5)
    path = tmp_path / "model.onnx"
    model.export(path)
    np.testing.assert_allclose(run(path, data), found, rtol=1e-5)


def test_hashed_before_the_step() -> None:
    start = wh.Input((2,), dtype="string")
    x = wh.layers.Hashing(10, output_mode="count")(start)
    model = wh.Model(start, wh.layers.Dense(1)(x))
    data = np.array([["a", "b"], ["c", "c"]], object)
    counts = np.asarray(wh.layers.Hashing(10, output_mode="count")(data))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(data, verbose=0), counts @ kernel + bias, rtol=1e-6)


def test_a_sequential_model_without_an_input() -> None:
    layer = wh.layers.TextVectorization(output_mode="multi_hot")
    layer.adapt(TEXTS)
    model = wh.Sequential([layer, wh.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(TEXTS, LABELS, epochs=2, verbose=0)
    assert model.predict(TEXTS, verbose=0).shape == (10, 1)


def test_layers_follow_each_other() -> None:
    first = wh.layers.StringLookup(vocabulary=["a", "b", "c"])
    start = wh.Input((2,), dtype="string")
    model = wh.Model(start, wh.layers.Hashing(50)(first(start)))
    data = np.array([["a", "x"], ["c", "b"]], object)
    wanted = np.asarray(wh.layers.Hashing(50)(first(data)))
    np.testing.assert_array_equal(model.predict(data, verbose=0), wanted)


def test_numbers_back_to_strings(tmp_path: Any) -> None:
    layer = wh.layers.StringLookup(vocabulary=["no", "yes"], num_oov_indices=0, invert=True)
    start = wh.Input((2,), name="scores")
    model = wh.Model(start, layer(wh.ops.argmax(start, axis=-1)))
    data = np.array([[0.1, 0.9], [0.8, 0.2]], "float32")
    assert model.predict(data, verbose=0).tolist() == ["yes", "no"]
    model.export(tmp_path / "model.onnx")
    assert run(tmp_path / "model.onnx", {"scores": data}).tolist() == ["yes", "no"]


def test_unknown_tokens_are_errors_where_they_have_no_number(tmp_path: Any) -> None:
    layer = wh.layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=0, mask_token="")
    start = wh.Input((1,), dtype="string", name="token")
    model = wh.Model(start, layer(start))
    data = np.array([["b"], ["a"], [""]], object)
    assert model.predict(data, verbose=0).tolist() == [[2], [1], [0]]
    with pytest.raises(DataError, match="not in its"):
        model.predict(np.array([["z"]], object), verbose=0)
    model.export(tmp_path / "model.onnx", example=data)
    assert run(tmp_path / "model.onnx", {"token": data}).tolist() == [[2], [1], [0]]
    with pytest.raises(Exception, match="out of data bounds"):
        run(tmp_path / "model.onnx", {"token": np.array([["z"]], object)})


def test_strings_in_the_graph_itself_are_fed() -> None:
    layer = wh.layers.StringLookup(vocabulary=["a"])
    start = wh.Input((2,), dtype="string")
    model = wh.Model(start, layer(wh.ops.reshape(start, (-1,))))
    found = model.predict(np.array([["a", "b"]], object), verbose=0)
    assert found.tolist() == [1, 0]


def test_numbers_for_a_model_of_text_are_refused() -> None:
    with pytest.raises(DataError, match="strings"):
        classifier().predict(np.ones(3), verbose=0)


def test_vocabulary_from_a_file_is_kept_in_the_model(tmp_path: Any) -> None:
    file = tmp_path / "words.txt"
    file.write_text("good\nbad\n日本\n", "utf-8")
    layer = wh.layers.TextVectorization(vocabulary=str(file))
    assert layer.get_vocabulary() == ["", "[UNK]", "good", "bad", "日本"]
    start = wh.Input((), dtype="string")
    model = wh.Model(start, layer(start))
    model.save(tmp_path / "model.wh")
    file.unlink()
    again = wh.models.load_model(tmp_path / "model.wh")
    assert again.predict(["bad 日本 x"], verbose=0).tolist() == [[3, 4, 1]]


def test_data_sets_are_mapped_before(tmp_path: Any) -> None:
    layer = wh.layers.TextVectorization(output_sequence_length=5)
    layer.adapt(iter([TEXTS[:5], TEXTS[5:]]))
    batches = [(np.asarray(layer(TEXTS[i : i + 4])), LABELS[i : i + 4]) for i in (0, 4)]
    start = wh.Input((5,), dtype="int64")
    x = wh.layers.Flatten()(wh.layers.Embedding(layer.vocabulary_size(), 3)(start))
    model = wh.Model(start, wh.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(iter(batches), epochs=1, steps_per_epoch=2, verbose=0)
    pipeline = wh.layers.Pipeline([layer])
    np.testing.assert_array_equal(
        np.asarray(pipeline(["a good film"])), np.asarray(layer(["a good film"]))
    )


def test_served(tmp_path: Any) -> None:
    """One file is a service that takes raw text."""
    layer = wh.layers.TextVectorization()
    layer.adapt(TEXTS)
    start = wh.Input((), dtype="string", name="text")
    x = wh.ops.mean(wh.layers.Embedding(layer.vocabulary_size(), 8)(layer(start)), axis=1)
    model = wh.Model(start, wh.layers.Dense(2, activation="softmax")(x))
    path = tmp_path / "mood" / "1" / "model.onnx"
    path.parent.mkdir(parents=True)
    model.export(path, labels=["bad", "good"])
    wanted = model.predict(ODD, verbose=0)
    with (
        Server(tmp_path, Options(port=0, device="cpu")) as running,
        Client(running.address) as client,
    ):
        answers = client.classify("mood", ODD, top_k=1)
        assert [a.label for a in answers] == [("bad", "good")[i] for i in wanted.argmax(1)]
        (output,) = client.infer("mood", {"text": ODD}).values()
        np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)


def test_tables_at_the_prompt_are_not_taken_for_each_other() -> None:
    """Small graphs are compiled once per structure; what a table holds is part of it."""
    keys = data(np.array([1, 2]))
    found = [mapped(keys, [1], [n], 0).numpy().tolist() for n in (5, 6)]
    assert found == [[5, 0], [6, 0]]
