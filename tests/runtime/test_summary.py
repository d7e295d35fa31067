"""What ``summary`` says: as Keras says it, and what it adds is right by other ways of counting."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ArgumentError


def siamese() -> wh.Model:
    encoder = wh.Sequential(
        [wh.Input((16,)), L.Dense(8, "relu", name="first"), L.Dense(4, name="second")],
        name="encoder",
    )
    a, b = wh.Input((16,), name="left"), wh.Input((16,), name="right")
    d = L.Subtract(name="sub")([encoder(a), encoder(b)])
    y = L.Dense(1, "sigmoid", name="out")(L.Multiply(name="mul")([d, d]))
    return wh.Model([a, b], y, name="siamese")


def convnet() -> wh.Model:
    return wh.Sequential([
        wh.Input((28, 28, 1), name="image"), L.Conv2D(8, 3, activation="relu", name="conv"),
        L.MaxPooling2D(2, name="pool"), L.Flatten(name="flat"), L.Dense(10, name="dense"),
    ])  # fmt: skip


class Branches(wh.Model):
    """A model whose layers are known only after a call."""

    def __init__(self) -> None:
        super().__init__(name="branches")
        self.embed = L.Embedding(10, 8, name="embed")
        self.a, self.b = L.Dense(6, name="a"), L.Dense(6, name="b")
        self.drop = L.Dropout(0.5, name="drop")
        self.unused = L.Dense(3, name="unused")

    def call(self, x, training=False):
        x = self.embed(x)
        return self.drop(self.a(x) + self.b(x), training=training) * 2.0


def text(model: wh.Model, **options) -> str:
    seen: list[str] = []
    model.summary(print_fn=seen.append, **options)
    assert len(seen) == 1
    return seen[0]


def rows(model: wh.Model, **options) -> dict[str, list[str]]:
    """The cells of each row by the layer's name; the titles by ""."""
    lines = text(model, **options).splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("──"))
    found = {"": re.split(r"\s{2,}", lines[rule - 1])}
    for line in lines[rule + 1 :]:
        if not line:
            break
        cells = re.split(r"\s{2,}", line.strip())
        found[cells[0].lstrip("└│ ").split(" (")[0]] = cells
    return found


def column(model: wh.Model, title: str, **options) -> dict[str, str]:
    found = rows(model, **options)
    place = found.pop("").index(title)
    return {name: cells[place] for name, cells in found.items()}


def test_connections_and_what_is_trainable_are_those_that_keras_prints() -> None:
    model = siamese()
    model.get_layer("encoder").trainable = False
    shown = {"expand_nested": True, "show_trainable": True}
    found = column(model, "Connected to", **shown)
    # keras 3.15.1 prints these; it says "-" for layers of nested models
    assert {n: v for n, v in found.items() if n not in ("first", "second")} == {
        "left": "-", "right": "-", "encoder": "left[0][0], right[0][0]",
        "sub": "encoder[0][0], encoder[1][0]", "mul": "sub[0][0], sub[0][0]", "out": "mul[0][0]",
    }  # fmt: skip
    assert column(model, "Trainable", **shown) == {
        "left": "-", "right": "-", "encoder": "N", "first": "N", "second": "N", "sub": "-", "mul": "-",
        "out": "Y",
    }  # fmt: skip
    lines = text(model).splitlines()
    assert "Total params: 177 (708.00 B)" in lines
    assert "Trainable params: 5 (20.00 B)" in lines
    assert "Non-trainable params: 172 (688.00 B)" in lines
    assert "first" not in column(model, "Dtype")


def test_types_and_costs_by_hand() -> None:
    model = convnet()
    assert column(model, "Output shape") == {
        "conv": "(None, 26, 26, 8)", "pool": "(None, 13, 13, 8)", "flat": "(None, 1352)",
        "dense": "(None, 10)",
    }  # fmt: skip
    assert column(model, "Param #") == {"conv": "80", "pool": "0", "flat": "0", "dense": "13,530"}
    macs = {"conv": f"{26 * 26 * 8 * 9:,}", "pool": "-", "flat": "-", "dense": "13,520"}
    assert column(model, "MACs") == macs
    sizes = column(model, "Activations")
    assert sizes["conv"] == f"{26 * 26 * 8 * 4 / 1024:.2f} KB"
    assert sizes["dense"] == "40.00 B"
    assert "Connected to" not in rows(model)[""]  # a chain


def test_a_shared_layer_costs_as_often_as_it_is_called() -> None:
    found = column(siamese(), "MACs", expand_nested=True)
    assert found["encoder"] == f"{2 * (16 * 8 + 8 * 4)}"
    assert found["first"] == f"{16 * 8}"


def test_costs_that_depend_on_time() -> None:
    start = wh.Input((None, 4), name="x")
    end = L.Dense(2)(L.LSTM(3, name="lstm")(start))
    model = wh.Model(start, end)
    per_step = 4 * 3 * (4 + 3)  # four gates of three units, from four inputs and three states
    assert column(model, "MACs")["lstm"] == f"{per_step}*x_dim_1"
    assert "dynamic dims: batch, x_dim_1" in text(model)


def test_subclasses_are_traced_and_counted() -> None:
    model = Branches()
    assert set(column(model, "Output shape").values()) == {"?"}
    model(np.zeros((2, 3), "int64"))
    assert column(model, "Output shape") == {
        "embed": "(None, 3, 8)", "a": "(None, 3, 6)", "b": "(None, 3, 6)", "drop": "(None, 3, 6)",
        "unused": "?",
    }  # fmt: skip
    found = column(model, "Connected to")
    assert found["a"] == "embed[0][0]"
    assert found["drop"] == "a[0][0], b[0][0]"  # through the addition
    assert column(model, "Param #")["unused"] == "not built"


