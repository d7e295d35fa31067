"""Embedding and ReversibleEmbedding."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import dtypes, op, quantizers
from ..casting import as_type
from ..ir import Tensor, apply
from ..state import Variable
from .quantized import Quantizable, Role

__all__ = ["Embedding", "ReversibleEmbedding"]


class Embedding(Quantizable):
    """A row of a table for each integer: input [...] of indices, output [..., output_dim].

    Args:
        mask_zero: index 0 is padding: the output's mask is where the input is not 0.
        weights: the table's initial values, [input_dim, output_dim].
    """

    _weight_name = "embeddings"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._configure_quantization(quantization_config)
        for label, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ArgumentError(f"Embedding({label}={value!r}): expected a number above 0")
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero
        self.embeddings_initializer = embeddings_initializer
        self.embeddings_regularizer = embeddings_regularizer
        self.embeddings_constraint = embeddings_constraint
        self._configure_lora(lora_rank, lora_alpha, embeddings_constraint)
        self.supports_masking = bool(mask_zero)
        if weights is not None:
            self._arguments["weights"] = None  # they are saved with the layer's state
            self.build()
            self.built = True
            self.set_weights(
                weights if isinstance(weights, list) and len(weights) == 1 else [weights]
            )

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self._kernel = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
            autocast=False,  # rows are cast, not the table
        )  # fmt: skip
        self._enable_asked_lora()

    @property
    def embeddings(self) -> Variable | Tensor:
        """The table; with low-rank factors, the sum that takes its place."""
        return self._adapted()

    def _converted(self, value: Any) -> Any:
        """Indices keep their type; floats (Keras takes them) become integers."""
        found = super()._converted(value)
        if isinstance(found, Tensor) and found.dtype.kind != "i":
            return apply("Cast", found, to="int64").with_mask(found.mask)
        return found

    def call(self, inputs: Tensor) -> Tensor:
        if self.quantization_mode is not None:
            rows = self._rows(self._integer_rows(inputs))
            if not self.lora_enabled:
                return rows
            return rows + self._rows(self._factored(op.Gather(self._lora_a, inputs, axis=0)))
        if not self._by_factors:
            return self._rows(op.Gather(self._adapted(), inputs, axis=0))
        change = self._factored(op.Gather(self._lora_a, inputs, axis=0))
        return self._rows(op.Gather(self._kernel, inputs, axis=0)) + self._rows(change)

    def _rows(self, rows: Tensor) -> Tensor:
        return as_type(rows, self.compute_dtype)

    def _roles(self) -> tuple[Role, ...]:
        return (Role("_kernel", "embeddings", (1,)),)

    def _integer_rows(self, inputs: Tensor) -> Tensor:
        """Rows of integers, and then the floats that they stand for."""

        def rows(name: str) -> Tensor | None:
            table = getattr(self, name, None)
            return None if table is None else op.Gather(table, inputs, axis=0)

        values = op.Gather(self._kernel, inputs, axis=0)
        if self.quantization_mode == "int8":
            values = as_type(values, self.compute_dtype)
        else:
            values = quantizers.unpacked(values, self.output_dim, -1, self.compute_dtype)
        return quantizers.dequantized(
            values,
            rows("embeddings_scale"),
            rows("embeddings_zero"),
            getattr(self, "g_idx", None),
            -1,
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where the input is not 0, if ``mask_zero``."""
        return op.Not(op.Equal(inputs, 0)) if self.mask_zero else None


class ReversibleEmbedding(Embedding):
    """An embedding that also projects back: with ``reverse=True`` from output_dim to input_dim.

    Press and Wolf 2016. The transposed table serves for that, or with ``tie_weights=False`` a weight
    of its own, ``reverse_embeddings`` [output_dim, input_dim].

    Args:
        reverse_dtype: type of the projection; by default the layer's.
        logit_soft_cap: the projections are ``tanh(x / cap) * cap``.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer,
            embeddings_constraint, mask_zero, **kwargs,
        )  # fmt: skip
        self.tie_weights, self.logit_soft_cap = tie_weights, logit_soft_cap
        self.reverse_dtype = None if reverse_dtype is None else dtypes.as_dtype(reverse_dtype)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer,
                name="reverse_embeddings",
            )  # fmt: skip
            if self.quantization_mode is not None:
                self._quantize_weights()

    def _converted(self, value: Any) -> Any:
        return super(Embedding, self)._converted(value)  # both indices and vectors are taken

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            found = super().call(super()._converted(inputs))
            return found.with_mask(super().compute_mask(inputs))
        kind = self.reverse_dtype or self.compute_dtype
        if self.quantization_mode is not None:
            logits = self._by_integers(as_type(inputs, self.compute_dtype))
        elif self.tie_weights:
            kernel = op.Transpose(as_type(self._table(), kind), perm=(1, 0))
            logits = op.MatMul(as_type(inputs, kind), kernel)
        else:
            logits = op.MatMul(as_type(inputs, kind), as_type(self.reverse_embeddings.value, kind))
        cap = self.logit_soft_cap
        result: Tensor = logits if cap is None else op.Tanh(logits / cap) * cap
        return result

    def _roles(self) -> tuple[Role, ...]:
        reverse = hasattr(self, "reverse_embeddings")
        own = (Role("reverse_embeddings", "reverse_embeddings", (0,), 0),) if reverse else ()
        return (*super()._roles(), *own)

    def _float_length(self, role: Role) -> int:
        return self.output_dim

    def _by_integers(self, x: Tensor) -> Tensor:
        """The projection, in the layer's type, as in Keras; low-rank factors change the rows alone."""
        role = self._roles()[-1]
        tied = role.name == "embeddings"
        floats, kept = self._floats(role), getattr(self, role.attribute).value
        scale = getattr(self, f"{role.name}_scale")
        return self._quantized_product(
            x, [-1], self._matmul, op.Transpose(floats, perm=(1, 0)) if tied else floats,
            lambda: (op.Transpose(kept, perm=(1, 0)) if tied else kept, scale),
        )  # fmt: skip

    def _table(self) -> Tensor:
        found = self._adapted()
        return found if isinstance(found, Tensor) else found.value

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the mask depends on the direction, so that ``call`` sets it."""
        return None
