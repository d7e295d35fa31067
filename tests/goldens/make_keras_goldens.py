"""Golden values of activations and image operators, made by Keras on torch.

Not run by the tests, which only read what it wrote: ``keras_activations.npz`` and ``keras_ops.npz``.
To make them again, in a virtual environment of its own:

    pip install keras==3.15.1 torch==2.13.0
    KERAS_BACKEND=torch python tests/goldens/make_keras_goldens.py

Each file holds ``cases``, a JSON list of {"name", "call", "kwargs", ...}, and arrays under
``<name>/<what>``: all packed in one float32 vector ``values`` (a zip entry per array would be larger
than the arrays), with ``index``, JSON of {key: [dtype, shape, offset]}. "grad" is the derivative by
the first array: of the sum of the result times ``<name>/cotangent``, or of the loss itself.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from book import RNG, Book, differentiated, normal

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}), ("relu", {}), ("relu", {"negative_slope": 0.1}), ("relu", {"max_value": 2.0}),
    ("relu", {"threshold": 0.5}), ("relu", {"threshold": -1.0, "max_value": 1.5}),
    ("relu", {"negative_slope": 0.2, "max_value": 2.0, "threshold": 0.5}), ("relu6", {}),
    ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.05}), ("elu", {}),
    ("elu", {"alpha": 0.5}), ("selu", {}), ("celu", {}), ("celu", {"alpha": 2.0}), ("gelu", {}),
    ("gelu", {"approximate": True}), ("sigmoid", {}), ("hard_sigmoid", {}), ("silu", {}),
    ("hard_silu", {}), ("softmax", {}), ("softmax", {"axis": 0}), ("softmax", {"axis": [0, 1]}),
    ("log_softmax", {}), ("log_softmax", {"axis": 0}), ("softplus", {}), ("softsign", {}),
    ("tanh", {}), ("exponential", {}), ("mish", {}), ("glu", {}), ("glu", {"axis": 0}),
    ("log_sigmoid", {}), ("squareplus", {}), ("squareplus", {"b": 1.0}), ("tanh_shrink", {}),
    ("soft_shrink", {}), ("soft_shrink", {"threshold": 0.2}), ("hard_tanh", {}),
    ("hard_shrink", {}), ("threshold", {"threshold": 0.1, "default_value": -2.0}),
    ("sparse_plus", {}), ("sparse_sigmoid", {}),
]  # fmt: skip


def activations() -> None:
    book = Book()
    x = np.concatenate([np.linspace(-7.3, 7.1, 36), RNG.normal(size=12)]).astype("float32")
    x = x.reshape(4, 12)
    book.arrays["x"] = x
    for i, (call, kwargs) in enumerate(ACTIVATIONS):
        function = getattr(keras.activations, call)
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}
        y, cotangent, grad = differentiated(lambda t, f=function, g=given: f(t, **g), x)
        case = {"name": f"{i:02d}_{call}", "call": call, "kwargs": kwargs}
        book.add(case, y=y, cotangent=cotangent, grad=grad)
    book.write("activations")


# call, shapes of the arrays after the first, keyword arguments; shape of the first array
OPS: list[tuple[str, tuple[int, ...], list[tuple[int, ...]], dict[str, Any]]] = [
    ("conv", (2, 7, 6, 3), [(3, 3, 3, 4)], {}),
    ("conv", (2, 7, 6, 3), [(3, 2, 3, 4)], {"padding": "same", "strides": 2}),
    ("conv", (2, 7, 6, 4), [(3, 3, 2, 6)], {"padding": "same", "dilation_rate": 2}),
    ("conv", (2, 3, 7, 6), [(3, 3, 3, 4)], {"data_format": "channels_first", "strides": [2, 1]}),
    ("conv", (2, 9, 3), [(4, 3, 5)], {"padding": "same", "strides": 2}),
    ("conv", (1, 4, 5, 4, 2), [(2, 3, 2, 2, 3)], {"padding": "same"}),
    ("depthwise_conv", (2, 6, 7, 3), [(3, 3, 3, 2)], {"padding": "same", "strides": 2}),
    ("depthwise_conv", (2, 8, 3), [(3, 3, 1)], {}),
    ("separable_conv", (2, 6, 7, 3), [(3, 3, 3, 2), (1, 1, 6, 4)], {"padding": "same"}),
    ("conv_transpose", (2, 4, 5, 3), [(3, 3, 4, 3)], {"strides": 2}),
    ("conv_transpose", (2, 4, 5, 3), [(4, 4, 2, 3)], {"strides": 2, "padding": "same"}),
    ("conv_transpose", (2, 5, 3), [(3, 2, 3)], {"padding": "same"}),
    ("max_pool", (2, 7, 6, 3), [], {"pool_size": 2}),
    ("max_pool", (2, 7, 6, 3), [], {"pool_size": [3, 2], "strides": 2, "padding": "same"}),
    ("max_pool", (2, 9, 3), [], {"pool_size": 3, "strides": 1}),
    ("average_pool", (2, 7, 6, 3), [], {"pool_size": 2}),
    # odd sizes: Keras' torch backend counts copies of the edge where one side has more padding
    ("average_pool", (2, 7, 9, 3), [], {"pool_size": 3, "strides": 2, "padding": "same"}),
    ("average_pool", (2, 3, 7, 6), [], {"pool_size": 2, "data_format": "channels_first"}),
    ("batch_normalization", (4, 5, 3), [(3,), (3,)], {"axis": -1}),
    ("batch_normalization", (4, 3, 5), [(3,), (3,), (3,), (3,)], {"axis": 1, "epsilon": 0.1}),
    ("layer_normalization", (4, 5, 6), [(6,), (6,)], {"epsilon": 0.01}),
    ("layer_normalization", (4, 5, 6), [], {"epsilon": 1e-3}),
    ("layer_normalization", (4, 5, 6), [(5, 6), (5, 6)], {"axis": [1, 2]}),
    ("rms_normalization", (4, 5, 6), [(6,)], {}),
    ("normalize", (4, 5), [], {}), ("normalize", (4, 5), [], {"axis": 0, "order": 1}),
    ("normalize", (4, 5), [], {"order": 3}), ("gelu", (4, 5), [], {}),
    ("dot_product_attention", (2, 5, 3, 4), [(2, 6, 3, 4), (2, 6, 3, 4)], {}),
    ("dot_product_attention", (2, 5, 3, 4), [(2, 5, 3, 4), (2, 5, 3, 4)], {"is_causal": True}),
    ("depth_to_space", (2, 3, 2, 8), [], {"block_size": 2}),
    ("space_to_depth", (2, 4, 6, 3), [], {"block_size": 2}),
    ("norm", (4, 5), [], {}), ("norm", (4, 5), [], {"ord": 1}), ("norm", (4, 5), [], {"ord": -1}),
    ("norm", (4, 5), [], {"ord": 1, "axis": 1}), ("norm", (4, 5), [], {"ord": 3, "axis": 0}),
    ("norm", (3, 4, 5), [], {"axis": [1, 2], "keepdims": True}),
    ("logaddexp", (4, 5), [(4, 5)], {}), ("log1p", (4, 5), [], {}), ("expm1", (4, 5), [], {}),
    ("hypot", (4, 5), [(4, 5)], {}), ("arctan2", (4, 5), [(4, 5)], {}),
]  # fmt: skip

# arrays that are given by name
NAMED = {"batch_normalization": ["mean", "variance", "offset", "scale"]}


def ops() -> None:
    book = Book()
    for i, (call, shape, others, kwargs) in enumerate(OPS):
        x = normal(*shape)
        x = np.abs(x) if call == "log1p" else x
        names = NAMED.get(call, [f"other_{j}" for j in range(len(others))])
        rest = {n: normal(*s) for n, s in zip(names, others, strict=False)}
        if "variance" in rest:
            rest["variance"] = np.abs(rest["variance"]) + 0.1
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}
        function = getattr(keras.ops, call)

        def run(t: Any, f: Any = function, r: Any = rest, g: Any = given) -> Any:
            tensors = {n: torch.tensor(a) for n, a in r.items()}
            named = {n: a for n, a in tensors.items() if not n.startswith("other")}
            return f(t, *[a for n, a in tensors.items() if n not in named], **named, **g)

        y, cotangent, grad = differentiated(run, x)
        case = {"name": f"{i:02d}_{call}", "call": call, "kwargs": kwargs, "others": list(rest)}
        book.add(case, x=x, y=y, cotangent=cotangent, grad=grad, **rest)
    book.write("ops")


if __name__ == "__main__":
    activations()
    ops()
