"""The two services: each RPC converts, asks the model, converts back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._version import __version__
from ..protos import classifier_pb2, inference_pb2
from . import wire
from .errors import NotFoundError, RequestError, UnimplementedError
from .model import ServedModel, TensorInfo
from .repository import Repository

NAME = "waterhorse"
PLATFORM = "onnxruntime_onnx"


class Inference:
    """The Open Inference Protocol."""

    def __init__(self, repository: Repository, ready: Callable[[], bool]) -> None:
        self._repository, self._ready = repository, ready

    def ServerLive(self, _: Any) -> inference_pb2.ServerLiveResponse:  # noqa: N802  # the RPC's name
        return inference_pb2.ServerLiveResponse(live=True)

    def ServerReady(self, _: Any) -> inference_pb2.ServerReadyResponse:  # noqa: N802
        return inference_pb2.ServerReadyResponse(ready=self._ready())

    def ModelReady(  # noqa: N802
        self, request: inference_pb2.ModelReadyRequest
    ) -> inference_pb2.ModelReadyResponse:
        """Unknown models are not ready, which is no error."""
        try:
            self._repository.get(request.name, request.version)
        except NotFoundError:
            return inference_pb2.ModelReadyResponse(ready=False)
        return inference_pb2.ModelReadyResponse(ready=self._ready())

    def ServerMetadata(self, _: Any) -> inference_pb2.ServerMetadataResponse:  # noqa: N802
        return inference_pb2.ServerMetadataResponse(name=NAME, version=__version__)

    def ModelMetadata(  # noqa: N802
        self, request: inference_pb2.ModelMetadataRequest
    ) -> inference_pb2.ModelMetadataResponse:
        model = self._repository.get(request.name, request.version)
        versions = [request.version] if request.version else self._repository.versions(request.name)
        return inference_pb2.ModelMetadataResponse(
            name=model.name,
            versions=versions,
            platform=PLATFORM,
            inputs=[_tensor(i) for i in model.inputs.values()],
            outputs=[_tensor(o) for o in model.outputs.values()],
            properties=dict(model.metadata),
        )

    def ModelInfer(  # noqa: N802
        self, request: inference_pb2.ModelInferRequest
    ) -> inference_pb2.ModelInferResponse:
        model = self._repository.get(request.model_name, request.model_version)
        _refuse_parameters("the request", request.parameters)
        for tensor in request.inputs:
            _refuse_parameters(f"input {tensor.name!r}", tensor.parameters)
        for output in request.outputs:
            _refuse_parameters(f"output {output.name!r}", output.parameters)
        names = [o.name for o in request.outputs]
        if len(set(names)) != len(names):
            raise RequestError("an output is asked for twice")
        found = model.run(wire.request_tensors(request), names)
        return wire.response(model.name, model.version, request.id, found)

    def RepositoryIndex(  # noqa: N802
        self, request: inference_pb2.RepositoryIndexRequest
    ) -> inference_pb2.RepositoryIndexResponse:
        """All models with their versions; files that could not be loaded come with the reason."""
        if request.repository_name:
            raise UnimplementedError(
                "repository_name is not supported: this server has one repository; leave it empty"
            )
        found = inference_pb2.RepositoryIndexResponse()
        ready = self._ready()
        for entry in self._repository.index():
            reason = entry.reason if entry.reason or ready else "the server is shutting down"
            if not reason:
                found.models.add(name=entry.name, version=entry.version, state="READY")
            elif not request.ready:
                found.models.add(
                    name=entry.name, version=entry.version, state="UNAVAILABLE", reason=reason
                )
        return found


def _refuse_parameters(owner: str, parameters: Mapping[str, Any]) -> None:
    """A parameter that would change nothing is refused, not overlooked."""
    if parameters:
        raise RequestError(
            f"{owner} has the parameter {min(parameters)!r}, which this server does not know; "
            "leave it away"
        )


def _tensor(info: TensorInfo) -> inference_pb2.ModelMetadataResponse.TensorMetadata:
    return inference_pb2.ModelMetadataResponse.TensorMetadata(
        name=info.name, datatype=info.datatype, shape=info.shape
    )


class Classifier:
    """Typed classification."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def Classify(  # noqa: N802
        self, request: classifier_pb2.ClassifyRequest
    ) -> classifier_pb2.ClassifyResponse:
        model = self._repository.get(request.model, request.version)
        answers = model.classify(wire.instances(request.instances), request.top_k)
        return classifier_pb2.ClassifyResponse(
            model=model.name,
            version=model.version,
            classifications=[_classification(model, a.indices, a.scores) for a in answers],
        )

    def Labels(  # noqa: N802
        self, request: classifier_pb2.LabelsRequest
    ) -> classifier_pb2.LabelsResponse:
        model = self._repository.get(request.model, request.version)
        return classifier_pb2.LabelsResponse(
            model=model.name, version=model.version, labels=model.labels
        )


def _classification(
    model: ServedModel, indices: list[int], scores: list[float]
) -> classifier_pb2.Classification:
    ranked = [
        classifier_pb2.Ranked(label=model.label(i), index=i, score=s)
        for i, s in zip(indices, scores, strict=True)
    ]
    first = ranked[0]
    return classifier_pb2.Classification(
        label=first.label, index=first.index, score=first.score, ranked=ranked
    )
