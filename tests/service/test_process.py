"""The real process: ``python -m waterhorse serve``, its one line, its signals; ``classify`` beside it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from waterhorse.errors import RequestFailed
from waterhorse.service.client import Client
from waterhorse.service.server import Options, Server

SOURCES = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "waterhorse", *map(str, arguments)]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        env=ENVIRONMENT,
        check=False,
    )


@contextlib.contextmanager
def serving(repository: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; it is ended in any case."""
    arguments = command("serve", repository, "--port", "0", "--device", "cpu", *options)
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"serving .*digits.* on (127\.0\.0\.1:\d+)\n", line)
            assert found, (line, process.stderr and process.stderr.read())
            yield process, found[1]
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_then_requests_then_an_orderly_end(repository: Path, number: int) -> None:
    with serving(repository) as (process, address):
        with Client(address) as client:
            assert client.labels("digits") == ["cat", "dog", "eel"]
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == ""  # the line was the only one
    assert "Traceback" not in err
    assert "skipped" in err
    assert "broken" in err


def test_a_signal_right_after_the_line(repository: Path) -> None:
    with serving(repository) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_requests_under_way_are_finished(repository: Path) -> None:
    with serving(repository, "--grace-seconds", "60") as (process, address):
        with Client(address, timeout=120) as client:
            assert client.ready()  # connected
            answers: list[float] = []
            started = threading.Event()

            def ask() -> None:
                started.set()
                answers.append(float(client.infer("busy", {"rounds": np.array(4000)})["sum"]))

            thread = threading.Thread(target=ask)
            thread.start()
            started.wait(30)
            time.sleep(1.0)  # for the request to arrive; it runs for seconds
            process.send_signal(signal.SIGTERM)
            thread.join(120)
        assert answers == [256.0]
        assert process.wait(60) == 0


def test_stop_waits_for_the_request_that_runs(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(repository, Options(port=0, device="cpu", grace_seconds=60))
    running, finish = threading.Event(), threading.Event()
    served = server.repository.get("plain")
    run_plainly = served.run

    def held(*arguments: Any) -> Any:
        running.set()
        finish.wait(60)
        return run_plainly(*arguments)

    monkeypatch.setattr(served, "run", held)
    server.start()
    with Client(server.address, timeout=60) as client, ThreadPoolExecutor(2) as pool:
        answer = pool.submit(client.infer, "plain", {"x": np.ones((1, 3), np.float32)})
        assert running.wait(60)
        stopped = pool.submit(server.stop)
        try:
            with pytest.raises(RequestFailed) as caught:
                while True:
                    client.ready()
            state = (caught.value.code, answer.done(), stopped.done())
        finally:
            finish.set()
        # gRPC cancels what reaches an open connection in the moment of the end
        assert state in (("UNAVAILABLE", False, False), ("CANCELLED", False, False))
        assert answer.result(60)["y"].tolist() == [[1, 1, 1]]
        stopped.result(60)


def test_draining_says_not_serving_first(repository: Path) -> None:
    with serving(repository, "--lame-duck-seconds", "2") as (process, address):
        with Client(address) as client:
            assert client.health() == "SERVING"
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 30
            seen = client.health("digits")
            while seen == "SERVING" and time.monotonic() < deadline:
                time.sleep(0.01)
                seen = client.health("digits")
            assert seen == "NOT_SERVING"
            assert client.ready() is False
            assert client.labels("digits")  # work is still done
            assert process.wait(60) == 0
            with pytest.raises(RequestFailed) as caught:
                client.ready()
            assert caught.value.code == "UNAVAILABLE"


def test_a_taken_port_is_not_shared(repository: Path) -> None:
    with serving(repository) as (_, address):
        done = run("serve", repository, "--port", address.rsplit(":", 1)[1], "--device", "cpu")
    assert done.returncode == 1
    assert f"cannot listen on {address}: is the port in use?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_ipv6(repository: Path) -> None:
    with Server(repository, Options(host="::1", port=0, device="cpu")) as server:
        assert server.address == f"[::1]:{server.port}"
        with Client(server.address) as client:
            assert client.ready()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing is no folder; expected <model>/<version>/model.onnx in it"),
        (["."], "there is no model in .; expected files like ./digits/1/model.onnx"),
        ([".", "--device", "tpu"], "device 'tpu': expected 'auto', 'cpu', 'cuda' or 'cuda:1'"),
        ([".", "--tls-cert", "x.pem"], "TLS needs both --tls-cert and --tls-key"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        command("serve", *arguments), capture_output=True, text=True, timeout=120,
        env=ENVIRONMENT, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"error: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_loads_neither_compiler_nor_onnx(repository: Path) -> None:
    code = f"""
import sys
from waterhorse.cli import _serve
_serve.Server.wait = lambda self: self.stop()
_serve.run(__import__("pathlib").Path({str(repository)!r}), port=0, device="cpu")
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    first, modules = done.stdout.splitlines()
    assert first.startswith("serving ")
    assert not {"onnx", "waterhorse.compiler", "matplotlib"} & set(modules.split())


@pytest.fixture
def digits_file(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1))
    return path


def test_classify_prints_lines_when_piped(server: object, digits_file: Path) -> None:
    address = server.address  # type: ignore[attr-defined]
    done = run("classify", "digits", digits_file, "--address", address, "--top-k", "2")
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["0", "1"]
    for line in lines:
        assert len(line) == 5
        assert {line[1], line[3]} < {"cat", "dog", "eel"}
        assert 1 >= float(line[2]) >= float(line[4]) > 0


def test_classify_tells_what_is_wrong(server: object, digits_file: Path, tmp_path: Path) -> None:
    address = server.address  # type: ignore[attr-defined]
    several = tmp_path / "several.npz"
    np.savez(several, a=np.zeros((1, 2, 2, 1), np.float32), b=np.zeros(1))
    text = tmp_path / "text.npy"
    text.write_text("no array")
    for arguments, message in (
        (["nope", digits_file], "NOT_FOUND: model 'nope' is not found"),
        (["digits", several], "choose one with --key"),
        (["digits", several, "--key", "c"], "has no array 'c'"),
        (["digits", several, "--key", "b"], "INVALID_ARGUMENT"),
        (["digits", digits_file, "--key", "b"], "leave --key away"),
        (["digits", text], "cannot read"),
        (["digits", tmp_path / "missing.npy"], "cannot read"),
    ):
        done = run("classify", *arguments, "--address", address)
        assert done.returncode == 1
        assert "error: " in done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    done = run("classify", "digits", several, "--key", "a", "--address", address)
    assert done.returncode == 0, done.stderr
