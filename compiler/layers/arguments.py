"""The arguments of one call of a layer by the names that its ``call`` has: masks and shapes follow them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError
from .. import tree
from ..ir import Shape, Tensor


@functools.cache
def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a method as it is defined, with ``self``."""
    return inspect.signature(function)


class Arguments:
    """Arguments of ``layer.call`` by name, defaults included.

    Raises ``TypeError``, as a call in Python would, where they do not fit the signature.
    """

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._signature = signature(type(layer).call)
        try:
            bound = self._signature.bind(layer, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"layer {layer.name!r} ({type(layer).__name__}): {error}") from None
        given = list(bound.arguments)[1:]
        bound.apply_defaults()
        self.values: dict[str, Any] = dict(list(bound.arguments.items())[1:])
        self.given = {n for n in given if self.values[n] is not None}
        self.tensors = {
            n: v
            for n, v in self.values.items()
            if any(isinstance(leaf, Tensor) for leaf in tree.leaves(v))
        }

    def takes(self, name: str) -> bool:
        """Whether ``call`` has a parameter of this name."""
        return name in self._signature.parameters

    @property
    def first(self) -> Any:
        """The first argument: what a layer is applied to."""
        value = next(iter(self.values.values()), None)
        if isinstance(value, tuple) and "args" in self.values and self.values["args"] is value:
            return value[0] if value else None  # call(self, *args)
        return value

    def masks(self) -> dict[str, Any]:
        """Masks that the given tensors carry, for the parameters ``mask`` or ``<argument>_mask``."""
        found: dict[str, Any] = {}
        if len(self.tensors) == 1:
            names = [("mask", *self.tensors)]
        else:
            names = [(f"{n}_mask", n) for n in self.tensors]
        for parameter, name in names:
            if self.takes(parameter) and self.values.get(parameter) is None:
                mask = masks_of(self.values[name])
                if any(m is not None for m in tree.leaves(mask)):
                    found[parameter] = mask
        return found

    def shapes(self, build: Callable[..., Any]) -> dict[str, Any]:
        """Shapes of the tensors as ``build`` wants them: of the first, or by ``<argument>_shape``."""
        known = {
            f"{n}_shape": tree.map_leaves(_shape_of, v)
            for n, v in self.tensors.items()
            if n not in ("mask", "args", "kwargs") and not n.endswith("_mask")
        }
        parameters = dict(list(signature(build).parameters.items())[1:])  # without self
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return known
        wanted = [n for n, p in parameters.items() if p.kind is not p.VAR_POSITIONAL]
        if not wanted:
            return {}
        if len(wanted) == 1:
            return {wanted[0]: tree.map_leaves(_shape_of, self.first)}
        missing = [
            n for n in wanted if n not in known and parameters[n].default is inspect.Parameter.empty
        ]
        if missing:
            raise ArgumentError(
                f"build wants {missing[0]!r}, but call was given tensors for {sorted(self.tensors)}: "
                "name the parameters of build after those of call, with _shape behind"
            )
        return {n: known[n] for n in wanted if n in known}


def masks_of(value: Any) -> Any:
    """The masks of (nested) tensors, nested alike; None for what has none."""
    return tree.map_leaves(lambda t: t.mask if isinstance(t, Tensor) else None, value)


def masked(value: Any, masks: Any) -> Any:
    """Handles of the (nested) tensors that carry ``masks``; those that carry one already keep it."""
    flat, structure = tree.flatten(value)
    given = tree.leaves(masks)
    if len(given) != len(flat):
        raise ArgumentError(
            f"compute_mask gave {len(given)} masks for {len(flat)} outputs: give one per output"
        )
    handles = [
        t.with_mask(m) if isinstance(t, Tensor) and t.mask is None and m is not None else t
        for t, m in zip(flat, given, strict=True)
    ]
    return tree.unflatten(structure, handles)


def _shape_of(value: Any) -> Any:
    return public_shape(value.shape) if hasattr(value, "shape") else None


def public_shape(shape: Shape) -> tuple[int | None, ...]:
    """A shape as Keras shows it: None for whatever is dynamic."""
    return tuple(d if isinstance(d, int) else None for d in shape)
