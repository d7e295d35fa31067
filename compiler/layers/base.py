"""``Layer``: a callable that owns variables. Everything else in this package is one of them."""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import constraints, dtypes, functional, initializers, regularizers, scope, tree
from ..config import Configurable, not_supported
from ..ir import Array, Like, Operators, Shape, Tensor, apply, convert
from ..random import SeedGenerator
from ..state import Variable

_training: ContextVar[bool | None] = ContextVar("training", default=None)
_stack: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())
_losses: ContextVar[list[Tensor] | None] = ContextVar("losses", default=None)
_names: Counter[str] = Counter()


def unique_name(kind: str) -> str:
    """``dense``, ``dense_1``, ... for the class name ``Dense``."""
    base = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind))
    base = base.lower().lstrip("_")
    n = _names[base]
    _names[base] += 1
    return f"{base}_{n}" if n else base


def clear_session() -> None:
    """Start numbering automatic names anew."""
    _names.clear()


@contextmanager
def training_mode(training: bool) -> Iterator[None]:
    """Layers called inside without ``training=`` work in this mode."""
    token = _training.set(training)
    try:
        yield
    finally:
        _training.reset(token)


@contextmanager
def collected_losses() -> Iterator[list[Tensor]]:
    """What layers give to ``add_loss`` inside."""
    found: list[Tensor] = []
    token = _losses.set(found)
    try:
        yield found
    finally:
        _losses.reset(token)


def current_losses() -> list[Tensor] | None:
    """What layers have given to ``add_loss`` in the step being traced, if one is."""
    return _losses.get()


@functools.cache
def _call_parameters(cls: Any) -> frozenset[str]:
    return frozenset(inspect.signature(cls.call).parameters)  # type: ignore[attr-defined]


