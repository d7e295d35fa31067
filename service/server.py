"""The gRPC server: services, health, reflection, start and an orderly end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from ..errors import ServiceError
from ..protos import classifier_pb2, inference_pb2
from ..runtime.device import resolve
from . import names
from .errors import mapped
from .handlers import Classifier, Inference
from .repository import Repository


@dataclass(frozen=True)
class Tls:
    """PEM files: the server's certificate and key, and whom clients must be signed by (mutual TLS)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class Options:
    """How to serve. ``workers``: requests at a time; ``threads``: per operator, 0 takes all cores."""

    host: str = "127.0.0.1"
    port: int = 8001
    device: str = "auto"
    workers: int = 4
    threads: int = 1
    max_message_bytes: int = names.MAX_MESSAGE_BYTES
    grace_seconds: float = 10.0
    lame_duck_seconds: float = 0.0
    tls: Tls | None = None


# Health watches hold a thread each as long as they are open; more than these wait.
_WATCHES = futures.ThreadPoolExecutor(128, thread_name_prefix="watch")


class _Health(health.HealthServicer):  # type: ignore[misc]  # untyped
    """The health service, with watches that block threads of their own.

    The library's other way (its default) sends under a lock that the cancelling of a watch wants, too,
    on the thread that does the sending: a server whose watchers went away could not stop.
    """

    def __init__(self) -> None:
        super().__init__(experimental_non_blocking=False, experimental_thread_pool=_WATCHES)

    def Watch(self, request: Any, context: Any, send_response_callback: Any = None) -> Any:  # noqa: N802
        """The status of a service now, and whenever it changes."""
        return super().Watch(request, context)


class Server:
    """Serves a repository from ``start`` to ``stop``."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.repository = Repository(folder, resolve(self.options.device), self.options.threads)
        self._ready = False
        self._asked, self._stopped = threading.Event(), threading.Event()
        self._health = _Health()
        self._pool = futures.ThreadPoolExecutor(self.options.workers, thread_name_prefix="rpc")
        self._grpc = grpc.server(
            self._pool,
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
            (names.INFERENCE, Inference(self.repository, lambda: self._ready), inference_pb2),
            (names.CLASSIFIER, Classifier(self.repository), classifier_pb2),
        ]
        for name, service, module in services:
            handler = grpc.method_handlers_generic_handler(name, _handlers(name, service, module))
            self._grpc.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(_reflection(), self._grpc)

    def _bind(self) -> int:
        address = _joined(self.options.host, self.options.port)
        try:
            if self.options.tls is None:
                port = self._grpc.add_insecure_port(address)
            else:
                port = self._grpc.add_secure_port(address, _credentials(self.options.tls))
        except RuntimeError as error:
            doubt = (
                "" if self.options.tls is None else ", or are the TLS files no matching PEM pair"
            )
            raise ServiceError(
                f"cannot listen on {address}: is the port in use{doubt}? Another --port, or 0 for "
                "a free one, may help"
            ) from error
        return int(port)

    @property
    def address(self) -> str:
        """``host:port`` as bound."""
        return _joined(self.options.host, self.port)

    def _set_health(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        value = status.SERVING if serving else status.NOT_SERVING
        services = ["", names.INFERENCE, names.CLASSIFIER, *self.repository.names()]
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
        self._pool.shutdown(wait=False)
        self._stopped.set()

    def listen_to_signals(self) -> None:
        """From here on SIGINT and SIGTERM end ``wait``. Only the main thread may call this."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._asked.set())

    def wait(self) -> None:
        """Block until one of the signals comes, then stop."""
        self._asked.wait()
        self.stop()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
    """A handler for each RPC that ``service`` has; gRPC answers UNIMPLEMENTED to the others."""
    handlers = {}
    for method in _methods(name, module):
        if not hasattr(service, method.name):
            continue
        request = getattr(module, method.input_type.name)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            mapped(getattr(service, method.name)),
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
    return handlers


def _reflection() -> Any:
    """The reflection servicer. It has threads of its own: a stream holds one as long as it is open."""
    listed = [names.INFERENCE, names.CLASSIFIER, health.SERVICE_NAME, reflection.SERVICE_NAME]
    servicer = reflection.ReflectionServicer(listed, pool=reflection_pool())

    def answer(requests: Any, context: grpc.ServicerContext) -> Any:
        return servicer.ServerReflectionInfo(requests, context)

    answer.experimental_thread_pool = futures.ThreadPoolExecutor(  # type: ignore[attr-defined]
        2, thread_name_prefix="reflection"
    )
    return SimpleNamespace(ServerReflectionInfo=answer)


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
        pool.AddSerializedFile(renamed.SerializeToString())
    return pool
