"""Weights find their variables in a model that is made again, whatever automatic names it has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.runtime.places import placed

L = wh.layers


def sequential() -> Any:
    return wh.Sequential([wh.Input((3,)), *[L.Dense(n) for n in range(1, 13)]])


def functional() -> Any:
    """Made in another order than it computes in."""
    last, first = L.Dense(2), L.Dense(4)
    x = wh.Input((3,), name="x")
    return wh.Model(x, last(L.BatchNormalization()(first(x))))


class Block(L.Layer):
    """A network within a layer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = wh.Sequential([L.Dense(5), L.Dense(2)])

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def nested() -> Any:
    return wh.Sequential([wh.Input((3,)), Block(), L.Dense(2)])


@pytest.mark.parametrize("make", [sequential, functional, nested])
def test_made_again(make: Any, tmp_path: Path) -> None:
    model, again = make(), make()
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    assert [*placed(model)] == [*placed(again)]
    model.save_weights(tmp_path / "weights.safetensors")
    again.load_weights(tmp_path / "weights.safetensors")
    model.save(tmp_path / "model.wh")
    read = wh.models.load_model(tmp_path / "model.wh", custom_objects={"Block": Block})
    for other in (again, read):
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_names_that_were_chosen_stay() -> None:
    layers = [L.Dense(3, name="head"), L.Dense(3, name="block_7"), L.Dense(3), L.Dense(3)]
    names = [*placed(wh.Sequential([wh.Input((3,)), *layers]))]
    assert names[::2] == ["head/kernel", "block_7/kernel", "dense/kernel", "dense_1/kernel"]
