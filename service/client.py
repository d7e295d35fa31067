"""Clients for the classification service, blocking and with ``await``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import grpc.aio
import numpy as np
from grpc_health.v1 import health_pb2

from ..errors import ArgumentError, RequestFailed
from ..protos import classifier_pb2, inference_pb2
from . import datatypes, names, wire
from .errors import RequestError

Array = np.ndarray[Any, Any]
SPLIT_BYTES = 32 << 20  # Classify requests stay well below a server's limit
SPLIT_ANSWERS = 1_000_000  # and so do their answers


@dataclass(frozen=True, slots=True)
class Ranked:
    """One class of an answer."""

    label: str
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Classification:
    """The answer for one instance: the best class, and ``ranked`` with the top_k best."""

    label: str
    index: int
    score: float
    ranked: list[Ranked]


class _Call(NamedTuple):
    """An RPC: its path, its request, and what to make of the response."""

    path: str
    request: Any
    response: Any


def _datatype(owner: str, array: Array) -> str:
    if array.dtype == object and not all(isinstance(x, str | bytes) for x in array.reshape(-1)):
        raise ArgumentError(f"{owner} is no rectangular array of numbers or strings")
    try:
        return datatypes.from_numpy(array.dtype)
    except RequestError as error:
        raise ArgumentError(f"{owner}: {error}") from error


def _batches(
    model: str, instances: Any, top_k: int, version: str | None, limit: int
) -> Iterator[_Call]:
    """Requests of at most ``limit`` bytes of instances; one even where there is no instance."""
    try:
        array = np.asarray(instances)
    except ValueError as error:
        raise ArgumentError(f"instances is no rectangular array: {error}") from error
    if array.ndim == 0:
        raise ArgumentError("instances is an array whose first dim counts the instances")
    if top_k < 1:
        raise ArgumentError(f"top_k={top_k}: expected a number of at least 1")
    bytes_each = array.nbytes // max(len(array), 1)
    rows = min(limit // max(bytes_each, 1), SPLIT_ANSWERS // min(top_k, 1000))
    for start in range(0, max(len(array), 1), max(rows, 1)):
        yield _classify(model, array[start : start + max(rows, 1)], top_k, version)


def _classify(model: str, array: Array, top_k: int, version: str | None) -> _Call:
    request = classifier_pb2.ClassifyRequest(
        model=model,
        version=version or "",
        top_k=min(top_k, 1 << 31),
        instances=classifier_pb2.Instances(
            datatype=_datatype("instances", array), shape=array.shape, raw=wire.to_raw(array)
        ),
    )
    return _Call(f"/{names.CLASSIFIER}/Classify", request, classifier_pb2.ClassifyResponse)


def _classifications(response: classifier_pb2.ClassifyResponse) -> list[Classification]:
    return [
        Classification(
            c.label, c.index, c.score, [Ranked(r.label, r.index, r.score) for r in c.ranked]
        )
        for c in response.classifications
    ]


def _labels(model: str, version: str | None) -> _Call:
    request = classifier_pb2.LabelsRequest(model=model, version=version or "")
    return _Call(f"/{names.CLASSIFIER}/Labels", request, classifier_pb2.LabelsResponse)


def _infer(
    model: str, inputs: Mapping[str, Any], outputs: Sequence[str] | None, version: str | None
) -> _Call:
    request = inference_pb2.ModelInferRequest(model_name=model, model_version=version or "")
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    if (size := sum(a.nbytes for a in arrays.values())) > names.MAX_MESSAGE_BYTES:
        raise _too_large(size)
    for name, array in arrays.items():
        datatype = _datatype(f"input {name!r}", array)
        request.inputs.add(name=name, datatype=datatype, shape=array.shape)
        request.raw_input_contents.append(wire.to_raw(array))
    for name in outputs or ():
        request.outputs.add(name=name)
    return _Call(f"/{names.INFERENCE}/ModelInfer", request, inference_pb2.ModelInferResponse)


def _arrays(response: inference_pb2.ModelInferResponse) -> dict[str, Array]:
    return {
        o.name: wire.from_raw(f"output {o.name!r}", o.datatype, o.shape, raw)
        for o, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }


def _ready(model: str | None) -> _Call:
    if model is None:
        request: Any = inference_pb2.ServerReadyRequest()
        return _Call(f"/{names.INFERENCE}/ServerReady", request, inference_pb2.ServerReadyResponse)
    request = inference_pb2.ModelReadyRequest(name=model)
    return _Call(f"/{names.INFERENCE}/ModelReady", request, inference_pb2.ModelReadyResponse)


def _metadata(model: str, version: str | None) -> _Call:
    request = inference_pb2.ModelMetadataRequest(name=model, version=version or "")
    return _Call(f"/{names.INFERENCE}/ModelMetadata", request, inference_pb2.ModelMetadataResponse)


def _described(response: inference_pb2.ModelMetadataResponse) -> dict[str, Any]:
    def tensors(items: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
        return {t.name: (t.datatype, tuple(t.shape)) for t in items}

    return {
        "name": response.name,
        "versions": list(response.versions),
        "inputs": tensors(response.inputs),
        "outputs": tensors(response.outputs),
        "properties": dict(response.properties),
    }


def _health(service: str) -> _Call:
    request = health_pb2.HealthCheckRequest(service=service)
    return _Call(f"/{names.HEALTH}/Check", request, health_pb2.HealthCheckResponse)


def _status(response: health_pb2.HealthCheckResponse) -> str:
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))


def _models() -> _Call:
    request = inference_pb2.RepositoryIndexRequest(ready=True)
    return _Call(
        f"/{names.INFERENCE}/RepositoryIndex", request, inference_pb2.RepositoryIndexResponse
    )


def _by_model(response: inference_pb2.RepositoryIndexResponse) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in response.models:
        found.setdefault(entry.name, []).append(entry.version)
    return found


def _failed(error: grpc.RpcError) -> RequestFailed:
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    return RequestFailed(code.name, details or "no details")


def _certificate(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArgumentError(
            f"tls={path!r} cannot be read ({error.strerror}): pass True, or a CA certificate in PEM"
        ) from error


def _size_checked(request: Any) -> bytes:
    """A request as bytes. Raises ``ArgumentError`` for one that gRPC would refuse to send."""
    data: bytes = request.SerializeToString()
    if len(data) > names.MAX_MESSAGE_BYTES:
        raise _too_large(len(data))
    return data


def _too_large(size: int) -> ArgumentError:
    return ArgumentError(
        f"the request has {size} bytes, more than the {names.MAX_MESSAGE_BYTES} of one message: "
        "send fewer rows at a time"
    )


def _nobody(address: str) -> RequestFailed:
    return RequestFailed("UNAVAILABLE", f"no server answers at {address}")


class _Options:
    """What both clients share: how to connect."""

    def __init__(
        self, address: str, tls: str | bytes | bool | None, token: str | None, timeout: float
    ) -> None:
        if token is not None and not tls:
            raise ArgumentError("a token travels over TLS only: pass tls=True or a CA certificate")
        self.address, self.timeout = address, timeout
        self.metadata = None if token is None else (("authorization", f"Bearer {token}"),)
        self.limits = [
            ("grpc.max_receive_message_length", names.MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", names.MAX_MESSAGE_BYTES),
        ]
        root = _certificate(tls) if isinstance(tls, str) else tls
        self.credentials = (
            grpc.ssl_channel_credentials(root if isinstance(root, bytes) else None) if tls else None
        )


class Client:
    """A connection to a server. Use it as a context manager, or ``close`` it.

    Args:
        address: ``host:port``.
        tls: True for the system's authorities, or a CA certificate (PEM bytes, or its path).
        token: sent as a bearer token with each request; needs ``tls``.
        timeout: seconds that a request may take.

    Methods raise ``RequestFailed`` (with ``code``) where the server refuses or cannot be reached.
    """

    def __init__(
        self,
        address: str,
        tls: str | bytes | bool | None = None,
        token: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._options = o = _Options(address, tls, token, timeout)
        if o.credentials is None:
            self._channel = grpc.insecure_channel(address, options=o.limits)
        else:
            self._channel = grpc.secure_channel(address, o.credentials, options=o.limits)

    def _do(self, call: _Call) -> Any:
        method = self._channel.unary_unary(
            call.path,
            request_serializer=None,
            response_deserializer=call.response.FromString,
        )
        try:
            return method(
                _size_checked(call.request),
                timeout=self._options.timeout,
                metadata=self._options.metadata,
            )
        except grpc.RpcError as error:
            raise _failed(error) from error

    def classify(
        self, model: str, instances: Any, top_k: int = 1, version: str | None = None
    ) -> list[Classification]:
        """One answer per instance, in order; ``instances`` is an array whose first dim counts them.

        Large batches travel in several requests. Numbers are converted to the model's type where
        that loses nothing but precision.
        """
        calls = _batches(model, instances, top_k, version, SPLIT_BYTES)
        return [answer for call in calls for answer in _classifications(self._do(call))]

    def labels(self, model: str, version: str | None = None) -> list[str]:
        """The labels by class index; empty where the model has none."""
        return list(self._do(_labels(model, version)).labels)

    def infer(
        self,
        model: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str] | None = None,
        version: str | None = None,
    ) -> dict[str, Array]:
        """Run a model on tensors by name; all outputs unless some are named."""
        return _arrays(self._do(_infer(model, inputs, outputs, version)))

    def metadata(self, model: str, version: str | None = None) -> dict[str, Any]:
        """Versions, inputs and outputs (name -> (datatype, shape)) and properties of a model."""
        return _described(self._do(_metadata(model, version)))

    def ready(self, model: str | None = None) -> bool:
        """Whether the server, or a model on it, takes requests."""
        return bool(self._do(_ready(model)).ready)

    def health(self, service: str = "") -> str:
        """grpc.health.v1 status of the server or a model: "SERVING" or "NOT_SERVING"."""
        return _status(self._do(_health(service)))

    def models(self) -> dict[str, list[str]]:
        """The models that can be asked, with their versions, lowest first."""
        return _by_model(self._do(_models()))

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Block until the server answers. Raises ``RequestFailed`` after ``timeout`` seconds."""
        try:
            grpc.channel_ready_future(self._channel).result(timeout)
        except grpc.FutureTimeoutError as error:
            raise _nobody(self._options.address) from error

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AioClient:
    """``Client`` with ``await``."""

    def __init__(
        self,
        address: str,
        tls: str | bytes | bool | None = None,
        token: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._options = o = _Options(address, tls, token, timeout)
        if o.credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=o.limits)
        else:
            self._channel = grpc.aio.secure_channel(address, o.credentials, options=o.limits)

    async def _do(self, call: _Call) -> Any:
        method = self._channel.unary_unary(
            call.path,
            request_serializer=None,
            response_deserializer=call.response.FromString,
        )
        try:
            return await method(
                _size_checked(call.request),
                timeout=self._options.timeout,
                metadata=self._options.metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise RequestFailed(error.code().name, error.details() or "no details") from error

    async def classify(
        self, model: str, instances: Any, top_k: int = 1, version: str | None = None
    ) -> list[Classification]:
        """See ``Client.classify``."""
        calls = _batches(model, instances, top_k, version, SPLIT_BYTES)
        return [answer for call in calls for answer in _classifications(await self._do(call))]

    async def labels(self, model: str, version: str | None = None) -> list[str]:
        """See ``Client.labels``."""
        return list((await self._do(_labels(model, version))).labels)

    async def infer(
        self,
        model: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str] | None = None,
        version: str | None = None,
    ) -> dict[str, Array]:
        """See ``Client.infer``."""
        return _arrays(await self._do(_infer(model, inputs, outputs, version)))

    async def metadata(self, model: str, version: str | None = None) -> dict[str, Any]:
        """See ``Client.metadata``."""
        return _described(await self._do(_metadata(model, version)))

    async def ready(self, model: str | None = None) -> bool:
        """See ``Client.ready``."""
        return bool((await self._do(_ready(model))).ready)

    async def health(self, service: str = "") -> str:
        """See ``Client.health``."""
        return _status(await self._do(_health(service)))

    async def models(self) -> dict[str, list[str]]:
        """See ``Client.models``."""
        return _by_model(await self._do(_models()))

    async def wait_until_ready(self, timeout: float = 30.0) -> None:
        """See ``Client.wait_until_ready``."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout)
        except TimeoutError as error:
            raise _nobody(self._options.address) from error

    async def close(self) -> None:
        await self._channel.close(None)

    async def __aenter__(self) -> AioClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
