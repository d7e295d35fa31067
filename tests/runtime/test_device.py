"""Devices by one word; sessions from bytes and files."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from waterhorse.errors import DeviceError, RunError
from waterhorse.runtime import device, session
from waterhorse.runtime.device import CPU, Device


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been asked or said in this process."""
    monkeypatch.setattr(device, "_said", set())
    device.cuda_problem.cache_clear()


def doubling() -> bytes:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, ["N"])], [value("y", TensorProto.FLOAT, ["N"])],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def test_the_trial_model_runs() -> None:
    trial = ort.InferenceSession(device._TRIAL, providers=["CPUExecutionProvider"])
    assert trial.run(None, {"x": np.ones(1, np.float32)})[0].tolist() == [-1]


def test_words() -> None:
    assert device.resolve("cpu") == CPU
    assert (str(CPU), CPU.providers) == ("cpu", ["CPUExecutionProvider"])
    second = Device("cuda", 1)
    assert str(second) == "cuda:1"
    assert second.providers == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]
    assert {CPU: 1}[Device("cpu")] == 1


@pytest.mark.parametrize("word", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "CPU", "cpu:1", None, 0])
def test_unknown_words(word: object) -> None:
    with pytest.raises(DeviceError, match="expected 'auto', 'cpu', 'cuda' or 'cuda:1'"):
        device.resolve(word)  # type: ignore[arg-type]


def test_auto_without_cuda_takes_the_cpu_and_says_why_once(
    fresh: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with caplog.at_level(logging.INFO, "waterhorse"):
        assert device.resolve("auto") == device.resolve() == CPU
    assert caplog.messages == ["computing on cpu (this onnxruntime has no CUDA provider)"]


def test_cuda_that_is_not_there_is_an_error(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    for word in ("cuda", "cuda:3"):
        with pytest.raises(DeviceError, match=r"no CUDA provider\. Install onnxruntime-gpu"):
            device.resolve(word)


def test_cuda_that_is_offered_but_does_not_work(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that is listed may still fail, without a driver for instance; then auto falls back."""

    def no_driver(*_: object, **__: object) -> None:
        raise RuntimeError("no CUDA-capable device is detected\nat cuda.cc:1")

    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: everything)
    monkeypatch.setattr(ort, "InferenceSession", no_driver)
    assert device.resolve("auto") == CPU
    with pytest.raises(DeviceError, match="a trial run failed: no CUDA-capable device is detected"):
        device.resolve("cuda")


def test_sessions_from_bytes_and_paths(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(doubling())
    for model in (doubling(), path, str(path)):
        for options in ({}, {"threads": 1, "spinning": False, "optimize": False}):
            made = session.create(model, device=CPU, **options)  # type: ignore[arg-type]
            assert made.run(None, {"x": np.ones(2, np.float32)})[0].tolist() == [2, 2]


def test_a_profile_is_written(tmp_path: Path) -> None:
    made = session.create(doubling(), device=CPU, profile=str(tmp_path / "profile"))
    made.run(None, {"x": np.ones(2, np.float32)})
    assert "Add" in Path(made.end_profiling()).read_text()


@pytest.mark.parametrize("model", [b"", b"no model", "/nowhere/m.onnx"])
def test_what_is_no_model(model: bytes | str) -> None:
    with pytest.raises(RunError, match="ONNX Runtime cannot load the model"):
        session.create(model, device=CPU)
