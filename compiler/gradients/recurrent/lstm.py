"""LSTM: four gates, and a cell state that the operator keeps to itself.

``i, o, f, g = activated(x W' + h R' + b + peepholes)``; ``c' = f c + i g``; ``h' = o activated(c')``.

The cell states are computed again, by a Scan of two operators.
"""

from __future__ import annotations

from typing import Any

from ... import op
from ...autodiff import zeros_like
from ...ir import Tensor
from .run import Gradients, Run, added, halves_summed, parts, product, rows, summed, weight_gradient


def lstm(run: Run, *, input_forget: bool) -> Gradients:
    """Walk back over the steps of an LSTM. With ``input_forget`` f is 1 - i."""
    h = run.h_previous
    gates = run.stacked(product(h, run.r, product(run.x, run.w, halves_summed(run.bias))))
    c = _cells(run, gates, input_forget)
    before = run.previous(c, run.c0)
    factors, c_to_h, c_to_c = _factors(run, gates, before, c, input_forget)
    dh, dc, dgates = run.scan(
        _back, [run.dh, run.dc], [run.dy, c_to_h, factors, c_to_c, run.padding], [run.r], undo=True
    )  # fmt: skip
    dbias = summed(dgates)
    return Gradients(
        x=run.stacked(op.Gemm(rows(dgates), run.w)),
        w=weight_gradient(dgates, run.x),
        r=weight_gradient(dgates, h),
        bias=op.Concat(dbias, dbias, axis=0),
        h0=dh,
        c0=dc,
        peepholes=_peephole_gradient(run, dgates, c, before) if run.peepholes is not None else None,
    )


def _factors(
    run: Run, gates: Tensor, before: Tensor, c: Tensor, input_forget: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """How c' (o: h') changes with what goes into each gate; h' with c'; and c' with c."""
    activate, activate_g, activate_c = run.activations
    zi, zo, zf, zg = parts(gates, [run.hidden] * 4)
    pi = po = pf = None
    if run.peepholes is not None:
        pi, po, pf = parts(run.peepholes, [run.hidden] * 3)
        zi, zo, zf = zi + pi * before, zo + po * c, zf + pf * before
    (i, slope_i), (o, slope_o), (f, slope_f) = activate(zi), activate(zo), activate(zf)
    (g, slope_g), (out, slope_out) = activate_g(zg), activate_c(c)
    by_i, by_o, by_f, by_g = g * slope_i, out * slope_o, before * slope_f, i * slope_g
    if input_forget:
        f, by_i, by_f = 1 - i, (g - before) * slope_i, zeros_like(by_f)
    c_to_h, c_to_c = o * slope_out, f
    if pi is not None and po is not None and pf is not None:
        c_to_h = c_to_h + po * by_o
        c_to_c = c_to_c + pi * by_i + pf * by_f
    factors, c_to_h = run.masked(op.Concat(by_i, by_o, by_f, by_g, axis=-1), c_to_h)
    return factors, c_to_h, run.kept(c_to_c)


def _cells(run: Run, gates: Tensor, input_forget: bool) -> Tensor:
    """The cell states that the steps ended with."""
    activate, activate_g, _ = run.activations
    zi, _, zf, zg = parts(gates, [run.hidden] * 4)
    g, _ = activate_g(zg)

    def forget(i: Tensor, zf: Tensor) -> Tensor:
        return 1 - i if input_forget else activate(zf)[0]

    if run.peepholes is None:
        i, _ = activate(zi)
        (new,) = run.masked(i * g)
        return run.scan(_cell, [run.c0], [run.kept(forget(i, zf)), new])[1]
    pi, _, pf = parts(run.peepholes, [run.hidden] * 3)

    def cell(
        c: Tensor, zi: Tensor, zf: Tensor, g: Tensor, valid: Tensor | None, pi: Tensor, pf: Tensor
    ) -> Any:
        i, _ = activate(zi + pi * c)
        new = forget(i, zf + pf * c) * c + i * g
        new = new if valid is None else c + valid * (new - c)
        return new, op.Identity(new)

    return run.scan(cell, [run.c0], [zi, zf, g, run.valid], [pi, pf])[1]


def _cell(c: Tensor, keep: Tensor, new: Tensor) -> Any:
    c = c * keep + new
    return c, op.Identity(c)


def _back(
    dh: Tensor, dc: Tensor, dy: Tensor | None, c_to_h: Tensor, factors: Tensor, c_to_c: Tensor,
    padding: Tensor | None, r: Tensor,
) -> Any:  # fmt: skip
    dh = added(dh, dy)
    dc = dc + dh * c_to_h
    dgates = op.Concat(dc, dh, dc, dc, axis=-1) * factors
    before = op.MatMul(dgates, r)
    return (before if padding is None else before + dh * padding), dc * c_to_c, dgates


def _peephole_gradient(run: Run, dgates: Tensor, c: Tensor, before: Tensor) -> Tensor:
    di, do, df, _ = parts(dgates, [run.hidden] * 4)
    return op.Concat(summed(di * before), summed(do * c), summed(df * before), axis=0)
