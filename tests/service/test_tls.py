"""TLS and mutual TLS, with certificates that ``tls/make.sh`` made for these tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from waterhorse.errors import RequestFailed, ServiceError
from waterhorse.protos import inference_pb2
from waterhorse.service.client import AioClient, Client
from waterhorse.service.server import Options, Server, Tls

FILES = Path(__file__).parent / "tls"
AUTHORITY = FILES / "ca.pem"


def options(client_ca: Path | None = None) -> Options:
    pair = Tls(FILES / "server.pem", FILES / "server.key", client_ca)
    return Options(port=0, device="cpu", tls=pair)


def test_tls_with_path_bytes_and_token(repository: Path) -> None:
    with Server(repository, options()) as server:
        for tls in (str(AUTHORITY), AUTHORITY.read_bytes()):
            with Client(server.address, tls=tls, token="anything") as client:
                assert client.ready("digits")

        async def ask() -> bool:
            async with AioClient(server.address, tls=str(AUTHORITY)) as client:
                return await client.ready("digits")

        assert asyncio.run(ask())


def test_a_client_without_tls_or_of_another_authority_gets_nothing(repository: Path) -> None:
    with Server(repository, options()) as server:
        for tls in (None, True):
            with Client(server.address, tls=tls, timeout=20) as client:
                with pytest.raises(RequestFailed) as caught:
                    client.ready()
                assert caught.value.code == "UNAVAILABLE"


def test_mutual_tls(repository: Path) -> None:
    with Server(repository, options(AUTHORITY)) as server:
        with Client(server.address, tls=str(AUTHORITY), timeout=20) as nobody:
            with pytest.raises(RequestFailed) as caught:
                nobody.ready()
            assert caught.value.code == "UNAVAILABLE"
        credentials = grpc.ssl_channel_credentials(
            AUTHORITY.read_bytes(),
            (FILES / "client.key").read_bytes(),
            (FILES / "client.pem").read_bytes(),
        )
        with grpc.secure_channel(server.address, credentials) as channel:
            ready = channel.unary_unary(
                "/inference.GRPCInferenceService/ServerReady",
                response_deserializer=inference_pb2.ServerReadyResponse.FromString,
            )
            assert ready(b"", timeout=20).ready


def test_files_that_are_no_pair(repository: Path, tmp_path: Path) -> None:
    missing = Tls(tmp_path / "no.pem", FILES / "server.key")
    with pytest.raises(ServiceError, match=r"cannot read .*no\.pem"):
        Server(repository, Options(port=0, device="cpu", tls=missing))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    with pytest.raises(ServiceError, match="are the TLS files no matching PEM pair"):
        Server(repository, Options(port=0, device="cpu", tls=Tls(garbage, FILES / "server.key")))
