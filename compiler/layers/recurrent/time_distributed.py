"""``TimeDistributed``: a layer for each step of a sequence."""

from __future__ import annotations

from typing import Any

from ....errors import ShapeError
from ... import dims, op
from ...casting import boolean
from ...infer import TensorType
from ...ir import Tensor, retyped
from ..arguments import signature
from ..core import Wrapper

__all__ = ["TimeDistributed"]


class TimeDistributed(Wrapper):
    """``layer`` applied to each step of [batch, time, ...]: to all at once, as one batch.

    In training, a layer that looks at the whole batch (BatchNormalization) sees all steps together;
    Keras shows it one step after the other.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if len(input_shape) < 3:
            raise ShapeError(
                f"TimeDistributed takes [batch, time, ...], with 3 axes or more; got {tuple(input_shape)}"
            )
        super().build((None, *input_shape[2:]))

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        options: dict[str, Any] = {}
        parameters = signature(type(self.layer).call).parameters
        if "training" in parameters:
            options["training"] = training
        if "mask" in parameters and mask is not None:
            options["mask"] = _merged(self._checked(inputs, boolean(mask)))
        y = self.layer(_merged(inputs), **options)
        shape = op.Concat(op.Shape(inputs, end=2), op.Shape(y, start=1), axis=0)
        kind = TensorType(y.dtype, (*inputs.shape[:2], *y.shape[1:]))
        return retyped(op.Reshape(y, shape), kind).with_mask(None)

    def _checked(self, inputs: Tensor, mask: Tensor) -> Tensor:
        if mask.ndim < 2 or not dims.compatible(mask.shape[:2], inputs.shape[:2]):
            raise ShapeError(
                f"layer {self.name!r}: a mask {mask.type} does not fit {inputs.type}; its first two axes "
                "are batch and time"
            )
        return mask


def _merged(x: Tensor) -> Tensor:
    """[batch, time, ...] as [batch * time, ...]."""
    rest = x.shape[2:]
    if all(isinstance(d, int) for d in rest):
        return op.Reshape(x, [-1, *rest])
    found = op.Reshape(x, op.Concat([-1], op.Shape(x, start=2), axis=0))
    return retyped(found, TensorType(x.dtype, (found.shape[0], *rest)))
