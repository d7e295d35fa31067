"""Optimizers apart from their formulas: they converge, keep their state, compile once, and object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

opt = wh.optimizers

# name -> (arguments for a parabola, arguments for Rosenbrock's valley, steps there)
CONVERGING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SGD": ({"learning_rate": 0.1}, {"learning_rate": 2e-3, "momentum": 0.9, "nesterov": True}),
    "Adam": ({"learning_rate": 0.05}, {"learning_rate": 0.02}),
    "AdamW": ({"learning_rate": 0.05, "weight_decay": 1e-4},
              {"learning_rate": 0.02, "weight_decay": 1e-5}),
    "Nadam": ({"learning_rate": 0.05}, {"learning_rate": 0.02}),
    "Adamax": ({"learning_rate": 0.1}, {"learning_rate": 0.05}),
    "RMSprop": ({"learning_rate": 0.01}, {"learning_rate": 2e-3, "centered": True}),
    "Adagrad": ({"learning_rate": 0.5}, {"learning_rate": 0.5}),
    "Adadelta": ({"learning_rate": 10.0}, {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-8}),
    "Lion": ({"learning_rate": 0.005}, {"learning_rate": 1e-3}),
    "Lamb": ({"learning_rate": 0.01}, {"learning_rate": 0.005}),
    "Ftrl": ({"learning_rate": 1.0}, {"learning_rate": 0.5}),
    "Adafactor": ({"learning_rate": 0.05}, {"learning_rate": 0.02}),
    "Muon": ({"learning_rate": 0.05}, {"learning_rate": 0.02}),
    "ScheduleFreeAdamW": ({"learning_rate": 0.05}, {"learning_rate": 0.02}),
}  # fmt: skip


def parabola(w: Any) -> Any:
    return wh.ops.sum(wh.ops.square(w - np.array([1.0, -0.5], np.float32)))


def rosenbrock(w: Any) -> Any:
    return wh.ops.square(1.0 - w[0]) + 10.0 * wh.ops.square(w[1] - wh.ops.square(w[0]))


def minimise(
    optimizer: opt.Optimizer, loss: Callable[[Any], Any], steps: int
) -> tuple[np.ndarray, int]:
    w, traces = wh.Variable(np.array([-0.5, 1.0], np.float32), name="w"), []

    @wh.function
    def step() -> None:
        traces.append(1)
        optimizer.apply(wh.grad(loss(w.value), [w]), [w])

    for _ in range(steps):
        step()
    return w.numpy(), len(traces)


@pytest.mark.parametrize("name", CONVERGING)
def test_finds_the_bottom_of_a_parabola(name: str) -> None:
    found, traces = minimise(getattr(opt, name)(**CONVERGING[name][0]), parabola, 600)
    np.testing.assert_allclose(found, [1.0, -0.5], atol=0.02)
    assert traces == 1


@pytest.mark.parametrize("name", CONVERGING)
def test_follows_the_valley(name: str) -> None:
    found, traces = minimise(getattr(opt, name)(**CONVERGING[name][1]), rosenbrock, 3000)
    np.testing.assert_allclose(found, [1.0, 1.0], atol=0.1)
    assert traces == 1


def test_all_are_tried() -> None:
    classes = {
        n for n in opt.__all__ if isinstance(c := getattr(opt, n), type) and c is not opt.Optimizer
    }
    assert classes - {"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"} == set(CONVERGING)


# -- graph and state --------------------------------------------------------------------------


def one_step(optimizer: opt.Optimizer, **arguments: Any) -> Any:
    w = wh.Variable(np.ones((2, 3), np.float32), name="kernel")
    w.path = "dense/kernel"
    step = wh.function(lambda g: optimizer.apply([g], [w]), **arguments)
    step(np.ones((2, 3), np.float32))
    return step.program(np.ones((2, 3), np.float32)), step.to_onnx(np.ones((2, 3), np.float32))


def test_paths_and_node_names() -> None:
    program, model = one_step(opt.Adam())
    paths = {v.path for v in program.variables}
    assert paths == {
        "dense/kernel", "adam/iterations", "adam/learning_rate", "adam/dense/kernel/momentum",
        "adam/dense/kernel/velocity",
    }  # fmt: skip
    names = [n.name for n in model.graph.node if n.op_type != "Constant"]
    assert all(n.startswith(("update/adam/", "update/dense/kernel/", "output/")) for n in names)


@pytest.mark.parametrize(
    ("optimizer", "limit"),
    [(opt.SGD(), 2), (opt.SGD(momentum=0.9), 4), (opt.Adam(), 12), (opt.RMSprop(), 9)],
)
def test_few_nodes_per_variable(optimizer: opt.Optimizer, limit: int) -> None:
    _, model = one_step(optimizer)
    ops = [n.op_type for n in model.graph.node
           if n.name.startswith("update/dense/kernel/") and n.op_type != "Constant"]  # fmt: skip
    assert len(ops) <= limit
    assert not {"Where", "Pow", "If"} & set(ops)


def test_variables_in_order_and_back() -> None:
    def trained(steps: int) -> tuple[opt.Optimizer, wh.Variable]:
        optimizer, w = opt.Nadam(use_ema=True), wh.Variable(np.ones(3, np.float32), name="w")
        step = wh.function(lambda: optimizer.apply(wh.grad(parabola(w[:2]), [w]), [w]))
        for _ in range(steps):
            step()
        return optimizer, w

    optimizer, _ = trained(3)
    store: dict[str, Any] = {}
    optimizer.save_own_variables(store)
    other, _ = trained(1)
    other.load_own_variables(store)
    assert [v.path for v in other.variables] == [
        "nadam/iterations", "nadam/learning_rate", "nadam/u_product", "nadam/w/average",
        "nadam/w/momentum", "nadam/w/velocity",
    ]  # fmt: skip
    for a, b in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    with pytest.raises(ArgumentError, match="build"):
        opt.Nadam().load_own_variables(store)


def test_learning_rate_can_be_set_without_recompiling() -> None:
    optimizer, w, traces = opt.SGD(0.5), wh.Variable(np.zeros(1, np.float32)), []

    @wh.function
    def step(g: Any) -> None:
        traces.append(1)
        optimizer.apply([g], [w])

    step(np.ones(1, np.float32))
    optimizer.learning_rate = 0.25
    step(np.ones(1, np.float32))
    optimizer.learning_rate.assign(0.125)
    step(np.ones(1, np.float32))
    assert w.numpy() == -0.875
    assert float(optimizer.learning_rate) == 0.125
    assert len(traces) == 1


def test_rates_from_a_schedule_or_a_function() -> None:
    decay = opt.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    optimizer, w = opt.SGD(decay), wh.Variable(np.zeros(1, np.float32))
    assert float(optimizer.learning_rate) == 1.0
    wh.function(lambda g: optimizer.apply([g], [w]))(np.ones(1, np.float32))
    assert float(optimizer.learning_rate) == 0.5
    assert optimizer.rate_variable is None
    with pytest.raises(ArgumentError, match="schedule"):
        optimizer.learning_rate = 0.1
    mine = wh.Variable(np.float32(0.25), name="mine")
    by_function = opt.SGD(lambda: mine.value * 2.0)
    by_function.apply([np.ones(1, np.float32)], [w])
    assert w.numpy() == -1.5
    with pytest.raises(NotImplementedError, match="schedule"):
        opt.SGD(lambda: 0.1).apply([np.ones(1, np.float32)], [w])


def test_stateless_apply() -> None:
    optimizer, w = opt.SGD(0.5, momentum=0.5), wh.Variable(np.ones(2, np.float32), name="w")
    optimizer.build([w])
    gradient = np.array([1.0, 2.0], np.float32)
    state: list[Any] = [v.numpy() for v in optimizer.variables]
    values: list[Any] = [w.numpy()]
    for _ in range(2):
        values, state = optimizer.stateless_apply(state, [gradient], values)
    np.testing.assert_array_equal(w.numpy(), [1, 1])
    assert int(optimizer.iterations) == 0
    for _ in range(2):
        optimizer.apply([gradient], [w])
    np.testing.assert_allclose(values[0].numpy(), w.numpy())
    assert int(state[0]) == 2
    with pytest.raises(ArgumentError, match="variables of its own"):
        optimizer.stateless_apply(state[1:], [gradient], values)


def test_scaled_loss_and_gradients() -> None:
    optimizer, w = opt.SGD(1.0, loss_scale_factor=1024.0), wh.Variable(np.ones(2, np.float32))
    step = wh.function(
        lambda: optimizer.apply(wh.grad(optimizer.scale_loss(parabola(w.value)), [w]), [w])
    )
    step()
    np.testing.assert_allclose(w.numpy(), [1.0, 1 - 3.0])


def test_half_precision_variables() -> None:
    optimizer, w = opt.Adam(0.5), wh.Variable(np.ones(2, np.float16), name="w")
    wh.function(lambda g: optimizer.apply([g], [w]))(np.ones(2, np.float32))
    np.testing.assert_allclose(w.numpy(), 0.5, atol=1e-2)
    assert {v.dtype.name for v in optimizer.variables[2:]} == {"float16"}


def test_an_optimizer_written_for_keras() -> None:
    class Signs(opt.Optimizer):
        def __init__(self, learning_rate: float = 0.5, **kwargs: Any) -> None:
            super().__init__(learning_rate, **kwargs)

        def build(self, variables: Any) -> None:
            variables = list(variables)
            super().build(variables)
            self.counts = {v: self.add_variable_from_reference(v, name="count") for v in variables}
            self.total = self.add_variable((), name="total")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign_add(self.counts[variable], wh.ops.ones_like(gradient))
            self.assign_add(self.total, 1.0)
            self.assign_sub(variable, wh.ops.sign(gradient) * learning_rate)

    optimizer, w = Signs(gradient_accumulation_steps=2), wh.Variable(np.ones(2, np.float32))
    optimizer.build([w])
    step = wh.function(lambda g: optimizer.apply([g], [w]))
    for _ in range(5):
        step(np.array([3.0, -3.0], np.float32))
    np.testing.assert_array_equal(w.numpy(), [0, 2])
    np.testing.assert_array_equal(optimizer.counts[w].numpy(), [2, 2])
    assert int(optimizer.iterations) == 2


# -- names and errors -------------------------------------------------------------------------


def test_get_and_configurations() -> None:
    for name in CONVERGING:
        made = opt.get(name)
        assert type(made).__name__ == name
        assert type(opt.get(name.lower())) is type(made)
        assert opt.get(made) is made
    original = opt.AdamW(opt.schedules.CosineDecay(0.1, 50), 0.3, clipnorm=2.0, name="mine")
    again = opt.deserialize(opt.serialize(original))
    assert isinstance(again, opt.AdamW)
    assert (again.weight_decay, again.clipnorm, again.name) == (0.3, 2.0, "mine")
    assert float(again.learning_rate) == float(original.learning_rate)


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: opt.get("adamm"), "did you mean 'adam'"),
        (lambda: opt.get(3), "expected a name"),
        (lambda: opt.SGD(-0.1), "learning_rate"),
        (lambda: opt.SGD(float("nan")), "learning_rate"),
        (lambda: opt.SGD(momentum=1.5), "momentum"),
        (lambda: opt.SGD(clipnorm=1.0, clipvalue=1.0), "only one"),
        (lambda: opt.SGD(clipnorm=-1.0), "clipnorm"),
        (lambda: opt.SGD(weight_decay=-1.0), "weight_decay"),
        (lambda: opt.SGD(ema_momentum=2.0, use_ema=True), "ema_momentum"),
        (lambda: opt.SGD(use_ema=True, ema_overwrite_frequency=0), "ema_overwrite_frequency"),
        (lambda: opt.SGD(gradient_accumulation_steps=1), "gradient_accumulation_steps"),
        (lambda: opt.SGD(loss_scale_factor=0.0), "loss_scale_factor"),
        (lambda: opt.AdamW(weight_decay=None), "use Adam"),
        (lambda: opt.Lion(beta_1=0.0), "beta_1"),
        (lambda: opt.Ftrl(learning_rate_power=0.5), "learning_rate_power"),
        (lambda: opt.SGD().apply([], [wh.Variable(np.ones(1, np.float32))]), "0 gradients"),
        (lambda: opt.SGD().apply([None], [wh.Variable(np.ones(1, np.float32))]), "no gradients"),
    ],
)
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()


def test_a_misspelt_argument() -> None:
    with pytest.raises(TypeError, match="did you mean 'clipnorm'"):
        opt.Adam(clipnrom=1.0)  # type: ignore[call-arg]


def test_no_exclusions_once_built() -> None:
    optimizer, w = opt.AdamW(), wh.Variable(np.ones(1, np.float32), name="w")
    optimizer.exclude_from_weight_decay([w])
    optimizer.build([w])
    with pytest.raises(ArgumentError, match="built"):
        optimizer.exclude_from_weight_decay(var_names=["w"])


def test_a_missing_gradient_is_told() -> None:
    a, b = (wh.Variable(np.ones(1, np.float32), name=n) for n in "ab")
    with pytest.warns(UserWarning, match="no gradients for b"):
        opt.SGD(0.5).apply_gradients([(np.ones(1, np.float32), a), (None, b)])
    assert (a.numpy(), b.numpy()) == (0.5, 1.0)
