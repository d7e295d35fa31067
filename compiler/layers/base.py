"""``Layer``: a callable that owns variables. Everything else in this package is one of them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ...errors import ArgumentError, NotCalledError
from .. import (
    constraints,
    dtypes,
    functional,
    initializers,
    naming,
    policies,
    regularizers,
    scope,
    tree,
)
from ..config import Configurable, not_supported, unknown_argument
from ..ir import Array, Like, Operators, Tensor, apply, convert
from ..metrics.base import Metric
from ..random import SeedGenerator
from ..state import Trace, Variable, autocast, tracing
from . import context, input_spec
from .arguments import Arguments, masked, masks_of, public_shape, signature
from .rebuilding import Rebuilding

__all__ = ["Layer"]


class Layer(Rebuilding, Configurable):
    """Base of all layers.

    A subclass makes its variables in ``build(input_shape)`` (called once, at the first call, with None
    for dynamic dims) by ``add_weight``, and computes in ``call(inputs)``; ``call`` may take
    ``training`` and ``mask`` (or ``<argument>_mask`` for each of several tensors). Layers, variables
    and metrics that are attributes (also in lists and dicts) are found by themselves.

    A layer that sets ``supports_masking`` hands its input's mask on, or what ``compute_mask`` makes of it.

    Args:
        activity_regularizer: regularizer of the output.
        trainable: whether optimizers update its weights.
        dtype: a type or policy of weights and computation; by default the global policy's.
        autocast: whether weights are cast to the type of the computation where they differ.
        name: unique within a model; the default is made from the class name.
        input_shape, batch_input_shape, input_dim: what the first layer of a ``Sequential`` takes, as in old
            programs; ``wh.Input`` says the same.
    """

    # Names that are no part of the layer's own state.
    _untracked: frozenset[str] = frozenset(
        {"_arguments", "_inbound", "_frozen", "_losses", "_build_shapes"}
    )
    _is_network = False
    _casts_integers = False  # layers that compute with floats only say True
    input_spec: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _marking(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(unknown_argument(type(self), next(iter(unknown))))
        self.name = name if name is not None else naming.unique_name(type(self).__name__)
        self.dtype_policy = policies.get(dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._trainable = trainable
        self._frozen: list[Variable] = []
        self._inbound: list[functional.Call] = []
        self._losses: list[Tensor] = []
        if input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            batch_input_shape = (None, *input_shape)
        self.input_shape_argument = None if batch_input_shape is None else tuple(batch_input_shape)

    @property
    def dtype(self) -> dtypes.DType:
        """The element type of the weights."""
        return self.dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> dtypes.DType:
        """The element type that floating-point inputs are cast to."""
        return self.dtype_policy.compute_dtype

    # -- state ------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer. Without an initializer: glorot_uniform for floats, else zeros."""
        not_supported(
            "add_weight", aggregation=(aggregation or "none", "none"),
            overwrite_with_gradient=(overwrite_with_gradient, False),
        )  # fmt: skip
        kind = dtypes.as_dtype(dtype or self.dtype)
        default = "glorot_uniform" if dtypes.is_float(kind) else "zeros"
        sizes = tuple(int(d) for d in shape or ())
        made = initializers.get(initializer if initializer is not None else default)
        label = name or "variable"
        variable = Variable(made, sizes, kind, trainable and self._trainable, label)
        owners = [x.name for x in context.enclosing() if not x._is_network and x is not self]
        variable.path = "/".join([*owners, self.name, label])
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.autocast = autocast
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
            elif isinstance(item, Layer):
                found |= dict.fromkeys(item.variables)
        return list(found)

    @property
    def metrics(self) -> list[Metric]:
        """Metrics that are attributes of this layer or of those in it."""
        found: dict[Metric, None] = {}
        for item in self._own():
            if isinstance(item, Metric):
                found[item] = None
            elif isinstance(item, Layer):
                found |= dict.fromkeys(item.metrics)
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

    def set_weights(self, weights: Sequence[Like]) -> None:
        """Set all weights. Raises ``ArgumentError`` (and sets none) where number or shapes differ."""
        targets = self.weights
        arrays = [np.asarray(v) for v in weights]
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
        """Make the variables; ``input_shape`` is nested like the first argument of ``call``.

        With several parameters, each is the shape of one argument of ``call``: ``build(query_shape,
        value_shape)``.
        """

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask(s) of the output; by default the input's."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Output shape(s) for input shape(s), found by applying the layer to symbols."""
        symbols = [_symbols(s) for s in args], {k: _symbols(s) for k, s in kwargs.items()}
        result = self(*symbols[0], **{k.removesuffix("_shape"): v for k, v in symbols[1].items()})
        return tree.map_leaves(lambda t: public_shape(t.shape), result)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbols like the output for symbols like the input."""
        return self(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the layer to tensors, arrays or ``wh.Input`` placeholders."""
        if "_inbound" not in vars(self):
            raise ArgumentError(
                f"{type(self).__name__}.__init__ must call super().__init__() first"
            )
        args, kwargs = tree.map_leaves(self._converted, (args, kwargs))
        tensors = [t for t in tree.leaves((args, kwargs)) if isinstance(t, Tensor)]
        if not tensors:
            raise ArgumentError(f"layer {self.name!r} was called without a tensor or array")
        if any(t.node.placeholder for t in tensors):
            return functional.record(self, args, kwargs)
        observer = context.observer()
        return self.invoke(args, kwargs) if observer is None else observer(self, args, kwargs)

    def invoke(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Build if need be, and compute on tensors."""
        training = kwargs.pop("training", None)
        training = context.current_training() if training is None else training
        given = Arguments(self, args, kwargs)
        if given.takes("training"):
            training = given.values.get("training") if training is None else training
            kwargs["training"] = bool(training)
        kwargs |= given.masks()
        if self.input_spec is not None:
            input_spec.check(self.name, self.input_spec, given.first)
        previous = kwargs.get("mask", given.values.get("mask"))
        previous = masks_of(given.first) if previous is None else previous
        nested = bool(context.enclosing())
        if not nested:
            self._clear_losses()
        with context.inside(self), context.training_mode(bool(training)), self._scope(nested):
            self._build_once(given)
            with autocast(self._autocast_dtype()):
                result = self.call(*args, **kwargs)
            self._regularize_activity(result)
        return self._with_masks(result, given.first, previous)

    def _autocast_dtype(self) -> dtypes.DType | None:
        differs = self.autocast and self.compute_dtype != self.variable_dtype
        return self.compute_dtype if differs else None

    def _with_masks(self, result: Any, inputs: Any, previous: Any) -> Any:
        if self.supports_masking:
            masks = self.compute_mask(inputs, previous)
            return result if masks is None else masked(result, masks)
        if not self._is_network and any(m is not None for m in tree.leaves(previous)):
            warnings.warn(
                f"layer {self.name!r} ({type(self).__name__}) was given an input with a mask, which "
                "it does not support: layers behind it will not see the mask",
                stacklevel=4,
            )
        return result

    def _scope(self, nested: bool) -> AbstractContextManager[None]:
        """A model that is not part of another adds nothing to the names of nodes."""
        return nullcontext() if self._is_network and not nested else scope.entered(self.name)

    def _build_once(self, given: Arguments) -> None:
        if self.built:
            return
        shapes = given.shapes(type(self).build)
        self.build(**shapes)
        self._build_shapes = shapes
        self.built = True  # of layers that have no build of their own

    def _converted(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) or (
            isinstance(value, Operators) and not isinstance(value, Tensor)
        ):
            value = convert(value)
        wanted = self.compute_dtype
        if not isinstance(value, Tensor) or value.dtype == wanted or not self.autocast:
            return value
        if dtypes.is_float(value.dtype) or (self._casts_integers and value.dtype.kind in "iub"):
            if not dtypes.is_float(wanted):
                return value
            return apply("Cast", value, to=wanted).with_mask(value.mask)
        return value

    def stateless_call(
        self,
        trainable_variables: Sequence[Like],
        non_trainable_variables: Sequence[Like],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The output with these values in place of the variables', which stay as they are.

        Returns the output and the new values of the non-trainable variables, and with ``return_losses``
        the losses. Raises ``ArgumentError`` where the numbers of values differ.
        """
        groups = (
            (self.trainable_variables, trainable_variables),
            (self.non_trainable_variables, non_trainable_variables),
        )
        trace = Trace()
        for variables, values in groups:
            if len(variables) != len(values):
                raise ArgumentError(f"{self.name!r}: {len(values)} values for {len(variables)}")
            trace.writes |= {v: convert(x, v.dtype) for v, x in zip(variables, values, strict=True)}
        with tracing(trace):
            result = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        after = [trace.writes[v] for v in self.non_trainable_variables]
        return (result, after) if losses is None else (result, after, losses)

    # -- losses -----------------------------------------------------------------------------

    def add_loss(self, loss: Like | Sequence[Like]) -> None:
        """Add a scalar (or several) to what ``fit`` minimises; to be called in ``call``."""
        items = loss if isinstance(loss, (list, tuple)) else [loss]
        self._losses += [convert(item) for item in items]

    @property
    def losses(self) -> list[Tensor]:
        """What ``add_loss`` was given in the last call, here and in the layers inside; and penalties."""
        found = [t for layer in self._flattened() for t in layer._losses]
        return [*found, *self.regularization_losses()]

    def _clear_losses(self) -> None:
        for layer in self._flattened():
            layer._losses = []

    def _flattened(self) -> list[Layer]:
        """The layer and all that are in it, each once."""
        found: dict[Layer, None] = {self: None}
        for layer in self.sublayers():
            found |= dict.fromkeys(layer._flattened())
        return list(found)

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
            raise NotCalledError(
                f"layer {self.name!r} has no output: it is part of no functional model"
            )
        return self._inbound[-1]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        cls: Any = type(self)
        accepted = _accepted(cls)
        common = {
            "name": self.name, "trainable": self._trainable, "dtype": self.dtype_policy.name,
        }  # fmt: skip
        return {**config, **{k: v for k, v in common.items() if accepted(k)}}

    @property
    def path(self) -> str:
        """The layer's name; weights have theirs behind it."""
        return self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}{'' if self.built else ', not built'}>"


