"""The Keras programs of ``examples/keras_programs`` in small: each learns what it is there to learn."""

from __future__ import annotations

import importlib.util
import io
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import waterhorse as wh

FOLDER = Path(__file__).parents[1] / "examples" / "keras_programs"


@pytest.fixture
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A program as a module; programs import each other from their folder, as scripts do."""
    monkeypatch.syspath_prepend(FOLDER)
    name = f"program_{request.param}"
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{request.param}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    with wh.utils.custom_object_scope({}):
        spec.loader.exec_module(module)
    return module


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("program", [name], indirect=True)


def run(path: Path, **feeds: Any) -> Any:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def test_each_program_is_tested() -> None:
    """Each file is in the README and here; ``sentences`` is the data of two."""
    there = {path.stem for path in FOLDER.glob("*.py")} - {"sentences"}
    tests = Path(__file__).read_text("utf-8")
    assert {name for name in there if f'@of("{name}")' in tests} == there
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert {name for name in there if f"`{name}.py`" in readme} == there


@of("convnet")
def test_convnet(program: Any, tmp_path: Path) -> None:
    found = program.main(epochs=6, verbose=0, folder=str(tmp_path))
    assert found["accuracy"] > 0.8
    assert found["top_2"] > found["accuracy"]
    (_, _), (images, digits) = wh.datasets.load_digits()
    answers = run(tmp_path / "convnet.onnx", image=(images / 16).astype("float32"))
    assert np.mean(answers.argmax(1) == digits) > 0.8


@of("sentiment_lstm")
def test_sentiment_lstm(program: Any, tmp_path: Path) -> None:
    """Words alone give three quarters: a quarter of the sentences means the contrary."""
    found = program.main("toy", epochs=2, units=16, rate=1e-2, verbose=0, folder=str(tmp_path))
    assert found["accuracy"] > 0.9
    assert found["file_accuracy"] == pytest.approx(found["accuracy"])
    texts = np.array(["The film was really good.", "The film was not good."], object)
    good, bad = run(tmp_path / "sentiment.onnx", text=texts)[:, 0]
    assert good > 0.7
    assert bad < 0.3


@of("transformer")
def test_transformer(program: Any, tmp_path: Path) -> None:
    found = program.main("toy", epochs=3, rate=5e-3, verbose=0, folder=str(tmp_path))
    assert found["accuracy"] > 0.9
    assert found["same"]
    texts = np.array(["The film was really good.", "The film was not good. " * 20], object)
    answers = run(tmp_path / "transformer.onnx", text=texts)
    np.testing.assert_allclose(answers.sum(1), 1.0, rtol=1e-5)
    assert answers[0, 1] > 0.7


@of("sentiment_lstm")
def test_movie_sentences_are_read(program: Any, tmp_path: Path) -> None:
    """From an archive within an archive, laid out as the published one."""
    sentences = sys.modules["sentences"]
    ratings = {
        "good": 2.0,
        "bad": -2.0,
        "so so": 0.3,
        "fine, really": 1.0,
        "poor": -0.6,
        "caf\xe9": 3.0,
    }
    table = "".join(f"{i}\t{r}\t{t}\n" for i, (t, r) in enumerate(ratings.items()))
    archive(tmp_path / "inner.tar.gz", sentences.MOVIES, table.encode("latin-1"))
    inner = (tmp_path / "inner.tar.gz").read_bytes()
    archive(tmp_path / sentences.ARCHIVE, sentences.INNER, inner)
    (x, y), (x_test, y_test) = sentences.load(str(tmp_path))
    found = dict(zip([*x, *x_test], [*y, *y_test], strict=True))
    assert found == {"good": 1, "bad": 0, "fine, really": 1, "poor": 0, "caf\xe9": 1}
    with pytest.raises(SystemExit, match="docstring of sentences"):
        sentences.load(str(tmp_path / "nowhere"))


def archive(path: Path, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    with tarfile.open(path, "w:gz") as file:
        file.addfile(entry, io.BytesIO(content))


@of("autoencoder")
def test_autoencoder(program: Any) -> None:
    found = program.main(epochs=8, verbose=0)
    assert found["denoised"] < 0.92 * found["noise"]
    assert found["auc"] > 0.55


@of("vae")
def test_vae(program: Any) -> None:
    found = program.main(epochs=12, verbose=0)
    losses = found["history"]["total_loss"]
    assert losses[-1] < 0.75 * losses[0]
    assert found["drawn"].shape == (36, 8, 8, 1)
    means = np.array([found["codes"][found["labels"] == d].mean(0) for d in range(10)])
    apart = np.abs(means[:, None] - means).sum(-1)
    assert np.median(apart) > 0.3  # digits lie in different places


@of("gan")
@pytest.mark.parametrize("kind", ["dcgan", "wgan_gp"])
def test_gan(program: Any, kind: str) -> None:
    found = program.main(kind, epochs=3, verbose=0)
    assert found["drawn"].shape == (512, 8, 8, 1)
    assert found["distance"] < 0.2  # 0.3 before training
    assert all(np.isfinite(v).all() for v in found["history"].values())


@of("speech_ctc")
def test_speech_ctc(program: Any, tmp_path: Path) -> None:
    found = program.main(
        "tones",
        epochs=3,
        batches=60,
        units=48,
        longest=2,
        rate=5e-3,
        verbose=0,
        folder=str(tmp_path),
    )
    assert found["greedy"] < 0.2
    assert found["beam_search"] < 0.2
    (clips, digits), _ = program.load("tones", 0)
    sound = np.concatenate(clips[:3])[None]  # longer than any that it was trained with
    logits = run(tmp_path / "speech.onnx", audio=sound)
    (heard,) = program.decoded(logits, ["", *"0123456789"])
    assert program.edit_distance(heard, "".join(map(str, digits[:3]))) <= 1


@of("speech_ctc")
def test_edit_distance(program: Any) -> None:
    cases = {("", ""): 0, ("12", ""): 2, ("", "3"): 1, ("kitten", "sitting"): 3, ("ab", "ba"): 2}
    assert {pair: program.edit_distance(*pair) for pair in cases} == cases


@of("siamese")
def test_siamese(program: Any, tmp_path: Path) -> None:
    found = program.main(epochs=4, verbose=0, folder=str(tmp_path))
    assert found["learned_known"] > found["raw_known"] + 0.08
    assert found["learned"] > 0.6  # chance is a third
    vectors = run(
        tmp_path / "tower.onnx", image=np.random.default_rng(0).random((5, 8, 8, 1), "f4")
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


@of("cartpole")
def test_cartpole(program: Any) -> None:
    """A pole without a hand falls after 20 steps or so."""
    found = program.main(episodes=120, verbose=0)
    assert found["running_reward"] > 40