class Layer(Configurable):
    """Base of all layers.

    A subclass makes its variables in ``build(input_shape)`` (called once, at the first call, with None
    for dynamic dims) by ``add_weight``, and computes in ``call(inputs)``; ``call`` may take
    ``training``. Layers and variables that are attributes (also in lists and dicts) are found by
    themselves.

    Args:
        activity_regularizer: regularizer of the output.
        trainable: whether optimizers update its weights.
        dtype: of weights and computation, default "float32".
        name: unique within a model; the default is made from the class name.
    """

    # Names that are no part of the layer's own state.
    _untracked: frozenset[str] = frozenset({"_arguments", "_inbound", "_frozen"})
    _is_network = False
    _casts_integers = False  # layers that compute with floats only say True

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
    ) -> None:
        not_supported(type(self).__name__, autocast=(autocast, True))
        self.name = name if name is not None else unique_name(type(self).__name__)
        self.dtype = dtypes.as_dtype(dtype or "float32")
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self._trainable = trainable
        self._frozen: list[Variable] = []
        self._inbound: list[functional.Call] = []

    # -- state ------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer. Without an initializer: glorot_uniform for floats, else zeros."""
        kind = dtypes.as_dtype(dtype or self.dtype)
        default = "glorot_uniform" if dtypes.is_float(kind) else "zeros"
        sizes = tuple(int(d) for d in shape or ())
        made = initializers.get(initializer if initializer is not None else default)
        label = name or "variable"
        variable = Variable(made, sizes, kind, trainable and self._trainable, label)
        owners = [
            layer.name for layer in _stack.get() if not layer._is_network and layer is not self
        ]
        variable.path = "/".join([*owners, self.name, label])
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        if trainable and not self._trainable:
            self._frozen.append(variable)
        return variable

    def _own(self) -> Iterator[Any]:
        for key, value in vars(self).items():
            if key not in self._untracked:
                yield from _tracked(value)

    def sublayers(self) -> list[Layer]:
        """Layers that are attributes of this one, in the order in which they were set."""
        return list(dict.fromkeys(x for x in self._own() if isinstance(x, Layer)))

    @property
    def variables(self) -> list[Variable]:
        """All state: weights and the counters of random generators."""
        found: dict[Variable, None] = {}
        for item in self._own():
            if isinstance(item, Variable):
                found[item] = None
            elif isinstance(item, SeedGenerator):
                found[item.state] = None
            else:
                found |= dict.fromkeys(item.variables)
        return list(found)

    @property
    def weights(self) -> list[Variable]:
        """Variables without the counters of random generators."""
        seeds = {g.state for g in self._seed_generators()}
        return [v for v in self.variables if v not in seeds]

    def _seed_generators(self) -> Iterator[SeedGenerator]:
        for item in self._own():
            if isinstance(item, SeedGenerator):
                yield item
            elif isinstance(item, Layer):
                yield from item._seed_generators()

    @property
    def trainable_variables(self) -> list[Variable]:
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if not v.trainable]

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        own = [v for v in self._own() if isinstance(v, Variable)]
        if value:
            for variable in self._frozen:
                variable.trainable = True
            self._frozen = []
        else:
            self._frozen += [v for v in own if v.trainable]
            for variable in own:
                variable.trainable = False
        for layer in self.sublayers():
            layer.trainable = value

    def get_weights(self) -> list[Array]:
        """Copies of the weights' values."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, values: Sequence[Like]) -> None:
        """Set all weights. Raises ``ArgumentError`` (and sets none) where number or shapes differ."""
        targets = self.weights
        arrays = [np.asarray(v) for v in values]
        if len(arrays) != len(targets):
            raise ArgumentError(f"{self.name} has {len(targets)} weights; got {len(arrays)} arrays")
        for target, array in zip(targets, arrays, strict=True):
            if array.shape != target.shape:
                raise ArgumentError(
                    f"{target.path} has shape {target.shape}; got an array of shape {array.shape}"
                )
        for target, array in zip(targets, arrays, strict=True):
            target.assign(array.astype(target.dtype))

    def count_params(self) -> int:
        """The number of elements of all weights."""
        return sum(int(np.prod(v.shape)) for v in self.weights)

    # -- calling ----------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the variables; ``input_shape`` is nested like the first argument of ``call``."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Output shape(s) for input shape(s), found by applying the layer to symbols."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        inputs = [functional.Input(batch_shape=tuple(s)) for s in shapes]
        result = self(inputs if isinstance(input_shape, list) else inputs[0])
        return tree.map_leaves(lambda t: public_shape(t.shape), result)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the layer to tensors, arrays or ``wh.Input`` placeholders."""
        args, kwargs = tree.map_leaves(self._converted, (args, kwargs))
        tensors = [t for t in tree.leaves((args, kwargs)) if isinstance(t, Tensor)]
        if not tensors:
            raise ArgumentError(f"layer {self.name!r} was called without a tensor or array")
        if any(t.node.placeholder for t in tensors):
            return functional.record(self, args, kwargs)
        return self.invoke(args, kwargs)

    def invoke(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Build if need be, and compute on tensors."""
        training = kwargs.pop("training", None)
        if training is None:
            training = _training.get() or False
        if self._takes_training():
            kwargs["training"] = training
        outer = _stack.get()
        token = _stack.set((*outer, self))
        try:
            with training_mode(training), self._scope(bool(outer)):
                self._build_once(args)
                result = self.call(*args, **kwargs)
                self._regularize_activity(result)
        finally:
            _stack.reset(token)
        return result

    @contextmanager
    def _scope(self, nested: bool) -> Iterator[None]:
        """A model that is not part of another adds nothing to the names of nodes."""
        if self._is_network and not nested:
            yield
            return
        with scope.entered(self.name):
            yield

    def _takes_training(self) -> bool:
        cls: Any = type(self)
        return "training" in _call_parameters(cls)

    def _build_once(self, args: tuple[Any, ...]) -> None:
        if self.built:
            return
        shapes = tree.map_leaves(_shape_of, args[0]) if args else None
        self.build(shapes)
        self.built = True

    def _converted(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) or (
            isinstance(value, Operators) and not isinstance(value, Tensor)
        ):
            value = convert(value)
        if not isinstance(value, Tensor) or value.dtype == self.dtype:
            return value
        if dtypes.is_float(value.dtype) or (self._casts_integers and value.dtype.kind in "iub"):
            return apply("Cast", value, to=self.dtype)
        return value

    # -- losses -----------------------------------------------------------------------------

    def add_loss(self, loss: Like) -> None:
        """Add a scalar to what ``fit`` minimises; to be called in ``call``."""
        found = _losses.get()
        if found is not None:
            found.append(convert(loss))

    def _regularize_activity(self, result: Any) -> None:
        if self.activity_regularizer is None:
            return
        for tensor in tree.leaves(result):
            # per example, as in Keras: the mean over the batch, not the sum
            batch = apply("Cast", apply("Shape", tensor)[0], to=tensor.dtype)
            self.add_loss(self.activity_regularizer(tensor) / batch)

    def regularization_losses(self) -> list[Tensor]:
        """The penalties of all trainable weights that have a regularizer."""
        return [v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None]

    # -- functional graph and configuration ---------------------------------------------------

    @property
    def output(self) -> Any:
        """What the layer gave in the functional model where it was used last."""
        return self._last_call().results

    @property
    def input(self) -> Any:
        """What it was applied to there."""
        return self._last_call().arguments

    def _last_call(self) -> functional.Call:
        if not self._inbound:
            raise ArgumentError(
                f"layer {self.name!r} has no output: it is part of no functional model"
            )
        return self._inbound[-1]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        cls: Any = type(self)
        accepted = _accepted(cls)
        common = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype.name}
        return {**config, **{k: v for k, v in common.items() if accepted(k)}}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}{'' if self.built else ', not built'}>"


@functools.cache
def _accepted(cls: Any) -> Callable[[str], bool]:
    """Whether the constructor takes a keyword (a user's class need not take ``name``)."""
    parameters = inspect.signature(cls.__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return lambda _: True
    return parameters.__contains__


def _tracked(value: Any) -> Iterator[Any]:
    if isinstance(value, (Variable, Layer, SeedGenerator)):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tracked(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tracked(item)


def _shape_of(value: Any) -> Any:
    return public_shape(value.shape) if isinstance(value, Tensor) else None


def public_shape(shape: Shape) -> tuple[int | None, ...]:
    """A shape as Keras shows it: None for whatever is dynamic."""
    return tuple(d if isinstance(d, int) else None for d in shape)