def test_operators_of_functional_models_are_rows() -> None:
    start = wh.Input((4,), name="x")
    a = L.Dense(3, name="a")(start)
    model = wh.Model(start, L.Dense(2, name="b")(wh.ops.tanh(a)))
    found = rows(model)
    assert list(found)[1:] == ["x", "a", "tanh", "b"]
    assert column(model, "Connected to")["b"] == "tanh[0][0]"


def test_total_does_not_jump_after_fit() -> None:
    model = siamese()
    model.compile("adam", "mse")
    pick = re.compile(r"^(?:Total|Trainable|Non-trainable) params.*$", re.MULTILINE)
    before = pick.findall(text(model))
    model.fit([np.ones((4, 16))] * 2, np.ones((4, 1)), verbose=0)
    assert pick.findall(text(model)) == before
    slots = 2 * 177 + 2  # two moments for each weight, the counter of steps, the rate
    assert f"Optimizer params: {slots} " in text(model)


def test_a_summary_changes_nothing() -> None:
    model = convnet()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.ones((4, 28, 28, 1), "float32"), np.zeros((4,), "int64")
    model.summary(print_fn=len)
    # "accuracy" is resolved by the targets, which a summary does not know
    history = model.fit(x, y, verbose=0).history
    assert set(history) == {"accuracy", "loss"}
    before, weights = list(model.losses), model.get_weights()
    model.summary(print_fn=len)
    assert list(model.losses) == before
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_facts_of_onnx_are_those_of_the_exported_file(tmp_path: Path) -> None:
    model = convnet()
    model.export(tmp_path / "model.onnx")
    written = onnx.load(tmp_path / "model.onnx")
    facts = wh.utils.summary_json(model)["onnx"]
    assert facts["opset"] == written.opset_import[0].version
    assert facts["ir_version"] == written.ir_version
    assert facts["nodes"] == {"forward": len(written.graph.node)}
    assert facts["dynamic_dims"] == [written.graph.input[0].type.tensor_type.shape.dim[0].dim_param]
    model.compile("sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert wh.utils.summary_json(model)["onnx"]["nodes"]["training"] > 2 * len(written.graph.node)


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    model = siamese()
    model.summary(json=True)
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(wh.utils.summary_json(model)))
    by_name = {row["name"]: row for row in found["layers"]}
    assert by_name["encoder"]["output_shape"] == [None, 4]
    assert [row["name"] for row in by_name["encoder"]["layers"]] == ["first", "second"]
    assert by_name["sub"]["connected_to"] == ["encoder[0][0]", "encoder[1][0]"]
    assert found["params"] == {"total": 177, "trainable": 177, "non_trainable": 0}
    assert found["bytes"]["total"] == 4 * 177
    assert found["macs"] == sum(row["macs"] for row in found["layers"]) == 2 * 160 + 4


def test_positions_and_length_widen_only() -> None:
    model = convnet()
    narrow = text(model, line_length=10)
    assert narrow == text(model)
    wide = text(model, line_length=150, positions=[0.4, 0.6, 0.7, 0.8, 0.9, 1.0]).splitlines()
    assert max(map(len, wide)) == 150
    assert wide[2].index("Output shape") == 60
    assert text(model, positions=[50, 90]).splitlines()[2].index("Dtype") == 90
    for bad in ([0.5, 0.4], list(range(1, 20))):
        with pytest.raises(ArgumentError, match="increasing numbers"):
            model.summary(positions=bad)


def test_ranges_of_layers() -> None:
    model = convnet()
    assert list(rows(model, layer_range=("pool", "flat")))[1:] == ["pool", "flat"]
    assert list(rows(model, layer_range=("c.*", "p")))[1:] == ["conv", "pool"]
    for bad, why in (
        (("none", "flat"), "no layer fits"),
        (("flat", "conv"), "comes after"),
        ("pool", "two"),
    ):
        with pytest.raises(ArgumentError, match=why):
            model.summary(layer_range=bad)


PROGRAM = """
import waterhorse as wh
from waterhorse import layers as L
x = wh.Input((8,), name="a_rather_long_name_of_an_input")
y = L.Dense(4, name="a_layer_whose_name_is_long_as_well")(x)
wh.Model(x, L.Add(name="sum")([y, y])).summary()
"""


def run(program: str, columns: int | None) -> str:
    source = Path(wh.__file__).parent.parent
    environment = {"PYTHONPATH": str(source), "PATH": "", "TERM": "xterm"}
    if columns is None:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout
    ours, theirs = pty.openpty()
    environment["COLUMNS"] = str(columns)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
        assert process.wait(60) == 0
    return b"".join(parts).decode()


def test_nothing_is_cut_in_a_pipe() -> None:
    lines = run(PROGRAM, None).splitlines()
    assert "\x1b" not in "".join(lines)
    (add,) = (line for line in lines if line.startswith("sum (Add)"))
    name = "a_layer_whose_name_is_long_as_well"
    assert add.endswith(f"{name}[0][0], {name}[0][0]")
    assert "MACs" in lines[2]


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    seen = run(PROGRAM, 100)
    assert "Param #" in seen
    assert "Activations" not in seen
    assert "\x1b[1m" in seen
