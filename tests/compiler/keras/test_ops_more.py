"""Ops that Keras' goldens cannot say all about: control flow, free signs, defects of Keras, errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ShapeError

from .goldens import Array, close

RNG = np.random.default_rng(31)
ops = wh.ops


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape).astype("float32")


def spec(*shape: int | None, dtype: str = "float32") -> wh.TensorSpec:
    return wh.TensorSpec(shape, dtype)


def slope(f: Callable[[Array], Any], x: Array, step: float = 1e-2) -> Array:
    """The gradient of a scalar by central differences."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * step
            found[i] += sign * float(f(moved)) / (2 * step)
    return found


# -- control flow -----------------------------------------------------------------------------


def test_cond_takes_one_branch_reads_variables_and_assigns_them() -> None:
    w, count = wh.Variable(np.float32([2, 3])), wh.Variable(0.0, trainable=False)

    @wh.function(input_signature=[spec(None, 2), spec(dtype="bool")])
    def step(x: Any, p: Any) -> Any:
        def then() -> Any:
            count.assign_add(1.0)
            return {"y": x * w, "n": None}

        y = ops.cond(p, then, lambda: {"y": ops.exp(x), "n": None})
        assert y["n"] is None
        return y["y"], wh.grad(ops.sum(y["y"]), [x, w])

    x = normal(3, 2)
    y, (dx, dw) = step(x, np.array(True))
    close(y, x * [2, 3])
    close(dx, np.float32([[2, 3]] * 3))
    close(dw, x.sum(0))
    y, (dx, dw) = step(x, np.array(False))
    close(y, np.exp(x))
    close(dx, np.exp(x))
    close(dw, np.zeros(2))
    assert count.numpy() == 1


def test_a_branch_computes_only_what_is_its_own() -> None:
    @wh.function(input_signature=[spec(None), spec(dtype="bool")])
    def step(x: Any, p: Any) -> Any:
        shared = ops.exp(x)
        return ops.cond(p, lambda: ops.sin(shared), lambda: ops.cos(shared)), shared

    graph = step.to_onnx(normal(3), np.array(True)).graph
    assert [n.op_type for n in graph.node if n.op_type != "Identity"] == ["Exp", "If"]
    branch = next(n for n in graph.node if n.op_type == "If").attribute[0].g
    assert {n.op_type for n in branch.node} <= {"Sin", "Cos", "Identity"}


def test_switch_clamps_its_index() -> None:
    branches = [lambda a: a + 1, lambda a: a * 2, lambda a: -a]

    @wh.function(input_signature=[spec(dtype="int32"), spec()])
    def step(i: Any, x: Any) -> Any:
        y = ops.switch(i, branches, x)
        return y, wh.grad(y, [x])[0]

    for i, (y, dx) in {-3: (6, 1), 0: (6, 1), 1: (10, 2), 2: (-5, -1), 9: (-5, -1)}.items():
        found = step(np.int32(i), np.float32(5))
        assert [float(f) for f in found] == [y, dx]
        assert float(ops.switch(i, branches, np.float32(5))) == y


def test_loops_carry_nested_states_variables_and_changing_sizes() -> None:
    steps = wh.Variable(0.0, trainable=False)

    def body(i: Any, rest: Any) -> Any:
        steps.assign_add(1.0)
        return i + 1, {"y": ops.concatenate([rest["y"], rest["y"][:1] * 2]), "n": rest["n"] + 0.5}

    @wh.function(input_signature=[spec(dtype="int64"), spec(None)])
    def run(limit: Any, y: Any) -> Any:
        return ops.while_loop(lambda i, _: i < limit, body, [0, {"y": y, "n": 0.0}])

    i, rest = run(np.int64(3), np.float32([1, 5]))
    assert (int(i), float(rest["n"]), float(steps.numpy())) == (3, 1.5, 3)
    close(rest["y"], np.float32([1, 5, 2, 2, 2]))
    i, rest = run(np.int64(0), np.float32([1]))
    assert (int(i), float(steps.numpy())) == (0, 3)
    assert int(ops.while_loop(lambda i: i < 10, lambda i: i + 1, 0, maximum_iterations=4)) == 4
    assert float(ops.fori_loop(2, 5, lambda i, s: s + ops.cast(i, "float32"), 0.0)) == 9


