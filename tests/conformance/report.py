"""The table that a run prints."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import onnx
import onnxruntime
from rich.console import Console
from rich.table import Table

Row = dict[str, Any]
KINDS = {
    "differentiable": "differentiable",
    "zero": "declared zero, and zero by differences",
    "discrete": "no floats to differentiate",
    "text": "text",
}


def print_table(console: Console, rows: Sequence[Row]) -> None:
    """Cases by kind: forward and gradient right, and what is not."""
    table = Table(title="Node cases of the onnx package")
    for heading in (
        "kind", "cases", "forward right", "within 1e-5", "random", "as onnxruntime", "gradient right", "beside a kink",
        "unsupported", "wrong",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, label in KINDS.items():
        table.add_row(label, *_numbers([r for r in rows if r["kind"] == kind]))
    table.add_section()
    table.add_row("all", *_numbers(rows))
    console.print(table)
    engines = Counter(r["engine"] for r in rows if r["engine"])
    console.print("differences by: " + ", ".join(f"{n} {k}" for n, k in engines.most_common()))
    console.print(f"unsupported among the differentiable ones: {unsupported_share(rows):.1%}")


def _numbers(rows: Sequence[Row]) -> list[str]:
    def count(**wanted: str) -> int:
        return sum(all(r[k] == v for k, v in wanted.items()) for r in rows)

    unsupported = sum("unsupported" in (r["forward"], r["gradient"]) for r in rows)
    wrong = sum("wrong" in (r["forward"], r["gradient"]) for r in rows)
    numbers = (
        len(rows), count(forward="right"), count(forward="loose"), count(forward="random"), count(forward="runtime"),
        count(gradient="right"), count(gradient="jittered"), unsupported, wrong,
    )  # fmt: skip
    return [f"{n:,}" if n else "" for n in numbers]


def failed(row: Row) -> bool:
    """Whether a case is wrong or not supported."""
    return bool({"wrong", "unsupported"} & {row["forward"], row["gradient"]})


def unsupported_share(rows: Sequence[Row]) -> float:
    """How many of the differentiable cases are not supported."""
    due = [r for r in rows if r["kind"] == "differentiable"]
    missing = [r for r in due if "unsupported" in (r["forward"], r["gradient"])]
    return len(missing) / max(len(due), 1)


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The table as numbers, and each case that is not right with its reason."""
    counts: dict[str, Any] = {}
    for kind in KINDS:
        mine = [r for r in rows if r["kind"] == kind]
        counts[kind] = {
            "cases": len(mine),
            "forward": dict(Counter(r["forward"] for r in mine)),
            "gradient": dict(Counter(r["gradient"] for r in mine if r["gradient"])),
        }
    failures = {r["name"]: f"{r['kind']}: {cause(r['reason'])}" for r in rows if failed(r)}
    runtime = sorted(r["name"] for r in rows if r["forward"] == "runtime")
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    return {
        "versions": versions, "counts": counts, "failures": failures, "as_onnxruntime": runtime
    }  # fmt: skip


def print_failures(console: Console, rows: Sequence[Row], verbose: bool) -> None:
    """What is wrong or unsupported, by its cause."""
    for verdict in ("wrong", "unsupported"):
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for r in rows:
            if verdict in (r["forward"], r["gradient"]):
                groups[r["kind"], cause(r["reason"])].append(r["name"].removeprefix("test_"))
        for (kind, reason), names in sorted(groups.items(), key=lambda g: (g[0][0], -len(g[1]))):
            shown = (
                names if verbose or len(names) < 5 else [*names[:4], f"and {len(names) - 4} more"]
            )
            console.print(f"{verdict} ({kind}, {len(names)}): {reason}", style="bold", markup=False)
            console.print("    " + ", ".join(shown), markup=False)


def cause(reason: str) -> str:
    """A reason without what is particular to a case."""
    text = re.sub(r" \[at [^]]*\]", "", reason)  # a line of this program
    text = re.sub(r"node '[^']*'|'[^']*'", "…", text)
    text = re.sub(r"-?\d+\.?\d*(e[-+]?\d+)?|nan|inf", "#", text)
    return text[:200]
