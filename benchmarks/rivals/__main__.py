"""The table: see the package."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # scripts beside each other, as the other benchmarks

import measure  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
import problems  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

import waterhorse as wh  # noqa: E402

TOOLS = ("onnx-ad", "onnxsim")


@dataclass
class Row:
    """One model and one rival; ``reason`` where the rival has no gradient graph."""

    model: str
    rival: str
    ours: int
    theirs: int | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    ours_ms: float | None = None
    apart: float | None = None
    form: str = ""
    right: str = ""
    reason: str = ""


def rival(tool: str, python: str, problem: problems.Problem, out: Path) -> dict[str, str]:
    """What the worker says."""
    source = out.with_suffix(".source.onnx")
    onnx.save(problem.model, source)
    command = [python, str(HERE / "rival.py"), tool, str(source), str(out), *problem.wrt]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return {"reason": "took more than ten minutes"}
    if done.returncode:
        return {"reason": f"ended with {done.returncode}: {done.stderr.strip()[-200:]}"}
    answer: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def compare(name: str, options: argparse.Namespace, folder: Path) -> list[Row]:
    """A row for each rival."""
    wh.utils.clear_session()
    problem = problems.problem(name)
    ours = wh.differentiate(problem.model, wrt=problem.wrt, of=[problems.LOSS])
    onnx.save(ours, folder / f"{name}.waterhorse.onnx")
    runs = {"ours": measure.runner(ours, problem, options.threads)}
    found = measure.gradients(runs["ours"], problem)
    rows = []
    for tool in options.rivals:
        row = Row(name, tool, measure.nodes(ours))
        rows.append(row)
        out = folder / f"{name}.{tool}.onnx"
        answer = rival(tool, options.rivals_python, problem, out)
        row.form, row.reason = answer.get("how", ""), answer.get("reason", "")
        if row.reason:
            continue
        theirs = onnx.load(out)
        row.theirs = measure.nodes(theirs)
        runs[tool] = measure.runner(theirs, problem, options.threads)
        expected = measure.gradients(runs[tool], problem)
        row.apart = measure.apart(found, expected)
        if not row.apart <= options.tolerance:
            row.right = measure.judge(problem, found, expected)
    rounds = measure.times(runs, options.rounds) if len(runs) > 1 else []
    for row in rows:
        if row.rival in runs:
            ratios = [r["ours"] / r[row.rival] for r in rounds]
            row.ratio, row.spread = statistics.median(ratios), (min(ratios), max(ratios))
            row.ours_ms = statistics.median(r["ours"] for r in rounds) * 1e3
    return rows


def markdown(rows: list[Row]) -> str:
    """A line for each model, with the reasons below."""
    lines = [
        "| model | nodes: ours | onnx-ad | onnxsim | time: ours / onnx-ad | / onnxsim | ours, ms | apart |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.model for row in rows):
        found = {row.rival: row for row in rows if row.model == name}
        nodes = [_shown(found.get(tool), "theirs", "d") for tool in TOOLS]
        ratios = [_shown(found.get(tool), "ratio", ".2f") for tool in TOOLS]
        both = [row for row in found.values() if row.theirs is not None]
        own = f"{both[0].ours_ms:.2f}" if both else "-"
        apart = f"{max(row.apart or 0.0 for row in both):.0e}" if both else "-"
        ours = str(next(iter(found.values())).ours)
        lines.append(f"| {' | '.join([name, ours, *nodes, *ratios, own, apart])} |")
    notes = [f"- {r.model}, {r.rival}: {r.reason}" for r in rows if r.reason]
    notes += [
        f"- {r.model}, {r.rival}: gradients differ; right: {r.right}" for r in rows if r.right
    ]
    return "\n".join([*lines, "", *notes])


def _shown(row: Row | None, what: str, form: str) -> str:
    value = getattr(row, what) if row is not None else None
    return "-" if value is None else format(value, form)


def behind(row: Row) -> bool:
    """More nodes than the rival, or slower by more than what repeats."""
    return row.theirs is not None and (row.ours > row.theirs or (row.ratio or 0) > 1.02)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals", description=__doc__)
    parser.add_argument("--rivals-python", required=True, help="python with onnx-ad and onnxsim")
    parser.add_argument("--rivals", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--only", nargs="+", choices=problems.names(), default=problems.names())
    parser.add_argument("--rounds", type=int, default=measure.ROUNDS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep all files there")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary, Progress(transient=True) as progress:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        task = progress.add_task("", total=len(options.only))
        for name in options.only:
            progress.update(task, description=name)
            rows += compare(name, options, folder)
            progress.advance(task)
    console = Console(soft_wrap=True)
    console.print(markdown(rows), markup=False, highlight=False)
    console.print(
        f"\nonnxruntime {ort.__version__}, {options.threads} threads, {options.rounds} rounds"
    )
    for row in filter(behind, rows):
        console.print(f"behind: {row.model} ({row.rival})", markup=False, highlight=False)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))


if __name__ == "__main__":
    main()
