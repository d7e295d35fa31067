"""Golden values of activations, losses, metrics and image operators, made by Keras on torch.

Not run by the tests, which only read what it wrote: ``keras_activations.npz``, ``keras_losses.npz``,
``keras_metrics.npz`` and ``keras_ops.npz``. To make them again, in a virtual environment of its own:

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


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def targets_and_predictions(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Data that suit a loss: ``kind`` says what targets and predictions are."""
    classes = np.array([2, 0, 4, 1, 3, 2])
    logits = normal(6, 5) * 2
    logits[0, 0] = 0.0
    rows = np.eye(5, dtype="float32")[classes]
    return {
        "numbers": lambda: (normal(6, 5), normal(6, 5)),
        "column": lambda: (normal(6), normal(6, 1)),
        "vector": lambda: (normal(6, 1), normal(6)),
        "positive": lambda: (np.abs(normal(6, 5)) + 0.1, np.abs(normal(6, 5)) + 0.1),
        "binary_logits": lambda: ((normal(6, 5) > 0).astype("float32"), logits),
        "binary": lambda: ((normal(6, 5) > 0).astype("int64"), 1 / (1 + np.exp(-logits))),
        "binary_column": lambda: (np.array([0, 1, 1, 0, 1, 0]), 1 / (1 + np.exp(-logits[:, :1]))),
        "signs": lambda: (np.sign(normal(6, 5)), normal(6, 5)),
        "one_hot": lambda: (rows, softmax(logits)),
        "one_hot_scaled": lambda: (rows, softmax(logits) * 3),
        "one_hot_logits": lambda: (rows, logits),
        "soft": lambda: (softmax(normal(6, 5)), softmax(logits)),
        "classes": lambda: (classes, softmax(logits)),
        "classes_column": lambda: (classes[:, None], softmax(logits)),
        "classes_logits": lambda: (classes, logits),
        "extreme": lambda: (classes, rows[::-1].copy()),
        "extreme_logits": lambda: (classes, logits * 60),
        "sequence": lambda: (RNG.integers(0, 5, (3, 4)), normal(3, 4, 5)),
    }[kind]()  # fmt: skip


LOSSES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "numbers"), ("MeanSquaredError", {}, "column"),
    ("MeanSquaredError", {}, "vector"), ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"), ("Huber", {}, "numbers"),
    ("Huber", {"delta": 0.3}, "numbers"), ("LogCosh", {}, "numbers"), ("Poisson", {}, "positive"),
    ("CosineSimilarity", {}, "numbers"), ("CosineSimilarity", {"axis": 0}, "numbers"),
    ("KLDivergence", {}, "soft"), ("Hinge", {}, "signs"), ("Hinge", {}, "binary_logits"),
    ("SquaredHinge", {}, "signs"), ("CategoricalHinge", {}, "one_hot_logits"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("BinaryCrossentropy", {}, "binary"), ("BinaryCrossentropy", {}, "binary_column"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, "binary_logits"),
    ("CategoricalCrossentropy", {}, "one_hot"), ("CategoricalCrossentropy", {}, "one_hot_scaled"),
    ("CategoricalCrossentropy", {}, "soft"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1, "from_logits": True}, "one_hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {}, "classes_column"),
    ("SparseCategoricalCrossentropy", {}, "extreme"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "classes_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "extreme_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sequence"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "classes"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "sequence"),
]  # fmt: skip
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]


def losses() -> None:
    book = Book()
    for i, (call, kwargs, kind) in enumerate(LOSSES):
        true, pred = targets_and_predictions(kind)
        pred = pred.astype("float32")
        make = getattr(keras.losses, call)
        plain = make(**kwargs, reduction="none")(true, torch.tensor(pred))
        weight = np.abs(normal(*plain.shape))
        found = {}
        for reduction in REDUCTIONS:
            loss = make(**kwargs, reduction=reduction)
            found[reduction] = loss(true, torch.tensor(pred))
            found[f"{reduction}_weighted"] = loss(true, torch.tensor(pred), sample_weight=weight)
        leaf = torch.tensor(pred, requires_grad=True)
        make(**kwargs)(true, leaf, sample_weight=weight).backward()
        case = {"name": f"{i:02d}_{call}", "call": call, "kwargs": kwargs, "data": kind}
        book.add(case, true=true, pred=pred, weight=weight, grad=leaf.grad, **found)
    book.write("losses")


METRICS: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "equal"), ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {}, "binary_column"), ("BinaryAccuracy", {"threshold": 0.3}, "binary"),
    ("CategoricalAccuracy", {}, "one_hot"), ("SparseCategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalAccuracy", {}, "classes_column"),
    ("SparseCategoricalAccuracy", {}, "sequence"), ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "classes"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "sequence"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "extreme"), ("MeanSquaredError", {}, "numbers"),
    ("MeanSquaredError", {}, "column"), ("RootMeanSquaredError", {}, "numbers"),
    ("MeanAbsoluteError", {}, "numbers"), ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"), ("LogCoshError", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"), ("KLDivergence", {}, "soft"), ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"), ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one_hot_logits"), ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sequence"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "classes"),
]  # fmt: skip


def metrics() -> None:
    book = Book()
    for i, (call, kwargs, kind) in enumerate(METRICS):
        arrays: dict[str, Any] = {}
        plain, weighted = (getattr(keras.metrics, call)(**kwargs) for _ in range(2))
        arrays["empty"] = plain.result()
        for batch in range(2):
            if kind == "equal":
                true, pred = RNG.integers(0, 3, (6, 5)), RNG.integers(0, 3, (6, 5))
            else:
                true, pred = targets_and_predictions(kind)
            pred = pred.astype("float32")
            weight = np.abs(normal(len(true)))
            plain.update_state(true, torch.tensor(pred))
            weighted.update_state(true, torch.tensor(pred), sample_weight=weight)
            arrays |= {f"true_{batch}": true, f"pred_{batch}": pred, f"weight_{batch}": weight}
            arrays[f"result_{batch}"] = plain.result()
            arrays[f"weighted_{batch}"] = weighted.result()
        arrays["state"] = np.array([float(v.numpy()) for v in plain.variables])
        case = {"name": f"{i:02d}_{call}", "call": call, "kwargs": kwargs, "data": kind}
        book.add(case | {"label": plain.name}, **arrays)
    book.write("metrics")


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
    losses()
    metrics()
    ops()
