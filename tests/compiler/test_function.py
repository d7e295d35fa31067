"""``wh.function``: tracing, signatures, structures, errors."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from waterhorse.compiler import op
from waterhorse.compiler.program import TensorSpec
from waterhorse.compiler.state import Variable, current_trace
from waterhorse.errors import ArgumentError, RunError, TraceError
from waterhorse.runtime.function import Function, function

F = np.float32


def test_one_graph_per_signature() -> None:
    traced = []

    @function
    def double(x):
        traced.append(x.shape)
        return x * 2

    assert double(np.ones(2, F)).tolist() == [2, 2]
    assert double(np.zeros(2, F)).tolist() == [0, 0]
    assert double(np.ones((1, 2), F)).shape == (1, 2)
    assert double(np.ones(2)).dtype == np.float64
    assert traced == [(2,), (1, 2), (2,)]


def test_static_arguments_are_part_of_the_signature() -> None:
    seen = []

    @function
    def power(x, n, *, square=False):
        seen.append((n, square))
        return x ** (2 * n if square else n)

    x = np.array([2.0], F)
    assert [float(power(x, n)[0]) for n in (1, 2, 1)] == [2, 4, 2]
    assert float(power(x, 2, square=True)[0]) == 16
    assert seen == [(1, False), (2, False), (2, True)]


def test_floats_are_inputs() -> None:
    calls = []

    @function
    def scaled(x, rate):
        calls.append(rate)
        return x * rate

    assert [float(scaled(np.ones(1, F), r)[0]) for r in (0.5, 0.25)] == [0.5, 0.25]
    assert len(calls) == 1


def test_dynamic_dims() -> None:
    traced = []

    @function(input_signature=[TensorSpec((None, 3)), TensorSpec(("n",), "int64")])
    def picked(x, i):
        traced.append(x.shape)
        return op.Gather(x, i), op.ReduceMean(x, keepdims=0)

    for size in (1, 4, 2):
        rows, mean = picked(np.ones((size, 3), F), np.zeros(5, np.int64))
        assert rows.shape == (5, 3)
        assert float(mean) == 1
    assert traced == [(None, 3)]
    with pytest.raises(ArgumentError, match="x must be"):
        picked(np.ones((2, 4), F), np.zeros(1, np.int64))
    with pytest.raises(ArgumentError, match="i must be"):
        picked(np.ones((2, 3), F), np.zeros(1, F))
    with pytest.raises(ArgumentError, match="input_signature"):
        picked(np.ones((2, 3), F))


def test_nested_structures_in_and_out() -> None:
    @function
    def swap(batch, options):
        return {"y": (batch["a"] + options[0], [batch["b"][1], None]), "n": batch["b"][0]}

    one, two, three = (np.full(2, v, F) for v in (1, 2, 3))
    out = swap({"a": one, "b": [two, three]}, (np.full(2, 10, F),))
    assert out["y"][0].tolist() == [11, 11]
    assert out["y"][1][0].tolist() == [3, 3]
    assert out["y"][1][1] is None
    assert out["n"].tolist() == [2, 2]
    assert list(out) == ["y", "n"]


def test_names_in_the_file() -> None:
    w = Variable(np.ones(3, F), name="w")

    @function
    def step(x, *, batch):
        w.assign(w - x)
        return {"loss": op.ReduceSum(x * w, keepdims=0), "size": batch["k"] + 1.0}

    model = step.to_onnx(TensorSpec((3,)), batch={"k": TensorSpec(())})
    assert [i.name for i in model.graph.input] == ["x", "batch_k", "w"]
    assert [o.name for o in model.graph.output] == ["loss", "size", "next/w"]
    assert model.opset_import[0].version == 21


def test_functions_in_functions_are_inlined() -> None:
    v = Variable(1.0)

    @function
    def inner(x):
        v.assign_add(1.0)
        return x * v

    @function
    def outer(x):
        return inner(inner(x))

    assert float(outer(np.array(1.0, F))) == 6
    assert float(v.numpy()) == 3
    assert [n.op_type for n in outer.to_onnx(TensorSpec(())).graph.node].count("Mul") == 2


def test_methods() -> None:
    class Counter:
        def __init__(self) -> None:
            self.total = Variable(0.0)

        @function
        def add(self, x):
            self.total.assign_add(x)
            return self.total.value

    a, b = Counter(), Counter()
    assert float(a.add(np.array(2.0, F))) == 2
    assert float(a.add(np.array(2.0, F))) == 4
    assert float(b.add(np.array(1.0, F))) == 1


def test_an_exception_leaves_nothing_behind() -> None:
    v = Variable(1.0)

    @function
    def failing(x):
        v.assign(x * 5)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        failing(np.array(1.0, F))
    assert current_trace() is None
    assert float(v.numpy()) == 1
    v.assign(2.0)
    assert float(v.numpy()) == 2
    assert failing._steps == {}


def test_a_failing_run_changes_no_variable() -> None:
    v = Variable(np.zeros(2, F))

    @function
    def step(x, i):
        v.assign(v + 1.0)
        return op.GatherElements(x, i)

    good = np.array([0, 1])
    step(np.ones(2, F), good)
    with pytest.raises(RunError):
        step(np.ones(2, F), good + 5)
    assert v.numpy().tolist() == [1, 1]
    step(np.ones(2, F), good)
    assert v.numpy().tolist() == [2, 2]


def test_failures_at_run_time_name_the_users_line() -> None:
    def picked(x, i):
        y = op.Exp(x)
        return op.GatherElements(y, i)

    line = inspect.getsourcelines(picked)[1] + 2
    with pytest.raises(RunError, match=rf"GatherElements.*test_function\.py:{line}\]") as caught:
        Function(picked)(np.ones(3, F), np.array([7]))
    assert caught.value.__cause__ is not None


def test_tensors_of_other_functions_are_refused() -> None:
    kept = []

    @function
    def keep(x):
        kept.append(x)
        return x + 0

    keep(np.ones(2, F))
    with pytest.raises(TraceError, match="'x', an argument of another function"):
        function(lambda y: y + kept[0])(np.ones(2, F))


def test_arrays_made_in_the_function_are_weights_of_the_file() -> None:
    table = np.arange(2000, dtype=F)
    assert function(lambda i: op.Gather(table, i))(np.array([3, 1999])).tolist() == [3, 1999]


def test_results_are_copies() -> None:
    double = function(lambda x: x * 2)
    first = double(np.ones(2, F))
    second = double(np.zeros(2, F))
    assert first.tolist() == [2, 2]
    assert second.tolist() == [0, 0]
