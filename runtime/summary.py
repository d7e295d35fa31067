"""``summary``: a table of layers, shapes and parameters; never cut when piped to a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..compiler import tree
from ..compiler.layers.arguments import public_shape
from ..compiler.layers.base import Layer
from ..compiler.state import Variable
from ..errors import ArgumentError

if TYPE_CHECKING:
    from .model import Model


def show(model: Model, line_length: int | None, print_fn: Callable[[str], Any] | None) -> None:
    """Print the summary, or give it to ``print_fn`` as one text."""
    console = Console(highlight=False, soft_wrap=False)
    wide = line_length or (console.width if console.is_terminal else 0)
    text = render(model, max(wide, _needed(model)))
    if print_fn is not None:
        print_fn(text)
    else:
        print(text)


def render(model: Model, width: int) -> str:
    """The summary as text: layers, or the weights of a model that has none of its own."""
    if not model.layers and model.weights:
        return _listing(model, width)
    table = Table(box=SIMPLE_HEAD, title=None, show_edge=False, pad_edge=False)
    for name, side in (("Layer (type)", "left"), ("Output shape", "left"), ("Params", "right"),
                       ("Connected to", "left")):  # fmt: skip
        if name != "Connected to" or _branches(model):
            table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for layer in model.layers:
        row = [f"{layer.name} ({type(layer).__name__})", _output_shape(layer), _params(layer)]
        table.add_row(*row, *([_sources(layer)] if _branches(model) else []))
    return _text(model, table, width)


def _listing(model: Model, width: int) -> str:
    table = Table(box=SIMPLE_HEAD, title=None, show_edge=False, pad_edge=False)
    for name, side in (("Weight", "left"), ("Type", "left"), ("Params", "right"), ("", "left")):
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for v in model.weights:
        kind = f"{v.dtype.name} {v.shape}"
        table.add_row(
            v.path, kind, f"{math.prod(v.shape):,}", "" if v.trainable else "not trainable"
        )
    longest = max(len(v.path) + len(f"{v.type} {v.shape}") for v in model.weights)
    return _text(model, table, max(width, longest + 40))


def _text(model: Model, table: Table, width: int) -> str:
    console = Console(width=width, highlight=False, no_color=True)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().rstrip().splitlines()]
    return "\n".join([f"Model: {model.name}", "", *lines, "", *_totals(model)])


def _needed(model: Model) -> int:
    rows = [(f"{x.name} ({type(x).__name__})", _output_shape(x), _params(x), _sources(x))
            for x in model.layers]  # fmt: skip
    return sum(max([12, *(len(r[i]) for r in rows)]) + 4 for i in range(4))


def _branches(model: Model) -> bool:
    """Whether some layer has not just the one before it as its source."""
    calls = [layer._inbound for layer in model.layers if layer._inbound]
    return any(len(c) > 1 or len(tree.leaves(c[-1].arguments)) > 1 for c in calls)


def _output_shape(layer: Layer) -> str:
    try:
        shapes = tree.map_leaves(lambda t: public_shape(t.shape), layer.output)
    except ArgumentError:
        return "?"
    return str(shapes)


def _params(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built else "not built"


def _sources(layer: Layer) -> str:
    if not layer._inbound:
        return ""
    found = []
    for tensor in tree.leaves(layer._inbound[-1].arguments):
        node = getattr(tensor, "node", None)
        if node is not None:
            found.append(node.payload.layer.name if node.op == "Call" else node.op.lower())
    return ", ".join(found)


def _totals(model: Model) -> list[str]:
    rows = [
        ("Total params", model.weights),
        ("Trainable params", model.trainable_weights),
        ("Non-trainable params", model.non_trainable_weights),
    ]
    if model.optimizer is not None:
        rows.append(("Optimizer params", model.optimizer.variables))
    return [f"{label}: {_count(v):,} ({_size(v)})" for label, v in rows]


def _count(variables: Iterable[Variable]) -> int:
    return sum(math.prod(v.shape) for v in variables)


def _size(variables: Iterable[Variable]) -> str:
    size = float(sum(math.prod(v.shape) * v.dtype.itemsize for v in variables))
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
