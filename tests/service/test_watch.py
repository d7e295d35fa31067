"""Watches that end while the server does."""

from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from waterhorse.service.server import Options, Server


def test_watchers_that_leave_do_not_keep_the_server_from_stopping(repository: Path) -> None:
    for _ in range(15):
        with Server(
            repository, Options(port=0, device="cpu", workers=1, grace_seconds=0)
        ) as server:
            with grpc.insecure_channel(server.address) as channel:
                stub = health_pb2_grpc.HealthStub(channel)
                watches = [
                    stub.Watch(health_pb2.HealthCheckRequest(service=s)) for s in ("", "digits") * 8
                ]
                for watch in watches:
                    next(watch)
                for watch in watches:
                    watch.cancel()
