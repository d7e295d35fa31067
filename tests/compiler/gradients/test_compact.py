"""How many nodes a gradient takes beside the function itself. The numbers may only become smaller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, op
from waterhorse.compiler.infer import TensorType

TARGETS = ir.argument("t", TensorType(np.dtype(np.int64), ("n",)))

# name: (most nodes, the function, shapes of its operands)
LIMITS: dict[str, tuple[int, Any, list[tuple[Any, ...]]]] = {
    "bias on unknown sizes": (1, op.Add, [(None, None, 8), (8,)]),
    "scale on unknown sizes": (3, op.Mul, [(None, None, 8), (8,)]),
    "square": (2, lambda x: x**2.0, [("n", 8)]),
    "clip": (3, lambda x: op.Clip(x, 0.0, 1.0), [("n", 8)]),
    "mean": (3, lambda x: op.ReduceMean(x, [-1]), [("n", None, 8)]),
    "attention scores": (2, lambda q, k: op.Einsum(q, k, equation="bhqd,bhkd->bhqk"),
                         [("b", "h", "q", 8), ("b", "h", "k", 8)]),
    "trace": (2, lambda x: op.Einsum(x, equation="ii"), [(3, 3)]),
    "det": (7, op.Det, [(3, 3)]),
    "spectrum": (3, lambda x: op.DFT(x, None, 1, onesided=1), [("b", 1000, 1)]),
    "layer normalization": (19, op.LayerNormalization, [("n", "t", 8), (8,), (8,)]),
    "batch normalization": (16, op.BatchNormalization, [("n", 8, 16, 16), *[(8,)] * 4]),
    "batch normalization in training": (
        25, lambda *a: op.BatchNormalization(*a, training_mode=1, outputs=3)[0],
        [("n", 8, 16, 16), *[(8,)] * 4],
    ),
    "instance normalization": (20, op.InstanceNormalization, [("n", 8, 16, 16), (8,), (8,)]),
    "group normalization": (24, lambda *a: op.GroupNormalization(*a, num_groups=2),
                            [("n", 8, 16, 16), (8,), (8,)]),
    "cross entropy": (11, lambda x: op.SoftmaxCrossEntropyLoss(x, TARGETS), [("n", 10)]),
    "cross entropy, some ignored": (
        14, lambda x: op.SoftmaxCrossEntropyLoss(x, TARGETS, ignore_index=-100), [("n", 10)]
    ),
    "padding cut off": (1, lambda x: op.Pad(x, [0, 1, 0, 1]), [("n", 8)]),
    "embedding": (4, lambda x: op.Gather(x, TARGETS), [(1000, 8)]),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_gradients_are_no_larger_than_they_need_be(name: str) -> None:
    most, build, shapes = LIMITS[name]
    kind = np.dtype(np.float32)
    xs = [ir.argument(f"x{i}", TensorType(kind, s)) for i, s in enumerate(shapes)]
    y = build(*xs)
    dxs = autodiff.vector_jacobian([y], [ir.argument("dy", y.type)], xs)
    before = set(ir.toposort([y]))
    found = [n.op for n in ir.toposort(dxs) if n not in before and n.op not in ir.LEAVES]
    added = [op_type for op_type in found if op_type != "Constant"]
    assert 0 < len(added) <= most, added
