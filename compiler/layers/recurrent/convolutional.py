"""LSTM whose products are convolutions (Shi et al. 2015), over sequences of images of 1 to 3 axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ....errors import ShapeError
from ... import layout, op, tree, windows
from ...infer import TensorType
from ...ir import Tensor, retyped
from ...ops.convolution import conv
from ..core import known_size
from ..input_spec import InputSpec
from .cell import Cell, Dropped, forget_bias, function, split, zeros
from .rnn import CellLayer, batch_of

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTMCell(Cell):
    """One step. Inputs and states are [batch, channels, ...] here, whatever the layer's layout is."""

    gates, state_count = 4, 2

    def __init__(
        self, rank: int, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Any = 1, activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        first = forget_bias(bias_initializer, filters) if unit_forget_bias else bias_initializer
        super().__init__(
            filters, use_bias, (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (first, bias_regularizer, bias_constraint), (dropout, recurrent_dropout), seed,
            implementation=1, **kwargs,
        )  # fmt: skip
        owner = f"ConvLSTM{rank}D"
        self.rank, self.filters, self.unit_forget_bias = rank, filters, unit_forget_bias
        self.kernel_size = windows.sizes(owner, "kernel_size", kernel_size, rank)
        self.strides = windows.sizes(owner, "strides", strides, rank)
        self.dilation_rate = windows.sizes(owner, "dilation_rate", dilation_rate, rank)
        self.padding = windows.check_padding(owner, padding)
        self.data_format = windows.layout_name(owner, data_format)
        self.activation = function(activation)
        self.recurrent_activation = function(recurrent_activation)
        self._space: tuple[int, ...] = ()  # of the states

    def build(self, input_shape: Any) -> None:
        owner = f"ConvLSTM{self.rank}D"
        last = self.data_format == "channels_last"
        channels = known_size(owner, input_shape[-1 if last else 1], "the number of channels")
        space = input_shape[1:-1] if last else input_shape[2:]
        if not all(isinstance(d, int) for d in space):
            raise ShapeError(f"{owner} needs images of known size; got {tuple(input_shape)}")
        self._space = tuple(
            -(-size // step) if self.padding == "same" else (size - apart * (k - 1) - 1) // step + 1
            for size, k, step, apart in zip(
                space, self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        )
        self._add_weights((*self.kernel_size, channels), (*self.kernel_size, self.filters))

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros [batch, ..., filters], or [batch, filters, ...] where the images are so."""
        last = self.data_format == "channels_last"
        sizes = (*self._space, self.filters) if last else (self.filters, *self._space)
        return [zeros((batch_size, *sizes), self.compute_dtype) for _ in range(2)]

    def project(self, inputs: Tensor, dropped: Dropped) -> Tensor:
        """[..., batch, channels, ...] convolved to [..., batch, 4 * filters, ...]."""
        before = inputs.shape[: -self.rank - 1]
        one = inputs.shape[-self.rank - 1 :]
        images = op.Reshape(inputs, [-1, *one])
        if dropped.inputs:
            kernels = split(self.kernel, 4)
            parts = [
                self._convolved(op.Reshape(inputs * m, [-1, *one]), k)
                for m, k in zip(dropped.inputs, kernels, strict=True)
            ]
            z = op.Concat(*parts, axis=1)
            if self.bias is not None:
                z = z + op.Reshape(self.bias, [-1, *[1] * self.rank])
        else:
            z = self._convolved(images, self.kernel, self.bias)
        after = z.shape[1:]
        sizes = op.Concat(op.Shape(inputs, end=len(before)), [*after], axis=0)
        return retyped(op.Reshape(z, sizes), TensorType(z.dtype, (*before, *after)))

    def _convolved(self, x: Tensor, kernel: Any, bias: Any = None) -> Tensor:
        return conv(
            x, kernel, self.strides, self.padding, "channels_first", self.dilation_rate, bias=bias
        )

    def advance(
        self, z: Tensor, states: Sequence[Tensor], dropped: Dropped
    ) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        same = {"padding": "same", "data_format": "channels_first"}
        if dropped.states:
            kernels = split(self.recurrent_kernel, 4)
            parts = [conv(h * m, k, **same) for m, k in zip(dropped.states, kernels, strict=True)]
            inner = op.Concat(*parts, axis=1)
        else:
            inner = conv(h, self.recurrent_kernel, **same)
        i, f, g, o = split(z + inner, 4, axis=1)
        gate, activation = self.recurrent_activation, self.activation
        c = gate(f) * c + gate(i) * activation(g)
        h = gate(o) * activation(c)
        return h, [h, c]


class _ConvLSTM(CellLayer):
    """A sequence of images [batch, time, ..., channels] to an image [batch, ..., filters].

    With ``return_sequences`` to [batch, time, ..., filters]; with ``return_state`` the final h and c
    follow. With ``data_format="channels_first"`` the channels come before the axes of the images.
    """

    rank: ClassVar[int]

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Any = 1, activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate,
            activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, **self.shared("conv_lstm_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def through(
        self, cell: Any, x: Tensor, states: Any, mask: Tensor | None, training: bool,
        sequences: bool,
    ) -> tuple[Tensor, list[Any]]:  # fmt: skip
        """As for any cell, with the channels in front: so convolutions want them."""
        if states is None:
            states = self.get_initial_state(batch_of(x))
        if cell.data_format == "channels_first":
            return super().through(cell, x, states, mask, training, sequences)
        turned = op.Transpose(x, perm=[0, 1, x.ndim - 1, *range(2, x.ndim - 1)])
        states = tree.map_leaves(layout.channels_first, states)
        y, final = super().through(cell, turned, states, mask, training, sequences)
        axis = y.ndim - self.rank - 1
        y = op.Transpose(y, perm=[*range(axis), *range(axis + 1, y.ndim), axis])
        return y, tree.map_leaves(layout.channels_last, final)


class ConvLSTM1D(_ConvLSTM):
    """Of sequences of [batch, time, steps, channels]; otherwise as ``ConvLSTM2D``."""

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """A sequence of images [batch, time, height, width, channels] to [batch, height', width', filters].

    With ``return_sequences`` to [batch, time, height', width', filters]; with ``return_state`` the
    final h and c follow.
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """Of sequences of [batch, time, depth, height, width, channels]; otherwise as ``ConvLSTM2D``."""

    rank = 3
