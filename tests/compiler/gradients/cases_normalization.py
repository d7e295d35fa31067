"""Normalisations and losses."""

from __future__ import annotations

from waterhorse.compiler import op

from .data import normal, positive
from .harness import Case, case

CASES: list[Case] = [
    case("LayerNormalization", op.LayerNormalization, normal(2, 5), normal(5)),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, axis=1, epsilon=1e-2),
         normal(2, 3, 4), normal(3, 4), normal(3, 4), label="two-axes"),
    case("LayerNormalization", lambda x, s, b: op.LayerNormalization(x, s, b, outputs=3),
         normal(2, 5), normal(5), normal(5), label="statistics"),
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
]  # fmt: skip
