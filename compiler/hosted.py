"""What is computed on the host before a step runs: text, which prepared bindings cannot feed.

ONNX Runtime's Python bindings bind no strings, and some functions of strings (a hash, splitting into
characters, a user's Python) are no ONNX operators. A layer that knows how to compute with NumPy says so
while a step is being traced; the step is then fed with the result instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .ir import Array, Tensor, TensorType, argument


@dataclass(frozen=True, eq=False, slots=True)
class HostCall:
    """``result`` is an argument of the step, whose value is ``function`` of the values of ``inputs``."""

    owner: str
    function: Callable[..., Array]
    inputs: tuple[Tensor, ...]
    result: Tensor


_calls: ContextVar[list[HostCall] | None] = ContextVar("host calls", default=None)


@contextmanager
def host_calls(wanted: bool = True) -> Iterator[list[HostCall]]:
    """Inside, layers may leave work to the host: the list gets what they leave, in order."""
    calls: list[HostCall] = []
    token = _calls.set(calls if wanted else None)
    try:
        yield calls
    finally:
        _calls.reset(token)


def on_host(
    owner: str, function: Callable[..., Array], inputs: Sequence[Tensor], kind: TensorType
) -> Tensor | None:
    """``function`` of ``inputs`` as an argument of the step that is being traced.

    None where the host has no part in it: in an export, or where an input is computed in the graph.
    """
    calls = _calls.get()
    if calls is None or not all(_given(t) for t in inputs):
        return None
    keys = [t.key for t in inputs]
    for call in calls:
        if call.owner == owner and [t.key for t in call.inputs] == keys:
            return call.result
    result = argument(f"hosted_{len(calls)}", kind)
    calls.append(HostCall(owner, function, tuple(inputs), result))
    return result


def _given(t: Tensor) -> bool:
    """Whether a tensor is an input of the step, or what the host has made of one."""
    payload: Any = t.node.payload
    return t.node.op == "Argument" and payload.variable is None
