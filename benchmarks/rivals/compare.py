"""Our gradient graphs beside those of onnx-ad 0.3 and onnxsim 0.8: nodes, and time in ONNX Runtime.

Every model has its floating-point parameters as inputs, since onnx-ad differentiates by nothing else,
and fixed shapes, since onnxsim takes no others; each rival may also have it in the opset that it knows
best. All are asked for the same: the outputs, and the gradients by all floating-point inputs. Where
gradients differ from ours by more than 1e-3 the rival is not counted as able. All graphs run in this
process with the same options, rounds alternate, and the ratio is the median over rounds of ours to
theirs (below 1 we are faster). Nodes are counted with those of subgraphs, and without Constant.

The rivals are installed nowhere else:

    python -m venv /tmp/rivals
    /tmp/rivals/bin/pip install 'onnx-ad==0.3.*' 'onnxsim==0.8.*' onnxruntime numpy
    python benchmarks/rivals/compare.py --python /tmp/rivals/bin/python [--only NAME ...] [--rounds 15]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import model_inputs
import models
import numpy as np
import onnx
import synthetic
from differences import opened, scattered, session, values_of
from rich.console import Console
from rich.table import Table

import waterhorse as wh

Array = np.ndarray[Any, Any]
RIVALS = ("onnx-ad", "onnxsim")
SECONDS = 0.15  # of repetitions in one round


@dataclass
class Case:
    """A model with parameters as inputs, and what is fed to it."""

    name: str
    model: onnx.ModelProto
    feeds: dict[str, Array]
    rows: dict[str, Any] = field(default_factory=dict)


def cases(names: list[str]) -> list[Case]:
    """The synthetic ones and those of third parties that are here."""
    found = [Case(n, m, f) for n, (m, f) in synthetic.models().items() if n in names]
    for name in names:
        path = models.find(name) if name in models.SOURCES else None
        if path is None:
            continue
        model, feeds = onnx.load(path), model_inputs.feeds(name)
        used = {i for node in model.graph.node for i in node.input}
        values = {n: a for n, a in values_of(model).items() if n in used and a.size > 1}
        feeds |= scattered(values, np.random.default_rng(0))
        found.append(Case(name, synthetic.static(opened(model, values), feeds), feeds))
    return found


def count(graph: onnx.GraphProto) -> int:
    """Nodes, with those of subgraphs, without constants."""
    total = 0
    for node in graph.node:
        total += node.op_type != "Constant"
        for attribute in node.attribute:
            total += count(attribute.g) if attribute.HasField("g") else 0
    return total


class Graph:
    """A gradient graph, ready to run."""

    def __init__(self, model: onnx.ModelProto, feeds: dict[str, Array]) -> None:
        self.nodes = count(model.graph)
        self.session = session(model)
        self.names = [o.name for o in self.session.get_outputs() if o.name.startswith("grad/")]
        self.outputs = [o.name for o in self.session.get_outputs()]
        self.feeds = {i.name: self._shaped(feeds[i.name], i) for i in self.session.get_inputs()}

    @staticmethod
    def _shaped(value: Array, taken: Any) -> Array:
        """onnx-ad's seeds have one more axis."""
        return value[..., None] if len(taken.shape) == value.ndim + 1 else value

    def gradients(self) -> dict[str, Array]:
        """By output name."""
        return dict(zip(self.names, self.session.run(self.names, self.feeds), strict=True))

    def seconds(self, repeats: int) -> float:
        """Of one run."""
        started = time.perf_counter()
        for _ in range(repeats):
            self.session.run(self.outputs, self.feeds)
        return (time.perf_counter() - started) / repeats


def apart(ours: dict[str, Array], theirs: dict[str, Array]) -> float:
    """The largest difference, relative to the largest element of all gradients."""
    size = max(float(np.abs(a).max(initial=0)) for a in ours.values()) or 1.0
    return (
        max(float(np.abs(a - theirs[n].reshape(a.shape)).max(initial=0)) for n, a in ours.items())
        / size
    )


