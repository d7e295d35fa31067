"""Quantisation of a model's layers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..compiler import quantizers
from ..compiler.layers.base import Layer
from ..compiler.layers.quantized import Quantizable
from ..errors import ArgumentError
from .compilation import Compilation

if TYPE_CHECKING:
    from .model import Model


def quantize(model: Model, mode: str | None, config: Any, filters: Any, type_check: bool) -> None:
    """See ``Model.quantize``."""
    found = quantizers.configuration(mode, config)
    if (
        filters is not None
        and not callable(filters)
        and not isinstance(filters, (str, list, tuple))
    ):
        raise ArgumentError(
            f"filters={filters!r}: expected a pattern, several, or a function of a layer"
        )
    chosen = [layer for layer in model._flattened() if _passes(layer, filters)]
    if not model.built:
        raise ArgumentError(
            f"model {model.name!r} has no weights yet: call or build it, then quantize"
        )
    kept = []
    for layer in chosen:
        if isinstance(layer, Quantizable):
            layer.quantize(type_check=type_check, config=found)
        elif layer.weights and not layer.sublayers():
            kept.append(f"{layer.weights[0].path.rpartition('/')[0]} ({type(layer).__name__})")
    if kept:
        warnings.warn(
            f"these layers keep their weights, there is no {found.mode} for them: {', '.join(kept)}",
            stacklevel=3,
        )
    if model.compilation is not None and model.compilation.optimizer.built:
        # its slots are of weights that are trained no more
        old = model.compilation
        optimizer = type(old.optimizer).from_config(old.optimizer.get_config())
        config_ = {**old.config, "optimizer": optimizer}
        model.compilation = Compilation(
            *(
                config_[k]
                for k in ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
            )
        )
    model.steps.clear()


def _passes(layer: Layer, filters: Any) -> bool:
    """Whether a layer is meant: by patterns that its name contains, or by a function."""
    if filters is None:
        return True
    if callable(filters):
        return bool(filters(layer))
    patterns: Sequence[str] = [filters] if isinstance(filters, str) else filters
    return any(re.search(p, layer.name) for p in patterns)
