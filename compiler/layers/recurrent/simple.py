"""The simple recurrent network (Elman 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ir import Tensor
from .cell import Cell, Dropped, function, gated
from .rnn import CellLayer

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(Cell):
    """One step: ``cell(inputs, [h])`` gives ``h', [h']``, both [batch, units].

    ``h' = activation(x kernel + h recurrent_kernel + bias)``.
    """

    node = "RNN"

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            units, use_bias, (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint), (dropout, recurrent_dropout),
            seed, **kwargs,
        )  # fmt: skip
        self.activation = function(activation)

    def advance(
        self, z: Tensor, states: Sequence[Tensor], dropped: Dropped
    ) -> tuple[Tensor, list[Tensor]]:
        h = self.activation(z + gated(states[0], self.recurrent_kernel, dropped.states))
        return h, [h]

    def functions(self) -> list[Any]:
        return [self.activation]


class SimpleRNN(CellLayer):
    """A sequence [batch, time, features] to [batch, units].

    With ``return_sequences`` to [batch, time, units]; with ``return_state`` the final state [batch, units]
    follows. The other arguments are ``RNN``'s.

    One ONNX RNN node where its operator has the activation function.
    """

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False, seed: Any = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
            seed, **self.shared("simple_rnn_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
