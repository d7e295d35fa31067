"""Tables in the graph: ``ai.onnx.ml``'s LabelEncoder, which maps strings and integers to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from ... import op
from ...dtypes import INT64, OBJECT, TensorType
from ...ir import Foreign, Tensor, foreign

_DOMAIN, _VERSION = "ai.onnx.ml", 2  # version 2 is what every ONNX Runtime since 1.2 has


def mapped(x: Tensor, keys: Sequence[Any], values: Sequence[Any], default: Any) -> Tensor:
    """The value of each element of ``x`` (strings or int64); ``default`` where there is no such key."""
    to_text = isinstance(default, str)
    convert = str if to_text else int
    keys, values = list(keys), [convert(v) for v in values]
    if not keys:  # a table needs an entry
        keys, values = ["" if x.dtype == OBJECT else 0], [default]
    attributes = {
        "keys_strings" if x.dtype == OBJECT else "keys_int64s": [
            k if x.dtype == OBJECT else int(k) for k in keys
        ],
        "values_strings" if to_text else "values_int64s": values,
        "default_string" if to_text else "default_int64": default,
    }
    protos = tuple(helper.make_attribute(n, v) for n, v in attributes.items())
    kind = TensorType(OBJECT if to_text else INT64, x.shape)
    return foreign(Foreign(_DOMAIN, "LabelEncoder", _VERSION, protos), [x], [kind])[0]


def within(numbers: Tensor, lowest: int, size: int) -> Tensor:
    """``numbers`` as they are; running fails where one is ``size``: Gather does not find it."""
    places = np.arange(lowest, size, dtype=np.int64)
    result: Tensor = op.Gather(places, numbers - np.int64(lowest), axis=0)
    return result
