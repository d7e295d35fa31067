"""LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import op
from ...ir import Tensor
from .cell import Cell, Dropped, forget_bias, function, gated, split
from .rnn import CellLayer

__all__ = ["LSTM", "LSTMCell"]


class LSTMCell(Cell):
    """One step of LSTM: ``cell(inputs, [h, c])`` gives ``h, [h, c]``, all [batch, units].

    ``c' = f c + i g``, ``h' = o activation(c')``; the weights hold the gates in the order i, f, g, o.
    """

    gates, state_count, node = 4, 2, "LSTM"

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        first = forget_bias(bias_initializer, units) if unit_forget_bias else bias_initializer
        super().__init__(
            units, use_bias, (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (first, bias_regularizer, bias_constraint), (dropout, recurrent_dropout), seed, **kwargs,
        )  # fmt: skip
        self.activation = function(activation)
        self.recurrent_activation = function(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def advance(
        self, z: Tensor, states: Sequence[Tensor], dropped: Dropped
    ) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        i, f, g, o = split(z + gated(h, self.recurrent_kernel, dropped.states), 4)
        gate, activation = self.recurrent_activation, self.activation
        c = gate(f) * c + gate(i) * activation(g)
        h = gate(o) * activation(c)
        return h, [h, c]

    def functions(self) -> list[Any]:
        return [self.recurrent_activation, self.activation, self.activation]

    def in_order(self, weight: Any, axis: int) -> Tensor:
        i, f, g, o = split(weight, 4, axis)
        return op.Concat(i, o, f, g, axis=axis)


class LSTM(CellLayer):
    """A sequence [batch, time, features] to [batch, units].

    With ``return_sequences`` to [batch, time, units]; with ``return_state`` the final h and c
    [batch, units] follow. The other arguments are ``RNN``'s.

    One ONNX LSTM node where its operator has the activation functions.
    """

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
        unroll: bool = False, use_cudnn: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **self.shared("lstm_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            use_cudnn=use_cudnn, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
