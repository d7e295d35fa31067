"""One server for all tests of this folder; what a test changes it starts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from waterhorse.protos import classifier_pb2, inference_pb2
from waterhorse.service import names
from waterhorse.service.client import Client
from waterhorse.service.server import Options, Server

from . import models


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.fill(tmp_path_factory.mktemp("served") / "models")


@pytest.fixture(scope="session")
def server(repository: Path) -> Iterator[Server]:
    with Server(repository, Options(port=0, device="cpu")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address) as opened:
        yield opened


@pytest.fixture
def call(channel: grpc.Channel) -> Callable[..., Any]:
    """``call("ModelInfer", request)``: the RPC as any client in any language does it."""

    def do(method: str, request: Any) -> Any:
        service, module = (
            (names.CLASSIFIER, classifier_pb2)
            if method in ("Classify", "Labels")
            else (names.INFERENCE, inference_pb2)
        )
        response = getattr(module, f"{method}Response")
        rpc = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return rpc(request, timeout=30)

    return do
