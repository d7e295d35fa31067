"""``Bidirectional``: a recurrent layer forwards and backwards over the same sequence."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import config, op
from ...ir import Tensor
from ..arguments import signature
from ..base import Layer
from ..core import built
from . import node
from .cell import as_floats
from .masking import flat_mask
from .rnn import RNN, reversed_in_time

__all__ = ["Bidirectional"]


class Bidirectional(Layer):
    """``layer`` and a copy of it that goes backwards (or ``backward_layer``), their outputs merged.

    ``merge_mode``: "concat" along the last axis, "sum", "mul", "ave" (the mean), or None for two
    outputs. With ``return_state`` the final states follow, first those of the layer that goes forwards;
    ``initial_state`` is a list in that order. Skipped steps give zeros. Two like LSTM, GRU or SimpleRNN
    are one node. Schuster and Paliwal 1997.
    """

    def __init__(
        self, layer: Layer, merge_mode: str | None = "concat", weights: Any = None,
        backward_layer: Layer | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        for given in (layer, backward_layer):
            known = isinstance(given, Layer) and hasattr(given, "go_backwards")
            if given is not None and not known:
                raise ArgumentError(
                    f"Bidirectional takes recurrent layers, which have go_backwards; got {given!r}"
                )
        if merge_mode not in ("concat", "sum", "mul", "ave", None):
            raise ArgumentError(
                f"Bidirectional(merge_mode={merge_mode!r}): expected 'concat', 'sum', 'mul', 'ave' or None"
            )
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.forward_layer: Any = _copy(layer, "forward")
        self.backward_layer: Any = backward_layer
        if backward_layer is None:
            self.backward_layer = _copy(layer, "backward", go_backwards=True)
        self._check_directions()
        for each in (self.forward_layer, self.backward_layer):
            if hasattr(each, "zero_output_for_mask"):
                each.zero_output_for_mask = each.return_sequences
        self._initial_weights = weights
        first = self.forward_layer
        self.stateful, self.return_state = first.stateful, first.return_state
        self.return_sequences = first.return_sequences
        self.input_spec = layer.input_spec

    def _check_directions(self) -> None:
        a, b = self.forward_layer, self.backward_layer
        if a.go_backwards == b.go_backwards:
            raise ArgumentError(
                f"Bidirectional: both layers have go_backwards={a.go_backwards}; one must go each way"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(a, name) != getattr(b, name):
                raise ArgumentError(
                    f"Bidirectional: {name} is {getattr(a, name)} for one layer and "
                    f"{getattr(b, name)} for the other; it must be the same"
                )

    # -- states -------------------------------------------------------------------------------

    @property
    def states(self) -> Any:
        """The variables of stateful layers: forwards, then backwards; else None."""
        first, second = self.forward_layer.states, self.backward_layer.states
        return None if first is None or second is None else (*first, *second)

    def reset_state(self) -> None:
        """Set the states of stateful layers to zero."""
        if not self.stateful:
            raise ArgumentError(f"layer {self.name!r} is not stateful: it has no states to reset")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """``reset_state``."""
        self.reset_state()

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            built(layer, sequences_shape)
        if self._initial_weights:
            self.set_weights(self._initial_weights)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask's, if all outputs are given; states have none."""
        mask = flat_mask(previous_mask) if self.return_sequences else None
        outputs = [mask] if self.merge_mode else [mask, mask]
        found = self.forward_layer.compute_mask(inputs, previous_mask)
        states = len(found) - 1 if isinstance(found, list) else 0
        every = [*outputs, *[None] * (2 * states)]
        return every if len(every) > 1 else every[0]

    # -- a sequence ---------------------------------------------------------------------------

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None,
        training: bool = False,
    ) -> Any:  # fmt: skip
        sequences = as_floats(sequences, self.compute_dtype)
        if self._in_one_node(sequences, training):
            return self._together(sequences, initial_state, mask)
        halves = _halves(initial_state)
        found = []
        for layer, states in zip((self.forward_layer, self.backward_layer), halves, strict=True):
            options: dict[str, Any] = {} if states is None else {"initial_state": states}
            if "training" in signature(type(layer).call).parameters:
                options["training"] = training
            if "mask" in signature(type(layer).call).parameters:
                options["mask"] = mask
            found.append(layer(sequences, **options))
        if self.return_state:
            (y, *states), (reverse, *others) = found
        else:
            (y, reverse), states, others = found, [], []
        if self.return_sequences:
            reverse = reversed_in_time(reverse)
        return self._results(self._merged(y, reverse), [*states, *others])

    def _in_one_node(self, x: Tensor, training: bool) -> bool:
        a, b = self.forward_layer, self.backward_layer
        return (
            all(isinstance(r, RNN) and type(r).call is RNN.call for r in (a, b))
            and all(type(r).through is RNN.through for r in (a, b))
            and all(type(r).get_initial_state is RNN.get_initial_state for r in (a, b))
            and b.go_backwards and not self.stateful
            and all(r.in_one_node(r.cell, x, training) for r in (a, b))
            and node.alike(a.cell, b.cell, training)
            and a.activity_regularizer is b.activity_regularizer is None
        )  # fmt: skip

    def _together(self, x: Tensor, initial_state: Any, mask: Any) -> Any:
        cells = [self.forward_layer.cell, self.backward_layer.cell]
        initial = None
        if initial_state is not None:
            initial = [[op.CastLike(s, x) for s in half] for half in _halves(initial_state)]
        found = node.run(
            cells, x, initial, flat_mask(mask), backwards=False, sequences=self.return_sequences,
            repeat=False,
        )  # fmt: skip
        output: Any = found.last if found.outputs is None else found.outputs
        if self.merge_mode != "concat":
            output = self._merged(*op.Split(output, num_outputs=2, axis=-1))
        return self._results(output, [s for each in found.states for s in each])

    def _merged(self, y: Tensor, reverse: Tensor) -> Any:
        if self.merge_mode == "concat":
            return op.Concat(y, reverse, axis=-1)
        if self.merge_mode == "mul":
            return y * reverse
        if self.merge_mode is None:
            return (y, reverse)
        return y + reverse if self.merge_mode == "sum" else (y + reverse) * 0.5

    def _results(self, output: Any, states: list[Any]) -> Any:
        outputs = output if isinstance(output, tuple) else (output,)
        if self.return_state:
            return (*outputs, *states)
        return output


def _copy(layer: Layer, direction: str, **changed: Any) -> Any:
    """A layer with the configuration of ``layer``, but none of its state."""
    data = config.serialize(layer)
    name = f"{direction}_{layer.name.removeprefix(f'{direction}_')}"
    return config.deserialize({**data, "config": {**data["config"], "name": name, **changed}})


def _halves(states: Any) -> list[Any]:
    if states is None:
        return [None, None]
    middle = len(states) // 2
    return [states[:middle], states[middle:]]
