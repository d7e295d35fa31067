"""What a request can be refused for, and the one place that maps it to gRPC status codes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import grpc

from ..errors import ServiceError

logger = logging.getLogger("waterhorse.service")
MAX_DETAIL = 1000


class RequestError(ServiceError):
    """The request cannot be served; ``code`` says whose fault it is."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFoundError(RequestError):
    """No such model or version."""

    code = grpc.StatusCode.NOT_FOUND


class UnimplementedError(RequestError):
    """The protocol has it, this server does not."""

    code = grpc.StatusCode.UNIMPLEMENTED


class ModelError(RequestError):
    """The model itself failed, or gave what it should not."""

    code = grpc.StatusCode.INTERNAL


def _clipped(text: str) -> str:
    """A message that fits into trailing metadata, however long the name that it quotes."""
    half = MAX_DETAIL // 2
    return text if len(text) <= MAX_DETAIL else f"{text[:half]} ... {text[-half:]}"


def mapped(handler: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """A gRPC handler of ``handler``: errors become statuses; unforeseen ones tell nothing internal."""

    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return handler(request)
        except RequestError as error:
            context.abort(error.code, _clipped(str(error)))
        except Exception:
            logger.exception("unforeseen failure while serving a request")
            context.abort(
                grpc.StatusCode.INTERNAL, "the server failed on this request; its log says why"
            )

    return handle
