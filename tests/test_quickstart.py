"""The command that a newcomer runs first, as a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "waterhorse", *arguments], capture_output=True, text=True,
        cwd=options.pop("cwd", None), timeout=200, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("quickstart")
    result = run("quickstart", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "quickstart", result.stdout


def test_it_reaches_97_percent_and_serves_what_it_trained(finished) -> None:
    _, text = finished
    accuracy = float(re.search(r"accuracy on held-out digits: ([\d.]+)%", text).group(1))
    assert accuracy >= 97
    served = float(re.search(r"asked over gRPC: ([\d.]+)% right", text).group(1))
    assert served == accuracy
    difference = float(re.search(r"difference from in-process scores: (\S+)", text).group(1))
    assert difference <= 1e-5
    assert "serving digits on 127.0.0.1:" in text
    assert text.rstrip().endswith("server stopped")


def test_it_writes_the_files(finished) -> None:
    folder, _ = finished
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert names == [
        "digits.init.onnx", "digits.onnx", "digits.train.onnx", "models/digits/1/model.onnx",
        "quickstart.png",
    ]  # fmt: skip
    assert (folder / "quickstart.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_piped_output_has_no_control_characters(finished) -> None:
    _, text = finished
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert len(re.findall(r"^epoch +\d+/12 ", text, re.MULTILINE)) == 12


def test_train_only_fills_a_repository(tmp_path: Path) -> None:
    result = run(
        "quickstart", "--train-only", "--epochs", "1", "--out", str(tmp_path / "out"),
        "--repository", str(tmp_path / "models"), "--no-picture",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "models" / "digits" / "1" / "model.onnx").is_file()
    assert "serving" not in result.stdout


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    result = run("quickstart", "--device", "gpu", "--out", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: device 'gpu': expected")
    assert "Traceback" not in result.stderr
    result = run("serve", str(tmp_path))
    assert result.returncode == 1
    assert "there is no model in" in result.stderr
    result = run("classify", "digits", str(tmp_path / "none.npy"))
    assert result.returncode == 1
    assert "cannot read" in result.stderr


def test_the_perceptron_example() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "perceptron.py")], capture_output=True, text=True,
        timeout=100, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""}, check=True,
    )  # fmt: skip
    lines = result.stdout.splitlines()
    assert any("dry, all friends, no work" in x and "go out" in x for x in lines)
    assert any("pouring" in x and "stay" in x for x in lines)
    learned = float(re.search(r"evenings, ([\d.]+)% of them right", result.stdout).group(1))
    assert learned > 97
    shares = dict(re.findall(r"(AND|OR|XOR): one neuron gets (\d+)%", result.stdout))
    assert shares["AND"] == shares["OR"] == "100"
    assert int(shares["XOR"]) <= 75
    assert "XOR with a hidden layer of 4: 100%" in result.stdout


def test_classify_command(finished, tmp_path: Path) -> None:
    folder, _ = finished
    server = subprocess.Popen(
        [sys.executable, "-m", "waterhorse", "serve", str(folder / "models"), "--port", "0"],
        stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with server:
        try:
            address = server.stdout.readline().strip().rsplit(" on ", 1)[1]
            images = np.zeros((2, 8, 8, 1), np.float32)
            np.save(tmp_path / "x.npy", images)
            result = run("classify", "digits", str(tmp_path / "x.npy"), "--address", address)
            assert result.returncode == 0, result.stderr
            rows = [line.split("\t") for line in result.stdout.splitlines()]
            assert [r[0] for r in rows] == ["0", "1"]
            assert len(rows[0]) == 1 + 2 * 3
            result = run("classify", "nothing", str(tmp_path / "x.npy"), "--address", address)
            assert "NOT_FOUND: model 'nothing'" in result.stderr
        finally:
            server.terminate()
        assert server.wait(20) == 0
