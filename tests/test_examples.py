"""The examples on imported models, in small; on other people's models where these are at hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

import waterhorse as wh

ROOT = Path(__file__).parents[1]


def loaded(path: str) -> ModuleType:
    """A script as a module, by its path in the repository."""
    name = f"script_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def at_hand(name: str) -> Path:
    """A third-party model, or the test is skipped."""
    models = loaded("benchmarks/models.py")
    path = models.find(name)
    if path is None:
        pytest.skip(f"{name} is not at hand: python benchmarks/models.py")
    found: Path = path
    return found


def test_saliency_of_digits(tmp_path: Path) -> None:
    """A step along the gradient does much more harm than a step as large in any direction."""
    pytest.importorskip("matplotlib")
    rates = loaded("examples/saliency.py").digits(tmp_path / "saliency.png", epochs=8)
    assert rates["clean"] > 0.9
    assert rates["noise"] > 0.85
    assert rates["fgsm"] < rates["noise"] - 0.2
    assert (tmp_path / "saliency.png").read_bytes().startswith(b"\x89PNG")


def test_saliency_is_the_gradient(tmp_path: Path) -> None:
    """Against the formula: of a linear classifier's cross-entropy it is ``(p - chosen) W^T``."""
    model = wh.Sequential([wh.Input((2, 2, 1)), wh.layers.Flatten(), wh.layers.Dense(3)])
    model.export(tmp_path / "linear.onnx")
    looker = loaded("examples/saliency.py").Looker(tmp_path / "linear.onnx")
    x = np.random.default_rng(0).normal(size=(4, 2, 2, 1)).astype(np.float32)
    labels = np.array([0, 1, 2, 1])
    kernel, bias = model.get_weights()
    powers = np.exp(x.reshape(4, 4) @ kernel + bias)
    p = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(looker.predict(x), p, rtol=1e-5)
    expected = ((p - np.eye(3)[labels]) @ kernel.T).reshape(x.shape)
    np.testing.assert_allclose(looker.gradient(x, labels), expected, rtol=1e-4, atol=1e-6)
    moved = looker.fgsm(x, labels, 0.1, -9.0, 9.0)
    np.testing.assert_allclose(moved, x + 0.1 * np.sign(expected), rtol=1e-6)


@pytest.mark.slow
def test_saliency_of_the_direction_of_text(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    at_hand("ppocr_cls")
    found = loaded("examples/saliency.py").ocr(tmp_path / "saliency.png")
    assert [before.split()[0] for before, _ in found] == ["0°", "0°", "180°"]
    assert sum(before.split()[0] != after.split()[0] for before, after in found) >= 2
    assert (tmp_path / "saliency.png").read_bytes().startswith(b"\x89PNG")


def test_features_of_magika() -> None:
    features = loaded("examples/finetune_magika.py").features
    short = features(b"  abc\n")
    assert short.shape == (2048,)
    assert short.dtype == np.int32
    assert [*short[:3]] == [97, 98, 99]
    assert [*short[-3:]] == [97, 98, 99]
    assert (short[3:-3] == 256).all()
    long = features(bytes(range(33, 233)) * 50)
    assert 256 not in long
    assert long[0] == 33
    assert long[-1] == 232
    assert (features(b"") == 256).all()


def test_files_by_name() -> None:
    example = loaded("examples/finetune_magika.py")
    names = [
        "a/x.py",
        "a/test_x.py",
        "x.pyi",
        "x.h",
        "p-1.dist-info/METADATA",
        "p-1.dist-info/RECORD",
    ]
    assert [example.kind_of(Path(n)) for n in names] == [0, 1, 2, 3, 4, 5]
    assert example.kind_of(Path("METADATA")) is None
    assert example.side_of(Path("a/x.py")) == example.side_of(Path("b/x.py"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_finetuning_magika(tmp_path: Path) -> None:
    """New classes are learned, and the file says what the model says."""
    path = at_hand("magika")
    example = loaded("examples/finetune_magika.py")
    rates = example.run(path, tmp_path / "files.onnx", per_class=24, epochs=2)
    assert rates["after"] > rates["before"]
    assert rates["after"] > 0.6
    model = onnx.load(tmp_path / "files.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {p.key for p in model.metadata_props} >= {"waterhorse.labels"}
