"""Names of element types, as libraries written for Keras ask for them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ...compiler import dtypes, settings


def standardize_dtype(dtype: Any) -> str:
    """The name of an element type: "float32" for "float"; the default type for None."""
    plain = {
        None: settings.floatx(),
        "float": "float32",
        float: "float32",
        "int": "int32",
        int: "int32",
    }
    try:
        return plain.get(dtype) or dtypes.as_dtype(dtype).name
    except TypeError:  # not hashable
        return dtypes.as_dtype(dtype).name


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a type of floats."""
    return dtypes.is_float(dtypes.as_dtype(standardize_dtype(dtype)))


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is a type of integers, with or without a sign."""
    return dtypes.as_dtype(standardize_dtype(dtype)).kind in "iu"


def result_type(*dtypes_: Any) -> str:
    """The type of what is computed from these: integers with floats give the float's type."""
    kinds = [dtypes.as_dtype(standardize_dtype(d)) for d in dtypes_] or [np.dtype("float32")]
    return reduce(dtypes.common, kinds).name
