"""RNN: ``h' = f(x W' + h R' + b)``."""

from __future__ import annotations

from typing import Any

from ... import op
from ...ir import Tensor
from .run import Gradients, Run, added, halves_summed, product, rows, summed, weight_gradient


def rnn(run: Run) -> Gradients:
    """Walk back over the steps of an RNN."""
    (f,) = run.activations
    h = run.h_previous
    slope = f.slope_at(run.y)
    if slope is None:
        inputs = product(run.x, run.w, halves_summed(run.bias))
        _, slope = f(run.stacked(product(h, run.r, inputs)))
    (slope,) = run.masked(slope)
    dh, dgate = run.scan(
        _step, [run.dh], [run.dy, slope, run.padding], [run.r], undo=True,
    )  # fmt: skip
    dbias = summed(dgate)
    return Gradients(
        x=run.stacked(op.Gemm(rows(dgate), run.w)),
        w=weight_gradient(dgate, run.x),
        r=weight_gradient(dgate, h),
        bias=op.Concat(dbias, dbias, axis=0),
        h0=dh,
    )


def _step(
    dh: Tensor, dy: Tensor | None, slope: Tensor, padding: Tensor | None, r: Tensor
) -> Any:  # fmt: skip
    dh = added(dh, dy)
    dgate = dh * slope
    before = op.MatMul(dgate, r)
    return (before if padding is None else before + dh * padding), dgate
