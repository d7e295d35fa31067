"""The Python clients, blocking and with await: same calls, same answers, same errors."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, RequestFailed, ServiceError
from waterhorse.service import client as module
from waterhorse.service import names
from waterhorse.service.client import AioClient, Client
from waterhorse.service.server import Options, Server

from . import models

IMAGES = np.arange(12, dtype=np.float32).reshape(3, 2, 2, 1)


def awaited(address: str, method: str, *arguments: Any, **more: Any) -> Any:
    async def ask() -> Any:
        async with AioClient(address) as client:
            return await getattr(client, method)(*arguments, **more)

    return asyncio.run(ask())


def blocking(address: str, method: str, *arguments: Any, **more: Any) -> Any:
    with Client(address) as client:
        return getattr(client, method)(*arguments, **more)


Ask = Callable[..., Any]
both = pytest.mark.parametrize("ask", [blocking, awaited])


@both
def test_classify(server: Server, ask: Ask) -> None:
    answers = ask(server.address, "classify", "digits", IMAGES, top_k=2)
    assert len(answers) == 3
    assert {len(a.ranked) for a in answers} == {2}
    assert answers[0].label in models.LABELS
    assert ask(server.address, "classify", "digits", IMAGES, top_k=2, version="1") == answers


@both
def test_infer(server: Server, ask: Ask) -> None:
    feeds = {"a": np.ones((2, 2), np.float32), "n": np.arange(3)}
    found = ask(server.address, "infer", "pair", feeds)
    assert list(found) == ["twice", "same"]
    np.testing.assert_array_equal(found["twice"], np.full((2, 2), 2, np.float32))
    np.testing.assert_array_equal(found["same"], np.arange(3))
    assert found["twice"].dtype == np.float32
    assert list(ask(server.address, "infer", "pair", feeds, outputs=["same"])) == ["same"]
    words = ask(server.address, "infer", "echo_BYTES", {"x": np.array([["a", "\u00e4"]])})
    assert words["y"].tolist() == [["a", "\u00e4"]]


@both
def test_questions_about_the_server(server: Server, ask: Ask) -> None:
    assert ask(server.address, "labels", "digits") == models.LABELS
    found = ask(server.address, "models")
    assert sorted(found) == models.SERVED
    assert found["digits"] == ["1", "2", "10"]
    assert ask(server.address, "ready") is True
    assert ask(server.address, "ready", "digits") is True
    assert ask(server.address, "ready", "nope") is False
    assert ask(server.address, "health", "digits") == "SERVING"
    ask(server.address, "wait_until_ready", timeout=10)
    metadata = ask(server.address, "metadata", "pair")
    assert metadata["inputs"] == {"a": ("FP32", (-1, 2)), "n": ("INT64", (-1,))}


@both
@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("classify", ("nope", IMAGES), "NOT_FOUND"),
        ("classify", ("digits", IMAGES[0]), "INVALID_ARGUMENT"),
        ("classify", ("root", -np.ones((1, 3), np.float32)), "INTERNAL"),
        ("infer", ("plain", {"y": np.zeros((1, 3), np.float32)}), "INVALID_ARGUMENT"),
        ("labels", ("nope",), "NOT_FOUND"),
        ("health", ("nope",), "NOT_FOUND"),
    ],
)
def test_errors_of_the_server(
    server: Server, ask: Ask, method: str, arguments: Any, code: str
) -> None:
    with pytest.raises(ServiceError, match=code) as caught:
        ask(server.address, method, *arguments)
    assert isinstance(caught.value, RequestFailed)
    assert caught.value.code == code
    assert caught.value.message


@both
@pytest.mark.parametrize(
    ("method", "arguments", "match"),
    [
        ("classify", ("digits", IMAGES, 0), "top_k=0: expected a number of at least 1"),
        ("classify", ("digits", 3.0), "first dim counts the instances"),
        ("classify", ("digits", [[1, 2], [3]]), "no rectangular array"),
        ("classify", ("digits", [object()]), "no rectangular array of numbers"),
        ("classify", ("digits", np.zeros((1, 2), complex)), "complex128"),
        ("infer", ("digits", {"image": np.zeros(1, "datetime64[s]")}), "input 'image': dtype"),
    ],
)
def test_mistakes_are_found_before_anything_is_sent(
    ask: Ask, method: str, arguments: Any, match: str
) -> None:
    with pytest.raises(ArgumentError, match=match):
        ask("127.0.0.1:1", method, *arguments)


@both
def test_nobody_answers(ask: Ask) -> None:
    with pytest.raises(RequestFailed) as caught:
        ask("127.0.0.1:1", "ready")
    assert caught.value.code == "UNAVAILABLE"
    with pytest.raises(RequestFailed, match=r"no server answers at 127\.0\.0\.1:1"):
        ask("127.0.0.1:1", "wait_until_ready", timeout=0.2)


def test_a_slow_answer_times_out(server: Server) -> None:
    with Client(server.address, timeout=0.05) as client:
        with pytest.raises(RequestFailed) as caught:
            client.infer("busy", {"rounds": np.array(3000)})
    assert caught.value.code == "DEADLINE_EXCEEDED"


@both
def test_large_batches_travel_in_parts(
    server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    whole = ask(server.address, "classify", "plain", rows)
    monkeypatch.setattr(module, "SPLIT_BYTES", 12 * 300)
    assert len(list(module._batches("m", rows, 1, None, module.SPLIT_BYTES))) == 4
    assert ask(server.address, "classify", "plain", rows) == whole
    assert [a.index for a in whole] == rows.argmax(1).tolist()


def test_rows_larger_than_a_part_travel_one_by_one() -> None:
    parts = list(module._batches("m", np.zeros((3, 100), np.float32), 1, None, 10))
    assert [list(p.request.instances.shape) for p in parts] == [[1, 100]] * 3


@both
def test_too_large_for_one_message(
    server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_MESSAGE_BYTES", 1000)
    row = np.zeros((1, 300), np.float32)
    for method, what in (("infer", {"x": row}), ("classify", row)):
        with pytest.raises(ArgumentError, match="more than the 1000 of one message: send fewer"):
            ask(server.address, method, "plain", what)


def test_the_servers_own_limit(repository: Path) -> None:
    options = Options(port=0, device="cpu", max_message_bytes=10_000)
    with Server(repository, options) as small, Client(small.address) as client:
        assert len(client.infer("plain", {"x": np.zeros((100, 3), np.float32)})["y"]) == 100
        with pytest.raises(RequestFailed) as caught:
            client.infer("plain", {"x": np.zeros((1000, 3), np.float32)})
    assert caught.value.code == "RESOURCE_EXHAUSTED"


def test_tokens_need_tls(tmp_path: Path) -> None:
    for kind in (Client, AioClient):
        with pytest.raises(ArgumentError, match="over TLS only"):
            kind("127.0.0.1:1", token="secret")
        with pytest.raises(ArgumentError, match="cannot be read"):
            kind("127.0.0.1:1", tls=str(tmp_path / "missing.pem"))


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            n: list(inspect.signature(f).parameters)
            for n, f in inspect.getmembers(kind, inspect.isfunction)
            if not n.startswith("_")
        }

    assert public(Client) == public(AioClient)
    assert wh.Client is Client
    assert wh.AioClient is AioClient


def test_a_client_loads_neither_onnxruntime_nor_the_compiler() -> None:
    code = "import sys, waterhorse as wh; wh.Client; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    ).stdout.split()  # fmt: skip
    assert not {"onnxruntime", "onnx", "waterhorse.compiler", "waterhorse.runtime"} & set(loaded)


def test_many_at_once(server: Server) -> None:
    async def ask() -> list[Any]:
        async with AioClient(server.address) as client:
            return await asyncio.gather(
                *(
                    client.classify("plain", np.eye(3, dtype=np.float32)[[i % 3]])
                    for i in range(200)
                )
            )

    assert [a[0].index for a in asyncio.run(ask())] == [i % 3 for i in range(200)]
