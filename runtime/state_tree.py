"""All values of a model as one nested dict, for tools that keep or exchange state themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiler.lower import state_names
from ..compiler.state import Variable
from ..errors import ArgumentError

if TYPE_CHECKING:
    from .model import Model


def groups(model: Model) -> dict[str, dict[str, Variable]]:
    """The variables by group, and in it by unique path."""
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    metrics = [v for m in model.metrics for v in m.variables]
    parts: dict[str, Iterable[Variable]] = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": optimizer,
        "metrics_variables": metrics,
    }
    found = {}
    for label, variables in parts.items():
        several = list(dict.fromkeys(variables))
        found[label] = dict(zip(state_names([v.path for v in several]), several, strict=True))
    return found


def read(model: Model, value_format: str) -> dict[str, dict[str, Any]]:
    """See ``Model.get_state_tree``."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ArgumentError(
            f"value_format={value_format!r}: expected 'backend_tensor' or 'numpy_array'"
        )
    tree: dict[str, dict[str, Any]] = {}
    for label, variables in groups(model).items():
        tree[label] = {}
        for path, variable in variables.items():
            *folders, name = path.split("/")
            place = tree[label]
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = variable.value if value_format == "backend_tensor" else variable.numpy()
    return tree


def write(model: Model, state: Mapping[str, Mapping[str, Any]]) -> None:
    """See ``Model.set_state_tree``. Nothing is set where something does not fit."""
    known = groups(model)
    pairs: list[tuple[Variable, Any]] = []
    for label, content in state.items():
        if label not in known:
            raise ArgumentError(f"no group {label!r}: there are {', '.join(known)}")
        for path, value in _flat(content):
            variable = known[label].get(path)
            if variable is None:
                raise ArgumentError(f"{label} has no {path!r}; it has {', '.join(known[label])}")
            array = np.asarray(value)
            if array.shape != variable.shape:
                raise ArgumentError(
                    f"{path} has shape {variable.shape}; got an array of shape {array.shape}"
                )
            pairs.append((variable, array.astype(variable.dtype)))
    for variable, array in pairs:
        variable.assign(array)


def _flat(content: Mapping[str, Any], folder: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{folder}{name}/")
        else:
            yield f"{folder}{name}", value
