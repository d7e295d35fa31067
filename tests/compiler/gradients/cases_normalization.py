"""Normalisations and losses."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import apart, normal, positive
from .harness import Case, case

TARGET = np.array([[0, 2], [1, 2]])

CASES: list[Case] = [
    case("LayerNormalization", op.LayerNormalization, normal(2, 5), normal(5)),
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
    case("SoftmaxCrossEntropyLoss", lambda x, t: op.SoftmaxCrossEntropyLoss(x, t, outputs=2),
         normal(4, 3), np.array([0, 2, 1, 1]), dims=(("n", 3), ("n",)), label="logits"),
]  # fmt: skip
