"""Layers whose largest weight can be kept while training changes it by two thin factors."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import constraints, lora, op
from ..ir import Tensor
from ..state import Variable
from .base import Layer


class LowRank(Layer):
    """Base of layers with ``enable_lora``: the weight W becomes ``W + alpha / rank * A B``.

    Hu et al. 2021. A has W's shape with ``rank`` as its last dim, B is [rank, W's last dim]; W is
    frozen, B is zero at first. A subclass keeps W as ``_kernel`` (named by ``_weight_name``), hands
    ``lora_rank`` and ``lora_alpha`` to ``_configure_lora``, and calls ``_enable_asked_lora`` when built.
    """

    _weight_name = "kernel"
    _kernel: Variable
    lora_enabled = False

    def _configure_lora(self, rank: int | None, alpha: float | None, constraint: Any) -> None:
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha
        self._constraint = constraints.get(constraint)

    def _enable_asked_lora(self) -> None:
        if self.lora_rank:
            self.built = True
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the weight and train two factors of ``rank`` in its place.

        Raises ``ArgumentError`` before the layer is built, a second time, for a rank below 1, and for a
        weight with a constraint. A model has to be compiled again.
        """
        owner = f"layer {self.name!r} ({type(self).__name__})"
        if not self.built:
            raise ArgumentError(f"{owner} has no weights yet: build it, then call enable_lora")
        if self.lora_enabled:
            raise ArgumentError(f"{owner} has low-rank factors already; enable_lora works once")
        if not isinstance(rank, int) or rank < 1:
            raise ArgumentError(f"{owner}: enable_lora(rank={rank!r}); expected a number above 0")
        if self._constraint is not None:
            raise ArgumentError(
                f"{owner} constrains its {self._weight_name}, which low-rank factors cannot obey: "
                "leave the constraint out"
            )
        kernel, prefix = self._kernel, f"lora_{self._weight_name}"
        self._lora_a = self.add_weight(
            (*self._weight_shape[:-1], rank), a_initializer, name=f"{prefix}_a",
            regularizer=kernel.regularizer,
        )  # fmt: skip
        self._lora_b = self.add_weight(
            (rank, self._weight_shape[-1]), b_initializer, name=f"{prefix}_b",
            regularizer=kernel.regularizer,
        )  # fmt: skip
        kernel.trainable = False
        self._frozen = [v for v in self._frozen if v is not kernel]
        self.lora_enabled, self.lora_rank = True, rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self._arguments |= {"lora_rank": rank, "lora_alpha": self.lora_alpha}

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return self._kernel.shape

    @property
    def _by_factors(self) -> bool:
        """Whether to multiply by the factors one after the other: no gradient of W's size then."""
        return self.lora_enabled and not lora.is_merged()

    @property
    def _lora_scale(self) -> float:
        return float(self.lora_alpha or 1) / float(self.lora_rank or 1)

    def _adapted(self) -> Variable | Tensor:
        """The weight, or the sum that takes its place."""
        if not self.lora_enabled:
            return self._kernel
        # the weight first: an exported sum has the name of its first operand
        return self._kernel + self._change()

    def _change(self) -> Tensor:
        """What the factors add to the weight."""
        change: Tensor = op.MatMul(self._lora_a, self._lora_b)
        return change if self._lora_scale == 1 else change * self._lora_scale

    def _factored(self, x: Tensor) -> Tensor:
        """``x`` [..., rank], what A makes of the input, times B and the scale."""
        scaled = x if self._lora_scale == 1 else x * self._lora_scale
        result: Tensor = op.MatMul(scaled, self._lora_b)
        return result