def _marking(build: Callable[..., None]) -> Callable[..., None]:
    """``build`` such that users may call it, too: the layer is built then, weights are named after it."""

    @functools.wraps(build)
    def marked(self: Layer, *args: Any, **kwargs: Any) -> None:
        outer = context.enclosing()
        with nullcontext() if outer and outer[-1] is self else context.inside(self):
            build(self, *args, **kwargs)
        self._remember_shapes(build, *args, **kwargs)
        self.built = True

    return marked


@functools.cache
def _accepted(cls: Any) -> Callable[[str], bool]:
    """Whether the constructor takes a keyword (a user's class need not take ``name``)."""
    parameters = signature(cls.__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return lambda _: True
    return parameters.__contains__


def _tracked(value: Any) -> Iterator[Any]:
    if isinstance(value, (Variable, Layer, SeedGenerator, Metric)):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tracked(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tracked(item)


def _symbols(shape: Any) -> Any:
    """Placeholders for a shape, or for (nested) shapes."""
    if isinstance(shape, dict):
        return {k: _symbols(s) for k, s in shape.items()}
    if shape is None or any(not isinstance(d, int) and d is not None for d in shape):
        return None if shape is None else type(shape)(_symbols(s) for s in shape)
    return functional.Input(batch_shape=tuple(shape))
