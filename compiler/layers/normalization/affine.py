"""What normalisations share: a factor gamma and an offset beta, and float32 for 16-bit floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ...casting import as_type
from ...ir import Tensor
from ...state import Variable
from ..base import Layer


class Affine(Layer):
    """Base of normalisations that end with ``* gamma + beta``; both keep their type in mixed precision."""

    _casts_integers = True
    gamma: Variable | None
    beta: Variable | None

    def _configure_affine(
        self,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
    ) -> None:
        """Initializer, regularizer and constraint of each."""
        self.center, self.scale = center, scale
        self.beta_initializer, self.beta_regularizer, self.beta_constraint = beta
        self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint = gamma
        self.supports_masking = True

    def _add_affine(self, shape: Sequence[int]) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, autocast=False,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, autocast=False,
            )  # fmt: skip


def widened(x: Tensor) -> Tensor:
    """16-bit floats as float32: their squares may overflow."""
    return as_type(x, dtypes.FLOAT32) if x.dtype.itemsize < 4 else x
