"""``load_onnx``: models of other origin are trained, saved and exported like our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError, ExportError, FileFormatError, ShapeError

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)
NET = """<ir_version: 8, opset_import: ["" : 17]>
net (float[N, 1, 8, 8] image, float[N, 3] extra) => (float[N, 4] logits, float[N, 5] features) {
  c = Conv <pads = [1, 1, 1, 1]> (image, conv_w, conv_b)
  n = BatchNormalization (c, gamma, beta, mean, variance)
  r = Relu (n)
  p = GlobalAveragePool (r)
  f = Flatten (p)
  j = Concat <axis = 1> (f, extra)
  features = Gemm (j, fc_w, fc_b)
  ratio = Constant <value = float {0.5}> ()
  d = Dropout (features, ratio)
  logits = MatMul (d, head)
}"""
SHAPES = {
    "conv_w": (6, 1, 3, 3), "conv_b": (6,), "gamma": (6,), "beta": (6,), "mean": (6,), "variance": (6,),
    "fc_w": (9, 5), "fc_b": (5,), "head": (5, 4),
}  # fmt: skip


def net() -> onnx.ModelProto:
    made = parser.parse_model(NET)
    rng = np.random.default_rng(5)
    for name, shape in SHAPES.items():
        value = (
            np.abs(rng.normal(size=shape)) + 0.5 if name == "variance" else rng.normal(size=shape)
        )
        made.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    return made


def batch(count: int = 12) -> tuple[dict[str, Array], Array]:
    x = {
        "image": RNG.normal(size=(count, 1, 8, 8)).astype(np.float32),
        "extra": RNG.normal(size=(count, 3)).astype(np.float32),
    }
    return x, RNG.integers(0, 4, count)


def original(proto: onnx.ModelProto, x: dict[str, Array]) -> dict[str, Array]:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, x), strict=True))


def compiled(**options: Any) -> Any:
    model = wh.load_onnx(net(), **options)
    loss = {"logits": wh.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile(optimizer=wh.optimizers.Adam(0.01), loss=loss, metrics={"logits": ["accuracy"]})
    return model


def test_it_predicts_what_the_file_does() -> None:
    x, _ = batch()
    found = wh.load_onnx(net()).predict(x, batch_size=5, verbose=0)
    for name, value in original(net(), x).items():
        np.testing.assert_allclose(found[name], value, 1e-4, 1e-5)


def test_variables_have_the_names_of_the_file() -> None:
    model = wh.load_onnx(net())
    assert {v.path: v.shape for v in model.variables} == SHAPES
    assert {v.path for v in model.non_trainable_variables} == {"mean", "variance"}
    assert model.frozen == dict.fromkeys(["mean", "variance"], "it is a running statistic")


def test_fitting_lowers_the_loss_and_the_file_follows(tmp_path: Path) -> None:
    x, y = batch(40)
    model = compiled()
    history = model.fit(
        x, {"logits": y}, epochs=12, batch_size=16, verbose=0, shuffle=False
    ).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert {*history} >= {"loss", "logits_accuracy"}, history.keys()
    model.export(tmp_path / "tuned.onnx", labels=list("abcd"))
    tuned = onnx.load(str(tmp_path / "tuned.onnx"))
    for name, value in original(tuned, x).items():
        np.testing.assert_allclose(model.predict(x, verbose=0)[name], value, 1e-4, 1e-5)
    assert {t.name for t in tuned.graph.initializer} >= {"head", "fc_b", "conv_w"}
    again = wh.load_onnx(tmp_path / "tuned.onnx")
    np.testing.assert_array_equal(again.state["head"].numpy(), model.state["head"].numpy())


def test_running_statistics_are_frozen_unless_asked() -> None:
    x, y = batch(40)
    frozen, live = compiled(), compiled(batch_norm="train")
    before = frozen.state["mean"].numpy()
    for model in (frozen, live):
        model.fit(x, {"logits": y}, epochs=1, batch_size=40, verbose=0)
    np.testing.assert_array_equal(frozen.state["mean"].numpy(), before)
    c = original_conv(x["image"])
    expected = before * np.float32(0.9) + c.mean((0, 2, 3)) * np.float32(0.1)
    np.testing.assert_allclose(live.state["mean"].numpy(), expected, 1e-4, 1e-5)


def original_conv(image: Array) -> Array:
    made = net()
    del made.graph.node[1:]
    del made.graph.output[:]
    made.graph.output.append(onnx.helper.make_tensor_value_info("c", 1, ["N", 6, 8, 8]))
    del made.graph.input[1:]
    kept = [t for t in made.graph.initializer if t.name.startswith("conv")]
    kept = [onnx.TensorProto.FromString(t.SerializeToString()) for t in kept]
    del made.graph.initializer[:]
    made.graph.initializer.extend(kept)
    return original(made, {"image": image})["c"]


def test_dropout_is_active_in_training_if_asked() -> None:
    x, y = batch(40)
    losses = {}
    for on in (False, True):
        wh.set_random_seed(1)
        model = compiled(dropout=on)
        losses[on] = [model.train_on_batch(x, {"logits": y})[0] for _ in range(2)]
        first = model.predict(x, verbose=0)["logits"]
        np.testing.assert_array_equal(first, model.predict(x, verbose=0)["logits"])
    assert losses[False][0] != losses[True][0]


def test_saved_and_loaded(tmp_path: Path) -> None:
    x, y = batch(20)
    model = compiled()
    model.state["fc_b"].trainable = False
    model.fit(x, {"logits": y}, epochs=2, verbose=0)
    model.save(tmp_path / "model.safetensors")
    loaded = wh.models.load_model(tmp_path / "model.safetensors")
    a, b = model.predict(x, verbose=0), loaded.predict(x, verbose=0)
    np.testing.assert_array_equal(a["logits"], b["logits"])
    assert not loaded.state["fc_b"].trainable
    for m in (model, loaded):
        m.fit(x, {"logits": y}, epochs=1, verbose=0, shuffle=False)
    np.testing.assert_array_equal(model.state["head"].numpy(), loaded.state["head"].numpy())


def test_weights_that_are_frozen_stay() -> None:
    x, y = batch(20)
    model = compiled()
    for name in ("conv_w", "conv_b"):
        model.state[name].trainable = False
    before = {n: v.numpy() for n, v in model.state.items()}
    model.fit(x, {"logits": y}, epochs=1, verbose=0)
    changed = {n for n, v in model.state.items() if (v.numpy() != before[n]).any()}
    assert changed == {"gamma", "beta", "fc_w", "fc_b", "head"}


def test_input_shapes_replace_the_declared_ones() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
      g (float[1, 3] x) => (float[1, 2] y) { y = MatMul (x, w) }"""
    proto = parser.parse_model(text)
    proto.graph.initializer.append(numpy_helper.from_array(np.ones((3, 2), np.float32), "w"))
    model = wh.load_onnx(proto, input_shapes={"x": (None, 3)})
    assert model.predict(np.ones((5, 3), np.float32), verbose=0).shape == (5, 2)
    with pytest.raises(ArgumentError, match="no input 'z'"):
        wh.load_onnx(proto, input_shapes={"z": (1,)})


