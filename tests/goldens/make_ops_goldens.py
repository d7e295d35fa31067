"""Writes ``keras_operations.npz`` and ``keras_ops_signatures.json``.

The first is what Keras gives for the cases of ``tests/compiler/keras/cases_ops_plain.py``, and gradients.

To make it again, in a virtual environment with keras 3.15.1 and torch, in the root of the repository:
``KERAS_BACKEND=torch python -m tests.goldens.make_ops_goldens``
"""

from __future__ import annotations

import inspect
import json
import zlib
from typing import Any

import keras
import numpy as np
import torch

from ..compiler.keras.cases_ops import OpCase
from ..compiler.keras.cases_ops_plain import CASES
from .book import HERE


def function(call: str) -> Any:
    found = keras.ops
    for part in call.split("."):
        found = getattr(found, part)
    return found


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, (list, tuple)):
        return [x for t in tree for x in flat(t)]
    return [tree]


def cotangents(label: str, outputs: list[np.ndarray]) -> list[np.ndarray]:
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    return [rng.normal(size=y.shape).astype("float32") for y in outputs]


def results(line: OpCase) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs, and the gradients of the sum of outputs times cotangents."""
    given = [
        torch.tensor(x, requires_grad=i < line.wrt) if isinstance(x, np.ndarray) else x
        for i, x in enumerate(line.inputs)
    ]
    kwargs = {
        k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in line.kwargs.items()
    }
    found = (
        function(line.call)(given, **kwargs)
        if line.unpacked
        else function(line.call)(*given, **kwargs)
    )
    outputs = [torch.as_tensor(y) for y in flat(found)]
    values = [y.detach().numpy() for y in outputs]
    if not line.wrt:
        return values, []
    total = sum(
        (y * torch.tensor(c)).sum()
        for y, c in zip(outputs, cotangents(repr(line), values), strict=True)
        if y.requires_grad and y.is_floating_point()
    )
    total.backward()
    return values, [
        x.grad.numpy() if x.grad is not None else np.zeros_like(line.inputs[i])
        for i, x in enumerate(given[: line.wrt])
    ]


def signatures() -> dict[str, list[list[Any]]]:
    """Names and defaults of the arguments of all functions of ``keras.ops`` and ``keras.random``."""
    found = {}
    for prefix, module in (
        ("ops", keras.ops),
        ("ops.image", keras.ops.image),
        ("random", keras.random),
    ):
        for name in sorted(vars(module)):
            member = getattr(module, name)
            if name.startswith("_") or inspect.isclass(member) or not callable(member):
                continue
            found[f"{prefix}.{name}"] = [
                [p.kind.name, n, None if p.default is p.empty else repr(p.default)]
                for n, p in inspect.signature(member).parameters.items()
            ]
    return found


def main() -> None:
    table = HERE / "keras_ops_signatures.json"
    rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in signatures().items()]
    table.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    index: dict[str, Any] = {}
    parts: list[np.ndarray] = []
    offset, failed = 0, []
    for i, line in enumerate(CASES):
        try:
            outputs, grads = results(line)
        except Exception as error:  # all of them are reported at once
            failed.append(f"{line!r}: {type(error).__name__}: {error}")
            continue
        for kind, arrays in (("y", outputs), ("dx", grads)):
            for k, array in enumerate(arrays):
                index[f"{i}/{kind}{k}"] = [array.dtype.name, list(array.shape), offset]
                parts.append(np.asarray(array).astype("float32").ravel())
                offset += array.size
    if failed:
        raise SystemExit("\n".join(failed))
    path = HERE / "keras_operations.npz"
    names = [repr(line) for line in CASES]
    np.savez_compressed(path, names=json.dumps(names), index=json.dumps(index),
                        values=np.concatenate(parts))  # fmt: skip
    print(
        f"{path.name}: {len(CASES)} cases, {path.stat().st_size} bytes, keras {keras.__version__}"
    )


if __name__ == "__main__":
    main()
