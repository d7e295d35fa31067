"""All graphs that these tests make are verified: after differentiation and before lowering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from waterhorse import _boot
from waterhorse.compiler import autodiff, ir, lower
from waterhorse.compiler.verify import verify
from waterhorse.runtime import eager

assert _boot.gradients  # importing it connects compiler and runtime


@pytest.fixture(autouse=True)
def _verified(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_lower, plain_vjp = lower.lower, autodiff.vector_jacobian

    def checked_lower(
        inputs: Mapping[str, ir.Tensor], outputs: Mapping[str, ir.Tensor], *args: Any, **kwargs: Any
    ) -> lower.Lowered:
        verify(outputs.values())
        return plain_lower(inputs, outputs, *args, **kwargs)

    def checked_vjp(
        outputs: Sequence[ir.Tensor],
        cotangents: Sequence[ir.Tensor],
        wrt: Sequence[Any],
        **options: Any,
    ) -> list[ir.Tensor]:
        found = plain_vjp(outputs, cotangents, wrt, **options)
        verify([*outputs, *found])
        return found

    monkeypatch.setattr(lower, "lower", checked_lower)
    monkeypatch.setattr(eager, "lower", checked_lower)
    monkeypatch.setattr(autodiff, "vector_jacobian", checked_vjp)
