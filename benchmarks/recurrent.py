"""The backward pass of a 2-layer LSTM over 100 steps, ours and torch's on the CPU, in one run.

Both get the same weights and data and must give the same gradients (to 1e-4) before anything is timed.
Rounds alternate between the two, so that whatever else the machine does disturbs both. torch's backward
is ``loss.backward()`` alone; ours is what a step with gradients takes longer than one without, which
counts against us all that the forward pass keeps for later. The aim is 1.5 times torch's or less.

The machine must be idle: torch's threads wait actively for each other, and where other programs want the
cores it becomes many times slower than it is. ``taskset -c 0`` gives both one core, which suffers less.

torch is no dependency. It is run from an environment of its own:

    python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy
    python benchmarks/recurrent.py --torch torch-venv/bin/python [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import waterhorse as wh
from waterhorse import op

Array = np.ndarray[Any, Any]
# as many as ONNX Runtime takes; torch is told to take no more
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arrays(steps: int, batch: int, inputs: int, hidden: int, layers: int) -> dict[str, Array]:
    """X [T, B, I], the weight c of each output in the loss, and the weights of each layer."""
    rng = np.random.default_rng(0)
    bound = hidden**-0.5
    found = {
        "x": rng.normal(size=(steps, batch, inputs)),
        "c": rng.normal(size=(steps, batch, hidden)),
    }
    for i in range(layers):
        width = inputs if i == 0 else hidden
        found[f"W{i}"] = rng.uniform(-bound, bound, (1, 4 * hidden, width))
        found[f"R{i}"] = rng.uniform(-bound, bound, (1, 4 * hidden, hidden))
        found[f"B{i}"] = rng.uniform(-bound, bound, (1, 8 * hidden))
    return {n: a.astype(np.float32) for n, a in found.items()}


class Ours:
    """Two functions: the loss, and the loss with its gradients."""

    def __init__(self, given: dict[str, Array], hidden: int, layers: int) -> None:
        self.data = (given["x"], given["c"])
        names = [f"{kind}{i}" for i in range(layers) for kind in "WRB"]
        self.variables = {n: wh.Variable(given[n], name=n) for n in names}

        def loss(x: wh.Tensor, c: wh.Tensor) -> wh.Tensor:
            for i in range(layers):
                w, r, b = (self.variables[f"{kind}{i}"] for kind in "WRB")
                x = op.Squeeze(op.LSTM(x, w, r, b, hidden_size=hidden, outputs=3)[0], [1])
            return wh.ops.mean(x * c)

        def both(x: wh.Tensor, c: wh.Tensor) -> tuple[wh.Tensor, list[wh.Tensor]]:
            return wh.value_and_grad(loss(x, c), [*self.variables.values()])

        self.forward, self.both = wh.function(loss), wh.function(both)

    def gradients(self) -> dict[str, Array]:
        """By name; of the two biases, which have the same, the first."""
        found = dict(zip(self.variables, self.both(*self.data)[1], strict=True))
        return {n: a[0, : a.shape[1] // 2] if n[0] == "B" else a[0] for n, a in found.items()}

    def timed(self, rounds: int) -> dict[str, float]:
        """Seconds of the forward pass, and of what gradients take on top."""
        forward = seconds(lambda: self.forward(*self.data), rounds)
        return {
            "forward": forward,
            "backward": seconds(lambda: self.both(*self.data), rounds) - forward,
        }


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Seconds per call."""
    started = time.perf_counter()
    for _ in range(rounds):
        call()
    return (time.perf_counter() - started) / rounds


class Torch:
    """The worker."""

    def __init__(self, python: str, given: dict[str, Array], options: argparse.Namespace) -> None:
        self.folder = tempfile.TemporaryDirectory()
        paths = {n: str(Path(self.folder.name) / f"{n}.npz") for n in ("arrays", "gradients")}
        np.savez(paths["arrays"], **given)  # type: ignore[arg-type]
        worker = Path(__file__).with_name("recurrent_torch.py")
        self.process = subprocess.Popen([python, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)  # fmt: skip
        self.about = self.ask(
            {
                **paths,
                "threads": THREADS,
                "layers": options.layers,
                "hidden": options.hidden,
            }
        )
        self.gradients = dict(np.load(paths["gradients"]))

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One line there, one line back."""
        source, sink = self.process.stdout, self.process.stdin
        if source is None or sink is None:
            raise RuntimeError("the worker has no pipes")
        print(json.dumps(question), file=sink, flush=True)
        line = source.readline()
        if not line:
            raise RuntimeError(f"the torch worker ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End the worker."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def agree(ours: dict[str, Array], theirs: dict[str, Array]) -> float:
    """The largest difference relative to each gradient's largest element."""
    return max(
        float(np.abs(a - theirs[n]).max() / np.abs(theirs[n]).max()) for n, a in ours.items()
    )


def main() -> None:
    """Compare, time in turn, print medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", required=True, metavar="PYTHON", help="a Python that has torch")
    for name, value in {"steps": 100, "batch": 32, "inputs": 128, "hidden": 128, "layers": 2,
                        "rounds": 9, "repeats": 3}.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    given = arrays(options.steps, options.batch, options.inputs, options.hidden, options.layers)
    ours = Ours(given, options.hidden, options.layers)
    torch = Torch(options.torch, given, options)
    try:
        apart = agree(ours.gradients(), torch.gradients)
        if apart > 1e-4:
            raise SystemExit(f"The gradients differ by {apart:.1e}.")
        ours.timed(2)
        torch.ask({"rounds": 2})
        pairs = [
            (ours.timed(options.repeats), torch.ask({"rounds": options.repeats}))
            for _ in range(options.rounds)
        ]
    finally:
        torch.close()
    print(f"{options.layers}-layer LSTM, {options.steps} steps, batch {options.batch}, "
          f"{options.inputs} -> {options.hidden}, {THREADS} threads, torch {torch.about['torch']}; "
          f"gradients agree to {apart:.1e}")  # fmt: skip
    for part in ("forward", "backward"):
        a, b = (statistics.median(pair[i][part] for pair in pairs) * 1e3 for i in (0, 1))
        ratio = statistics.median(pair[0][part] / pair[1][part] for pair in pairs)
        print(f"{part:9} ours {a:7.2f} ms, torch {b:7.2f} ms, ratio {ratio:.2f}")
    ratio = statistics.median(sum(p[0].values()) / sum(p[1].values()) for p in pairs)
    load = f"; load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{'both':9} ratio {ratio:.2f}; medians of {options.rounds} rounds of {options.repeats}{load}"
    )


if __name__ == "__main__":
    main()
