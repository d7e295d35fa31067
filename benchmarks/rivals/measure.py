"""Counting nodes, running graphs in turn, comparing gradients."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from differences import Array
from problems import LOSS, Problem, read, subgraphs

ROUNDS = 9
SECONDS = 0.15  # of each graph in each round


def nodes(model: onnx.ModelProto) -> int:
    """Nodes that an output depends on, those in subgraphs too, Constants not."""
    return _count(model.graph)


def _count(graph: onnx.GraphProto) -> int:
    needed, total = {o.name for o in graph.output}, 0
    for node in reversed(graph.node):
        if not needed.intersection(node.output):
            continue
        needed.update(read(node))
        total += (node.op_type != "Constant") + sum(_count(g) for g in subgraphs(node))
    return total


@dataclass
class Run:
    """A gradient graph, ready to run: first the loss, then the gradients in the problem's order."""

    session: ort.InferenceSession
    outputs: Sequence[str]
    feeds: Mapping[str, Array]

    def __call__(self) -> list[Array]:
        found: list[Array] = self.session.run(self.outputs, self.feeds)
        return found


def runner(model: onnx.ModelProto, problem: Problem, threads: int) -> Run:
    """A session for a graph whose outputs are the loss and, in order, the gradients."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    others = [o.name for o in session.get_outputs() if o.name != LOSS]
    feeds = {i.name: problem.feeds[i.name] for i in session.get_inputs()}
    return Run(session, [LOSS, *others], feeds)


def gradients(run: Run, problem: Problem) -> list[Array]:
    """The gradients in float64 and in the shapes of the weights (onnx-ad's have an axis more)."""
    found = run()[1:]
    return [
        np.asarray(g, np.float64).reshape(problem.feeds[n].shape)
        for g, n in zip(found, problem.wrt, strict=True)
    ]


def apart(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The largest difference, relative to the largest element of each; tiny gradients count less."""
    scale = max((float(np.abs(g).max(initial=0)) for g in theirs), default=0.0)
    return max(
        float(np.abs(a - b).max(initial=0) / (max(np.abs(b).max(initial=0), 1e-4 * scale) or 1.0))
        for a, b in zip(ours, theirs, strict=True)
    )


def times(runs: Mapping[str, Run], rounds: int = ROUNDS) -> list[dict[str, float]]:
    """Seconds of one run of each graph, in rounds: what else the machine does, it does to all."""
    counts = {}
    for name, run in runs.items():
        run()
        started = time.perf_counter()
        run()
        counts[name] = max(2, int(SECONDS / max(time.perf_counter() - started, 1e-6)))
    found = []
    for i in range(rounds):
        order = [*runs.items()][:: 1 if i % 2 else -1]
        found.append({name: _seconds(run, counts[name]) for name, run in order})
    return found


def _seconds(run: Run, count: int) -> float:
    """The median of ``count`` runs."""
    each = []
    for _ in range(count):
        started = time.perf_counter()
        run()
        each.append(time.perf_counter() - started)
    return statistics.median(each)


def judge(problem: Problem, ours: Sequence[Array], theirs: Sequence[Array]) -> str:
    """Who is right where gradients differ: a difference quotient along the direction of the difference."""
    direction = [a - b for a, b in zip(ours, theirs, strict=True)]
    length = float(np.sqrt(sum(np.vdot(d, d) for d in direction)))
    if not np.isfinite(length):
        finite = all(np.isfinite(g).all() for g in ours)
        return "theirs is not finite" if finite else "ours is not finite"
    unit = [d / length for d in direction]
    slopes = [sum(np.vdot(g, u) for g, u in zip(gs, unit, strict=True)) for gs in (ours, theirs)]
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(
        problem.model.SerializeToString(), options, ["CPUExecutionProvider"]
    )

    def loss(step: float) -> float:
        moved = {
            n: (problem.feeds[n] + step * u).astype(problem.feeds[n].dtype)
            for n, u in zip(problem.wrt, unit, strict=True)
        }
        return float(session.run([LOSS], {**problem.feeds, **moved})[0])

    quotients = [(loss(s) - loss(-s)) / (2 * s) for s in (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)]
    best = statistics.median(quotients)
    who = "ours" if abs(slopes[0] - best) < abs(slopes[1] - best) else "theirs"
    return f"{who} (slope {slopes[0]:.4g} and {slopes[1]:.4g}, difference quotient {best:.4g})"
