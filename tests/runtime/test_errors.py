"""Mistakes: each a sentence that says what was wrong, and nothing half-written."""

from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import (
    ArgumentError,
    DataError,
    DeviceError,
    ExportError,
    FileFormatError,
    GradientError,
    NonFiniteError,
    OpError,
    RunError,
    ShapeError,
    TraceError,
)

X = np.random.default_rng(0).random((40, 4)).astype("float32")
Y = np.arange(40) % 3


def model(loss=None, **options) -> wh.Sequential:
    made = wh.Sequential([wh.Input((4,)), L.Dense(3)])
    loss = loss or wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(options.pop("optimizer", "sgd"), loss, **options)
    return made


def here() -> str:
    return str(Path(__file__).name)


def test_wrong_layer_shape_names_operands_and_line() -> None:
    x = wh.Input((8,))
    with pytest.raises(ShapeError, match=rf"MatMul\(float32\[batch, 8\], .*{here()}:\d+"):
        wh.op.MatMul(x, np.ones((5, 2), "float32"))
    with pytest.raises(ShapeError, match=r"takes images .*; add a channel axis"):
        L.Conv2D(3, 3)(wh.Input((8, 8)))
    dense = L.Dense(2)
    dense(x)
    with pytest.raises(ShapeError, match=r"with size 8 along axis -1; got float32\[batch, 5\]"):
        dense(wh.Input((5,)))
    with pytest.raises(ShapeError, match=r"needs to know .* dynamic"):
        L.Dense(2)(wh.Input((None,)))
    with pytest.raises(ShapeError, match=r"cannot reshape \(8,\) \(8 elements per example\)"):
        L.Reshape((3, 3))(x)


def test_data_of_the_wrong_shape() -> None:
    with pytest.raises(ShapeError, match=r"takes \(None, 4\) .* got data of shape \(None, 7\)"):
        model().fit(np.ones((10, 7), "float32"), np.zeros(10, "int64"), verbose=0)
    with pytest.raises(DataError, match="same number of examples"):
        model().fit(X, Y[:30], verbose=0)
    with pytest.raises(ShapeError, match="differ in shape"):
        model("mse").fit(X, np.ones((40, 5)), verbose=0)


def test_wrong_dtype() -> None:
    with pytest.raises(DataError, match="dtype <U3; expected numbers"):
        model().fit(np.array([["abc"] * 4] * 40), Y, verbose=0)
    with pytest.raises(DataError, match="encode text labels first"):
        model().fit(X, np.array(["cat"] * 40), verbose=0)
    with pytest.raises(DataError, match="holds objects"):
        model().fit(np.array([[None] * 4] * 40, dtype=object), Y, verbose=0)
    with pytest.raises(ShapeError, match=r"Add\(float32\[2\], int64\[2\]\)"):
        wh.op.Add(np.ones(2, "float32"), np.ones(2, "int64"))
    with pytest.raises(ArgumentError, match="no element type"):
        L.Dense(3, dtype="float33")


def test_labels_out_of_range() -> None:
    wrong = Y.copy()
    wrong[17] = 3
    with pytest.raises(DataError, match=r"label 3 \(example 17\).*0 to 2"):
        model().fit(X, wrong, verbose=0)
    with pytest.raises(DataError, match="label -1"):
        model().fit(X, Y - 1, verbose=0)
    with pytest.raises(RunError, match=r"GatherElements|out of .*bounds"):
        model().train_on_batch(X, wrong)


def test_weights_survive_a_failed_step() -> None:
    made = model()
    made.train_on_batch(X, Y)
    before = made.get_weights()
    with pytest.raises(RunError):
        made.train_on_batch(X, Y + 7)
    for a, b in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert made.train_on_batch(X, Y, return_dict=True)["loss"] > 0


def test_nan_loss() -> None:
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"became nan within .* epoch 1.*learning rate"):
        model().fit(bad, Y, verbose=0)
    with pytest.raises(NonFiniteError, match=r"inf|nan"):
        model("mse", optimizer=wh.optimizers.SGD(1e20)).fit(
            X, np.ones((40, 3)), epochs=9, verbose=0
        )
    made = model()
    made.fit(bad, Y, epochs=3, callbacks=[wh.callbacks.TerminateOnNaN()], verbose=0)
    assert len(made.history.epoch) == 1


