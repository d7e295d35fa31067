"""Rules for RNN, GRU and LSTM.

The forward pass gives every hidden state, so what the steps computed follows for all of them at once,
by one product of matrices for all gates. What must go step by step is a Scan with the fewest operators:
the way back through the hidden state (and in LSTM the cell states, which the operator does not give).
The gradients of weights, inputs and biases are then products over all steps again.

Source: backpropagation through time, Werbos 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ....errors import GradientError
from ... import op
from ...autodiff import vjp
from ...ir import Tensor, TensorType, apply, constant, retyped
from .activations import Activation, activations
from .gru import gru
from .lstm import lstm
from .rnn import rnn
from .run import Gradients, Run

Options: TypeAlias = Mapping[str, Any]
Operands: TypeAlias = Sequence[Tensor | None]


@dataclass(frozen=True)
class _Kind:
    """What distinguishes the three operators. ``clips`` says to which activations clipping applies."""

    walk: Callable[[Run, Options], Gradients]
    activations: tuple[str, ...]
    clips: tuple[bool, ...]


_KINDS = {
    "RNN": _Kind(lambda run, _: rnn(run), ("Tanh",), (True,)),
    "GRU": _Kind(
        lambda run, options: gru(run, linear_before_reset=bool(options["linear_before_reset"])),
        ("Sigmoid", "Tanh"), (True, True),
    ),
    "LSTM": _Kind(
        lambda run, options: lstm(run, input_forget=bool(options["input_forget"])),
        ("Sigmoid", "Tanh", "Tanh"), (True, True, False),
    ),
}  # fmt: skip


@vjp("RNN")
def _rnn(dys: Any, ys: Any, *operands: Tensor | None, **options: Any) -> Any:
    """Back through time: a small Scan for the states, products over all steps for the rest.

    Raises ``GradientError`` where the hidden size is unknown.
    """
    return _rule("RNN", dys, ys, operands, options)


@vjp("GRU")
def _gru(dys: Any, ys: Any, *operands: Tensor | None, **options: Any) -> Any:
    """Back through time: a small Scan for the states, products over all steps for the rest.

    Raises ``GradientError`` where the hidden size is unknown.
    """
    return _rule("GRU", dys, ys, operands, options)


@vjp("LSTM")
def _lstm(dys: Any, ys: Any, *operands: Tensor | None, **options: Any) -> Any:
    """Back through time: a small Scan for the states, products over all steps for the rest.

    Raises ``GradientError`` where the hidden size is unknown.
    """
    return _rule("LSTM", dys, ys, operands, options)


def _rule(name: str, dys: Any, ys: Any, operands: Operands, options: Options) -> Any:
    """Gradients for as many operands as were given."""
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    if options["layout"]:
        return _batch_first(name, dys, operands, options)
    # x, w, r, bias, lengths, h0, c0, peepholes; what the operator cannot have is None
    full = (*operands, *(None for _ in range(8 - len(operands))))
    dys = (*dys, *(None for _ in range(3 - len(dys))))
    count = 2 if options["direction"] == "bidirectional" else 1
    functions = _functions(name, options, count)
    found = [
        _KINDS[name].walk(_run(d, count, full, ys[0], dys, functions[d], options), options)
        for d in range(count)
    ]
    dx = found[0].x if count == 1 else found[0].x + found[1].x
    rest = [
        _together([getattr(g, field) for g in found])
        for field in ("w", "r", "bias", "h0", "c0", "peepholes")
    ]
    gradients = (dx, *rest[:3], None, *rest[3:])
    return gradients[: len(operands)]


def _together(each: Sequence[Tensor | None]) -> Tensor | None:
    """The gradients of all directions, along a first axis."""
    there = [op.Unsqueeze(g, [0]) for g in each if g is not None]
    if not there:
        return None
    joined: Tensor = there[0] if len(there) == 1 else op.Concat(*there, axis=0)
    return joined


def _functions(name: str, options: Options, count: int) -> list[list[Activation]]:
    """The activation functions of each direction."""
    kind = _KINDS[name]
    each = len(kind.activations)
    names = tuple(options.get("activations") or kind.activations * count)
    if name == "RNN" and len(names) == 2:  # the default of the schema, whatever the direction
        names = names[:count]
    if len(names) != each * count:
        raise GradientError(f"{name} takes {each * count} activations here; got {list(names)}")
    limit = options.get("clip") or None
    clips = [limit if clipped else None for clipped in kind.clips] * count
    found = activations(
        names, options.get("activation_alpha") or (), options.get("activation_beta") or (), clips
    )
    return [found[d * each : (d + 1) * each] for d in range(count)]


def _run(
    direction: int, count: int, operands: Operands, y: Tensor, dys: Operands,
    functions: Sequence[Activation], options: Options,
) -> Run:  # fmt: skip
    """One direction's share of operands and cotangents."""

    def of(t: Tensor | None, axis: int = 0) -> Any:
        if t is None:
            return None
        return op.Squeeze(t, [axis]) if count == 1 else op.Gather(t, direction, axis=axis)

    x, w, r, bias, lengths, h0, c0, peepholes = operands
    if x is None or r is None:
        raise GradientError("a recurrent operator was given no X or R")
    hidden = r.shape[-1] if isinstance(r.shape[-1], int) else options.get("hidden_size")
    if hidden is None:
        raise GradientError(
            "a recurrent operator has neither the attribute hidden_size nor an R of known shape; "
            "give hidden_size"
        )
    zeros = _zeros(x, hidden)
    valid, nonempty = _masks(x, lengths)
    dy = of(dys[0], 1)
    dh, dc = [_or(of(d), zeros) for d in dys[1:]]
    if nonempty is not None:  # the final states of an empty sequence are zero in ONNX Runtime
        dh, dc = dh * nonempty, dc * nonempty
    return Run(
        x, of(w), of(r), of(bias), _or(of(h0), zeros), _or(of(c0), zeros), of(peepholes), of(y, 1),
        dy if valid is None or dy is None else dy * valid, dh, dc, valid, functions, hidden,
        direction == 1 or options["direction"] == "reverse",
    )  # fmt: skip


