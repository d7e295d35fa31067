"""``RNN``: any cell over a sequence. Where ONNX has the cell, a sequence is one node; else a Scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ....errors import ArgumentError, ShapeError
from ... import op, tree
from ...ir import Tensor, convert, retyped
from ...state import Variable
from ..arguments import signature
from ..base import Layer
from ..input_spec import InputSpec
from . import node, steps
from .cell import Cell, as_floats, zeros
from .masking import flat_mask
from .stack import (
    StackedRNNCells,
    build_cell,
    cells_of,
    initial_state_of,
    output_size_of,
    stepped,
)

__all__ = ["RNN"]


class RNN(Layer):
    """A cell over a sequence [batch, time, ...].

    A cell has ``state_size`` (a number, or a list of numbers) and ``call(inputs, states)`` that gives
    ``output, new_states``; it may have ``output_size`` and ``get_initial_state(batch_size)``. A list of
    cells is a stack of them.

    The output is the last one [batch, ...], or with ``return_sequences`` all [batch, time, ...];
    with ``return_state`` the final states follow. ``go_backwards`` goes from the last step to the first
    and gives the outputs in that order. A step that the mask leaves out changes no state; its output
    is the one before it, or zero with ``zero_output_for_mask``. With ``stateful`` the final states are
    the initial ones of the next batch.
    """

    _untracked = Layer._untracked | {"_states"}  # as in Keras: no weights

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            # always of the same name: the weights' paths, by which files know them, have it
            cell = StackedRNNCells(cell, name="stacked_rnn_cells", dtype=kwargs.get("dtype"))
        if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
            raise ArgumentError(
                f"RNN takes a cell, which has call(inputs, states) and state_size; got {cell!r}"
            )
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        size = cell.state_size
        self.state_size = list(size) if isinstance(size, (list, tuple)) else [size]
        self._states: Any = None

    # -- states -------------------------------------------------------------------------------

    @property
    def states(self) -> Any:
        """The variables of a stateful layer, nested like the cell's states; else None."""
        return self._states

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Zeros, or what the cell's ``get_initial_state`` gives."""
        found = initial_state_of(self.cell, batch_size, self.compute_dtype)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for variable in tree.leaves(self._states) if self._states is not None else []:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """``reset_state``."""
        self.reset_state()

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        batch = sequences_shape[0]
        build_cell(self.cell, (batch, *sequences_shape[2:]))
        if self.stateful:
            if batch is None:
                raise ShapeError(
                    f"layer {self.name!r} is stateful, so the size of its batches must be known; got "
                    f"{tuple(sequences_shape)}. Give it in Input(batch_shape=...)"
                )
            self._states = tree.map_leaves(self._state, self.get_initial_state(batch))

    def _state(self, value: Tensor) -> Variable:
        made = Variable(value.numpy(), dtype=self.variable_dtype, trainable=False, name="rnn_state")
        made.path = f"{self.name}/rnn_state"
        return made

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask's, if all outputs are given; states have none."""
        mask = flat_mask(previous_mask) if self.return_sequences else None
        return [mask, *(None for _ in tree.leaves(self.state_size))] if self.return_state else mask

    # -- a sequence ---------------------------------------------------------------------------

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None,
        training: bool = False,
    ) -> Any:  # fmt: skip
        sequences = as_floats(sequences, self.compute_dtype)
        states = self._initial(sequences, initial_state)
        output, states = self.through(
            self.cell, sequences, states, flat_mask(mask), training, self.return_sequences
        )
        if self.stateful:
            for variable, state in zip(tree.leaves(self._states), tree.leaves(states), strict=True):
                variable.assign(state)
        if self.return_sequences and self.go_backwards:
            output = reversed_in_time(output)
        return (output, *states) if self.return_state else output

    def _initial(self, sequences: Tensor, given: Any) -> Any:
        """The initial states; None for zeros that a node need not be given."""
        if self.stateful:
            held, batch = tree.leaves(self._states)[0].shape[0], sequences.shape[0]
            if isinstance(batch, int) and batch != held:
                raise ShapeError(
                    f"layer {self.name!r} is stateful and was built for batches of {held}; got "
                    f"{sequences.type}"
                )
        if given is None and self.stateful:
            given = tree.map_leaves(lambda v: v.value, self._states)
        if given is None and type(self).get_initial_state is not RNN.get_initial_state:
            given = self.get_initial_state(batch_of(sequences))
        if given is None:
            return None
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        return tree.map_leaves(lambda s: _typed(s, sequences.dtype), given)

    def through(
        self, cell: Any, x: Tensor, states: Any, mask: Tensor | None, training: bool,
        sequences: bool,
    ) -> tuple[Tensor, list[Any]]:  # fmt: skip
        """Output (all in the order of time with ``sequences``, else the last) and final states."""
        inner = cells_of(cell)
        if inner and not self.unroll and all(self.in_one_node(c, x, training) for c in inner):
            final = []
            for i, each in enumerate(inner):
                own = None if states is None else states[i]
                every = sequences or each is not inner[-1]
                x, last = self.through(each, x, own, mask, training, every)
                final.append(last)
            return x, final
        if not self.in_one_node(cell, x, training):
            return self._stepwise(cell, x, states, mask, training, sequences)
        if training and cell.dropout:
            (kept,) = cell.dropped(x[:, 0], x, training).inputs
            x = x * op.Unsqueeze(kept, [1])
        repeat = not self.zero_output_for_mask
        found = node.run(
            [cell], x, None if states is None else [states], mask, backwards=self.go_backwards,
            sequences=sequences, repeat=repeat,
        )  # fmt: skip
        output = found.last if found.outputs is None else found.outputs
        if mask is not None and not sequences and not repeat:
            seen = op.Gather(mask, 0 if self.go_backwards else -1, axis=1)
            output = output * op.Unsqueeze(op.Cast(seen, to=output.dtype), [1])
        return output, found.states[0]

    def in_one_node(self, cell: Any, x: Tensor, training: bool) -> bool:
        """Whether a sequence of this cell's steps is to be one node."""
        return not self.unroll and node.fits(cell, x.dtype, training)

    def _stepwise(
        self, cell: Any, x: Tensor, states: Any, mask: Tensor | None, training: bool,
        sequences: bool,
    ) -> tuple[Tensor, list[Any]]:  # fmt: skip
        if states is None:
            states = self.get_initial_state(batch_of(x))
            states = tree.map_leaves(lambda s: _typed(s, x.dtype), states)
        flat, structure = tree.flatten(states)
        flat = [_with_batch(s, x) for s in flat]
        ours = isinstance(cell, Cell) and type(cell).call is Cell.call
        dropped: Any = None
        turned = op.Transpose(x, perm=[1, 0, *range(2, x.ndim)])
        with _dropping(cell, x[:, 0], tree.unflatten(structure, flat), training):
            if ours:  # what needs no state is done for all steps at once
                dropped = cell._dropped
                turned = cell.project(turned, dropped)

            def step(inputs: Tensor, before: Sequence[Tensor]) -> Any:
                if ours:
                    return cell.advance(inputs, before, dropped)
                output, after = stepped(cell, inputs, tree.unflatten(structure, before), training)
                return convert(output), tree.leaves(after)

            output, last = steps.run(
                step, turned, flat, mask, backwards=self.go_backwards, unroll=self.unroll,
                sequences=sequences, repeat=not self.zero_output_for_mask, is_state=ours,
            )  # fmt: skip
        return output, tree.unflatten(structure, last)