def examine(case: Case, folder: Path, answers: dict[str, str | None], rounds: int) -> None:
    """Fill ``case.rows``: for ours and for each rival nodes and seconds, or what it said."""
    rng = np.random.default_rng(1)
    plain = session(case.model)
    outputs = [o.name for o in plain.get_outputs()]
    given = dict(case.feeds)
    for name, y in zip(outputs, plain.run(outputs, case.feeds), strict=True):
        given[f"cotangent/{name}"] = rng.normal(size=y.shape).astype(y.dtype)
    graphs = {"ours": Graph(wh.differentiate(case.model), given)}
    wanted = graphs["ours"].gradients()
    for rival in RIVALS:
        reason = answers.get(rival, "not asked")
        if reason is None:
            try:
                graph = Graph(onnx.load(folder / f"{case.name}.{rival}"), given)
                error = apart(wanted, graph.gradients())
                reason = None if error < 1e-3 else f"gradients differ by {error:.1e}"
            except Exception as failure:
                reason = f"{type(failure).__name__}: {failure}"[:200]
        if reason is None:
            graphs[rival] = graph
        else:
            case.rows[rival] = reason
    once = max(graphs["ours"].seconds(2), 1e-6)
    repeats = max(1, round(SECONDS / once))
    times: dict[str, list[float]] = {n: [] for n in graphs}
    for _ in range(rounds):
        for name, graph in graphs.items():
            times[name].append(graph.seconds(repeats))
    for name, graph in graphs.items():
        ratio = statistics.median(a / b for a, b in zip(times["ours"], times[name], strict=True))
        case.rows[name] = {
            "nodes": graph.nodes,
            "seconds": statistics.median(times[name]),
            "ratio": ratio,
        }


def table(found: list[Case]) -> Table:
    """For people."""
    result = Table(title="Gradient graphs: nodes, milliseconds, ratio of ours to theirs")
    for column in ("model", "ours", "onnx-ad", "onnxsim"):
        result.add_column(column, justify="left" if column == "model" else "right")
    for case in found:
        cells = [case.name]
        for who in ("ours", *RIVALS):
            row = case.rows.get(who, "-")
            if isinstance(row, str):
                cells.append("[dim]cannot")
            else:
                text = f"{row['nodes']} nodes {row['seconds'] * 1e3:.2f} ms"
                cells.append(text if who == "ours" else f"{text} [bold]{row['ratio']:.2f}")
        result.add_row(*cells)
    return result


def main() -> int:
    """Ends with 1 where a rival's graph is smaller or faster."""
    every = [*synthetic.models(), *models.SOURCES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", required=True, help="a Python that has onnx-ad and onnxsim")
    parser.add_argument("--only", nargs="+", choices=every, default=every, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    console, found = Console(), cases(options.only)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in found:
            onnx.save(case.model, folder / f"{case.name}.onnx")
        worker = Path(__file__).with_name("worker.py")
        done = subprocess.run(
            [options.python, worker, temporary], capture_output=True, text=True, check=True
        )
        answers = json.loads(done.stdout.splitlines()[-1])
        for case in found:
            console.print(f"{case.name} ...", style="dim")
            try:
                examine(case, folder, answers[case.name], options.rounds)
            except Exception as error:
                case.rows["ours"] = f"{type(error).__name__}: {error}"
    console.print(table(found))
    for case in found:
        for who, row in case.rows.items():
            if isinstance(row, str):
                console.print(f"{case.name}: {who}: {row}", markup=False, highlight=False)
    if options.json:
        options.json.write_text(json.dumps({c.name: c.rows for c in found}, indent=1))
    return int(any(_behind(case) for case in found))


def _behind(case: Case) -> bool:
    ours = case.rows["ours"]
    theirs = [case.rows[r] for r in RIVALS if isinstance(case.rows.get(r), dict)]
    if isinstance(ours, str):
        return True
    return any(t["nodes"] < ours["nodes"] or t["ratio"] > 1 for t in theirs)


if __name__ == "__main__":
    raise SystemExit(main())
