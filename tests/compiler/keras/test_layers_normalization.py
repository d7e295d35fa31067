"""Normalisations against Keras; axes that Keras on torch cannot do against NumPy; compact graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("normalization"))

X = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype("float32")


def close(a: Any, b: Any, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-5)


def by_numpy(x: Any, axes: tuple[int, ...], centre: bool, epsilon: float) -> Any:
    x = x.astype("float64")
    shifted = x - x.mean(axes, keepdims=True) if centre else x
    return shifted / np.sqrt((shifted**2).mean(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("axes", [1, 2, [1, 3], [2, 1], [-2]])
@pytest.mark.parametrize(("layer", "centre", "epsilon"),
                         [(L.LayerNormalization, True, 1e-3), (L.RMSNormalization, False, 1e-6)])  # fmt: skip
def test_axes_that_are_not_the_last(layer: Any, centre: bool, epsilon: float, axes: Any) -> None:
    """Values, and gradients against differences of NumPy's values."""
    norm = layer(axis=axes)
    places = tuple(sorted(a % 4 for a in ([axes] if isinstance(axes, int) else axes)))
    wanted = by_numpy(X, places, centre, epsilon)
    close(norm(X), wanted)
    assert norm.weights[0].shape == tuple(X.shape[a] for a in places)
    direction = np.random.default_rng(1).normal(size=X.shape)
    weights = np.random.default_rng(2).normal(size=X.shape).astype("float32")
    step = 1e-4

    @wh.function
    def slope(x):  # type: ignore[no-untyped-def]
        (g,) = wh.grad(
            wh.ops.sum(norm(x, training=True) * weights if centre else norm(x) * weights), [x]
        )
        return wh.ops.sum(g * direction.astype("float32"))

    ends = [by_numpy(X + s * direction, places, centre, epsilon) for s in (step, -step)]
    close(slope(X), ((ends[0] - ends[1]) * weights).sum() / (2 * step), 1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.GroupNormalization(0), "groups=0"),
        (lambda: L.GroupNormalization(3)(X), "2 channels do not make 3 groups"),
        (lambda: L.BatchNormalization(renorm=True, renorm_clipping={"max": 1}), "'rmin'"),
        (lambda: L.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}), "at least"),
        (lambda: L.BatchNormalization()(X, training=True, mask=np.ones((3, 4), bool)), "all axes but"),
        (lambda: L.LayerNormalization(axis=4)(X), "axis=4"),
        (lambda: L.LayerNormalization(axis=1)(wh.Input((None, 3))), "needs to know"),
        (lambda: L.SpectralNormalization(L.ReLU())(X), "no weight kernel"),
        (lambda: L.SpectralNormalization(L.Dense(2), power_iterations=0), "at least 1"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_synchronized_is_not_there() -> None:
    with pytest.raises(NotImplementedError, match="synchronized"):
        L.BatchNormalization(synchronized=True)


@pytest.mark.parametrize(
    ("layer", "kinds"),
    [
        (L.LayerNormalization(), ["LayerNormalization"]),
        (L.LayerNormalization(axis=[1, 2, 3]), ["LayerNormalization"]),
        (L.LayerNormalization(center=False, scale=False), ["LayerNormalization"]),
        (L.BatchNormalization(axis=1), ["BatchNormalization"]),
        (L.GroupNormalization(2, axis=1), ["GroupNormalization"]),
        (L.GroupNormalization(1), ["Transpose", "GroupNormalization", "Transpose"]),
        (L.RMSNormalization(), ["Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul"]),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, list) else "",
)
def test_graphs_are_compact(layer: Any, kinds: list[str]) -> None:
    layer(X)

    @wh.function
    def run(x):  # type: ignore[no-untyped-def]
        return layer(x)

    graph = run.to_onnx(wh.TensorSpec(("n", 4, 5, 2))).graph
    assert [n.op_type for n in graph.node] == kinds


def test_spectral_norm_of_an_embedding() -> None:
    """Keras casts the rows to the type of the indices. The largest singular value becomes 1."""
    layer = L.SpectralNormalization(L.Embedding(6, 4), power_iterations=30)
    tokens = np.array([[0, 5, 3]])
    rows = layer(tokens, training=True)
    table = layer.layer.embeddings.numpy()
    close(rows, table[tokens])
    close(np.linalg.svd(table)[1][0], 1.0, 1e-4)


def test_spectral_norm_leaves_zeros() -> None:
    layer = L.SpectralNormalization(L.Dense(2, kernel_initializer="zeros"))
    flat = X[:, 0, 0]
    close(layer(flat, training=True), np.zeros((3, 2)))
    assert layer.vector_u.numpy().any()


@pytest.mark.parametrize("layer", [L.BatchNormalization, L.LayerNormalization, L.GroupNormalization,
                                   L.RMSNormalization])  # fmt: skip
@pytest.mark.parametrize("training", [False, True])
def test_half_precision_has_room_for_squares(layer: Any, training: bool) -> None:
    options = {"groups": 2} if layer is L.GroupNormalization else {}
    takes = {} if layer is L.RMSNormalization else {"training": training}
    half = layer(dtype="mixed_float16", **options)(X * 1000, **takes)
    whole = layer(**options)(X * 1000, **takes)
    assert half.dtype == "float16"
    np.testing.assert_allclose(half.numpy(), whole.numpy(), rtol=4e-3, atol=4e-3)


def test_neighbours_of_group_normalization_cost_no_transpositions() -> None:
    model = wh.Sequential(
        [wh.Input((6, 6, 3)), L.Conv2D(4, 3), L.GroupNormalization(2), L.ReLU(), L.Conv2D(4, 1)]
    )

    @wh.function
    def run(x):  # type: ignore[no-untyped-def]
        return model(x)

    kinds = [n.op_type for n in run.to_onnx(wh.TensorSpec(("n", 6, 6, 3))).graph.node]
    assert kinds.count("Transpose") == 2 + 2  # the image's two, and one per kernel
