"""Every gradient rule against differences, in first and (where smooth) second order."""

from __future__ import annotations

from collections import Counter

import pytest

from waterhorse.compiler import autodiff

from . import (
    cases_control,
    cases_convolution,
    cases_elementwise,
    cases_indexing,
    cases_linalg,
    cases_normalization,
    cases_quantization,
    cases_recurrent,
    cases_reduction,
    cases_regions,
    cases_resampling,
    cases_shape,
    cases_spectral,
)
from .harness import Case, check, second

CASES = [
    c
    for m in (
        cases_control, cases_elementwise, cases_quantization, cases_spectral, cases_reduction, cases_shape, cases_indexing,
        cases_linalg, cases_convolution, cases_normalization, cases_resampling, cases_regions, cases_recurrent,
    )
    for c in m.CASES
]  # fmt: skip


def test_every_rule_has_a_case() -> None:
    assert {c.op for c in CASES} == set(autodiff.RULES)
    assert len(autodiff.RULES) >= 60
    assert not [label for label, n in Counter(map(str, CASES)).items() if n > 1]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_first_order(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=str)
def test_second_order(case: Case) -> None:
    check(second(case))
