"""Normalisations and losses."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import Array, apart, integers, normal, positive
from .harness import Case, case

TARGET = np.array([[0, 2], [1, 2]])


def _with(target: Array, ignored: int) -> Array:
    """Some targets replaced by ``ignored``."""
    flat = target.copy().reshape(-1)
    flat[::3] = ignored
    return flat.reshape(target.shape)


CASES: list[Case] = [
    case("LayerNormalization", op.LayerNormalization, normal(2, 5), normal(5)),
    case("LayerNormalization", op.LayerNormalization, normal(2, 5), normal(5), normal(5), label="single",
         engine="single"),
    case("LayerNormalization", op.LayerNormalization, normal(2, 3, 4), normal(4), normal(4),
         dims=((None, None, 4), None, None), label="dynamic-single", engine="single"),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, axis=1, epsilon=1e-2),
         normal(2, 3, 4), normal(3, 4), normal(3, 4), label="two-axes"),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, outputs=3),
         normal(2, 5), normal(5), normal(5), engine="single", label="statistics"),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, axis=0), normal(2, 3),
         normal(2, 3), normal(2, 3), label="all"),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, axis=1),
         normal(2, 3, 4), normal(4), normal(1, 4), label="broadcast-scale"),
    case("LayerNormalization", op.LayerNormalization, normal(2, 3, 4), normal(4), normal(4),
         dims=((None, None, 4), None, None), label="dynamic"),
    case("BatchNormalization", op.BatchNormalization, normal(2, 3, 4), normal(3), normal(3),
         normal(3), positive(3)),
    case("BatchNormalization", lambda *a: op.BatchNormalization(*a, epsilon=0.1), normal(4, 3),
         normal(3), normal(3), normal(3), positive(3), dims=((None, 3), *[None] * 4), label="flat"),
    case("BatchNormalization", lambda *a: op.BatchNormalization(*a, training_mode=1, outputs=3),
         normal(4, 3, 2), normal(3), normal(3), normal(3), positive(3), label="training"),
    case("BatchNormalization",
         lambda *a: op.BatchNormalization(*a, training_mode=1, momentum=0.3, outputs=3)[0],
         normal(4, 3), normal(3), normal(3), normal(3), positive(3), label="training-dynamic",
         dims=((None, 3), *[None] * 4), fixed=[3, 4]),
    case("InstanceNormalization", op.InstanceNormalization, normal(2, 3, 4), normal(3), normal(3),
         engine="reference"),
    case("GroupNormalization", lambda *a: op.GroupNormalization(*a, num_groups=2, epsilon=1e-2),
         normal(2, 4, 3, 2), normal(4), normal(4), engine="single"),
    case("GroupNormalization", lambda *a: op.GroupNormalization(*a, num_groups=2),
         normal(2, 4, 3), normal(4), normal(4), dims=((None, 4, None), None, None), engine="single",
         label="dynamic"),
    *(
        case("BatchNormalization",
             lambda *a, p=picked: op.BatchNormalization(
                 *a, training_mode=1, momentum=0.7, epsilon=0.1, outputs=3)[p],
             normal(4, 3, 2), normal(3), normal(3), normal(3), positive(3), dims=dims,
             label=f"training-{picked}-{bool(dims)}", fixed=[1, 2], smooth=picked == 2)
        for picked in (1, 2) for dims in (None, ((None, 3, None), *[None] * 4))
    ),
    case("InstanceNormalization", lambda *a: op.InstanceNormalization(*a, epsilon=0.1),
         normal(2, 3, 4, 2), normal(3), normal(3), engine="reference", label="dynamic",
         dims=((None, 3, None, None), None, None)),
    case("GroupNormalization", lambda *a: op.GroupNormalization(*a, num_groups=4),
         normal(2, 4, 5), normal(4), normal(4), engine="single", label="one-each"),
    case("GroupNormalization", lambda *a: op.GroupNormalization(*a, num_groups=1, epsilon=0.1),
         normal(2, 4, 2, 3), normal(4), normal(4), engine="single", label="together",
         dims=(("n", 4, None, None), None, None)),
    case("LayerNormalization", lambda x, s: op.LayerNormalization(x, s, axis=-2, outputs=3)[1],
         normal(2, 3, 4), normal(3, 4), engine="single", label="mean", fixed=[1], smooth=False,
         dims=((None, None, 4), None)),
    case("LayerNormalization", lambda x, s: op.LayerNormalization(x, s, axis=1, outputs=3)[2],
         normal(2, 3, 4), normal(3, 4), engine="single", label="deviation", fixed=[1],
         dims=((None, None, 4), None)),
    *(
        case("LpNormalization", lambda x, a=axis, p=p: op.LpNormalization(x, axis=a, p=p),
             apart(3, 2, 4), label=f"l{p}-{axis}", dims=((None, 2, None),), smooth=p == 2)
        for axis in (0, 1, -2) for p in (1, 2)
    ),
    *(
        case("LRN", lambda x, n=size: op.LRN(x, size=n, alpha=0.7, beta=0.9, bias=0.8),
             normal(2, 4, 3, 1), engine="single", label=f"size-{size}", dims=dims)
        for size, dims in ((1, None), (3, ((None,) * 4,)), (7, None))
    ),
    case("MeanVarianceNormalization", op.MeanVarianceNormalization, normal(2, 3, 2, 2), engine="single"),
    case("MeanVarianceNormalization", lambda x: op.MeanVarianceNormalization(x, axes=[0]),
         normal(4, 3), label="axes", engine="single"),
    case("LpNormalization", op.LpNormalization, normal(2, 3)),
    case("LpNormalization", lambda x: op.LpNormalization(x, p=1, axis=0), apart(3, 2), label="l1"),
    case("LRN", lambda x: op.LRN(x, size=3, alpha=0.3, beta=0.6, bias=1.5), normal(2, 5, 2, 2),
         engine="single"),
    case("LRN", lambda x: op.LRN(x, size=5, alpha=0.3), normal(2, 5, 2, 2), engine="single",
         dims=((None, None, 2, 2),), label="dynamic"),
    *(
        case(name, lambda x, w, n=name, r=reduction, i=ignored, u=weighted: getattr(op, n)(
                 x, TARGET, w if u else None, reduction=r, ignore_index=i) * (op.ReduceSum(w)),
             normal(2, 3, 2), positive(3), label=f"{reduction}-{ignored}-{weighted}",
             smooth=reduction == "mean")
        for name in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
        for reduction in ("mean", "sum", "none") for ignored in (None, 2)
        for weighted in (False, True)
    ),
    *(
        case(name, lambda x, t, w, n=name, r=reduction, i=ignored, u=weighted: getattr(op, n)(
                 x, t, w if u else None, reduction=r, ignore_index=i) * (op.ReduceSum(w)),
             normal(3, 4, 2, 2), _with(integers(4, 3, 2, 2), ignored).astype(kind), positive(4),
             label=f"{reduction}-{ignored}-{weighted}-deep", smooth=False,
             dims=(("n", None, None, None), (None, None, None), (None,)))
        for name in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
        for reduction in ("mean", "sum", "none")
        for ignored, kind in ((-100, np.int64), (-5, np.int32), (7, np.int64), (1, np.int32))
        for weighted in (False, True)
    ),
    case("SoftmaxCrossEntropyLoss", lambda x, t, w: op.SoftmaxCrossEntropyLoss(
             x, t, w, ignore_index=-1, outputs=2),
         normal(4, 3, 2), _with(integers(3, 4, 2), -1), positive(3), label="logits-weighted",
         dims=(("n", 3, None), ("n", None), None)),
    case("SoftmaxCrossEntropyLoss", lambda x, t: op.SoftmaxCrossEntropyLoss(x, t, outputs=2)[1],
         normal(4, 3), np.array([0, 2, 1, 1]), label="logits-alone"),
    case("SoftmaxCrossEntropyLoss", lambda x, t: op.SoftmaxCrossEntropyLoss(x, t, outputs=2),
         normal(4, 3), np.array([0, 2, 1, 1]), dims=(("n", 3), ("n",)), label="logits"),
]  # fmt: skip
