"""Loops that take no step, branches behind branches, control flow at the prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse.runtime import eager

ops = wh.ops
X = np.float32([0.5, -0.2, 0.8])


def spec(*shape: int | None, dtype: str = "float32") -> wh.TensorSpec:
    return wh.TensorSpec(shape, dtype)


@pytest.mark.parametrize("trips", [0, 1, 5])
def test_gradients_of_loops_of_any_number_of_steps(trips: int) -> None:
    """x w^n and its gradients, also where the loop is told by a condition; and the second derivative."""
    w = wh.Variable(np.float32([0.5, -0.3, 1.2]))

    @wh.function(input_signature=[spec(3), spec(dtype="int64")])
    def step(x: Any, n: Any) -> Any:
        power = ops.fori_loop(0, n, lambda i, s: s * w, x)
        _, again = ops.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s * w), (0, x))
        (dw,) = wh.grad(ops.sum(power), [w])
        return power, again, wh.grad(ops.sum(power), [x, w]), wh.grad(ops.sum(again), [x, w]), (
            wh.grad(ops.sum(dw), [w])
        )  # fmt: skip

    power, again, (dx, dw), others, (second,) = step(X, np.int64(trips))
    v, n = w.numpy().astype("float64"), trips
    np.testing.assert_allclose(power, X * v**n, rtol=1e-5)
    np.testing.assert_allclose(again, X * v**n, rtol=1e-5)
    for found in ((dx, dw), others):
        np.testing.assert_allclose(found[0], v**n, rtol=1e-5)
        np.testing.assert_allclose(found[1], X * n * v ** (n - 1), rtol=1e-5)
    np.testing.assert_allclose(second, X * n * (n - 1) * v ** (n - 2), rtol=1e-5)


@pytest.mark.parametrize("trips", [0, 5])
def test_gradients_of_loops_of_a_known_number_of_steps(trips: int) -> None:
    step = wh.function(
        lambda x: wh.grad(ops.sum(ops.fori_loop(0, trips, lambda i, s: s * s, x)), [x])[0],
        input_signature=[spec(3)],
    )
    np.testing.assert_allclose(step(X), 2**trips * np.float64(X) ** (2**trips - 1), rtol=1e-4)
    assert ("If" in _operators(step.to_onnx(X))) == (trips == 0)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_scan_and_map_over_a_known_length(rows: int) -> None:
    count = wh.Variable(0.0, trainable=False)

    def body(c: Any, v: Any) -> Any:
        count.assign_add(1.0)
        return c + v, (c, None)

    @wh.function(input_signature=[spec(rows, 3)])
    def step(x: Any) -> Any:
        last, (seen, _) = ops.scan(body, ops.ones((3,)), x)
        return last, seen, ops.map(lambda r: ops.cast(r[:2], "int32"), x)

    x = np.ones((rows, 3), np.float32)
    last, seen, mapped = step(x)
    np.testing.assert_array_equal(last, np.full(3, 1.0 + rows))
    np.testing.assert_array_equal(seen, np.arange(1, rows + 1)[:, None] * np.ones(3))
    assert (mapped.shape, mapped.dtype, float(count.numpy())) == ((rows, 2), np.int32, rows)
    np.testing.assert_array_equal(ops.map(lambda r: r * 2, x).numpy(), x * 2)


def _operators(model: onnx.ModelProto) -> list[str]:
    """The operators of a model and of its subgraphs."""
    found, graphs = [], [model.graph]
    while graphs:
        for node in graphs.pop().node:
            found.append(node.op_type)
            graphs += [a.g for a in node.attribute if a.type == a.GRAPH]
    return found


def _chain(count: int) -> Any:
    """As many decisions among four, each on what the one before gave."""

    def run(x: Any, numbers: Any) -> Any:
        for i in range(count):
            branches = [lambda y, c=c: ops.tanh(y * (c + 2)) + 1 for c in range(4)]
            x = ops.switch(numbers[i], branches, x)
        return x

    return wh.function(run, input_signature=[spec(3), spec(count, dtype="int64")])


def test_branches_behind_branches_are_stored_once() -> None:
    models = [_operators(_chain(n).to_onnx(X, np.zeros(n, np.int64))) for n in (1, 2, 3)]
    assert [m.count("Tanh") for m in models] == [4, 8, 12]
    wanted = X.astype("float64")
    for number in (3, 0, 2):
        wanted = np.tanh(wanted * (number + 2)) + 1
    np.testing.assert_allclose(_chain(3)(X, np.int64([3, 0, 2])), wanted, rtol=1e-5)


def test_what_does_not_change_from_step_to_step_is_computed_once() -> None:
    """Also where constants are part of it."""

    def run(x: Any, n: Any) -> Any:
        y = ops.exp(x * 2)
        return ops.fori_loop(0, n, lambda i, s: s + y / 3, x)

    step = wh.function(run, input_signature=[spec(3), spec(dtype="int64")])
    model = step.to_onnx(X, np.int64(3))
    assert "Exp" in [n.op_type for n in model.graph.node]
    np.testing.assert_allclose(step(X, np.int64(3)), X + np.exp(2 * np.float64(X)), rtol=1e-5)


def test_control_flow_at_the_prompt_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    create = eager.create
    monkeypatch.setattr(eager, "create", lambda *a, **k: made.append(1) or create(*a, **k))
    weights = np.linspace(0, 1, 3000, dtype="float32")

    def running(x: Any, factor: float, table: Any) -> Any:
        def body(i: Any, s: Any) -> Any:
            return ops.cond(s[0] > 1, lambda: s - 1, lambda: s * factor) + ops.sum(table)

        return ops.fori_loop(0, 3, body, x).numpy()

    def wanted(x: Any, factor: float, table: Any) -> Any:
        for _ in range(3):
            x = (x - 1 if x[0] > 1 else x * factor) + table.sum()
        return x

    for count, x, factor, table in (
        (1, X, 2.5, weights), (1, X + 1, 2.5, weights), (1, X, 2.5, weights + 1), (2, X, 3.5, weights)
    ):  # fmt: skip
        np.testing.assert_allclose(running(x, factor, table), wanted(x, factor, table), rtol=1e-5)
        assert len(made) == count


def test_conditions_between_element_types() -> None:
    """As Keras' programs have them: a counter of one integer type, a limit of another."""

    @wh.function(input_signature=[spec(3), spec(dtype="int32")])
    def step(x: Any, n: Any) -> Any:
        return ops.fori_loop(0, 4, lambda i, s: ops.cond(i < n, lambda: s * i, lambda: s), x + n)

    np.testing.assert_allclose(step(X, np.int32(3)), (X + 3) * 0, atol=0)
    np.testing.assert_allclose(step(X, np.int32(0)), X, rtol=1e-6)