def _or(given: Tensor | None, otherwise: Tensor) -> Tensor:
    return otherwise if given is None else given


def _zeros(x: Tensor, hidden: int) -> Tensor:
    """A state of zeros, (N, H)."""
    batch = x.shape[1]
    if isinstance(batch, int):
        return constant(np.zeros((batch, hidden)), x.dtype)
    shape = op.Concat(op.Shape(x, start=1, end=2), [hidden], axis=0)
    return retyped(op.Expand(constant(0, x.dtype), shape), TensorType(x.dtype, (batch, hidden)))


def _masks(x: Tensor, lengths: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """1 for each step within a sequence, (T, N, 1), and for each sequence that has any, (N, 1)."""
    if lengths is None:
        return None, None
    ends = op.Unsqueeze(op.Cast(lengths, to=np.int64), [1])
    numbers = op.Range(0, op.Squeeze(op.Shape(x, start=0, end=1), [0]), 1)
    steps = op.Reshape(numbers, [-1, 1, 1])
    valid = op.Cast(op.Less(steps, ends), to=x.dtype)
    kind = TensorType(x.dtype, (*x.shape[:2], 1))
    return retyped(valid, kind), op.Cast(op.Greater(ends, 0), to=x.dtype)


# Where the batch comes first: X, initial_h and initial_c among the operands, and all results.
_OPERANDS = {0: (1, 0, 2), 5: (1, 0, 2), 6: (1, 0, 2)}
_RESULTS = ((1, 2, 0, 3), (1, 0, 2), (1, 0, 2))


def _batch_first(name: str, dys: Operands, operands: Operands, options: Options) -> Any:
    """``layout=1`` by ``layout=0``, which is all that ONNX Runtime has a kernel for."""
    inner, usual = _moved(operands), {**options, "layout": 0}
    ys = apply(name, *inner, outputs=len(dys), **usual)
    moved = [op.Transpose(dy, perm=perm) if dy is not None else None
             for dy, perm in zip(dys, _RESULTS, strict=False)]  # fmt: skip
    dxs = _rule(name, tuple(moved) if len(dys) > 1 else moved[0], ys, inner, usual)
    return tuple(_moved(dxs))


def _moved(operands: Operands) -> list[Tensor | None]:
    """Operands, or their gradients, from the one layout to the other."""
    return [
        op.Transpose(x, perm=_OPERANDS[i]) if x is not None and i in _OPERANDS else x
        for i, x in enumerate(operands)
    ]