def test_a_part_of_the_model_is_used_in_a_function() -> None:
    model = wh.load_onnx(net())
    x, _ = batch(3)

    @wh.function
    def saliency(image: Any, extra: Any) -> Any:
        out = model({"image": image, "extra": extra})
        (g,) = wh.grad(wh.ops.sum(out["logits"][:, 0]), [image])
        return g

    found = saliency(**x)
    assert found.shape == x["image"].shape
    assert np.abs(found).max() > 0


def test_external_data(tmp_path: Path) -> None:
    onnx.save_model(
        net(), str(tmp_path / "net.onnx"), save_as_external_data=True, size_threshold=0,
        location="weights.bin",
    )  # fmt: skip
    model = wh.load_onnx(tmp_path / "net.onnx")
    assert model.name == "net"
    x, _ = batch()
    np.testing.assert_allclose(
        model.predict(x, verbose=0)["logits"], original(net(), x)["logits"], 1e-4, 1e-5
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "net.onnx").rename(tmp_path / "elsewhere" / "net.onnx")
    with pytest.raises(FileFormatError, match=r"weights\.bin"):
        wh.load_onnx(tmp_path / "elsewhere" / "net.onnx")


def test_quantised_weights_in_integer_arithmetic_stay_frozen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
      g (uint8[N, 3] x) => (float[N, 4] y) {
        i = MatMulInteger (x, w8)
        f = Cast <to = 1> (i)
        y = Mul (f, scale)
      }"""
    proto = parser.parse_model(text)
    w8 = RNG.integers(-9, 9, (3, 4)).astype(np.int8)
    for name, value in (("w8", w8), ("scale", np.ones(4, np.float32))):
        proto.graph.initializer.append(numpy_helper.from_array(value, name))
    wide = np.tile(w8, (30, 20))
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(wide, "w8"))
    proto.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.ones(80, np.float32), "scale"))
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 90
    model = wh.load_onnx(proto)
    assert "w8" in caplog.text
    assert model.frozen["w8"] == "its elements are int8"
    assert [v.path for v in model.trainable_variables] == ["scale"]


def test_errors() -> None:
    model = compiled()
    x, y = batch()
    with pytest.raises((ArgumentError, DataError), match="extra"):
        model.predict({"image": x["image"]}, verbose=0)
    with pytest.raises(ShapeError, match="image"):
        model.predict({**x, "image": x["image"][:, :, :4]}, verbose=0)
    with pytest.raises(ArgumentError, match="y has the keys"):
        model.fit(x, {"nothing": y}, verbose=0)
    with pytest.raises(ArgumentError, match="expected one of"):
        wh.load_onnx(net(), batch_norm="thaw")
    with pytest.raises(ArgumentError, match="no file"):
        wh.load_onnx("nowhere.onnx")


def test_the_summary_lists_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    wh.load_onnx(net()).summary()
    text = capsys.readouterr().out
    assert "conv_w" in text
    assert "not trainable" in text
    assert "Total params: 154" in text


def test_inputs_without_a_common_batch(tmp_path: Path) -> None:
    """A state beside a sequence, and a single number: predict has no rows to cut, one run has."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
      g (float[T, 3] x, float[1, 3] h, float scale) => (float[T, 3] y, int64 n) {
        a = Add (x, h)  b = Mul (a, w)  y = Mul (b, scale)  n = Size (y) }"""
    proto = parser.parse_model(text)
    proto.graph.initializer.append(numpy_helper.from_array(np.arange(3, dtype=np.float32), "w"))
    model = wh.load_onnx(proto)
    x = {
        "x": np.ones((4, 3), np.float32),
        "h": np.zeros((1, 3), np.float32),
        "scale": np.float32(2),
    }
    found = model.predict_on_batch(x)
    np.testing.assert_array_equal(found["y"], np.tile([0, 2, 4], (4, 1)))
    assert found["n"] == 12
    model.export(tmp_path / "g.onnx")
    with pytest.raises(DataError, match="scale"):
        model.predict(x, verbose=0)


def test_export_says_when_it_could_verify_nothing(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
      g (int64[N] i) => (float[N] y) { k = Add (i, far)  y = Gather (w, k) }"""
    proto = parser.parse_model(text)
    for name, value in (("w", np.arange(9, dtype=np.float32)), ("far", np.array(8))):
        proto.graph.initializer.append(numpy_helper.from_array(value, name))
    model = wh.load_onnx(proto)
    proto.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array(12), "far"))
    hopeless = wh.load_onnx(proto)
    with pytest.raises(ExportError, match="example="):
        hopeless.export(tmp_path / "g.onnx")
    assert not (tmp_path / "g.onnx").exists()
    model.export(tmp_path / "g.onnx", example=np.array([0, -3]))
    hopeless.export(tmp_path / "h.onnx", example=np.array([-12, -5]))
