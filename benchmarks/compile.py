"""How long it takes to build graphs: microseconds per node.

python benchmarks/compile.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from waterhorse import _boot
from waterhorse.compiler import autodiff, ir, lower, op
from waterhorse.compiler.infer import TensorType

assert _boot.gradients  # the import fills the table of rules
FLOAT = np.dtype(np.float32)


def argument(name: str, *shape: int | str) -> ir.Tensor:
    """A float32 input."""
    return ir.argument(name, TensorType(FLOAT, shape))


def chain(length: int = 1000) -> list[ir.Tensor]:
    """``length`` operators, one behind the other."""
    x = argument("x", "n", 64)
    for i in range(length // 2):
        x = op.Tanh(x + (i * 1e-3))
    return [x]


def training(layers: int = 8, width: int = 64) -> list[ir.Tensor]:
    """A multi-layer perceptron, its loss, gradients, and Adam on every weight."""
    x, y = argument("x", "n", width), argument("y", "n", width)
    weights, hidden = [], x
    for i in range(layers):
        weights += [argument(f"w{i}", width, width), argument(f"b{i}", width)]
        hidden = op.Relu(op.Gemm(hidden, weights[-2], weights[-1]))
    loss = op.ReduceMean((hidden - y) ** 2, keepdims=0)
    rate, results = argument("rate"), [loss]
    for i, (w, g) in enumerate(zip(weights, autodiff.grad(loss, weights), strict=True)):
        first, second = argument(f"m{i}", *w.shape), argument(f"v{i}", *w.shape)
        first = first * 0.9 + g * 0.1
        second = second * 0.999 + g * g * 0.001
        results += [w - rate * first / (op.Sqrt(second) + 1e-7), first, second]
    return results


def measure(label: str, build: Callable[[], list[ir.Tensor]]) -> None:
    """Best of five, after one run that warms the caches of inference."""
    build()
    best, lowering, count = float("inf"), float("inf"), 0
    for _ in range(5):
        start = time.perf_counter()
        outputs = build()
        middle = time.perf_counter()
        nodes = ir.toposort(outputs)
        inputs = {n.payload.name: n.outputs[0] for n in nodes if n.op == "Argument"}
        before = time.perf_counter()
        lower.lower(inputs, {f"y{i}": t for i, t in enumerate(outputs)})
        lowering = min(lowering, time.perf_counter() - before)
        best, count = min(best, middle - start), len(nodes)
    print(f"{label}: {count} nodes, build {best / count * 1e6:.1f} us/node, "
          f"lower {lowering / count * 1e6:.1f} us/node")  # fmt: skip


if __name__ == "__main__":
    measure("chain", chain)
    measure("perceptron with Adam", training)
