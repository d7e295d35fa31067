"""``waterhorse inspect``: what is in an ONNX model, as tables or as JSON."""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .. import _boot as _boot
from ..compiler import differentiability, importer
from ..compiler.inspection import Operator, Report, Stored, Value, inspect
from ..compiler.inspection.macs import Polynomial, counted
from ..errors import ArgumentError, WaterhorseError

_WORDS = {  # kinds of compiler/differentiability.py
    "rule": ("rule", "green"), "body": ("by its body", "cyan"), "adapter": ("rewritten", "cyan"),
    "handler": ("when read", "cyan"), "zero": ("zero", "yellow"), "none": ("none", "bright_black"),
    "unsupported": ("no", "bold red"),
}  # fmt: skip
_MOST_TERMS = 3
_LONGEST = 60


def dims_from(texts: Iterable[str]) -> dict[str, int]:
    """``["batch=8,seq=128"]`` as numbers by name."""
    found = {}
    for part in (p for text in texts for p in text.split(",") if p):
        name, equals, value = part.rpartition("=")
        if not equals or not value.strip().isdigit() or int(value) < 1:
            raise ArgumentError(f"--dims {part!r}: expected NAME=SIZE, as in batch=8,seq=128")
        found[name.strip()] = int(value)
    return found


def run(path: Path, dims: Sequence[str], as_json: bool, weights: bool) -> None:
    """Print the report."""
    model, _ = importer.parsed(path)
    report = inspect(model, differentiability.how, dims_from(dims))
    graph, problem = _loaded(path, report)
    trained = (
        {n: "" if w.trainable else w.reason for n, w in graph.weights.items()} if graph else {}
    )
    if graph is not None and not report.resolved:
        report.refine(graph.outputs.values())
    if as_json:
        content = {"file": os.fspath(path), **report.as_dict(), "weights": trained, "loads": not problem,
                   "problem": problem}  # fmt: skip
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    _show(console, path, model, report)
    _say_weights(console, trained, problem)
    if weights:
        _wide(console, _weights_table(report, trained))


def _loaded(path: Path, report: Report) -> tuple[importer.Imported | None, str]:
    """The model as ``load_onnx`` would read it, or why it cannot be read."""
    shapes = {
        v.name: [d if isinstance(d, int) else None for d in v.shape]
        for v in report.inputs
        if v.shape is not None
    }
    try:
        return importer.read(path, input_shapes=shapes), ""
    except (WaterhorseError, NotImplementedError) as error:
        return None, str(error)


# -- tables -----------------------------------------------------------------------------------


def _show(console: Console, path: Path, model: onnx.ModelProto, report: Report) -> None:
    opsets = ", ".join(f"{d} {v}" for d, v in report.opsets.items())
    nodes = sum(o.count for o in report.operators)
    console.print(Text(os.fspath(path), "bold"))
    made = f", made by {report.producer}" if report.producer else ""
    console.print(f"{nodes} nodes, opset {opsets}, IR {report.ir_version}{made}", markup=False)
    for key, value in report.metadata.items():
        console.print(f"{key}: {_short(value)}", markup=False)
    if report.functions:
        used = ", ".join(f"{n} ({c} times)" for n, c in report.functions.items())
        console.print(f"functions of its own, inlined below: {used}", markup=False)
    if report.problem:
        console.print(Text(report.problem, "red"))
    if report.training:
        console.print(f"training_info: {report.training}", markup=False)
    _wide(console, _values_table(report))
    if report.dims:
        text = "; ".join(f"{n} ({', '.join(p)})" for n, p in report.dims.items())
        console.print(f"open dims: {text}\n", markup=False)
    table = _operators_table(report, notes=True)
    narrow = console.is_terminal and _width(console, table) > console.width
    _wide(console, _operators_table(report, notes=False) if narrow else table)
    if narrow:
        console.print(
            "[dim]in a wider terminal, or in a file, it says more on each gradient[/dim]\n"
        )
    console.print(f"MACs: {_total(report)}\n", markup=False)
    _wide(console, _stored_table(report.stored))


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    return table


def _wide(console: Console, table: Table) -> None:
    """Print a table without cutting it, however narrow the terminal; a file has no width at all."""
    width = max(console.width, _width(console, table))
    own = Console(
        file=io.StringIO(), width=width, highlight=False,
        force_terminal=console.is_terminal, no_color=console.no_color,
    )  # fmt: skip
    own.print(table)
    lines = own.file.getvalue().rstrip().splitlines()  # type: ignore[attr-defined]
    print("\n".join(line.rstrip() for line in lines) + "\n")


def _width(console: Console, table: Table) -> int:
    """How wide a table is if nothing in it is cut."""
    wide = console.options.update(max_width=10**6)
    return Measurement.get(console, wide, table).maximum


def _values_table(report: Report) -> Table:
    table = _table(("", "left"), ("name", "left"), ("type", "left"), ("shape", "left"))
    for label, values in (("input", report.inputs), ("output", report.outputs)):
        for value in values:
            table.add_row(label, Text(value.name), _kind(value), Text(_shape(value, report)))
    return table


def _kind(value: Value) -> str:
    return value.dtype if value.kind == "tensor" else f"{value.kind} of {value.dtype}"


