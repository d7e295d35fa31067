"""``summary``: a table of layers, shapes, parameters and costs; never cut when piped to a file."""

from __future__ import annotations

import json as json_
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ...compiler.inspection.macs import Polynomial
from .costs import elements
from .facts import Row, Summary, collect
from .table import memory, render

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["collect", "show", "summary_json"]


def show(
    model: Model, line_length: int | None = None, positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None, expand_nested: bool = False,
    show_trainable: bool = False, layer_range: Sequence[str] | None = None, json: bool = False,
) -> None:  # fmt: skip
    """Print the summary, or give it to ``print_fn`` as one text. See ``Model.summary``."""
    if json:
        content = _as_json(collect(model, layer_range))
        (print_fn or print)(json_.dumps(content, indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    seen = print_fn is None and console.is_terminal
    lines = render(
        collect(model, layer_range), line_length=line_length, positions=positions,
        expand_nested=expand_nested, show_trainable=show_trainable,
        room=console.width if seen and line_length is None else None,
    )  # fmt: skip
    if not seen:
        (print_fn or print)("\n".join(lines))
        return
    for i, line in enumerate(lines):
        console.print(line, markup=False, soft_wrap=True, style="bold" if i in (0, 2) else None)


def summary_json(model: Model) -> dict[str, Any]:
    """What ``model.summary()`` says, as a dict that JSON can hold; nested models with their layers.

    Counts of what a model costs are for one example. Where they depend on sizes that are open, they
    are texts like "64*time"; where they are not known, null.
    """
    return _as_json(collect(model))


def _as_json(summary: Summary) -> dict[str, Any]:
    groups = {"total": summary.weights,
              "trainable": [v for v in summary.weights if v.trainable],
              "non_trainable": [v for v in summary.weights if not v.trainable]}  # fmt: skip
    if summary.optimizer is not None:
        groups["optimizer"] = summary.optimizer
    return {
        "name": summary.name,
        "layers": [_row(r) for r in summary.rows],
        "params": {n: elements(v.shape for v in vs) for n, vs in groups.items()},
        "bytes": {n: memory(vs) for n, vs in groups.items()},
        "macs": _number(summary.macs),
        "activation_bytes": _number(summary.activations),
        "onnx": summary.onnx or None,
    }


def _row(row: Row) -> dict[str, Any]:
    found = {
        "name": row.name, "type": row.kind, "output_shape": row.shape,
        "dtype": row.dtype if row.types is not None else None,
        "params": row.parameters if row.built else None, "trainable": row.trainable,
        "macs": _number(row.macs), "activation_bytes": _number(row.activations),
        "connected_to": row.sources,
    }  # fmt: skip
    return {**found, "layers": [_row(r) for r in row.inside]} if row.inside else found


def _number(count: Polynomial | None) -> int | str | None:
    if count is None:
        return None
    if count.number is not None:
        return count.number
    return " + ".join("*".join([str(n), *names]) for names, n in count.terms.items())
