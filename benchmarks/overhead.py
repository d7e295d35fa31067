"""What a ``fit`` step costs beside the bare ONNX Runtime step that it runs.

A 64-32-10 MLP, batch 32, Adam. The bare step calls ``run_with_iobinding`` on the very binding that
``fit`` uses, in a loop without anything else. Both are measured in turn in one process; the figure is
the median of the ratios.

    python benchmarks/overhead.py [--rounds 9] [--steps 2000]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import waterhorse as wh


def build() -> wh.Sequential:
    """The MLP that the figure is about."""
    model = wh.Sequential(
        [wh.Input((64,)), wh.layers.Dense(32, activation="relu"), wh.layers.Dense(10)]
    )
    model.compile(
        wh.optimizers.Adam(1e-3), wh.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )  # fmt: skip
    return model


def fit_seconds(model: wh.Sequential, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds per step of one epoch of ``fit``: shuffling, gathering, running, metrics."""
    started = time.perf_counter()
    model.fit(x, y, batch_size=32, verbose=0)
    return (time.perf_counter() - started) / (len(x) // 32)


def bare_seconds(model: wh.Sequential, steps: int) -> float:
    """Seconds per step of ONNX Runtime alone."""
    ((_, step),) = model.steps._steps.values()
    bound = step.bind(((32, 64), (32,)))
    binding, session = bound._binding(), step.session
    started = time.perf_counter()
    for _ in range(steps):
        session.run_with_iobinding(binding)
    return (time.perf_counter() - started) / steps


def main() -> None:
    """Measure in turn and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    wh.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(32 * options.steps, 64)).astype(np.float32)
    y = generator.integers(0, 10, len(x))
    model = build()
    model.fit(x[:3200], y[:3200], verbose=0)
    pairs = []
    for _ in range(options.rounds):
        bare = bare_seconds(model, options.steps)
        pairs.append((fit_seconds(model, x, y), bare))
    fit, bare = (statistics.median(p[i] for p in pairs) * 1e6 for i in (0, 1))
    ratio = statistics.median(a / b for a, b in pairs)
    ((_, step),) = model.steps._steps.values()
    print(f"fit {fit:.1f} us/step, bare {bare:.1f} us/step, ratio {ratio:.2f}")
    print(f"{len(step.model.graph.node)} nodes, {options.rounds} rounds of {options.steps} steps")


if __name__ == "__main__":
    main()
