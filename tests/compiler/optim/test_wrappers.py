"""Optimizers around optimizers, several in one step, and what optimizers written for Keras call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

opt = wh.optimizers


def variables(*names: str) -> list[wh.Variable]:
    return [wh.Variable(np.ones(2, np.float32), name=n) for n in names]


# -- loss scale -------------------------------------------------------------------------------


def test_the_scale_falls_at_once_and_rises_slowly() -> None:
    scaled = opt.LossScaleOptimizer(opt.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    (w,) = variables("w")
    step = wh.function(lambda g: scaled.apply([g * scaled.dynamic_scale], [w]))
    found = []
    for gradient in (1.0, np.inf, 1.0, 1.0, 1.0, np.nan, 1.0):
        step(np.array([gradient, 1.0], np.float32))
        found.append((float(scaled.dynamic_scale), float(w[0]), int(scaled.iterations)))
    assert found == [
        (8, 0.5, 1), (4, 0.5, 1), (4, 0.0, 2), (8, -0.5, 3), (8, -1.0, 4), (4, -1.0, 4), (4, -1.5, 5),
    ]  # fmt: skip


def test_small_gradients_in_half_precision_arrive() -> None:
    def trained(optimizer: opt.Optimizer) -> Any:
        w = wh.Variable(np.ones(2, np.float32), name="w")

        @wh.function
        def step(x: Any) -> None:
            half = wh.ops.cast(w.value, "float16") * x
            loss = wh.ops.sum(half * np.float16(1e-4)) * np.float16(1e-4)
            optimizer.apply(wh.grad(optimizer.scale_loss(loss), [w]), [w])

        step(np.ones(2, np.float16))
        return w.numpy()

    np.testing.assert_allclose(trained(opt.SGD(1e7)), 1 - 0.1, rtol=0.2)  # 1e-8 is hardly a half
    found = trained(opt.LossScaleOptimizer(opt.SGD(1e7), initial_scale=2.0**15))
    np.testing.assert_allclose(found, 1 - 0.1, rtol=2e-3)


def test_the_scale_is_part_of_the_state() -> None:
    scaled = opt.LossScaleOptimizer(opt.Adam(0.5), initial_scale=8.0)
    (w,) = variables("w")
    scaled.apply([np.array([np.inf, 1], np.float32)], [w])
    store: dict[str, Any] = {}
    scaled.save_own_variables(store)
    other = opt.deserialize(opt.serialize(scaled))
    assert isinstance(other, opt.LossScaleOptimizer)
    assert float(other.learning_rate) == 0.5
    other.build([w])
    other.load_own_variables(store)
    assert float(other.dynamic_scale) == 4.0
    other.learning_rate = 0.25
    assert float(other.inner_optimizer.learning_rate) == 0.25


def test_fit_with_a_loss_scale() -> None:
    x = np.linspace(-1, 1, 32, dtype=np.float32).reshape(-1, 1)

    def losses(optimizer: Any) -> Any:
        model = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1, kernel_initializer="ones")])
        model.compile(optimizer, "mse")
        return model.fit(x, 3 * x, epochs=3, verbose=0, shuffle=False).history["loss"]

    plain = losses(opt.Adam(0.1))
    np.testing.assert_allclose(losses(opt.LossScaleOptimizer(opt.Adam(0.1))), plain, rtol=1e-6)


# -- several ----------------------------------------------------------------------------------


def test_each_variable_has_its_optimizer() -> None:
    a, b, c = variables("encoder/kernel", "encoder/bias", "head")
    sgd, adam = opt.SGD(0.5), opt.Adam(0.25)
    several = opt.MultiOptimizer(opt.OptimizerMap(opt.SGD(1.0), {"encoder/.*": sgd}))
    several.optimizer_map["encoder/bias"] = adam
    step = wh.function(lambda g: several.apply([g, g, g], [a, b, c]))
    step(np.ones(2, np.float32))
    assert (a.numpy()[0], c.numpy()[0]) == (0.5, 0.0)
    np.testing.assert_allclose(b.numpy(), 0.75, rtol=1e-5)
    assert [int(o.iterations) for o in (several, sgd, adam)] == [1, 1, 1]
    adam.learning_rate = 0.0
    step(np.ones(2, np.float32))
    np.testing.assert_allclose(b.numpy(), 0.75, rtol=1e-5)
    with pytest.raises(AttributeError, match="each of its"):
        several.learning_rate = 0.1
    assert not hasattr(several, "learning_rate")


def test_a_function_chooses() -> None:
    by_rank = {1: opt.SGD(0.5), 2: opt.SGD(0.25)}
    several = opt.MultiOptimizer(lambda v: by_rank[v.ndim], loss_scale_factor=4.0)
    (a,) = variables("a")
    b = wh.Variable(np.ones((1, 1), np.float32), name="b")
    assert float(several.scale_loss(np.float32(2.0))) == 8.0
    several.apply([np.full(2, 4.0, np.float32), np.full((1, 1), 4.0, np.float32)], [a, b])
    assert (a.numpy()[0], b.numpy()[0, 0]) == (0.5, 0.75)
    assert [v.path for v in several.variables].count("sgd/iterations") == 2


def test_a_map_returns_from_its_configuration() -> None:
    made = opt.MultiOptimizer(opt.OptimizerMap(opt.SGD(0.5), {"a.*": opt.Adam(0.25)}), name="two")
    again = opt.deserialize(opt.serialize(made))
    assert isinstance(again, opt.MultiOptimizer)
    assert again.name == "two"
    assert [type(o).__name__ for o in again.optimizers] == ["Adam", "SGD"]
    assert float(again.optimizer_map["abc"].learning_rate) == 0.25
    del again.optimizer_map["a.*"]
    assert float(again.optimizer_map["abc"].learning_rate) == 0.5
    assert len(again.optimizer_map) == 0


def test_several_optimizers_in_one_step() -> None:
    """As in adversarial training: each optimizer has a part of the variables, and its own loss."""
    (maker,), (critic,) = variables("maker"), variables("critic")
    for_maker = opt.SGD(0.125, momentum=0.5)
    for_critic = opt.SGD(0.25, momentum=0.25, weight_decay=0.5)

    @wh.function
    def step(x: Any) -> Any:
        score = wh.ops.sum(critic * (x - maker))
        for_critic.apply(wh.grad(-score, [critic]), [critic])
        again = wh.ops.sum(critic * (x - maker))  # with the new critic
        for_maker.apply(wh.grad(again, [maker]), [maker])
        return score

    x = np.array([3.0, -3.0], np.float32)
    c, m, c_moved, m_moved = np.ones(2), np.ones(2), np.zeros(2), np.zeros(2)
    for _ in range(3):
        np.testing.assert_allclose(step(x), (c * (x - m)).sum(), rtol=1e-5)
        c_moved = 0.25 * c_moved + 0.25 * (x - m)
        c = c - 0.5 * 0.25 * c + c_moved
        m_moved = 0.5 * m_moved + 0.125 * c
        m = m + m_moved
    np.testing.assert_allclose(critic.numpy(), c, rtol=1e-5)
    np.testing.assert_allclose(maker.numpy(), m, rtol=1e-5)
    paths = [v.path for v in step.program(np.zeros(2, np.float32)).variables]
    assert sum(p.endswith("/momentum") for p in paths) == 2


# -- what optimizers written for Keras call ---------------------------------------------------


def test_the_example_of_keras_documentation() -> None:
    class Momentum(opt.Optimizer):
        def __init__(self, learning_rate: float = 0.1, momentum: float = 0.9, **kw: Any) -> None:
            super().__init__(learning_rate=learning_rate, **kw)
            self.momentum = momentum

        def build(self, var_list: Any) -> None:
            var_list = list(var_list)
            if self.built:
                return
            super().build(var_list)
            self.momentums, self.seen = self.add_optimizer_variables(
                var_list, ["momentum", "seen"], ["zeros", "ones"]
            )

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, m * self.momentum - gradient * learning_rate)
            self.assign_add(self.seen[self._get_variable_index(variable)], gradient)
            self.assign_add(variable, m)

        def get_config(self) -> Any:
            return {**super().get_config(), "momentum": self.momentum}

    mine, own = Momentum(0.25), opt.SGD(0.25, momentum=0.9)
    a, b = variables("a", "b")
    for gradient in (np.array([1, 2], np.float32), np.array([-1, 3], np.float32)):
        counter = mine.apply_gradients([(gradient, a)])
        own.apply([gradient], [b])
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert int(counter) == 2
    np.testing.assert_array_equal(mine.seen[0].numpy(), [1, 6])
    assert Momentum.from_config(mine.get_config()).momentum == 0.9


def test_the_configuration_has_the_present_rate() -> None:
    made = opt.Adam(0.5)
    made.learning_rate = 0.25
    assert made.get_config()["learning_rate"] == 0.25
    assert made.get_config()["name"] == "adam"
    made.learning_rate = opt.schedules.CosineDecay(0.125, 10)
    again = opt.Adam.from_config(made.get_config())
    assert float(again.learning_rate) == 0.125


def test_a_schedule_that_comes_too_late_is_told() -> None:
    made, (w,) = opt.SGD(0.5), variables("w")
    made.build([w])
    with pytest.warns(UserWarning, match="compiled already"):
        made.learning_rate = opt.schedules.CosineDecay(0.1, 10)


def test_weights_by_position() -> None:
    made, (w,) = opt.SGD(0.5, momentum=0.5), variables("w")
    made.build([w])
    made.set_weights([np.int64(3), np.float32(0.25), np.array([1, 2], np.float32)])
    assert int(made.iterations) == 3
    np.testing.assert_array_equal(made.slot(w, "momentum").numpy(), [1, 2])


def test_nothing_to_do() -> None:
    made = opt.SGD()
    made.apply([], [])
    assert int(made.iterations) == 0


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: opt.LossScaleOptimizer("sgd"), "no optimizer"),
        (lambda: opt.LossScaleOptimizer(opt.SGD(), initial_scale=0.0), "initial_scale"),
        (lambda: opt.LossScaleOptimizer(opt.SGD(), dynamic_growth_steps=0), "dynamic_growth_steps"),
        (lambda: opt.LossScaleOptimizer(opt.SGD()).apply([None], variables("w")), "no gradients"),
        (lambda: opt.OptimizerMap("sgd"), "no optimizer"),
        (lambda: opt.OptimizerMap(opt.SGD(), {"a": opt.LossScaleOptimizer(opt.SGD())}), "one of"),
        (
            lambda: opt.OptimizerMap(opt.SGD(), {"a.": opt.SGD(), ".b": opt.SGD()})["ab"],
            "2 patterns",
        ),
        (lambda: opt.MultiOptimizer(lambda v: v.name).build(variables("w")), "no optimizer"),
        (
            lambda: opt.MultiOptimizer(opt.OptimizerMap(opt.SGD())).apply([], variables("w")),
            "0 grad",
        ),
        (lambda: opt.SGD().add_variable((), aggregation="most"), "aggregation"),
    ],
)
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()


def test_forms_that_keras_writes() -> None:
    schedule = {"module": "keras.optimizers.schedules", "class_name": "ExponentialDecay",
                "config": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5},
                "registered_name": None}  # fmt: skip
    made = opt.get({"class_name": "Adam", "config": {"learning_rate": schedule, "beta_1": 0.8}})
    assert isinstance(made, opt.Adam)
    assert float(made.learning_rate) == 0.5
    assert made.beta_1 == 0.8
    assert float(opt.schedules.deserialize(schedule)(10)) == 0.25
    normal = wh.initializers.get({"class_name": "HeNormal", "config": {"seed": 3}})
    assert normal.seed == 3
    assert wh.regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    assert wh.constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3}}).max_value == 3


def test_names_are_those_of_keras() -> None:
    names = {"AdamW": "adam_w", "RMSprop": "rm_sprop", "SGD": "sgd"}
    assert {n: getattr(opt, n)().name for n in names} == names
    assert opt.LossScaleOptimizer(opt.SGD()).name == "loss_scale_optimizer"
