"""Two optimizers in one ``train_step``, each with a part of the variables: trained, stopped, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

L = wh.layers
X = np.random.default_rng(0).normal(3, 1, size=(48, 2)).astype(np.float32)


class Adversarial(wh.Model):
    """A maker of points, and a critic that tells them from given ones; written as for Keras."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = wh.Sequential([wh.Input((2,)), L.Dense(8, "relu"), L.Dense(1)])
        self.maker = wh.Sequential([wh.Input((3,)), L.Dense(8, "relu"), L.Dense(2)])
        self.seed = wh.random.SeedGenerator(1)
        self.trackers = [wh.metrics.Mean(name="critic_loss"), wh.metrics.Mean(name="maker_loss")]

    def compile(self, for_critic: Any, for_maker: Any) -> None:  # type: ignore[override]
        super().compile()
        self.for_critic, self.for_maker = for_critic, for_maker
        self.loss_fn = wh.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self) -> list[Any]:
        return self.trackers

    def train_step(self, data: Any) -> Any:
        real = data[0] if isinstance(data, tuple) else data
        ones, zeros = wh.ops.ones((16, 1)), wh.ops.zeros((16, 1))
        made = self.maker(wh.random.normal((16, 3), seed=self.seed))
        told = self.critic(wh.ops.concatenate([real, made], axis=0))
        loss = self.loss_fn(wh.ops.concatenate([ones, zeros], axis=0), told)
        weights = self.critic.trainable_variables
        self.for_critic.apply(wh.grad(loss, weights), weights)
        deceived = self.critic(self.maker(wh.random.normal((16, 3), seed=self.seed)))
        other = self.loss_fn(ones, deceived)
        weights = self.maker.trainable_variables
        self.for_maker.apply(wh.grad(other, weights), weights)
        for tracker, value in zip(self.trackers, (loss, other), strict=True):
            tracker.update_state(value)
        return {t.name: t.result() for t in self.trackers}


class Interrupt(Exception):
    """What ends a run in the middle."""


def train(*callbacks: Any, epochs: int = 4) -> tuple[Any, Adversarial]:
    wh.set_random_seed(3)
    model = Adversarial()
    model.compile(wh.optimizers.Adam(0.01, beta_1=0.5), wh.optimizers.RMSprop(0.01))
    history = model.fit(X, batch_size=16, epochs=epochs, verbose=0, callbacks=[*callbacks])
    return history.history, model


def test_each_optimizer_moves_its_own_part() -> None:
    _, model = train(epochs=2)
    assert [int(o.iterations) for o in (model.for_critic, model.for_maker)] == [6, 6]
    for optimizer, part in ((model.for_critic, model.critic), (model.for_maker, model.maker)):
        owned = {v.path for v in optimizer.variables}
        assert all(any(w.path in path for path in owned) for w in part.trainable_variables)
    assert len(model.for_critic.variables) == 2 + 2 * 4
    assert len(model.for_maker.variables) == 2 + 4


@pytest.mark.parametrize("after", [4, 6, 11])
def test_a_resumed_run_equals_the_uninterrupted_one(after: int, tmp_path: Path) -> None:
    wanted, model = train()
    seen = []

    def interrupt(batch: int, logs: Any) -> None:
        seen.append(batch)
        if len(seen) == after:
            raise Interrupt

    stop = wh.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(Interrupt):
        train(wh.callbacks.BackupAndRestore(tmp_path, save_freq=1), stop)
    found, other = train(wh.callbacks.BackupAndRestore(tmp_path, save_freq=1))
    assert found == wanted
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
