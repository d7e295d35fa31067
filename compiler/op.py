"""``op.MatMul(a, b)``: every ONNX operator of opset 21 as a checked function.

Editors read ``op.pyi``, which ``scripts/stubs`` generates from the same schemas.
"""

from functools import partial

from .ir import apply
from .schema import names, signature


def __getattr__(name):  # type: ignore[no-untyped-def]
    if name.startswith("__"):
        raise AttributeError(name)
    facts = signature(name)
    function = partial(apply, name)
    function.__doc__ = facts.schema.doc
    globals()[name] = function
    return function


def __dir__():  # type: ignore[no-untyped-def]
    return list(names())