def _shape(value: Value, report: Report) -> str:
    """Sizes that go by a name which shape inference has made up are shown as ``?``."""
    if value.shape is None:
        return "?"
    known = [d for d in value.shape if isinstance(d, int) or d in report.dims]
    return "[" + ", ".join(str(d) if d in known else "?" for d in value.shape) + "]"


def _operators_table(report: Report, notes: bool) -> Table:
    """``notes``: say something on each gradient, not just on those that are missing."""
    table = _table(("operator", "left"), ("nodes", "right"), ("MACs", "right"), ("share", "right"),
                   ("gradient", "left"), ("", "left"))  # fmt: skip
    for row in report.operators:
        share = _share(row.macs, report.macs)
        note = row.note.replace("``", "") if notes or row.how == "unsupported" else ""
        table.add_row(
            Text(row.title), f"{row.count:,}", _macs(report, row), share,
            Text(*_WORDS.get(row.how, (row.how, ""))), Text(note),
        )  # fmt: skip
    return table


def _share(part: Polynomial, total: Polynomial) -> str:
    """How much of the total, where that does not depend on open sizes."""
    if len(total.terms) != 1 or set(part.terms) != set(total.terms):
        return ""
    return f"{part.at_one() / total.at_one():.1%}"


def _macs(report: Report, row: Operator) -> str:
    if not counted(row.domain, row.name):
        return ""
    if report.open_factors(row.macs) or len(row.macs.terms) > _MOST_TERMS:
        return "?"
    unknown = f"? ({row.unknown} nodes)" if row.unknown else ""
    return " + ".join(filter(None, [polynomial(row.macs) if row.macs else "", unknown])) or "0"


def _total(report: Report) -> str:
    total, unknown = report.macs, report.unknown
    if not report.open_factors(total) and len(total.terms) <= _MOST_TERMS:
        text = polynomial(total) if total else "0"
        return (
            f"{text}, and those of {unknown} nodes whose shapes are not known" if unknown else text
        )
    if report.dims:
        wanted = ",".join(f"{name}=..." for name in report.dims)
        return f"not known while sizes are open: give them, --dims {wanted}"
    return "not known: some sizes within cannot be told from those of the inputs"


def polynomial(value: Polynomial) -> str:
    """``batch x 4.09 G + 2 M``."""
    parts = []
    for names, count in sorted(value.terms.items(), key=lambda item: -item[1]):
        powers = [n + ("" if times == 1 else f"^{times}") for n, times in Counter(names).items()]
        parts.append(" x ".join([*powers, scaled(count)]))
    return " + ".join(parts)


def scaled(count: float) -> str:
    """``4.09 G``: three digits and a prefix of the SI."""
    for unit in ("", " k", " M", " G", " T"):
        if count < 999.5:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g} P"


def size(count: float) -> str:
    """``97.8 MB``."""
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{_three(count)} {unit}"
        count /= 1024
    return f"{_three(count)} GB"


def _three(count: float) -> str:
    """Three digits, or four before the point."""
    return f"{count:.3g}" if count < 999.5 else f"{count:.0f}"


def _stored_table(stored: Sequence[Stored]) -> Table:
    table = _table(("stored as", "left"), ("type", "left"), ("tensors", "right"), ("numbers", "right"),
                   ("size", "right"))  # fmt: skip
    groups: dict[tuple[str, str], list[Stored]] = {}
    for item in stored:
        where = f"{item.where} in {item.file}" if item.file else item.where
        groups.setdefault((where, item.dtype), []).append(item)
    for (where, dtype), items in sorted(groups.items(), key=lambda g: -_bytes(g[1])):
        numbers = sum(i.count for i in items)
        table.add_row(Text(where), dtype, f"{len(items):,}", f"{numbers:,}", size(_bytes(items)))
    if len(groups) > 1:
        table.add_section()
        numbers = sum(i.count for i in stored)
        table.add_row("all", "", f"{len(stored):,}", f"{numbers:,}", size(_bytes(stored)))
    return table


def _bytes(items: Iterable[Stored]) -> int:
    return sum(i.bytes or 0 for i in items)


def _say_weights(console: Console, trained: dict[str, str], problem: str) -> None:
    if problem:
        console.print(Text(f"wh.load_onnx cannot load it: {problem}", "red"))
        return
    reasons: dict[str, int] = {}
    for reason in trained.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    free = reasons.pop("", 0)
    frozen = "".join(f"; {count} not to train ({why})" for why, count in reasons.items())
    console.print(f"wh.load_onnx loads it: {free} weights to train{frozen}", markup=False)


def _weights_table(report: Report, trained: dict[str, str]) -> Table:
    table = _table(("stored tensor", "left"), ("type", "left"), ("shape", "left"), ("size", "right"),
                   ("used by", "left"), ("trained", "left"))  # fmt: skip
    for item in report.stored:
        fate = trained.get(item.name)
        word = "" if fate is None else "yes" if not fate else f"no, {fate}"
        shape = Text(str(list(item.shape)))
        table.add_row(
            Text(item.name), item.dtype, shape, size(item.bytes or 0), ", ".join(item.used_by), word
        )
    return table


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
