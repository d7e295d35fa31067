"""``Variable``: the only state; ``assign``: the only effect."""

from __future__ import annotations

import numpy as np
import pytest

from waterhorse.compiler import autodiff, op
from waterhorse.compiler.program import TensorSpec, trace
from waterhorse.compiler.state import Trace, Variable, current_trace, tracing
from waterhorse.errors import ArgumentError, GradientError, ShapeError, TraceError
from waterhorse.runtime.function import Function


def test_outside_of_functions_it_acts_at_once() -> None:
    v = Variable([1.0, 2.0])
    before = v.value
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub(np.ones(2, np.float32))
    assert v.numpy().tolist() == [3, 4]
    assert before.numpy().tolist() == [1, 2]  # a snapshot
    assert (v * 2).numpy().tolist() == [6, 8]
    copy = v.numpy()
    copy[:] = 0
    assert v.numpy().tolist() == [3, 4]


def test_initial_values() -> None:
    assert Variable(1.5).dtype == np.float32
    assert Variable([1, 2]).dtype == np.int64
    assert Variable(np.zeros(2)).dtype == np.float64
    assert Variable(np.zeros(2), dtype="float32").dtype == np.float32
    made = Variable(lambda shape, dtype: np.full(shape, 7, dtype), shape=(2, 3))
    assert made.numpy().tolist() == [[7, 7, 7], [7, 7, 7]]
    source = np.zeros(2, np.float32)
    own = Variable(source)
    source[:] = 5
    assert own.numpy().tolist() == [0, 0]


def test_reading_after_assigning_gives_the_new_value() -> None:
    v = Variable([1.0])

    def step():
        first = v + 0
        v.assign(v * 10)
        second = v + 0
        v.assign_add([1.0])
        return first, second, v + 0

    results = Function(step)()
    assert [float(r[0]) for r in results] == [1, 10, 11]
    assert v.numpy().tolist() == [11]


def test_assignments_take_effect_once_per_call() -> None:
    v = Variable(0.0)

    def count():
        v.assign_add(1.0)

    function = Function(count)
    for _ in range(5):
        assert function() is None
    assert float(v.numpy()) == 5


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([1.0, 2.0, 3.0], ShapeError),
        (np.zeros(2, np.int64), ShapeError),
        (np.zeros((1, 2), np.float32), ShapeError),
        (1.0, ShapeError),
    ],
)
def test_wrong_values(value: object, error: type[Exception]) -> None:
    v = Variable([1.0, 2.0], name="weight")
    with pytest.raises(error, match="weight is float32"):
        v.assign(value)
    assert v.numpy().tolist() == [1, 2]


def test_integers_take_no_fractions() -> None:
    v = Variable([1, 2])
    v.assign([3.0, 4.0])
    with pytest.raises(TypeError, match="cast"):
        v.assign([0.5, 1.0])


def test_construction_errors() -> None:
    with pytest.raises(ArgumentError, match="needs shape="):
        Variable(np.zeros)
    with pytest.raises(ArgumentError, match="shape"):
        Variable([1.0], shape=(2,))


def test_symbolic_values_cannot_be_assigned_outside() -> None:
    v = Variable([1.0])
    kept = []
    trace(lambda x: kept.append(x) or x, [TensorSpec((1,))], lambda ts: ((ts[0],), {}))
    with pytest.raises(TraceError, match="symbolic"):
        v.assign(kept[0])


def test_gradients_by_variables() -> None:
    v, w = Variable([2.0]), Variable([3.0])

    def step():
        before = op.ReduceSum(v * v, keepdims=0)
        (g,) = autodiff.grad(before, [v])
        v.assign(v + 1.0)
        after = op.ReduceSum(v * v * w, keepdims=0)
        return g, *autodiff.grad(after, [v, w])

    g, after_v, after_w = Function(step)()
    assert float(g[0]) == 4
    assert float(after_v[0]) == 18
    assert float(after_w[0]) == 9


def test_gradient_by_an_integer_is_refused() -> None:
    v = Variable([1, 2])
    with pytest.raises(GradientError):
        autodiff.grad(op.ReduceSum(op.Cast(v, to="float32"), keepdims=0), [v])


def test_traces_nest_and_end() -> None:
    outer, inner = Trace(), Trace()
    v = Variable(1.0)
    with tracing(outer):
        v.assign(2.0)
        with tracing(inner):
            assert current_trace() is inner
            assert v.value.node.op == "Argument"
        assert current_trace() is outer
    assert current_trace() is None
    assert float(v.numpy()) == 1