def test_gradients_of_loops() -> None:
    w = wh.Variable(np.float32([0.5, -0.3]))

    @wh.function(input_signature=[spec(None, 2), spec(dtype="int64")])
    def step(x: Any, n: Any) -> Any:
        h, ys = ops.scan(lambda h, r: (ops.tanh(h * w + r), {"h": h}), ops.zeros((2,)), x)
        back = ops.scan(lambda h, r: (h * w + r, h), ops.zeros((2,)), x, reverse=True)
        power = ops.fori_loop(0, n, lambda i, s: s * w, ops.ones((2,)))
        running = ops.associative_scan(lambda a, b: a * b, x)
        y = (
            ops.sum(h)
            + ops.sum(ys["h"] ** 2)
            + ops.sum(back[1])
            + ops.sum(power)
            + ops.sum(running)
        )
        return y, wh.grad(y, [x, w])

    def forward(x: Array, v: Array) -> Any:
        h, total, states = np.zeros(2), 0.0, []
        for row in x:
            states.append(h)
            h = np.tanh(h * v + row)
        total = h.sum() + np.sum(np.square(states))
        h = np.zeros(2)
        for row in x[::-1]:
            total += h.sum()
            h = h * v + row
        return total + (v**3).sum() + np.cumprod(x, 0).sum()

    for rows in (1, 4):
        x, v = normal(rows, 2), w.numpy().astype("float64")
        y, (dx, dw) = step(x, np.int64(3))
        close(y, np.float64(forward(x, v)))
        wanted = [
            slope(partial(forward, v=v), x.astype("float64"), 1e-5), slope(partial(forward, x), v, 1e-5)
        ]  # fmt: skip
        close(dx, wanted[0], rtol=1e-4, atol=1e-5)
        close(dw, wanted[1], rtol=1e-4, atol=1e-5)


def test_scan_at_the_prompt() -> None:
    x = np.arange(1.0, 6.0, dtype="float32")
    carry, ys = ops.scan(lambda c, v: (c + v, c + v), 0.0, x)
    close(carry, np.float32(15))
    close(ys, np.cumsum(x))
    carry, ys = ops.scan(lambda c, v: (c + v, (c, None)), 0.0, x, reverse=True)
    close(ys[0], np.float32([14, 12, 9, 5, 0]))
    assert ys[1] is None
    carry, ys = ops.scan(lambda c, _: (c * 2, c), 1, length=4)
    assert int(carry) == 16
    assert ys.numpy().tolist() == [1, 2, 4, 8]
    close(ops.scan(lambda c, v: (c + v, v), 0.0, x, length=2)[0], np.float32(3))
    close(ops.map(lambda v: {"a": v * 2}, x)["a"], x * 2)
    close(ops.vectorized_map(lambda ab: ab[0] * ab[1], (x, x)), x * x)
    for size in (1, 2, 5, 8):
        row = normal(3, size)
        close(ops.associative_scan(lambda a, b: a + b, row, axis=1), np.cumsum(row, 1), atol=1e-5)
        back = ops.associative_scan(lambda a, b: a + b, row, reverse=True, axis=1)
        close(back, np.cumsum(row[:, ::-1], 1)[:, ::-1], atol=1e-5)


def test_random_numbers_in_a_loop_differ_and_go_on() -> None:
    seeds = wh.random.SeedGenerator(3)

    @wh.function(input_signature=[spec(None)])
    def step(x: Any) -> Any:
        return ops.map(lambda v: v * wh.random.uniform((2,), seed=seeds), x)

    found = np.asarray([step(np.ones(4, "float32")), step(np.ones(4, "float32"))])
    assert len(np.unique(found)) == 16
    assert seeds.state.numpy()[1] == 8


def test_control_flow_in_a_functional_model_and_within_control_flow() -> None:
    inputs = wh.Input((3,))
    total = ops.fori_loop(
        0, 3, lambda i, s: ops.cond(i < 2, lambda: s + ops.sum(inputs), lambda: s * 2.0), 0.0
    )
    model = wh.Model(inputs, inputs * total)
    x = normal(2, 3)
    close(model.predict(x, verbose=0), x * x.sum() * 4, rtol=1e-4, atol=1e-5)


