"""What the tests of damaged files share."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import waterhorse as wh
from waterhorse.errors import FileFormatError

HEAD = '<ir_version: 9, opset_import: ["" : {opset}{more}]>\n'
MEMORY = 300 << 20  # bytes that refusing a small file may take


def model(text: str, opset: int = 18, more: str = "", **weights: Any) -> onnx.ModelProto:
    made = parser.parse_model(HEAD.format(opset=opset, more=more) + text)
    made.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in weights.items())
    return made


def small() -> onnx.ModelProto:
    text = (
        "g (float[N, 4] x) => (float[N, 3] y) { a = MatMul (x, w)  b = Relu (a)  y = Add (b, c) }"
    )
    return model(text, w=np.ones((4, 3), "float32"), c=np.ones(3, "float32"))


def node_of(
    op: str, *shapes: str, attributes: str = "", outputs: int = 1, opset: int = 18
) -> onnx.ModelProto:
    """A model of one node; the inputs are written as types."""
    names = [f"i{k}" for k in range(len(shapes))]
    inputs = ", ".join(f"{s} {n}" for s, n in zip(shapes, names, strict=True))
    results = [f"o{k}" for k in range(outputs)]
    return model(
        f"g ({inputs}) => ({', '.join(f'float {r}' for r in results)}) "
        f"{{ {', '.join(results)} = {op} {f'<{attributes}>' if attributes else ''} ({', '.join(names)}) }}", opset,
    )  # fmt: skip


def refused(source: Any, message: str = ".") -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileFormatError, match=message) as caught:
        wh.load_onnx(source)
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert taken < MEMORY, f"took {taken >> 20} MiB"
    return str(caught.value)


@contextmanager
def suppress_but(message: str) -> Iterator[None]:
    """What is in it may be refused, in not too many words and with these among them."""
    try:
        yield
    except FileFormatError as error:
        said = str(error)
    else:
        return
    assert message in said, said
    assert len(said) < 2000
