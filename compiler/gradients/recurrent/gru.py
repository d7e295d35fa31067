"""GRU: an update gate z, a reset gate r, a candidate g.

``z, r = activated(x W' + h R' + b)``; ``h' = (1 - z) g + z h``, where
``g = activated(x W' + (r h) R' + b)`` or, "linear before reset", ``activated(x W' + b + r (h R' + c))``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ... import op
from ...ir import Tensor
from .run import Gradients, Run, added, parts, product, rows, summed, weight_gradient


@dataclass(frozen=True)
class _Weights:
    """The weights of the gates z and r, and of the candidate g."""

    w: Tensor
    w_g: Tensor
    r: Tensor
    r_g: Tensor
    bias: Tensor | None
    bias_wg: Tensor | None
    bias_rg: Tensor | None


def _weights(run: Run) -> _Weights:
    n = run.hidden
    bias = bias_wg = bias_rg = None
    if run.bias is not None:
        bias_w, bias_wg, bias_r, bias_rg = parts(run.bias, [2 * n, n, 2 * n, n], axis=0)
        bias = bias_w + bias_r
    (w, w_g), (r, r_g) = parts(run.w, [2 * n, n], axis=0), parts(run.r, [2 * n, n], axis=0)
    return _Weights(w, w_g, r, r_g, bias, bias_wg, bias_rg)


def gru(run: Run, *, linear_before_reset: bool) -> Gradients:
    """Walk back over the steps of a GRU."""
    return _linear_before_reset(run) if linear_before_reset else _reset_first(run)


def _gates(run: Run, given: _Weights, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The values of z and r, and the slopes of both together."""
    both = run.stacked(product(h, given.r, product(run.x, given.w, given.bias)))
    value, slope = run.activations[0](both)
    z, r = parts(value, [run.hidden] * 2)
    return z, r, slope


def _linear_before_reset(run: Run) -> Gradients:
    given, h, n = _weights(run), run.h_previous, run.hidden
    z, r, slopes = _gates(run, given, h)
    slope_z, slope_r = parts(slopes, [n, n])
    inner = run.stacked(product(h, given.r_g, given.bias_rg))
    zg = run.stacked(product(run.x, given.w_g, given.bias_wg)) + r * inner
    g, slope_g = run.activations[1](zg)
    by_g = (1 - z) * slope_g
    by_z = (h - g) * slope_z
    by_r = by_g * inner * slope_r
    (by_g,) = run.masked(by_g)
    (factors,) = run.masked(op.Concat(by_z, by_r, by_g * r, axis=-1))

    def step(dh: Tensor, dy: Tensor | None, factors: Tensor, keep: Tensor, r: Tensor) -> Any:
        dh = added(dh, dy)
        dgates = op.Concat(dh, dh, dh, axis=-1) * factors
        return op.MatMul(dgates, r) + dh * keep, op.Identity(dh), dgates

    dh0, dh, dgates = run.scan(
        step, [run.dh], [run.dy, factors, run.kept(z)], [run.r], undo=True
    )  # fmt: skip
    dz, dr, _ = parts(dgates, [n] * 3)
    dinputs = op.Concat(dz, dr, dh * by_g, axis=-1)
    return Gradients(
        x=run.stacked(op.Gemm(rows(dinputs), run.w)),
        w=weight_gradient(dinputs, run.x),
        r=weight_gradient(dgates, h),
        bias=op.Concat(summed(dinputs), summed(dgates), axis=0),
        h0=dh0,
    )


def _reset_first(run: Run) -> Gradients:
    given, h, n = _weights(run), run.h_previous, run.hidden
    z, r, slopes = _gates(run, given, h)
    slope_z, slope_r = parts(slopes, [n, n])
    bias = None if given.bias_wg is None else added(given.bias_wg, given.bias_rg)
    zg = run.stacked(product(r * h, given.r_g, product(run.x, given.w_g, bias)))
    g, slope_g = run.activations[1](zg)
    by_g = (1 - z) * slope_g
    by_z = (h - g) * slope_z
    # the second factor is for what comes back to the reset hidden state
    by_g, factors = run.masked(by_g, op.Concat(by_z, h * slope_r, axis=-1))

    def step(
        dh: Tensor, dy: Tensor | None, by_g: Tensor, factors: Tensor, keep: Tensor, reset: Tensor,
        r: Tensor, r_g: Tensor,
    ) -> Any:  # fmt: skip
        dh = added(dh, dy)
        dg = dh * by_g
        dreset = op.MatMul(dg, r_g)
        dgates = op.Concat(dh, dreset, axis=-1) * factors
        return op.MatMul(dgates, r) + dh * keep + dreset * reset, dgates, dg

    dh0, dgates, dg = run.scan(
        step, [run.dh], [run.dy, by_g, factors, run.kept(z), r], [given.r, given.r_g], undo=True
    )  # fmt: skip
    dinputs = op.Concat(dgates, dg, axis=-1)
    dbias = summed(dinputs)
    return Gradients(
        x=run.stacked(op.Gemm(rows(dinputs), run.w)),
        w=weight_gradient(dinputs, run.x),
        r=op.Concat(weight_gradient(dgates, h), weight_gradient(dg, r * h), axis=0),
        bias=op.Concat(dbias, dbias, axis=0),
        h0=dh0,
    )
