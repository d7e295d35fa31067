"""``waterhorse differentiate``: the gradients in the file are those of the original."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from .command import digits_model, model, refuses, succeeds, value, weight

node = helper.make_node


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("differentiate")
    onnx.save(digits_model(), path / "digits.onnx")
    return path


def run(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def test_gradients_agree_with_differences_of_the_original(folder) -> None:
    said = succeeds("differentiate", "digits.onnx", "-o", "all.onnx", folder=folder)
    assert "wrote all.onnx" in said
    assert "(the model has 5), opset 21" in said
    assert "inputs that were added: cotangent/scores" in said
    onnx.checker.check_model(folder / "all.onnx", full_check=True)
    assert {i.domain for i in onnx.load(folder / "all.onnx").opset_import} <= {"", "ai.onnx"}
    generator = np.random.default_rng(0)
    image = generator.normal(size=(3, 1, 8, 8)).astype("float32")
    cotangent = generator.normal(size=(3, 10)).astype("float32")
    found = run(folder / "all.onnx", {"image": image, "cotangent/scores": cotangent})
    original = onnx.load(folder / "digits.onnx")
    plain = run(folder / "digits.onnx", {"image": image})["scores"]
    np.testing.assert_allclose(found["scores"], plain, rtol=1e-5, atol=1e-6)

    def loss(step: float, name: str, direction: np.ndarray) -> float:
        moved = onnx.ModelProto()
        moved.CopyFrom(original)
        feeds = {"image": image + step * direction if name == "image" else image}
        for tensor in moved.graph.initializer:
            if tensor.name == name:
                changed = onnx.numpy_helper.to_array(tensor) + step * direction
                tensor.CopyFrom(onnx.numpy_helper.from_array(changed.astype("float32"), name))
        session = ort.InferenceSession(
            moved.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return float((session.run(None, feeds)[0].astype(np.float64) * cotangent).sum())

    shapes = {"image": image.shape} | {t.name: tuple(t.dims) for t in original.graph.initializer}
    assert {n.removeprefix("grad/") for n in found if n.startswith("grad/")} == set(shapes)
    for name, shape in shapes.items():
        direction = generator.normal(size=shape).astype("float32")
        direction /= np.linalg.norm(direction)
        measured = (loss(1e-3, name, direction) - loss(-1e-3, name, direction)) / 2e-3
        claimed = float((found[f"grad/{name}"] * direction).sum())
        assert claimed == pytest.approx(measured, rel=2e-2, abs=2e-3), name


def test_only_what_was_asked_for(folder) -> None:
    said = succeeds(
        "differentiate", "digits.onnx", "--out", "some.onnx", "--wrt", "image", "--wrt",
        "head.bias", "--of", "scores", folder=folder,
    )  # fmt: skip
    assert "outputs that were added: grad/image, grad/head.bias" in said
    outputs = [o.name for o in onnx.load(folder / "some.onnx").graph.output]
    assert outputs == ["scores", "grad/image", "grad/head.bias"]


def test_many_gradients_are_not_all_listed(folder) -> None:
    weights = [weight(f"w{i}", 3, 3) for i in range(12)]
    nodes = [node("MatMul", [f"a{i}", f"w{i}"], [f"a{i + 1}"]) for i in range(12)]
    proto = model(nodes, [value("a0", "FLOAT", 2, 3)], [value("a12", "FLOAT", 2, 3)], weights)
    onnx.save(proto, folder / "deep.onnx")
    said = succeeds("differentiate", "deep.onnx", "-o", "deep.grad.onnx", folder=folder)
    assert "outputs that were added: 13, grad/a0" in said
    assert "and 5 more" in said


def test_a_failure_leaves_what_was_there(folder) -> None:
    (folder / "kept.onnx").write_text("precious")
    proto = model(
        [node("Twist", ["x"], ["y"], domain="com.example")],
        [value("x", "FLOAT", 2, 4)], [value("y", "FLOAT", 2, 4)],
        imports=[helper.make_opsetid("com.example", 1)],
    )  # fmt: skip
    onnx.save(proto, folder / "twist.onnx")
    assert "Twist" in refuses("differentiate", "twist.onnx", "-o", "kept.onnx", folder=folder)
    assert (folder / "kept.onnx").read_text() == "precious"
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits.onnx", "-o", "x.onnx", "--wrt", "imag"], "'imag' is not among the model's"),
        (["digits.onnx", "-o", "x.onnx", "--of", "image"], "'image' is not among the model's"),
        (["digits.onnx", "-o", "no/x.onnx"], "cannot write no/x.onnx"),
        (["none.onnx", "-o", "x.onnx"], "there is no file none.onnx"),
    ],
)
def test_mistakes(folder, arguments, message) -> None:
    assert message in refuses("differentiate", *arguments, folder=folder)
    assert not (folder / "x.onnx").exists()