def test_vectorize_broadcasts() -> None:
    f = ops.vectorize(lambda a, b: (a * b, a + b))
    a, b = normal(4, 1), normal(3)
    product, total = f(a, b)
    close(product, a * b)
    close(total, a + b)
    g = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")
    m, v = normal(2, 4, 3), normal(3)
    close(g(m, v), m @ v)
    close(ops.vectorize(lambda a, k: a * k, excluded={1})(a, 3.0), a * 3)


# -- given gradients --------------------------------------------------------------------------


def test_custom_gradient() -> None:
    @ops.custom_gradient
    def softplus(x: Any) -> Any:
        e = ops.exp(x)

        def gradient(*args: Any, upstream: Any = None) -> Any:
            return upstream * (1 - 1 / (1 + e))

        return ops.log(1 + e), gradient

    @ops.custom_gradient
    def clipped(x: Any, y: Any) -> Any:
        return x * y, lambda dy: (ops.clip(dy, -1.0, 1.0), dy * 0)

    @wh.function
    def step(x: Any) -> Any:
        y = softplus(x)
        first = wh.grad(ops.sum(y * x), [x])[0]
        last, _ = ops.scan(lambda h, v: (softplus(h * v), None), 1.0, x)
        return y, first, wh.grad(ops.sum(first), [x])[0], wh.grad(ops.sum(clipped(x, x) * 9), [x])[0], \
            wh.grad(last, [x])[0]  # fmt: skip

    x = normal(4)
    s, plus = 1 / (1 + np.exp(-x)), np.log1p(np.exp(x))
    y, first, second, clip, through = step(x)
    close(y, plus)
    close(first, s * x + plus)
    close(second, 2 * s + x * s * (1 - s), rtol=1e-4)
    close(clip, np.ones(4))

    def steps(v: Array) -> Any:
        h = 1.0
        for a in v:
            h = np.log1p(np.exp(h * a))
        return h

    close(through, slope(steps, x.astype("float64"), 1e-5), rtol=1e-4, atol=1e-5)
    inputs = wh.Input((4,))
    close(wh.Model(inputs, softplus(inputs)).predict(x[None], verbose=0), plus[None])


def test_jvp() -> None:
    x, v = normal(4), normal(4)
    y, dy = ops.jvp(lambda a: ops.sin(a) * a, (x,), (v,))
    close(y, np.sin(x) * x)
    close(dy, (np.cos(x) * x + np.sin(x)) * v)
    y, dy, more = ops.jvp(lambda a: (a * a, "more"), (x,), (v,), has_aux=True)
    close(dy, 2 * x * v)
    assert more == "more"


# -- where signs are free ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 6, 4), (1, 1), (7, 7)])
@pytest.mark.parametrize("full", [False, True])
def test_svd(shape: tuple[int, ...], full: bool) -> None:
    x = normal(*shape)
    u, s, vt = (a.numpy() for a in ops.svd(x, full_matrices=full))
    count = s.shape[-1]
    close(s, np.linalg.svd(x, compute_uv=False))
    close(u[..., :count] * s[..., None, :] @ vt[..., :count, :], x, rtol=1e-4, atol=1e-5)
    for q in (u, vt.swapaxes(-1, -2)):
        eye = np.broadcast_to(
            np.eye(q.shape[-1], dtype="float32"), (*shape[:-2], q.shape[-1], q.shape[-1])
        )
        close(q.swapaxes(-1, -2) @ q, eye, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (2, 5, 5), (1, 1), (8, 8)])