def test_empty_data() -> None:
    with pytest.raises(DataError, match="empty"):
        model().fit(X[:0], Y[:0], verbose=0)
    with pytest.raises(DataError, match="empty"):
        model().predict(X[:0], verbose=0)
    with pytest.raises(DataError, match="empty"):
        model().fit(iter([]), verbose=0)
    with pytest.raises(DataError, match="ran out"):
        model().fit(iter([(X, Y)]), epochs=2, verbose=0)


UNKNOWN = [
    (lambda: model(optimizer="adamm"), "unknown optimizer 'adamm'; did you mean 'adam'"),
    (lambda: model("sparse_crossentropy"), "unknown loss"),
    (lambda: model(metrics=["acuracy"]), "unknown metric 'acuracy'; did you mean 'accuracy'"),
    (lambda: L.Dense(3, activation="relo"), "unknown activation 'relo'; did you mean 'relu'"),
    (lambda: L.Dense(3, kernel_initializer="glorot")(X), "unknown initializer"),
    (lambda: L.Dense(3, kernel_regularizer="l3")(X), "unknown regularizer"),
    (lambda: L.Conv2D(3, 3, padding="some"), "expected 'valid' or 'same'"),
    (lambda: L.Conv2D(3, 3, data_format="last"), "expected 'channels_last'"),
    (lambda: model().fit(X, Y, verbose="loud"), "expected 0, 1, 2 or 'auto'"),
    (lambda: wh.losses.MeanSquaredError(reduction="average"), "reduction"),
]


@pytest.mark.parametrize(("call", "message"), UNKNOWN, ids=[m[:24] for _, m in UNKNOWN])
def test_unknown_strings(call, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


def test_unknown_arguments_and_operators() -> None:
    with pytest.raises(TypeError, match="unit"):
        L.Dense(unit=3)
    with pytest.raises(OpError, match="did you mean 'Softmax'"):
        wh.op.Softmx(X)
    with pytest.raises(OpError, match="Softmax has no attribute 'axs'; did you mean 'axis'"):
        wh.op.Softmax(X, axs=1)
    with pytest.raises(NotImplementedError, match="synchronized=True"):
        L.BatchNormalization(synchronized=True)
    with pytest.raises(DeviceError, match="expected 'auto', 'cpu', 'cuda'"):
        wh.set_device("gpu")


def test_unwritable_paths_leave_nothing(tmp_path: Path) -> None:
    made = model()
    for write in (made.export, made.save, made.export_training):
        with pytest.raises(ExportError, match="cannot write"):
            write(tmp_path / "missing" / "m.onnx")
        with pytest.raises(ExportError, match=r"cannot write|is a folder"):
            write(Path("/proc/m.onnx"))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        made.export(folder)
    assert [p.name for p in tmp_path.rglob("*")] == ["folder"]


def test_a_failed_export_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    made = model()
    made.export(path)
    good = path.read_bytes()
    made.set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    with pytest.raises(ExportError, match="weights finite"):
        made.export(path)
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    with pytest.raises(ArgumentError, match="2 labels for a model with 3 outputs"):
        made.export(path, labels=["a", "b"])


def test_files_that_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "m.wh"
    with pytest.raises(ArgumentError, match="there is no file"):
        wh.models.load_model(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(FileFormatError, match="no model saved by waterhorse"):
        wh.models.load_model(path)
    model().save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FileFormatError, match="damaged"):
        wh.models.load_model(path)


def test_things_done_in_the_wrong_order() -> None:
    bare = wh.Sequential([L.Dense(3)])
    with pytest.raises(ArgumentError, match="not compiled"):
        bare.fit(X, Y)
    with pytest.raises(ExportError, match="does not know its inputs"):
        bare.export("never.onnx")
    assert not Path("never.onnx").exists()
    with pytest.raises(TraceError, match="has no value"):
        wh.Input((3,)).numpy()
    w = wh.Variable(np.ones(3, "float32"))
    with pytest.raises(ShapeError, match=r"cannot assign float32\[4\]"):
        w.assign(np.ones(4, "float32"))
    with pytest.raises(GradientError, match="scalar"):
        wh.grad(w * 2.0, [w])
    with pytest.raises(GradientError, match="does not depend on"):
        wh.grad(wh.ops.sum(w * 2.0), [wh.Variable(np.ones(2, "float32"), name="other")])
    with pytest.raises(GradientError, match="without a gradient"):
        wh.grad(wh.ops.cast(wh.ops.argmax(w * 2.0), "float32"), [w])
