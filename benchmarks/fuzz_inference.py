"""Random operands and attributes for every operator: whether onnx's inference comes back.

    python benchmarks/fuzz_inference.py [--count 3000] [--seed 1] [--only OPERATOR ...]

Each operator is applied ``--count`` times in a child process by ``compiler/infer.py``. A child that dies,
or takes more than ``--patience`` seconds for one node, is a finding: what it was asked is printed, and
belongs into ``compiler/hazards.py``. Ends with 1 where there are any. Linux only.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx

import waterhorse as wh
from waterhorse.compiler import dtypes, infer, schema
from waterhorse.compiler.infer import TensorType

DTYPES = [
    dtypes.as_dtype(n) for n in ("float32", "float64", "float16", "int64", "int32", "int8", "bool")
]
LARGE = (64, -64, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
SMALL = (0, 1, 1, 2, 2, 3, 4, 5, -1, -2, -5)
TEXTS = ("", "NOTSET", "SAME_UPPER", "VALID", "DCR", "linear", "cubic", "constant", "reflect", "wrap",
         "avg", "max", "reverse", "bidirectional", "add", "half_pixel", "TF",
         "left", "Relu", "RGB")  # fmt: skip
RANKS = (0, 1, 1, 2, 3, 4, 4, 5)
MOST = 4  # findings for an operator


class Asked(NamedTuple):
    """One question."""

    inputs: list[TensorType | None]
    attributes: dict[str, Any]
    values: list[schema.Literal | None]
    outputs: int


def question(op: str, rng: random.Random) -> Asked:
    """Operands of types that the operator mostly allows, and attributes."""
    facts = schema.signature(op)
    most = min(facts.max_inputs, max(facts.min_inputs, 5))
    common = [_dim(rng) for _ in range(rng.choice(RANKS))]
    inputs: list[TensorType | None] = []
    values: list[schema.Literal | None] = []
    for i in range(rng.randint(facts.min_inputs, most)):
        kind, value = (None, None) if rng.random() < 0.06 else _operand(facts, i, common, rng)
        inputs.append(kind)
        values.append(value)
    attributes = {}
    for name, attribute in facts.attributes.items():
        if attribute.required or rng.random() < 0.6:
            attributes[name] = _attribute(name, attribute, rng)
    outputs = rng.randint(facts.min_outputs, min(facts.max_outputs, max(facts.min_outputs, 4)))
    return Asked(inputs, attributes, values, outputs)


def _dim(rng: random.Random) -> Any:
    choice = rng.random()
    if choice < 0.75:
        return rng.choice((0, 1, 2, 3, 4, 5, 6, 8))
    return rng.choice((None, "n", "m")) if choice < 0.9 else rng.choice((-1, *LARGE[2:6]))


def _number(rng: random.Random) -> int:
    return rng.choice(LARGE if rng.random() < 0.12 else SMALL)


def _operand(
    facts: schema.Signature, place: int, common: Sequence[Any], rng: random.Random
) -> tuple[TensorType, schema.Literal | None]:  # fmt: skip
    allowed = facts.parameter(place).allowed if facts.parameters else frozenset()
    usual = [t for t in DTYPES if _name(t) in allowed] or DTYPES
    dtype = rng.choice(usual if rng.random() < 0.95 else DTYPES)
    shape = common if rng.random() < 0.4 else [_dim(rng) for _ in range(rng.choice(RANKS))]
    if dtype.kind != "i" or len(shape) > 1 or rng.random() < 0.2:
        return TensorType(dtype, tuple(shape)), None
    bounds = np.iinfo(dtype)
    numbers = [
        min(max(_number(rng), int(bounds.min)), int(bounds.max)) for _ in range(rng.randint(0, 8))
    ]
    array = np.array(numbers if shape else (numbers or [1])[0], dtype)
    return TensorType(dtype, array.shape), schema.Literal(array)


def _name(dtype: dtypes.DType) -> str:
    return f"tensor({onnx.TensorProto.DataType.Name(dtypes.to_onnx(dtype)).lower()})"


def _attribute(name: str, facts: Any, rng: random.Random) -> Any:
    kind = facts.type.name
    if kind == "INT":
        return rng.choice((1, 6, 7, 9, 10, 11)) if name in ("to", "dtype") else _number(rng)
    if name == "equation":
        return "".join(rng.choice("ij.k,->  LA1_\t") for _ in range(rng.randint(0, 9)))
    if kind == "STRING":
        usual = facts.default_value.s.decode() if facts.default_value.name else ""
        return usual if rng.random() < 0.4 else rng.choice(TEXTS)
    if kind == "TENSOR":
        return schema.Literal(np.full(rng.randint(0, 3), 1, rng.choice(DTYPES)))
    made = {
        "FLOAT": lambda: rng.choice((0.0, 1.0, -1.0, float("nan"), 1e38)),
        "INTS": lambda: [_number(rng) for _ in range(rng.choice((0, 1, 2, 2, 2, 3, 4, 4, 6, 8)))],
        "FLOATS": lambda: [1.0] * rng.randint(0, 4),
        "STRINGS": lambda: [rng.choice(TEXTS) for _ in range(rng.randint(0, 3))],
    }  # fmt: skip
    return made[kind]() if kind in made else None  # sparse tensors: not given


def ask(op: str, seed: int, numbers: range, progress: mmap.mmap) -> None:
    """Infer again and again, and say which one it is."""
    for number in numbers:
        progress[:16] = struct.pack("qd", number, time.monotonic())
        asked = question(op, random.Random(f"{op}/{seed}/{number}"))  # noqa: S311
        try:
            attributes = schema.normalise(op, asked.attributes)
            infer.infer(op, asked.inputs, attributes, asked.values, asked.outputs)
        except Exception:  # noqa: S112  # that it raises is no finding
            continue


def survey(op: str, arguments: argparse.Namespace, progress: mmap.mmap) -> int:
    """The number of findings for an operator; each is printed."""
    start, findings = 0, 0
    while start < arguments.count and findings < MOST:
        progress[:16] = struct.pack("qd", start, time.monotonic())
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # C++ says on stderr why it aborts
            ask(op, arguments.seed, range(start, arguments.count), progress)
            os._exit(0)
        if not _waited(child, arguments.patience, progress):
            return findings
        number = struct.unpack("qd", progress[:16])[0]
        asked = question(op, random.Random(f"{op}/{arguments.seed}/{number}"))  # noqa: S311
        print(f"{op} did not come back from {asked}", flush=True)
        start, findings = number + 1, findings + 1
    return findings


def _waited(child: int, patience: float, progress: mmap.mmap) -> bool:
    """Whether the child died, or had to be ended."""
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status != 0
        if time.monotonic() - struct.unpack("qd", progress[:16])[1] > patience:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return True
        time.sleep(0.005)


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=10.0)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    ops = arguments.only or [n for n in schema.names() if n not in schema.BLOCK_OPS]
    unknown = [n for n in ops if n not in schema.names()]
    if unknown:
        raise wh.errors.ArgumentError(f"there is no operator {unknown[0]!r}")
    progress = mmap.mmap(-1, 16)
    begin = time.monotonic()
    findings = {op: found for op in ops if (found := survey(op, arguments, progress))}
    print(
        f"onnx {onnx.__version__}: {len(ops)} operators, {arguments.count} nodes each, in "
        f"{time.monotonic() - begin:.0f} s: {findings or 'all came back'}"
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
