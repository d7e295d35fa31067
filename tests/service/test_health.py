"""grpc.health.v1 and reflection: what load balancers and grpcurl ask."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from waterhorse.protos import inference_pb2
from waterhorse.service import names
from waterhorse.service.client import Client
from waterhorse.service.server import Options, Server

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.mark.parametrize("service", ["", "digits", names.INFERENCE, names.CLASSIFIER])
def test_check(channel: grpc.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == SERVING


def test_check_of_what_is_not_served(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("nope", "broken"):
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND  # type: ignore[attr-defined]


def test_watch_sees_the_end_before_connections_close(repository: Path) -> None:
    options = Options(port=0, device="cpu", lame_duck_seconds=0.3)
    server = Server(repository, options)
    server.start()
    seen: list[int] = []
    ready: list[bool] = []
    first = threading.Event()

    def watch(stub: Any, client: Client) -> None:
        try:
            for status in stub.Watch(health_pb2.HealthCheckRequest(service="digits")):
                seen.append(status.status)
                first.set()
                if status.status == NOT_SERVING:
                    ready.append(client.ready())  # still answers, and says no
        except grpc.RpcError:
            seen.append(-1)

    with grpc.insecure_channel(server.address) as channel, Client(server.address) as client:
        watcher = threading.Thread(target=watch, args=(health_pb2_grpc.HealthStub(channel), client))
        watcher.start()
        assert first.wait(30)
        server.stop()
        watcher.join(30)
    assert seen[:2] == [SERVING, NOT_SERVING]
    assert ready == [False]


def test_watches_hold_no_threads(repository: Path) -> None:
    with Server(repository, Options(port=0, device="cpu", workers=1)) as server:
        with grpc.insecure_channel(server.address) as channel, Client(server.address) as client:
            stub = health_pb2_grpc.HealthStub(channel)
            watches = [
                stub.Watch(health_pb2.HealthCheckRequest(service=s)) for s in ("", "nope") * 4
            ]
            assert [next(w).status for w in watches] == [SERVING, UNKNOWN] * 4
            assert client.labels("digits")
            for watch in watches:
                watch.cancel()


def reflect(channel: grpc.Channel, **question: Any) -> Any:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(**question)
    return next(iter(stub.ServerReflectionInfo(iter([request]))))


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    answer = reflect(channel, list_services="")
    assert {s.name for s in answer.list_services_response.service} == {
        "inference.GRPCInferenceService", "waterhorse.v1.Classifier", "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }  # fmt: skip


@pytest.mark.parametrize(
    "symbol",
    [
        "inference.GRPCInferenceService", "inference.ModelInferRequest", "waterhorse.v1.Classifier",
        "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
    ],
)  # fmt: skip
def test_reflection_describes_by_wire_name(channel: grpc.Channel, symbol: str) -> None:
    answer = reflect(channel, file_containing_symbol=symbol)
    (raw,) = answer.file_descriptor_response.file_descriptor_proto
    described = descriptor_pb2.FileDescriptorProto.FromString(raw)
    assert symbol.startswith(described.package + ".")
    found = {x.name for x in (*described.service, *described.message_type)}
    assert symbol.removeprefix(described.package + ".") in found


def test_reflection_describes_what_is_served(channel: grpc.Channel) -> None:
    raw = reflect(channel, file_containing_symbol="inference.GRPCInferenceService")
    (data,) = raw.file_descriptor_response.file_descriptor_proto
    (service,) = descriptor_pb2.FileDescriptorProto.FromString(data).service
    own = inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert [m.name for m in service.method] == [m.name for m in own.methods]
    assert {m.input_type.split(".")[1] for m in service.method} == {"inference"}


def test_open_reflection_streams_do_not_starve_requests(repository: Path) -> None:
    with Server(repository, Options(port=0, device="cpu", workers=1)) as server:
        with grpc.insecure_channel(server.address) as channel, Client(server.address) as client:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            closing = threading.Event()

            def endless() -> Any:
                yield reflection_pb2.ServerReflectionRequest(list_services="")
                closing.wait(60)

            streams = [stub.ServerReflectionInfo(endless()) for _ in range(2)]
            for stream in streams:
                next(stream)
            assert client.labels("digits")
            closing.set()
            for stream in streams:
                stream.cancel()
