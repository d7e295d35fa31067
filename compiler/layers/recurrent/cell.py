"""What the recurrent cells have in common: weights for all gates at once, dropout, states of zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ....errors import ArgumentError
from ... import activations, dtypes, initializers, op, random
from ...infer import TensorType
from ...ir import Tensor, constant, convert, retyped
from ..base import Layer
from ..core import known_size


@dataclass(frozen=True)
class Dropped:
    """Masks of dropout for one sequence: none, one for all gates, or one for each gate."""

    inputs: tuple[Tensor, ...] = ()
    states: tuple[Tensor, ...] = ()


NOTHING_DROPPED = Dropped()


class Cell(Layer):
    """One step of a recurrence, ``output, states = cell(inputs, states)``, as two halves.

    ``project`` is what needs no state: a layer does it for all steps at once. ``advance`` is the rest.
    """

    gates: ClassVar[int] = 1
    state_count: ClassVar[int] = 1
    node: ClassVar[str] = ""  # the ONNX operator that runs a sequence of such steps

    def __init__(
        self, units: int, use_bias: bool, kernel: Sequence[Any], recurrent: Sequence[Any],
        bias: Sequence[Any], rates: tuple[float, float], seed: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        """``kernel``, ``recurrent`` and ``bias``: initializer, regularizer, constraint."""
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        owner = type(self).__name__
        if not isinstance(units, (int, np.integer)) or units <= 0:
            raise ArgumentError(f"{owner}({units!r}): expected a whole number above 0")
        for label, rate in zip(("dropout", "recurrent_dropout"), rates, strict=True):
            if not 0 <= rate <= 1:
                raise ArgumentError(f"{owner}({label}={rate}): expected a number from 0 to 1")
        if implementation not in (1, 2):
            raise ArgumentError(f"{owner}(implementation={implementation!r}): expected 1 or 2")
        self.units = self.output_size = int(units)
        self.use_bias = use_bias
        self._kernel_options, self._recurrent_options, self._bias_options = kernel, recurrent, bias
        self.dropout, self.recurrent_dropout = rates
        # as in Keras: with recurrent dropout each gate has masks of its own
        self.gates_apart = implementation == 1 or self.recurrent_dropout > 0
        if any(rates):
            given = isinstance(seed, random.SeedGenerator)
            self.seed_generator = seed if given else random.SeedGenerator(seed)
        self._dropped: Dropped | None = None
        self.supports_masking = True

    _untracked = Layer._untracked | {"_dropped"}

    @property
    def state_size(self) -> Any:
        return self.units if self.state_count == 1 else [self.units] * self.state_count

    # -- weights ------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        owner = type(self).__name__
        width = known_size(owner, input_shape[-1], "the size of the last axis")
        self._add_weights((width,), (self.units,))

    def _add_weights(self, *before: tuple[int, ...]) -> None:
        """Kernel, recurrent kernel, bias; ``before``: the sizes of the kernels without the last."""
        last = self.gates * self.units
        self.kernel = self._weight("kernel", (*before[0], last), self._kernel_options)
        self.recurrent_kernel = self._weight(
            "recurrent_kernel", (*before[1], last), self._recurrent_options
        )
        self.bias = None
        if self.use_bias:
            self.bias = self._weight("bias", self._bias_shape(), self._bias_options)

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _weight(self, name: str, shape: tuple[int, ...], options: Sequence[Any]) -> Any:
        initializer, regularizer, constraint = options
        return self.add_weight(
            shape, initializer, regularizer=regularizer, constraint=constraint, name=name
        )

    # -- a step -------------------------------------------------------------------------------

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> Any:
        flat = list(states) if isinstance(states, (list, tuple)) else [states]
        inputs = as_floats(inputs, self.compute_dtype)
        dropped = self._dropped or self.dropped(inputs, flat[0], training)
        output, new = self.advance(self.project(inputs, dropped), flat, dropped)
        return output, new if isinstance(states, (list, tuple)) else new[0]

    def project(self, inputs: Tensor, dropped: Dropped) -> Tensor:
        """What goes into the gates from the inputs [..., features]: [..., gates * units]."""
        product = gated(inputs, self.kernel, dropped.inputs)
        bias = self.input_bias()
        return product if bias is None else product + bias

    def input_bias(self) -> Any:
        """The bias that is added to the projected inputs, or None."""
        return self.bias

    def advance(
        self, z: Tensor, states: Sequence[Tensor], dropped: Dropped
    ) -> tuple[Tensor, list[Tensor]]:
        """The output and the new states, given the projected inputs."""
        raise NotImplementedError

    def dropped(self, inputs: Tensor, state: Tensor, training: bool) -> Dropped:
        """New masks: to be drawn once for a sequence. ``inputs`` is one step."""
        if not training:
            return NOTHING_DROPPED
        return Dropped(
            self._masks(inputs, self.dropout), self._masks(state, self.recurrent_dropout)
        )

    def _masks(self, like: Tensor, rate: float) -> tuple[Tensor, ...]:
        if rate == 0:
            return ()
        ones = op.Expand(constant(1, like.dtype), op.Shape(like))
        ones = retyped(ones, like.type)
        count = self.gates if self.gates_apart else 1
        return tuple(random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count))

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros [batch, units] for each state."""
        return [
            zeros((batch_size, self.units), self.compute_dtype) for _ in range(self.state_count)
        ]

    # -- a sequence in one node ---------------------------------------------------------------

    def functions(self) -> list[Any]:
        """The activation functions in the order of the ONNX operator."""
        raise NotImplementedError

    def operands(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """W [1, gates * units, features], R [1, gates * units, units], B [1, 2 * gates * units]."""
        kernels = [
            op.Unsqueeze(op.Transpose(self.in_order(k, 1), perm=(1, 0)), [0])
            for k in (self.kernel, self.recurrent_kernel)
        ]
        return kernels[0], kernels[1], self.both_biases()

    def both_biases(self) -> Tensor | None:
        """The biases of inputs and of states, as the operator has them: [1, 2 * gates * units]."""
        if self.bias is None:
            return None
        own = self.in_order(self.bias, 0)
        return op.Unsqueeze(
            op.Concat(own, np.zeros(self.gates * self.units, own.dtype), axis=0), [0]
        )

    def in_order(self, weight: Any, axis: int) -> Tensor:
        """The gates in the order of the operator."""
        return convert(weight)


def as_floats(x: Tensor, dtype: dtypes.DType) -> Tensor:
    """``x``, where integers become floats."""
    found: Tensor = x if dtypes.is_float(x.dtype) else op.Cast(x, to=dtype)
    return found


def gated(x: Tensor, kernel: Any, masks: Sequence[Tensor]) -> Tensor:
    """``x kernel``, where each gate may see the inputs through a mask of its own."""
    if len(masks) < 2:
        return op.MatMul(x * masks[0] if masks else x, kernel)
    parts = op.Split(kernel, num_outputs=len(masks), axis=1)
    return op.Concat(*(op.MatMul(x * m, k) for m, k in zip(masks, parts, strict=True)), axis=-1)


def split(x: Tensor, count: int, axis: int = -1) -> tuple[Tensor, ...]:
    """``x`` in equal parts."""
    found: Any = op.Split(x, num_outputs=count, axis=axis)
    return tuple(found)


def zeros(shape: Sequence[Any], dtype: dtypes.DType, batch: Any = None) -> Tensor:
    """Zeros, where the first size may be a scalar tensor; ``batch`` is its symbol, if it is known."""
    first, *rest = shape
    if isinstance(first, (int, np.integer)):
        return constant(np.zeros((int(first), *rest)), dtype)
    if first is None:
        raise ArgumentError("get_initial_state needs batch_size=, a number or a scalar tensor")
    sizes = op.Concat(op.Reshape(op.Cast(first, to="int64"), [1]), [*rest], axis=0)
    made = op.Expand(constant(0, dtype), sizes)
    return retyped(made, TensorType(dtype, (batch, *rest)))


def forget_bias(initializer: Any, units: int) -> Callable[..., Any]:
    """An initializer of LSTM biases (i, f, c, o): 1 for the gate that forgets (Jozefowicz et al. 2015)."""
    inner = initializers.get(initializer)

    def bias(shape: Sequence[int], dtype: Any = None) -> Any:
        first, rest = inner((units,), dtype=dtype), inner((2 * units,), dtype=dtype)
        parts = [np.asarray(first), np.ones(units), np.asarray(rest)]
        return np.concatenate(parts).astype(dtype)

    return bias


def function(activation: Any) -> Callable[[Tensor], Tensor]:
    """An activation by name; None means the identity."""
    return activations.get(activation)
