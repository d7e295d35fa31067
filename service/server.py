"""The gRPC server: services, health, reflection, start and an orderly end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ..errors import ServiceError
from ..protos import classifier_pb2, inference_pb2
from ..runtime.device import resolve
from .errors import mapped
from .handlers import CLASSIFIER_SERVICE, INFERENCE_SERVICE, Classifier, Inference
from .repository import Repository


@dataclass(frozen=True)
class Tls:
    """PEM files: the server's certificate and key, and whom clients must be signed by (mutual TLS)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class Options:
    """How to serve. ``workers``: requests at a time; ``threads``: per operator (0: cores / workers)."""

    host: str = "127.0.0.1"
    port: int = 8001
    device: str = "auto"
    workers: int = 4
    threads: int = 1
    max_message_bytes: int = 256 << 20
    grace_seconds: float = 10.0
    lame_duck_seconds: float = 0.0
    tls: Tls | None = None


class Server:
    """Serves a repository from ``start`` to ``stop``."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.repository = Repository(folder, resolve(self.options.device), self.options.threads)
        self._ready = False
        self._stopped = threading.Event()
        self._health = health.HealthServicer()
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(self.options.workers, thread_name_prefix="rpc"),
            options=[
                ("grpc.so_reuseport", 0),  # else a second server would silently share the port
                ("grpc.max_receive_message_length", self.options.max_message_bytes),
                ("grpc.max_send_message_length", self.options.max_message_bytes),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
            ],
        )
        self._register()
        self.port = self._bind()

    def _register(self) -> None:
        services: list[tuple[str, Any, Any]] = [
            (INFERENCE_SERVICE, Inference(self.repository, lambda: self._ready), inference_pb2),
            (CLASSIFIER_SERVICE, Classifier(self.repository), classifier_pb2),
        ]
        for name, service, module in services:
            handler = grpc.method_handlers_generic_handler(name, _handlers(name, service, module))
            self._grpc.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [
            INFERENCE_SERVICE,
            CLASSIFIER_SERVICE,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
        ]
        reflection.enable_server_reflection(names, self._grpc, pool=reflection_pool())

    def _bind(self) -> int:
        address = f"{self.options.host}:{self.options.port}"
        try:
            if self.options.tls is None:
                port = self._grpc.add_insecure_port(address)
            else:
                port = self._grpc.add_secure_port(address, _credentials(self.options.tls))
        except RuntimeError as error:
            raise ServiceError(f"cannot listen on {address}: is the port in use?") from error
        return int(port)

    @property
    def address(self) -> str:
        """``host:port`` as bound."""
        return f"{self.options.host}:{self.port}"

    def _set_health(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        value = status.SERVING if serving else status.NOT_SERVING
        services = ["", INFERENCE_SERVICE, CLASSIFIER_SERVICE, *self.repository.names()]
        for service in services:
            self._health.set(service, value)

    def start(self) -> None:
        """Take requests."""
        self._grpc.start()
        self._ready = True
        self._set_health(True)

    def stop(self) -> None:
        """Say NOT_SERVING, wait for what is under way (at most ``grace_seconds``), and end."""
        if self._stopped.is_set():
            return
        self._ready = False
        self._set_health(False)
        # so that load balancers see it before connections are refused
        self._stopped.wait(self.options.lame_duck_seconds)
        self._grpc.stop(self.options.grace_seconds).wait()
        self._stopped.set()

    def wait(self) -> None:
        """Block until SIGINT or SIGTERM, then stop."""
        asked = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: asked.set())
        asked.wait()
        self.stop()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        root = tls.client_ca.read_bytes() if tls.client_ca is not None else None
    except OSError as error:
        raise ServiceError(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials([pair], root, require_client_auth=root is not None)


def _methods(service: str, module: Any) -> Iterable[Any]:
    """The methods of the service in ``module`` whose last name part is the wire name's."""
    return module.DESCRIPTOR.services_by_name[service.rsplit(".", 1)[-1]].methods


def _handlers(name: str, service: Any, module: Any) -> dict[str, grpc.RpcMethodHandler]:
    handlers = {}
    for method in _methods(name, module):
        request = getattr(module, method.input_type.name)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            mapped(getattr(service, method.name)),
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
    return handlers


def reflection_pool() -> descriptor_pool.DescriptorPool:
    """Descriptors under their wire names, apart from the process's own pool.

    Our messages are in package ``waterhorse.inference`` there, so that Triton's client can live in the
    same process; reflection must tell the name that the service has on the wire.
    """
    pool = descriptor_pool.DescriptorPool()
    for module in (inference_pb2, classifier_pb2, health_pb2, reflection_pb2):
        proto = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(proto)
        text = text_format.MessageToString(proto)
        if module is inference_pb2:
            text = text.replace("waterhorse.inference", "inference")
        renamed = text_format.Parse(text, descriptor_pb2.FileDescriptorProto())
        pool.Add(renamed)  # type: ignore[attr-defined]  # missing in the stubs
    return pool
