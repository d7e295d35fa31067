"""Initial values: Keras' distributions, repeatable by seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

from . import cases

GOLDEN = np.load(Path(__file__).parents[2] / "goldens" / "keras_penalties.npz")
KEYS = sorted(k for k in GOLDEN.files if k.startswith("initializer/"))
init = wh.initializers
RANDOM = ["GlorotUniform", "HeNormal", "Orthogonal", "RandomNormal", "RandomUniform",
          "TruncatedNormal", "VarianceScaling"]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_moments_are_those_of_keras(key: str) -> None:
    _, name, shape = key.split("/")
    cls, kwargs = cases.INITIALIZERS[name]
    sizes = tuple(int(d) for d in shape.split("x"))
    values = getattr(init, cls)(**kwargs, seed=5)(sizes).numpy()
    mean, deviation, smallest, largest = GOLDEN[key]
    assert values.shape == sizes
    assert values.dtype == np.float32
    error = deviation / np.sqrt(values.size)
    assert abs(values.mean() - mean) < 7 * error
    assert abs(values.std() - deviation) < 7 * error
    # the ends are sharp where the distribution is bounded; a normal one has tails
    bounded = "normal" not in name or "lecun" in name or "he" in name or "glorot" in name
    if (bounded or "truncated" in name) and name not in ("orthogonal", "scaling_avg"):
        np.testing.assert_allclose([values.min(), values.max()], [smallest, largest],
                                   atol=0.02 * (largest - smallest))  # fmt: skip


@pytest.mark.parametrize("name", cases.EXACT_INITIALIZERS)
def test_values_are_those_of_keras(name: str) -> None:
    cls, kwargs, shape = cases.EXACT_INITIALIZERS[name]
    made = getattr(init, cls)(**kwargs)
    # where a sine is 0, Keras' single precision leaves up to 2e-6
    np.testing.assert_allclose(made(shape), GOLDEN[f"exact/{name}"], rtol=1e-5, atol=2e-6)
    again = init.deserialize(init.serialize(made))
    np.testing.assert_array_equal(again(shape).numpy(), made(shape).numpy())


def test_a_window_of_ones_own() -> None:
    values = np.linspace(0.5, 1.0, 8)
    found = init.STFT(window=values, scaling=None)((8, 1, 5)).numpy()
    bare = init.STFT(window=None)((8, 1, 5)).numpy()
    np.testing.assert_allclose(found, bare * values[:, None, None], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(bare[:, 0].T, np.fft.rfft(np.eye(8)).T.real, atol=1e-6)


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name: str) -> None:
    cls, shape = getattr(init, name), (6, 5)
    fixed = cls(seed=3)
    first = fixed(shape).numpy()
    np.testing.assert_array_equal(fixed(shape).numpy(), first)
    np.testing.assert_array_equal(cls(seed=3)(shape).numpy(), first)
    assert not np.array_equal(cls(seed=4)(shape).numpy(), first)
    assert not np.array_equal(cls()(shape).numpy(), cls()(shape).numpy())
    drawn = cls(seed=wh.random.SeedGenerator(3))
    assert not np.array_equal(drawn(shape).numpy(), drawn(shape).numpy())


def test_global_seed_determines_the_rest() -> None:
    def two() -> Any:
        wh.set_random_seed(7)
        return [init.GlorotUniform()((3, 4)).numpy() for _ in range(2)]

    (a, b), (c, d) = two(), two()
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert not np.array_equal(a, b)


def test_fixed_values() -> None:
    np.testing.assert_array_equal(init.Zeros()((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.Ones()((2,), "int32").numpy(), np.ones(2, np.int32))
    np.testing.assert_array_equal(init.Constant(2.5)((2,)), [2.5, 2.5])
    np.testing.assert_array_equal(init.Constant([1, 2])((3, 2)), [[1, 2]] * 3)
    np.testing.assert_array_equal(init.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (3, 3, 2, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = init.Orthogonal(gain=2.0)(shape).numpy().reshape(-1, shape[-1])
    small = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_a_large_draw_is_no_repetition() -> None:
    values = init.TruncatedNormal(stddev=1.0, seed=1)((200_000,)).numpy()
    assert abs(values).max() <= 2
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.01
    assert len(np.unique(values)) > 195_000


@pytest.mark.parametrize(
    "name",
    ["zeros", "Ones", "glorot_uniform", "GlorotUniform", "he_normal", "lecun_uniform", "orthogonal",
     "random_normal", "uniform", "identity", "variance_scaling", "truncated_normal", "constant"],
)  # fmt: skip
def test_names(name: str) -> None:
    made = init.get(name)
    again = init.get(
        {"class_name": "initializers>" + type(made).__name__, "config": made.get_config()}
    )
    assert type(again) is type(made)
    assert made((2, 2)).shape == (2, 2)
    assert type(made.clone()) is type(made)


def test_what_get_takes() -> None:
    made = init.HeNormal(seed=2)
    assert init.get(made) is made
    assert init.get(None) is None
    assert init.get(np.zeros) is np.zeros
    assert isinstance(init.get(init.HeNormal), init.HeNormal)
    with pytest.raises(ArgumentError, match="did you mean 'glorot_uniform'"):
        init.get("glorot_unifrom")
    with pytest.raises(ArgumentError, match="expected a name"):
        init.get(7)


def test_configuration_returns_with_its_seed() -> None:
    made = init.VarianceScaling(2.0, "fan_out", "uniform", seed=9)
    again = init.VarianceScaling.from_config(made.get_config())
    np.testing.assert_array_equal(again((4, 5)).numpy(), made((4, 5)).numpy())
    assert init.HeNormal().get_config()["seed"] is None
    streamed = init.HeNormal(wh.random.SeedGenerator(4))
    copy = init.HeNormal.from_config(streamed.get_config())
    np.testing.assert_array_equal(copy((4, 5)).numpy(), streamed((4, 5)).numpy())


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: init.VarianceScaling(0.0), "scale"),
        (lambda: init.VarianceScaling(mode="fan"), "mode"),
        (lambda: init.VarianceScaling(distribution="cauchy"), "distribution"),
        (lambda: init.HeNormal("one"), "seed"),
        (lambda: init.Identity()((2, 2, 2)), "matrices"),
        (lambda: init.Orthogonal()((2,)), "two dims"),
        (lambda: init.Constant([1, 2, 3])((2, 2)), "broadcast"),
        (lambda: init.STFT(side="left"), "side"),
        (lambda: init.STFT(scaling="loud"), "scaling"),
        (lambda: init.STFT(window="round"), "unknown window"),
        (lambda: init.STFT(window=np.ones(3))((4, 1, 3)), "frames of 4"),
        (lambda: init.STFT()((4, 2, 3)), "kernels of shape"),
    ],
)
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()
