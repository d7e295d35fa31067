"""Progress bars, messages, switches, objects as data, nests that do not fit, arrays that make no sense."""

from __future__ import annotations

import io
import logging
from collections import deque, namedtuple

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, FileFormatError, OpError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time that progress bars see: set ``clock[0]``."""
    now = [1000.0]
    monkeypatch.setattr("waterhorse.runtime.utils.progbar.time.time", lambda: now[0])
    return now


def watched(monkeypatch) -> Terminal:
    """What is written to a terminal from now on (pytest replaces sys.stdout after fixtures)."""
    made = Terminal()
    monkeypatch.setattr("sys.stdout", made)
    return made


def test_a_bar_on_a_terminal(clock, monkeypatch) -> None:
    screen = watched(monkeypatch)
    bar = wh.utils.Progbar(4, width=8, stateful_metrics=["accuracy"])
    for step, loss in enumerate((4.0, 2.0, 1.5), 1):
        clock[0] += 0.5 if step > 1 else 3.0
        bar.update(step, [("loss", loss), ("accuracy", step / 10)])
    drawn = screen.getvalue().split("\r")[-1]
    # means of the losses; the accuracy as it is; time per step without the first one
    assert drawn.startswith(
        "\x1b[1m3/4\x1b[0m \x1b[32m━━━━━━\x1b[37m━━\x1b[0m \x1b[1m0s\x1b[0m 500ms/step"
    )
    assert "loss: 2.5000 - accuracy: 0.3000" in drawn
    clock[0] += 0.5
    bar.add(1, [("loss", 0.0005)])
    last = screen.getvalue().split("\r")[-1]
    assert "4/4" in last
    assert "\x1b[1m4s\x1b[0m 500ms/step - loss: 5.0000e-04 - accuracy: 0.3000" in last
    assert last.endswith("\n")


def test_a_bar_is_not_drawn_too_often(clock, monkeypatch) -> None:
    screen = watched(monkeypatch)
    bar = wh.utils.Progbar(100, interval=1.0)
    for step in range(1, 100):
        clock[0] += 0.1
        bar.update(step)
    assert screen.getvalue().count("\r") == 10


@pytest.mark.parametrize(
    ("target", "seconds", "wanted"),
    [
        (None, 1.0, "      2/Unknown"),
        (102, 50.0, "1:23:20"),
        (102, 1.0, "1:40"),
        (102, 0.0001, "100us/sample"),
    ],
)
def test_what_is_left(target, seconds, wanted, clock, monkeypatch) -> None:
    screen = watched(monkeypatch)
    bar = wh.utils.Progbar(target, unit_name="sample")
    bar.update(1)
    clock[0] += seconds
    bar.update(2, finalize=None)
    if seconds < 0.05:
        clock[0] += 0.06
        bar.update(602, finalize=False)
    assert wanted in screen.getvalue()


def test_elsewhere_there_is_a_plain_line(clock, capsys) -> None:
    for verbose in (1, 2):
        bar = wh.utils.Progbar(10, verbose=verbose, stateless_metrics=["loss"])
        for _ in range(5):
            clock[0] += 2
            bar.add(2, [("loss", 2.0), ("lr", 0.125)])
        found = capsys.readouterr().out
        assert found == "10/10 - 10s - 1s/step - loss: 2.0000 - lr: 0.1250\n"
    wh.utils.Progbar(2, verbose=0).update(2)
    assert capsys.readouterr().out == ""
    with pytest.raises(ArgumentError, match="not both"):
        wh.utils.Progbar(2, stateful_metrics=[], stateless_metrics=[])


def test_messages_go_to_the_log_where_that_is_asked_for(capsys, caplog) -> None:
    wh.config.disable_interactive_logging()
    try:
        assert not wh.utils.is_interactive_logging_enabled()
        with caplog.at_level(logging.INFO, "waterhorse"):
            wh.utils.Progbar(1, verbose=2).update(1)
    finally:
        wh.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert caplog.messages[0].startswith("1/1 - ")
    assert wh.config.is_interactive_logging_enabled()


# -- configuration -----------------------------------------------------------------------------------------


def test_defaults() -> None:
    config = wh.config
    assert config.floatx() == "float32"
    assert config.epsilon() == 1e-7
    assert config.image_data_format() == "channels_last"
    assert config.backend() == "onnxruntime"
    assert config.max_epochs() is None
    assert config.max_steps_per_epoch() is None
    assert not config.is_traceback_filtering_enabled()
    assert not config.is_flash_attention_enabled()
    config.disable_traceback_filtering()
    config.disable_flash_attention()
    config.set_backend("onnxruntime")
    config.set_epsilon(1e-7)


def test_floatx() -> None:
    try:
        wh.config.set_floatx("float64")
        assert wh.utils.img_to_array(np.zeros((2, 2))).dtype == np.float64
        assert wh.config.dtype_policy().name == "float64"
    finally:
        wh.config.set_floatx("float32")
    assert wh.config.dtype_policy().name == "float32"
    try:
        wh.config.set_dtype_policy("mixed_float16")
        wh.config.set_floatx("float64")
        assert wh.config.dtype_policy().name == "mixed_float16"  # what was chosen by hand stays
    finally:
        wh.config.set_floatx("float32")
        wh.config.set_dtype_policy("float32")


def test_image_data_format() -> None:
    x = np.zeros((1, 3, 8, 8), "float32")
    try:
        wh.config.set_image_data_format("channels_first")
        assert wh.utils.img_to_array(np.zeros((4, 5, 3))).shape == (3, 4, 5)
        assert wh.ops.max_pool(x, 2).shape == (1, 3, 4, 4)
    finally:
        wh.config.set_image_data_format("channels_last")
    assert wh.ops.max_pool(x, 2).shape == (1, 1, 4, 8)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda c: c.set_floatx("int8"), ArgumentError, "set_floatx"),
        (lambda c: c.set_image_data_format("x"), ArgumentError, "data_format='x'"),
        (lambda c: c.set_epsilon(1e-3), NotImplementedError, "built in"),
        (lambda c: c.set_backend("torch"), NotImplementedError, "'onnxruntime'"),
        (lambda c: c.enable_traceback_filtering(), NotImplementedError, "never filtered"),
        (lambda c: c.enable_flash_attention(), NotImplementedError, "ONNX Runtime"),
        (lambda c: c.enable_unsafe_deserialization(), NotImplementedError, "never run"),
    ],
)
def test_what_cannot_be_set(wrong, error, told) -> None:
    with pytest.raises(error, match=told):
        wrong(wh.config)


def test_limits_to_try_a_script() -> None:
    model = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((10, 1), "float32")
    try:
        wh.config.set_max_epochs(2)
        wh.config.set_max_steps_per_epoch(3)
        history = model.fit(x, x, batch_size=1, epochs=5, verbose=0)
        assert model.predict(x, batch_size=1, verbose=0).shape == (3, 1)
    finally:
        wh.config.set_max_epochs(None)
        wh.config.set_max_steps_per_epoch(None)
    assert len(history.history["loss"]) == 2
    assert int(model.optimizer.iterations.numpy()) == 6


# -- objects as data -----------------------------------------------------------------------------------------


def test_objects_there_and_back() -> None:
    given = {"loss": wh.losses.Huber(0.5), "parts": [1, "a", None]}
    data = wh.utils.serialize_keras_object(given)
    found = wh.utils.deserialize_keras_object(data)
    assert found["loss"].get_config() == given["loss"].get_config()
    assert found["parts"] == given["parts"]
    with pytest.raises(NotImplementedError, match="never done"):
        wh.utils.deserialize_keras_object(data, safe_mode=False)


def test_custom_objects() -> None:
    class Mine(wh.losses.Huber):
        pass

    data = {"class_name": "Elsewhere>Mine", "config": {}}
    with pytest.raises(FileFormatError, match="Elsewhere>Mine"):
        wh.utils.deserialize_keras_object(data)
    assert type(wh.utils.deserialize_keras_object(data, custom_objects={"Mine": Mine})) is Mine
    with wh.utils.CustomObjectScope({"Mine": Mine}):
        assert wh.utils.get_registered_object("Mine") is Mine
    assert wh.utils.get_registered_object("Mine") is None
    wh.utils.get_custom_objects()["Mine"] = Mine
    try:
        assert type(wh.utils.deserialize_keras_object(data)) is Mine
    finally:
        wh.utils.get_custom_objects().clear()


def test_registered_names() -> None:
    @wh.utils.register_keras_serializable("tests", "doubled")
    def double(x):
        return x * 2

    assert wh.utils.get_registered_name(double) == "tests>doubled"
    assert wh.utils.get_registered_object("tests>doubled") is double
    assert wh.utils.get_registered_name(len) == "len"


def test_symbolic_tensors() -> None:
    a, b = wh.Input((2,)), wh.Input((2,))
    y = wh.layers.Dense(1)(wh.layers.Dense(2)(a) + b)
    assert wh.utils.is_keras_tensor(y)
    assert not wh.utils.is_keras_tensor(wh.ops.add(1.0, 2.0))
    assert {t.node for t in wh.utils.get_source_inputs(y)} == {a.node, b.node}
    with pytest.raises(ArgumentError, match="ndarray is no tensor"):
        wh.utils.is_keras_tensor(np.zeros(2))


# -- arrays and nests --------------------------------------------------------------------------------------


def test_packing() -> None:
    unpack, pack = wh.utils.unpack_x_y_sample_weight, wh.utils.pack_x_y_sample_weight
    assert unpack(1) == unpack((1,)) == unpack([1]) == (1, None, None)
    assert unpack((1, 2)) == (1, 2, None)
    assert unpack((1, 2, 3)) == (1, 2, 3)
    assert (pack(1), pack([1]), pack(1, 2), pack(1, 2, 3)) == (1, ([1],), (1, 2), (1, 2, 3))
    with pytest.raises(ArgumentError, match="got 4 parts"):
        unpack((1, 2, 3, 4))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: wh.utils.pad_sequences([1, 2]), "list of sequences"),
        (lambda: wh.utils.pad_sequences([[1]], padding="x"), "padding='x'"),
        (lambda: wh.utils.pad_sequences([[1]], truncating="x"), "truncating='x'"),
        (lambda: wh.utils.pad_sequences([["a"]], value="b"), "dtype=object"),
        (
            lambda: wh.utils.pad_sequences([[[1, 2]], [[1]]]),
            r"sequence 1 has elements of shape \(1,\)",
        ),
        (lambda: wh.utils.to_categorical([0.5]), "got fractions"),
        (lambda: wh.utils.to_categorical([-1]), "class -1"),
        (lambda: wh.utils.to_categorical([3], 3), "class 3 is out of range: expected 0 to 2"),
    ],
)
def test_arrays_that_make_no_sense(wrong, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        wrong()


def test_padding_of_text_and_rows() -> None:
    found = wh.utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="-")
    assert found.tolist() == [["-", "a"], ["b", "c"]]
    found = wh.utils.pad_sequences([np.ones((1, 2)), np.ones((3, 2))], maxlen=2)
    assert found.shape == (2, 2, 2)
    assert wh.utils.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)


def test_norms_along_the_first_axis() -> None:
    found = wh.utils.normalize(np.array([[3.0, 0.0], [4.0, 0.0]]), axis=0)
    assert found.tolist() == [[0.6, 0.0], [0.8, 0.0]]


Point = namedtuple("Point", ["x", "y"])  # noqa: PYI024
Other = namedtuple("Other", ["x", "y"])  # noqa: PYI024


@pytest.mark.parametrize(
    ("a", "b", "same", "same_paths"),
    [
        ([1, {"a": 2}], [3, {"a": 4}], True, True),
        ([1, 2], (1, 2), False, True),
        ([1, 2], [1, 2, 3], False, False),
        ({"a": 1}, {"b": 1}, False, False),
        ({"a": 1, "b": 2}, {"b": 1, "a": 2}, True, True),
        (Point(1, 2), Other(1, 2), False, True),
        (deque([1]), deque([2]), True, True),
        (1, [1], False, False),
        (None, 3, True, True),
    ],
)
def test_same_structures(a, b, same, same_paths) -> None:
    for check, wanted in (
        (wh.tree.assert_same_structure, same),
        (wh.tree.assert_same_paths, same_paths),
    ):
        if wanted:
            check(a, b)
        else:
            with pytest.raises(ValueError, match="structures"):
                check(a, b)


def test_traversals() -> None:
    tree = wh.tree
    seen: list[object] = []
    nest = [(1, 2), [3], {"a": 4}]
    assert tree.traverse(seen.append, nest) == nest
    assert seen == [nest, (1, 2), 1, 2, [3], 3, {"a": 4}, 4]
    seen.clear()
    assert tree.traverse(seen.append, nest, top_down=False) == nest
    assert seen == [1, 2, (1, 2), 3, [3], 4, {"a": 4}, nest]
    assert tree.traverse(lambda v: "t" if isinstance(v, tuple) else None, nest) == [
        "t",
        [3],
        {"a": 4},
    ]
    assert tree.traverse(lambda v: tree.MAP_TO_NONE if v == 3 else None, nest)[1] == [None]
    assert tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == [
        "[1, 1]",
        ["2", "2"],
    ]
    assert tree.map_structure(lambda a, b: a + b, {"a": 1, "b": [2]}, {"b": [3], "a": 4}) == {
        "a": 5,
        "b": [5],
    }
    assert tree.map_structure(lambda v: v + 1, [1, None], none_is_leaf=False) == [2, None]
    assert tree.map_shape_structure(lambda s: (*s, 1), {"a": (None, 2), "b": [3, 4]}) == {
        "a": (None, 2, 1),
        "b": (3, 4, 1),
    }


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda t: t.map_structure(lambda a, b: a, [1], [1, 2]), ArgumentError, r"\[\*\] and \[\*, \*\]"),
        (lambda t: t.map_structure(3, [1]), OpError, "expected a function"),
        (lambda t: t.map_structure(len), OpError, "needs a structure"),
        (lambda t: t.map_structure_up_to([1, 2], len, [1]), ArgumentError, "nested differently"),
        (lambda t: t.pack_sequence_as([1, 2], [1]), ArgumentError, "has 2 leaves; got 1 values"),
        (lambda t: t.pack_sequence_as([1, 2], 5), OpError, "takes a sequence"),
        (lambda t: t.map_structure(lambda a, b: a, [None], [1], none_is_leaf=False), ArgumentError, "None"),
        (lambda t: t.map_shape_structure(len, "x"), ArgumentError, "neither a shape"),
    ],
)  # fmt: skip
def test_nests_that_do_not_fit(wrong, error, told) -> None:
    with pytest.raises(error, match=told):
        wrong(wh.tree)


def test_what_keras_has_and_we_do_not_says_so() -> None:
    with pytest.raises(NotImplementedError, match="boxes are arrays"):
        wh.utils.bounding_boxes  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'pad_sequence'"):
        wh.utils.pad_sequence  # noqa: B018
