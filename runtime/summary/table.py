"""A summary as text: columns as wide as what is in them, so that nothing is ever cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from ...compiler.inspection.macs import Polynomial
from ...compiler.state import Variable
from ...errors import ArgumentError
from .costs import elements, size, words
from .facts import Row, Summary

_GAP = 2
_OPTIONAL = ("Activations", "MACs", "Dtype")  # left out first where a terminal is narrow


@dataclass
class Column:
    """A column: its title, its texts, which side they stand on."""

    title: str
    texts: list[str]
    right: bool = False
    least: int = 0

    @property
    def width(self) -> int:
        return max([cell_len(self.title), self.least, *(cell_len(t) for t in self.texts)])

    def cells(self) -> list[str]:
        """The title and the texts, each with as many spaces as it takes."""
        width = self.width
        padded = [(t, " " * (width - cell_len(t))) for t in (self.title, *self.texts)]
        return [spaces + t if self.right else t + spaces for t, spaces in padded]


def render(
    summary: Summary, *, line_length: int | None = None, positions: Sequence[float] | None = None,
    expand_nested: bool = False, show_trainable: bool = False, room: int | None = None,
) -> list[str]:  # fmt: skip
    """The lines of a summary.

    Args:
        line_length: the table is at least so wide.
        positions: where columns end, at least: fractions of the line or columns of characters.
        room: the width of the terminal; columns that do not fit are left out.
    """
    rows = list(summary.flat()) if expand_nested else summary.rows
    if not rows and summary.weights:
        columns = _weights(summary.weights)
    else:
        columns = _layers(rows, summary.branches, show_trainable)
    if room is not None:
        for title in _OPTIONAL:
            if _width(columns) > room:
                columns = [c for c in columns if c.title != title]
    _place(columns, line_length, positions)
    head, *lines = [
        (" " * _GAP).join(cells).rstrip()
        for cells in zip(*(c.cells() for c in columns), strict=True)
    ]
    lines = [head, "─" * _width(columns), *lines]
    return [f"Model: {summary.name}", "", *lines, "", *totals(summary)]


def _layers(rows: Sequence[Row], connections: bool, trainable: bool) -> list[Column]:
    columns = [
        Column("Layer (type)", [f"{_indent(r)}{r.name} ({r.kind})" for r in rows]),
        Column("Output shape", [_shape(r) for r in rows]),
        Column("Dtype", [r.dtype for r in rows]),
        Column("Param #", [f"{r.parameters:,}" if r.built else "not built" for r in rows], True),
        Column("MACs", [_or_dash(r.macs) for r in rows], True),
        Column("Activations", [words(r.activations, size) for r in rows], True),
    ]
    if connections or any(r.depth for r in rows):
        columns.append(Column("Connected to", [", ".join(r.sources) or "-" for r in rows]))
    if trainable:
        said = {True: "Y", False: "N", None: "-"}
        columns.append(Column("Trainable", [said[r.trainable] for r in rows]))
    return columns


def _indent(row: Row) -> str:
    return "" if not row.depth else "│ " * (row.depth - 1) + "└ "


def _shape(row: Row) -> str:
    shape = row.shape
    if shape is None:
        return "?"
    return ", ".join(map(str, shape)) if isinstance(shape, list) else str(shape)


def _or_dash(count: Polynomial | None) -> str:
    return words(count) if count is None or count else "-"


def _weights(variables: Sequence[Variable]) -> list[Column]:
    """The weights of a model that has no layers of its own (it was read from a file)."""
    return [
        Column("Weight", [v.path for v in variables]),
        Column("Shape", [str(v.shape) for v in variables]),
        Column("Dtype", [v.dtype.name for v in variables]),
        Column("Param #", [f"{elements([v.shape]):,}" for v in variables], True),
        Column("", ["" if v.trainable else "not trainable" for v in variables]),
    ]


def _place(
    columns: list[Column], line_length: int | None, positions: Sequence[float] | None
) -> None:
    """Widen columns to where they should end."""
    if positions is not None:
        if len(positions) > len(columns) or any(b <= a for a, b in itertools.pairwise(positions)):
            raise ArgumentError(
                f"positions={list(positions)}: expected increasing numbers, at most one for each of the "
                f"{len(columns)} columns"
            )
        whole = line_length or _width(columns)
        ends = [round(p * whole) if positions[-1] <= 1 else int(p) for p in positions]
        for column, start, end in zip(columns, [0, *ends], ends, strict=False):
            column.least = max(0, end - start - _GAP)
    if line_length is not None:
        columns[-1].least = columns[-1].width + max(0, line_length - _width(columns))


def _width(columns: Sequence[Column]) -> int:
    return sum(c.width for c in columns) + _GAP * (len(columns) - 1)


def totals(summary: Summary) -> list[str]:
    """What there is below the table."""
    weights = summary.weights
    groups = [
        ("Total params", weights),
        ("Trainable params", [v for v in weights if v.trainable]),
        ("Non-trainable params", [v for v in weights if not v.trainable]),
    ]
    if summary.optimizer is not None:
        groups.append(("Optimizer params", summary.optimizer))
    lines = [
        f"{label}: {elements(v.shape for v in vs):,} ({size(memory(vs))})" for label, vs in groups
    ]
    if not summary.onnx:
        return lines
    if summary.rows:
        costs = f"{words(summary.macs)} MACs, {words(summary.activations, size)} of activations"
        lines.append(f"One example: {costs}")
    return [*lines, f"ONNX: {_onnx(summary)}"]


def memory(variables: Sequence[Variable]) -> int:
    """Bytes of the variables' values."""
    return sum(elements([v.shape]) * v.dtype.itemsize for v in variables)


def _onnx(summary: Summary) -> str:
    facts = summary.onnx
    nodes = f"{facts['nodes']['forward']:,} nodes"
    if "training" in facts["nodes"]:
        nodes += f" ({facts['nodes']['training']:,} with loss and gradients)"
    dims = ", ".join(facts["dynamic_dims"]) or "none"
    return f"opset {facts['opset']}, {nodes}, dynamic dims: {dims}"
