"""``waterhorse finetune``: an ONNX file learns, is written back, and survives interruptions."""

import json
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

import waterhorse as wh

from .command import (
    COMMAND,
    ENVIRONMENT,
    digits_model,
    model,
    refuses,
    succeeds,
    value,
    waterhorse,
    weight,
)

node = helper.make_node
SPARSE = ["--loss", "sparse_categorical_crossentropy"]
USUAL = ["finetune", "digits.onnx", "--data", "data.npz", *SPARSE]


@pytest.fixture(scope="module")
def arrays() -> tuple[np.ndarray, np.ndarray]:
    (x, y), _ = wh.datasets.load_digits(test_fraction=0)
    return (x[:600].transpose(0, 3, 1, 2) / 16).astype("float32"), y[:600]


@pytest.fixture
def folder(tmp_path, arrays) -> Path:
    onnx.save(digits_model(), tmp_path / "digits.onnx")
    np.savez(tmp_path / "data.npz", x=arrays[0], y=arrays[1])
    return tmp_path


def weights(path: Path) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def scores(path: Path, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def crossentropy(logits: np.ndarray, y: np.ndarray) -> float:
    logits = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return float(
        -(logits - np.log(np.exp(logits).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()
    )


# -- what comes out -----------------------------------------------------------------------------


def test_it_learns_and_says_how_much(folder, arrays) -> None:
    said = succeeds(
        *USUAL, "--metric", "accuracy", "--validation-split", "0.25", "--epochs", "6",
        "--learning-rate", "0.01", "--freeze", "conv.*", "--out", "new.onnx", folder=folder,
    )  # fmt: skip
    assert "the output 'scores' is taken for logits" in said
    assert "2 weights are trained (1,290 numbers), 2 are frozen" in said
    assert "training on 450 examples, 150 are held out" in said
    assert len(re.findall(r"^epoch \d/6 .*val_loss", said, re.MULTILINE)) == 6
    x, y = arrays[0][450:], arrays[1][450:]
    before, after = scores(folder / "digits.onnx", x), scores(folder / "new.onnx", x)
    for name, a, b in (
        ("loss", crossentropy(before, y), crossentropy(after, y)),
        ("accuracy", np.mean(before.argmax(1) == y), np.mean(after.argmax(1) == y)),
    ):
        assert f"{name} on held-out examples: {a:.4f} before, {b:.4f} after" in said
    assert crossentropy(after, y) < 0.6 * crossentropy(before, y)
    old, new = weights(folder / "digits.onnx"), weights(folder / "new.onnx")
    assert set(old) == set(new)
    assert {n for n in old if np.array_equal(old[n], new[n])} == {"conv.weight", "conv.bias"}
    assert "wrote new.onnx" in said
    assert not (folder / "new.onnx.checkpoint").exists()
    onnx.checker.check_model(folder / "new.onnx", full_check=True)


def test_same_seed_same_file(folder) -> None:
    for out, seed in (("a.onnx", 1), ("b.onnx", 1), ("c.onnx", 2)):
        succeeds(*USUAL, "--epochs", "1", "--out", out, "--seed", seed, folder=folder)
    a, b, c = (weights(folder / f"{n}.onnx") for n in "abc")
    assert all(np.array_equal(a[n], b[n]) for n in a)
    assert not np.array_equal(a["head.weight"], c["head.weight"])


def test_labels_are_kept(folder) -> None:
    proto = digits_model()
    labels = json.dumps([f"digit {i}" for i in range(10)])
    proto.metadata_props.add(key="waterhorse.labels", value=labels)
    onnx.save(proto, folder / "digits.onnx")
    succeeds(*USUAL, "--epochs", "1", folder=folder)
    kept = {p.key: p.value for p in onnx.load(folder / "digits.tuned.onnx").metadata_props}
    assert json.loads(kept["waterhorse.labels"]) == json.loads(labels)


def regression(outputs: int = 1, batch: int | str = "n") -> onnx.ModelProto:
    """y = sigmoid(a w + b v); with two outputs, the inputs' product besides."""
    nodes = [
        node("MatMul", ["a", "w"], ["p"]),
        node("MatMul", ["b", "v"], ["q"]),
        node("Add", ["p", "q"], ["sum"]),
        node("Sigmoid", ["sum"], ["chance"]),
        node("MatMul", ["q", "u"], ["other"]),
    ]
    known = [value("chance", "FLOAT", batch, 1), value("other", "FLOAT", batch, 2)]
    return model(
        nodes, [value("a", "FLOAT", batch, 3), value("b", "FLOAT", batch, 2)],
        known[:outputs] if outputs > 0 else known[::-1],
        [weight("w", 3, 1), weight("v", 2, 1), weight("u", 1, 2)],
    )  # fmt: skip


@pytest.fixture
def two(tmp_path) -> Path:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(96, 3)), generator.integers(0, 5, (96, 2))
    y = (a[:, 0] + b[:, 1] > 2).astype(int)
    np.savez(tmp_path / "data.npz", a=a.astype("float32"), b=b, goal=y, spare=y)
    onnx.save(regression(), tmp_path / "m.onnx")
    return tmp_path


def test_inputs_by_name_and_probabilities(two) -> None:
    said = succeeds(
        "finetune", "m.onnx", "--data", "data.npz", "--loss", "binary_crossentropy", "--target",
        "goal", "--metric", "accuracy", "--epochs", "5", "--learning-rate", "0.05", folder=two,
    )  # fmt: skip
    assert "data.npz: not used: spare" in said
    assert "the output 'chance' is taken for probabilities" in said
    before, after = map(float, re.findall(r"accuracy on .*: (\S+) before, (\S+) after", said)[0])
    assert after > max(before, 0.8)


def test_binary_accuracy_of_logits(two) -> None:
    """Above 0, not above 0.5, is the first class."""
    proto = regression()
    proto.graph.output[0].name = "sum"
    del proto.graph.node[3:]
    onnx.save(proto, two / "m.onnx")
    said = succeeds(
        "finetune", "m.onnx", "--data", "data.npz", "--loss", "binary_crossentropy", "--target",
        "goal", "--metric", "accuracy", "--epochs", "1", folder=two,
    )  # fmt: skip
    with np.load(two / "data.npz") as found:
        feeds = {"a": found["a"], "b": found["b"].astype("float32")}
        goal = found["goal"]
    session = ort.InferenceSession(two / "m.onnx", providers=["CPUExecutionProvider"])
    right = np.mean((session.run(None, feeds)[0][:, 0] > 0) == goal)
    assert f"accuracy on training examples: {right:.4f} before" in said


def test_a_softmax_that_is_written_out_gives_probabilities(folder) -> None:
    proto = digits_model()
    proto.graph.node[-1].output[0] = "z"
    proto.graph.node.extend([
        node("Exp", ["z"], ["exps"]),
        node("ReduceSum", ["exps", "axes"], ["total"]),
        node("Div", ["exps", "total"], ["scores"]),
    ])  # fmt: skip
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axes"))
    onnx.save(proto, folder / "digits.onnx")
    said = succeeds(*USUAL, "--epochs", "1", folder=folder)
    assert "the output 'scores' is taken for probabilities" in said
    before, after = map(float, re.findall(r"loss on .*: (\S+) before, (\S+) after", said)[0])
    assert after < 0.99 * before


def test_one_of_several_outputs(two) -> None:
    onnx.save(regression(outputs=-1), two / "m.onnx")
    command = ["finetune", "m.onnx", "--data", "data.npz", "--loss", "bce", "--target", "goal"]
    decay = ["--optimizer", "adamw"]  # which would shrink weights that get no gradient
    said = succeeds(*command, *decay, "--output", "chance", "--epochs", "2", folder=two)
    assert "2 weights are trained (5 numbers), 1 are frozen" in said
    before, after = map(float, re.findall(r"loss on .*: (\S+) before, (\S+) after", said)[0])
    assert after < before
    old, new = weights(two / "m.onnx"), weights(two / "m.tuned.onnx")
    np.testing.assert_array_equal(old["u"], new["u"])
    assert not np.array_equal(old["w"], new["w"])
    assert [o.name for o in onnx.load(two / "m.tuned.onnx").graph.output] == ["other", "chance"]
    assert "training other (--output)" in waterhorse(*command, folder=two).stdout
    assert "no such output of floating-point numbers; it has ['other', 'chance']" in refuses(
        *command, "--output", "x", folder=two
    )


def test_a_fixed_batch_is_opened(folder, arrays) -> None:
    onnx.save(digits_model(batch=1), folder / "digits.onnx")
    said = succeeds(*USUAL, "--epochs", "1", folder=folder)
    assert "the file has a fixed batch of 1; reading it with an open one" in said
    assert scores(folder / "digits.tuned.onnx", arrays[0][:7]).shape == (7, 10)


def test_train_only(folder) -> None:
    said = succeeds(*USUAL, "--epochs", "1", "--train-only", "head.*", folder=folder)
    assert "2 weights are trained (1,290 numbers), 2 are frozen" in said


# -- interruptions ------------------------------------------------------------------------------

LONG = [*USUAL, "--batch-size", "1", "--epochs", "5", "--validation-split", "0.2"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, arrays) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("whole")
    onnx.save(digits_model(), path / "digits.onnx")
    np.savez(path / "data.npz", x=arrays[0], y=arrays[1])
    succeeds(*LONG, folder=path)
    return weights(path / "digits.tuned.onnx")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_gone_on_with(folder, uninterrupted, number) -> None:
    with subprocess.Popen(
        [*COMMAND, *LONG], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("epoch 2/5"):
                process.send_signal(number)
        code = process.wait()
    said = "".join(lines)
    assert not (folder / "digits.tuned.onnx").exists()
    assert list((folder / "digits.tuned.onnx.checkpoint").iterdir())
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 128 + number
        where = r"interrupted (in epoch \d after batch \d+|after epoch \d); the checkpoint is "
        assert re.search(where, said)
        assert f"to go on: waterhorse {' '.join(LONG)}" in said
    again = waterhorse(*LONG, folder=folder)
    assert again.returncode == 0, again.stderr
    assert "going on from digits.tuned.onnx.checkpoint/checkpoint-00000" in again.stderr
    assert "epoch 1/5" not in again.stdout
    found = weights(folder / "digits.tuned.onnx")
    for name, whole in uninterrupted.items():
        np.testing.assert_array_equal(found[name], whole)
    assert not (folder / "digits.tuned.onnx.checkpoint").exists()


def test_a_named_checkpoint_is_kept_for_more_epochs(folder) -> None:
    kept = ["--checkpoint", "kept"]
    succeeds(*USUAL, *kept, "--epochs", "1", folder=folder)
    more = waterhorse(*USUAL, *kept, "--epochs", "2", folder=folder)
    assert "going on from kept/checkpoint-000001: epoch 2" in more.stderr
    assert more.stdout.count("epoch 2/2") == 1
    assert "epoch 1/2" not in more.stdout
    assert "of a run with --learning-rate None, not 0.1; --batch-size 32, not 16" in refuses(
        *USUAL, *kept, "--batch-size", "16", "--learning-rate", "0.1", folder=folder
    )
    with np.load(folder / "data.npz") as found:
        np.savez(folder / "data.npz", x=found["x"] * 2, y=found["y"])
    assert "is of a run with another data than data.npz; --no-resume begins anew" in refuses(
        *USUAL, *kept, folder=folder
    )
    anew = succeeds(*USUAL, *kept, "--no-resume", "--epochs", "1", folder=folder)
    assert "epoch 1/1" in anew


# -- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "msee"], "unknown loss 'msee'; did you mean 'mse'?"),
        (["--optimizer", "adan"], "unknown optimizer 'adan'; did you mean 'adam'?"),
        (["--metric", "acuracy"], "unknown metric 'acuracy'"),
        (["--loss", "mse"], "the targets are int64 (600,); this loss and the output 'scores', (n, 10), need (n, 10)"),
        (["--loss", "mse", "--from-logits"], "--from-logits says nothing to the loss mse"),
        (["--metric", "crossentropy"], "the loss is the crossentropy already"),
        (["--freeze", "bert.*"], "--freeze 'bert.*' fits none of the 4 weights: conv.weight"),
        (["--freeze", "*"], "leave nothing to train"),
        (["--target", "labels"], "data.npz has no array 'labels'; it has x float32 (600, 1, 8, 8), y int64 (600,)"),
        (["--data", "other.npz"], "there is no file other.npz"),
        (["--data", "digits.onnx"], "digits.onnx is no .npz file"),
        (["--data", "flat.npz"], "'x' is float32 (600, 64); the model's input 'image' takes float32 (n, 1, 8, 8)"),
        (["--data", "text.npz"], "'x' is <U21 (600,)"),
        (["--data", "short.npz"], "all arrays need the same number of examples; x has 600, y has 599"),
        (["--data", "eleven.npz"], "the targets go from 0 to 10, and the output 'scores' has 10 classes: 0 to 9"),
        (["--data", "floats.npz"], "this loss needs class numbers (integers)"),
        (["--data", "cut.npz"], "cut.npz is no .npz file, or is damaged"),
        (["--out", "digits.onnx"], "--out digits.onnx is the model itself"),
        (["--out", "no/folder.onnx"], "there is no folder no"),
        (["--validation-split", "1.5"], "--validation-split 1.5: expected a number from 0 to below 1"),
        (["--device", "gpu"], "device 'gpu': expected 'auto', 'cpu', 'cuda'"),
        (["--batch-norm", "on"], "batch_norm='on'"),
        (["--learning-rate", "1e30", "--optimizer", "sgd"], "the loss became"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)  # fmt: skip
def test_mistakes(folder, arrays, arguments, message) -> None:
    x, y = arrays
    named = arguments[1] if arguments[0] == "--data" else ""
    made = {
        "flat.npz": {"x": x.reshape(600, -1), "y": y}, "text.npz": {"x": y.astype(str), "y": y},
        "short.npz": {"x": x, "y": y[1:]}, "eleven.npz": {"x": x, "y": np.where(y == 3, 10, y)},
        "floats.npz": {"x": x, "y": y + 0.5}, "cut.npz": {"x": x, "y": y},
    }  # fmt: skip
    if named in made:
        np.savez(folder / named, **made[named])
    if named == "cut.npz":
        content = (folder / named).read_bytes()
        (folder / named).write_bytes(content[: len(content) // 2])
    assert message in refuses(*USUAL, *arguments, folder=folder)
    assert not (folder / "digits.tuned.onnx").exists()
