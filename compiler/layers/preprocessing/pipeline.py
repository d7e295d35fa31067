"""``Pipeline``: layers one after another, for use on data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ir import convert
from ..arguments import signature
from ..base import Layer
from .host import tensor_of

__all__ = ["Pipeline"]


class Pipeline(Layer):
    """Layers one after another: a layer, not a model. In training mode unless the call says otherwise.

    Args:
        layers: the layers, in order.
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers = list(layers)
        self.supports_masking = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Also takes strings and lists of them, for a layer that does."""
        first, *rest = args
        return super().__call__(tensor_of(first) if _is_text(first) else first, *rest, **kwargs)

    def _converted(self, value: Any) -> Any:
        """Casting is the matter of the layers inside."""
        return convert(value) if isinstance(value, np.ndarray) else value

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for i, layer in enumerate(self.layers):
            takes = signature(type(layer).call).parameters
            options = {"training": training} if "training" in takes else {}
            if "mask" in takes and not i and mask is not None:
                options["mask"] = mask
            inputs = layer(inputs, **options)
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Outputs carry their own masks."""
        return None


def _is_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes))