def _typed(state: Any, dtype: Any) -> Tensor:
    found = convert(state, dtype)
    return found if found.dtype == dtype else op.Cast(found, to=dtype)


def batch_of(x: Tensor) -> Any:
    """The size of the batch: a number, or a scalar tensor."""
    batch = x.shape[0]
    return batch if isinstance(batch, int) else op.Shape(x)[0]


def _with_batch(state: Tensor, x: Tensor) -> Tensor:
    """A state whose first size is known to be that of ``x``."""
    kind = state.type._replace(shape=(x.shape[0], *state.shape[1:]))
    return state if isinstance(state.shape[0], int) else retyped(state, kind)


def reversed_in_time(x: Tensor) -> Tensor:
    """[batch, time, ...] from the last step to the first."""
    return retyped(op.Slice(x, [-1], [np.iinfo(np.int64).min], [1], [-1]), x.type)


@contextmanager
def _dropping(cell: Any, x: Tensor, states: Any, training: bool) -> Iterator[None]:
    """Inside, our cells (also those in a stack) drop the same elements at each step.

    ``x`` is the input of one step; only its shape matters, and that of ``states``.
    """
    stack = cells_of(cell)
    cells, each = (stack, states) if stack else ([cell], [states])
    ours = []
    for inner, own in zip(cells, each, strict=True):
        state = tree.leaves(own)[0]
        if isinstance(inner, Cell):
            inner._dropped = inner.dropped(x, state, training)
            ours.append(inner)
        if inner is not cells[-1]:
            x = zeros((batch_of(x), output_size_of(inner)), x.dtype, x.shape[0])
    try:
        yield
    finally:
        for inner in ours:
            inner._dropped = None


class CellLayer(RNN):
    """An ``RNN`` that makes its cell itself, and has the cell's options as attributes.

    ``use_cudnn`` is Keras' name for the runtime's own kernel: True demands one node, False a Scan.
    """

    def __init__(
        self, cell: Cell, return_sequences: bool, return_state: bool, go_backwards: bool,
        stateful: bool, unroll: bool, use_cudnn: Any = "auto", zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            zero_output_for_mask, **kwargs,
        )  # fmt: skip
        if use_cudnn not in ("auto", True, False):
            raise ArgumentError(f"use_cudnn={use_cudnn!r}: expected 'auto', True or False")
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def in_one_node(self, cell: Any, x: Tensor, training: bool) -> bool:
        found = self.use_cudnn is not False and super().in_one_node(cell, x, training)
        if self.use_cudnn is True and not found:
            raise ArgumentError(
                f"layer {self.name!r} cannot be one node (use_cudnn=True) with these activations, "
                "this dtype, recurrent dropout or unroll=True; leave use_cudnn at 'auto'"
            )
        return found

    @staticmethod
    def shared(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments of the layer that its cell takes as well; those of the cell alone are taken out."""
        found: dict[str, Any] = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        if "implementation" in kwargs:
            found["implementation"] = kwargs.pop("implementation")
        return {"name": name, **found}

    def __getattr__(self, name: str) -> Any:
        cell = vars(self).get("cell")
        if cell is not None and name in signature(type(cell).__init__).parameters:
            return getattr(cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
