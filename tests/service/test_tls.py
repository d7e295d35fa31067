"""TLS and mutual TLS, with certificates that are made for each run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
import trustme

from waterhorse.errors import RequestFailed, ServiceError
from waterhorse.protos import inference_pb2
from waterhorse.service.client import AioClient, Client
from waterhorse.service.server import Options, Server, Tls


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate, and pairs for a server and a client."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("server", "client"):
        pair = authority.issue_cert("127.0.0.1", "localhost")
        pair.private_key_pem.write_to_path(folder / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    return folder


def options(files: Path, client_ca: Path | None = None) -> Options:
    pair = Tls(files / "server.pem", files / "server.key", client_ca)
    return Options(port=0, device="cpu", tls=pair)


def test_tls_with_path_bytes_and_token(files: Path, repository: Path) -> None:
    with Server(repository, options(files)) as server:
        for tls in (str(files / "ca.pem"), (files / "ca.pem").read_bytes()):
            with Client(server.address, tls=tls, token="anything") as client:
                assert client.ready("digits")

        async def ask() -> bool:
            async with AioClient(server.address, tls=str(files / "ca.pem")) as client:
                return await client.ready("digits")

        assert asyncio.run(ask())


def test_a_client_without_tls_or_of_another_authority_gets_nothing(
    files: Path, repository: Path
) -> None:
    with Server(repository, options(files)) as server:
        for tls in (None, True):
            with Client(server.address, tls=tls, timeout=20) as client:
                with pytest.raises(RequestFailed) as caught:
                    client.ready()
                assert caught.value.code == "UNAVAILABLE"


def test_mutual_tls(files: Path, repository: Path) -> None:
    with Server(repository, options(files, files / "ca.pem")) as server:
        with Client(server.address, tls=str(files / "ca.pem"), timeout=20) as nobody:
            with pytest.raises(RequestFailed) as caught:
                nobody.ready()
            assert caught.value.code == "UNAVAILABLE"
        credentials = grpc.ssl_channel_credentials(
            (files / "ca.pem").read_bytes(),
            (files / "client.key").read_bytes(),
            (files / "client.pem").read_bytes(),
        )
        with grpc.secure_channel(server.address, credentials) as channel:
            ready = channel.unary_unary(
                "/inference.GRPCInferenceService/ServerReady",
                response_deserializer=inference_pb2.ServerReadyResponse.FromString,
            )
            assert ready(b"", timeout=20).ready


def test_files_that_are_no_pair(files: Path, repository: Path, tmp_path: Path) -> None:
    missing = Tls(tmp_path / "no.pem", files / "server.key")
    with pytest.raises(ServiceError, match=r"cannot read .*no\.pem"):
        Server(repository, Options(port=0, device="cpu", tls=missing))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    with pytest.raises(ServiceError, match="are the TLS files no matching PEM pair"):
        Server(repository, Options(port=0, device="cpu", tls=Tls(garbage, files / "server.key")))