def test_eigh(shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    x = x + x.swapaxes(-1, -2)
    w, v = (a.numpy() for a in ops.eigh(x))
    close(w, np.linalg.eigvalsh(x), atol=1e-5)
    close(v * w[..., None, :] @ v.swapaxes(-1, -2), x, rtol=1e-4, atol=2e-5)
    diagonal = np.broadcast_to(np.diag(np.arange(1.0, shape[-1] + 1, dtype="float32")), shape)
    close(ops.eigh(diagonal)[0], np.broadcast_to(np.arange(1.0, shape[-1] + 1), shape[:-1]))


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_gradients_of_decompositions(name: str) -> None:
    weights = normal(4, 4)
    x = normal(4, 4) if name == "eigh" else normal(5, 4)
    x = (x + x.T) if name == "eigh" else x

    def forward(a: Any) -> Any:  # a function that does not depend on the signs
        if name == "eigh":
            w, v = ops.eigh(a)
            return ops.sum(v * ops.tanh(w) @ ops.transpose(v) * weights)
        u, s, vt = ops.svd(a, full_matrices=False)
        return ops.sum(u[:4] * ops.tanh(s) @ vt * weights)

    def independent(a: Array) -> Any:
        if name == "eigh":
            w, v = np.linalg.eigh((a + a.T) / 2)
            return np.sum(v * np.tanh(w) @ v.T * weights)
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        return np.sum(u[:4] * np.tanh(s) @ vt * weights)

    @wh.function
    def step(a: Any) -> Any:
        return wh.grad(forward(a), [a])[0]

    close(step(x), slope(independent, x.astype("float64"), 1e-5), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n", [0, 1, 3, -2])
def test_matrix_power(n: int) -> None:
    x = normal(2, 3, 3) + 2 * np.eye(3, dtype="float32")
    close(ops.matrix_power(x, n), np.linalg.matrix_power(x, n), rtol=1e-4, atol=1e-5)


def test_gradient_of_the_inverse_of_a_cholesky_factor() -> None:
    root = np.tril(normal(3, 3)) + 2 * np.eye(3, dtype="float32")
    weights = normal(3, 3)

    @wh.function
    def step(a: Any) -> Any:
        return wh.grad(ops.sum(ops.cholesky_inverse(a) * weights), [a])[0]

    wanted = slope(lambda a: np.sum(np.linalg.inv(np.tril(a) @ np.tril(a).T) * weights),
                   root.astype("float64"), 1e-5)  # fmt: skip
    close(step(root), wanted, rtol=1e-4, atol=1e-5)


# -- what Keras gets wrong, or has on some backends only --------------------------------------


def test_sparsemax_is_a_projection_onto_the_simplex() -> None:
    x = normal(6, 5)
    found = ops.sparsemax(x).numpy()
    for row, p in zip(x, found, strict=True):
        levels = [row - tau for tau in np.linspace(row.min() - 1, row.max(), 200_001)]
        best = min(levels, key=lambda v: abs(np.maximum(v, 0).sum() - 1))
        np.testing.assert_allclose(p, np.maximum(best, 0), atol=1e-4)


def test_resize_by_lanczos_is_scale_and_translate() -> None:
    image = normal(2, 5, 6, 3)
    for method in ("lanczos3", "lanczos5"):
        wanted = ops.image.scale_and_translate(
            image,
            (2, 8, 4, 3),
            np.float32([8 / 5, 4 / 6]),
            np.float32([0, 0]),
            (1, 2),
            method,
            False,
        )
        close(ops.image.resize(image, (8, 4), method), wanted.numpy())


def test_images_of_dynamic_size() -> None:
    @wh.function(input_signature=[spec(None, None, None, 3)])
    def step(x: Any) -> Any:
        return (
            ops.image.resize(x, (4, 5), "bicubic", antialias=True),
            ops.image.resize(x, (4, 5), crop_to_aspect_ratio=True),
            ops.image.resize(x, (4, 5), pad_to_aspect_ratio=True),
            ops.image.affine_transform(x, np.float32([1, 0.1, 0, 0, 1, 0.5, 0, 0]), fill_mode="wrap"),
            ops.image.gaussian_blur(x), ops.image.crop_images(
                x, top_cropping=1, left_cropping=1, bottom_cropping=1, right_cropping=1),
        )  # fmt: skip

    for shape in ((2, 6, 9, 3), (1, 7, 4, 3)):
        x = normal(*shape)
        found = step(x)
        close(found[1], ops.image.resize(x, (4, 5), crop_to_aspect_ratio=True).numpy())
        close(found[2], ops.image.resize(x, (4, 5), pad_to_aspect_ratio=True).numpy())
        close(found[0], ops.image.resize(x, (4, 5), "bicubic", antialias=True).numpy())
        assert found[3].shape == found[4].shape == shape
        close(found[5], x[:, 1:-1, 1:-1])


def test_elastic_transform_moves_pixels_and_can_be_repeated() -> None:
    x = normal(2, 9, 8, 3)
    first, again, other = (
        ops.image.elastic_transform(x, alpha=5.0, sigma=1.0, seed=s).numpy() for s in (1, 1, 2)
    )
    close(first, again)
    assert first.shape == x.shape
    assert np.abs(first - other).max() > 0.1
    close(ops.image.elastic_transform(x, alpha=0.0, sigma=1.0), x)
    flat = np.ones_like(x)
    close(ops.image.elastic_transform(flat, alpha=9.0, sigma=1.0), flat)


def test_other_functions_against_numpy() -> None:
    a, b = normal(4), normal(4)
    close(ops.select([a > 0.5, a > 0], [a, b], 9.0), np.select([a > 0.5, a > 0], [a, b], 9.0))
    close(ops.column_stack([a, b]), np.column_stack([a, b]))
    places = ops.argpartition(a, 2).numpy()
    assert set(places[:2]) == set(np.argsort(a)[:2])
    assert places[2] == np.argsort(a)[2]
    assert ops.view(a, "int32").numpy().tolist() == a.view("int32").tolist()
    close(ops.view_as_real((a, b)), np.stack([a, b], -1))
    values, first = ops.unique(np.int32([3, 1, 3, 2, 1]), return_index=True)
    assert values.numpy().tolist() == [1, 2, 3]
    assert first.numpy().tolist() == [1, 3, 0]
    assert ops.unique(np.int32([3, 1, 3]), sorted=False).numpy().tolist() == [3, 1]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.cond(wh.Input(()) > 0, lambda: 1.0, lambda: (1.0,)), ArgumentError, "must give the same"),
        (lambda: ops.while_loop(lambda i: i < 3, lambda i: (i, i), 0), ArgumentError, "expected"),
        (lambda: ops.while_loop(lambda i: i[0] < 3, lambda i: ops.cast(i, "int32"), normal(2)),
         ShapeError, "must stay"),
        (lambda: ops.scan(lambda c, x: c, 0.0, normal(3)), ArgumentError, "carry, y"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0), ArgumentError, "length"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, normal(3), unroll=0), ArgumentError, "unroll"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, normal(3), length=5), ShapeError, "length=5"),
        (lambda: ops.map(lambda x: x, (normal(3), normal(4))), ShapeError, "first size"),
        (lambda: ops.switch(0, []), ArgumentError, "branch"),
        (lambda: ops.solve(normal(3, 4), normal(3)), ShapeError, "square"),
        (lambda: ops.rearrange(normal(2, 3), "a b -> a c"), ArgumentError, "does not fit"),
        (lambda: ops.quantile(normal(3), 0.5, method="best"), ArgumentError, "linear"),
        (lambda: ops.gcd(normal(3), 2), ArgumentError, "integers"),
        (lambda: ops.image.resize(normal(3), (2, 2)), ShapeError, "resize takes"),
        (lambda: ops.image.resize(normal(3, 3, 1), (2, 2), "area"), ArgumentError, "area"),
        (lambda: ops.image.pad_images(normal(3, 3, 1), 1, 1), ArgumentError, "exactly two"),
        (lambda: ops.image.rgb_to_hsv(np.zeros((3, 3, 3), "uint8")), ArgumentError, "floats"),
        (lambda: ops.image.map_coordinates(normal(3), normal(1, 2), 3), NotImplementedError, "order"),
        (lambda: ops.fft(normal(3)), ArgumentError, "pair"),
        (lambda: ops.polar(1.0, 2.0), NotImplementedError, "cos"),
        (lambda: ops.eig(normal(3, 3)), NotImplementedError, "eigh"),
        (lambda: ops.bincount([1], sparse=True), NotImplementedError, "sparse"),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_submodules_have_keras_names() -> None:
    assert ops.nn.conv is ops.conv
    assert ops.linalg.svd is ops.svd
    assert ops.numpy.cumprod is ops.cumprod
    with pytest.raises(NotImplementedError, match="eigh"):
        _ = ops.linalg.eig
    with pytest.raises(NotImplementedError, match="reshape"):
        _ = ops.image.reconstruct_patches
