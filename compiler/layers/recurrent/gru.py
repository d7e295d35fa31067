"""GRU (Cho et al. 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import op
from ...ir import Tensor
from .cell import Cell, Dropped, function, gated, split
from .rnn import CellLayer

__all__ = ["GRU", "GRUCell"]


class GRUCell(Cell):
    """One step of GRU: ``cell(inputs, [h])`` gives ``h, [h]``, both [batch, units].

    ``h' = z h + (1 - z) g``; the weights hold the gates in the order z, r, g. With ``reset_after`` r
    acts on the product of the state, not on the state, and the bias is [2, 3 * units]: for the inputs
    and for the state.
    """

    gates, node = 3, "GRU"

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, reset_after: bool = True, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            units, use_bias, (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint), (dropout, recurrent_dropout),
            seed, **kwargs,
        )  # fmt: skip
        self.activation = function(activation)
        self.recurrent_activation = function(recurrent_activation)
        self.reset_after = bool(reset_after)

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _biases(self) -> tuple[Any, Any]:
        """Of the inputs, and of the state."""
        if self.bias is None or not self.reset_after:
            return self.bias, None
        of_inputs, of_state = split(self.bias, 2, 0)
        return op.Squeeze(of_inputs, [0]), op.Squeeze(of_state, [0])

    def input_bias(self) -> Any:
        return self._biases()[0]

    def advance(
        self, z: Tensor, states: Sequence[Tensor], dropped: Dropped
    ) -> tuple[Tensor, list[Tensor]]:
        h = states[0]
        gate, masks = self.recurrent_activation, dropped.states
        update, reset, candidate = split(z, 3)
        if self.reset_after:
            inner = gated(h, self.recurrent_kernel, masks)
            bias = self._biases()[1]
            by_update, by_reset, by_h = split(inner if bias is None else inner + bias, 3)
            of_state = gate(reset + by_reset) * by_h
        else:
            of_gates, of_candidate = op.Split(
                self.recurrent_kernel, [2 * self.units, self.units], axis=1
            )
            by_update, by_reset = split(gated(h, of_gates, masks[:2]), 2)
            of_state = gated(gate(reset + by_reset) * h, of_candidate, masks[2:])
        kept = gate(update + by_update)
        h = kept * h + (1 - kept) * self.activation(candidate + of_state)
        return h, [h]

    def functions(self) -> list[Any]:
        return [self.recurrent_activation, self.activation]

    def both_biases(self) -> Tensor | None:
        if self.bias is None or not self.reset_after:
            return super().both_biases()
        return op.Reshape(self.bias, [1, 6 * self.units])


class GRU(CellLayer):
    """A sequence [batch, time, features] to [batch, units].

    With ``return_sequences`` to [batch, time, units]; with ``return_state`` the final state [batch, units]
    follows. The other arguments are ``RNN``'s.

    One ONNX GRU node where its operator has the activation functions.
    """

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        reset_after: bool = True, use_cudnn: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, reset_after, seed, **self.shared("gru_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            use_cudnn=use_cudnn, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
