"""The counter-based generator: how random it is, and that its state says everything."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.compiler import random as core
from waterhorse.compiler.ir import data
from waterhorse.errors import ArgumentError, TraceError

random = wh.random
SIZE = 1 << 18


def words(seed: int, counter: int, lane: int = 0, size: int = SIZE) -> np.ndarray:
    state = data(np.array([seed, counter], np.uint32))
    return core._words((size,), state, lane).numpy()


def deviation(values: np.ndarray, bins: int) -> float:
    """Chi-square of a histogram, in standard deviations from what chance gives."""
    counts = np.bincount(values, minlength=bins)
    expected = len(values) / bins
    chi_square = ((counts - expected) ** 2 / expected).sum()
    return (chi_square - (bins - 1)) / math.sqrt(2 * (bins - 1))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """In standard deviations."""
    return float(np.corrcoef(a, b)[0, 1]) * math.sqrt(len(a))


# Ten or so statistics per case, all cases fixed: 5 standard deviations are no accident.
STREAMS = [(0, 0), (0, 1), (1, 0), (7, 12345), (2**32 - 1, 2**32 - 1), (1 << 31, 1 << 16)]


@pytest.mark.parametrize(("seed", "counter"), STREAMS)
def test_words_are_uniform(seed: int, counter: int) -> None:
    w = words(seed, counter)
    unit = w * 2.0**-32
    assert abs(unit.mean() - 0.5) * math.sqrt(12 * SIZE) < 5
    assert abs(((unit - 0.5) ** 2).mean() - 1 / 12) * math.sqrt(180 * SIZE) < 5
    for shift in (8, 16, 24):  # the high 24 bits are used
        assert abs(deviation((w >> shift) & 255, 256)) < 5
    assert abs(deviation(w >> 16, 65536)) < 5


@pytest.mark.parametrize(("seed", "counter"), STREAMS)
@pytest.mark.parametrize("lag", [1, 2, 3, 7, 28, 64, 128, 784, 1024, 3200, 4096, 1 << 16])
def test_neighbours_are_independent(seed: int, counter: int, lag: int) -> None:
    w = words(seed, counter)
    assert abs(correlation(w[:-lag], w[lag:])) < 5
    high = (w >> 26).astype(np.int64)
    assert abs(deviation(high[:-lag] * 64 + high[lag:], 4096)) < 5


@pytest.mark.parametrize(
    "other",
    [
        {"counter": 6}, {"counter": 7}, {"counter": 5 + (1 << 20)}, {"counter": 5 + (1 << 31)},
        {"seed": 3}, {"seed": 2 + (1 << 31)}, {"lane": 1}, {"seed": 5, "counter": 2},
    ],
)  # fmt: skip
def test_streams_are_independent(other: dict[str, int]) -> None:
    start = {"seed": 2, "counter": 5}
    a, b = words(**start), words(**{**start, **other})
    assert abs(correlation(a, b)) < 5
    assert abs(deviation((a >> 26).astype(np.int64) * 64 + (b >> 26), 4096)) < 5
    # nor is the one a shifted copy of the other
    assert len(np.intersect1d(a, b)) < 100


def test_streams_with_shifted_first_keys_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(*values: int) -> np.ndarray:
        pair = tuple(data(np.array([v % 2**32], np.uint32)) for v in values)
        monkeypatch.setattr(core, "_keys", lambda state, lane: pair)
        return words(0, 0)

    a, b = keys(1000, 5), keys(1000 + 3 * core._WEYL, 6)
    assert abs(correlation(a[3:], b[:-3])) < 5
    assert len(np.intersect1d(a, b)) < 100


def test_one_element_over_many_draws() -> None:
    generator = random.SeedGenerator(5)
    step = wh.function(lambda: core._words((16,), generator.next()))
    w = np.stack([step() for _ in range(3000)])
    for column in w.T:
        assert abs(deviation(column >> 26, 64)) < 5
        assert abs(correlation(column[:-1], column[1:])) < 5


def test_every_bit_of_the_index_matters() -> None:
    w = words(3, 9)
    index = np.random.Generator(np.random.Philox(1)).integers(0, SIZE, 1 << 14)
    for bit in range(18):
        flipped = w[index] ^ w[index ^ (1 << bit)]
        shares = [((flipped >> b) & 1).mean() for b in range(8, 32)]
        assert np.abs(np.array(shares) - 0.5).max() < 0.03


def test_numbering_by_rows_gives_the_same_words() -> None:
    state = data(np.array([7, 8], np.uint32))
    whole = core._words((6, 35), state, tail=1).numpy()
    for tail in (5, 35, 210):
        np.testing.assert_array_equal(core._words((6, 35), state, tail=tail).numpy(), whole)


# -- distributions ----------------------------------------------------------------------------


def test_uniform() -> None:
    x = random.uniform((SIZE,), -2.0, 6.0, seed=1).numpy()
    assert x.dtype == np.float32
    assert -2 <= x.min() < -1.99
    assert 5.99 < x.max() <= 6
    assert abs(x.mean() - 2) < 0.03
    assert abs(x.var() - 64 / 12) < 0.05


def test_normal() -> None:
    x = random.normal((SIZE,), 1.0, 2.0, seed=1).numpy().astype(np.float64)
    z = (x - 1) / 2
    assert abs(z.mean()) < 0.01
    assert abs(z.var() - 1) < 0.01
    assert abs((z**3).mean()) < 0.03
    assert abs((z**4).mean() - 3) < 0.1
    assert abs((z > 3).mean() - 0.00135) < 0.0004
    assert np.isfinite(z).all()


def test_truncated_normal_has_the_right_quantiles() -> None:
    z = random.truncated_normal((SIZE,), seed=2).numpy()
    assert np.abs(z).max() <= 2
    inside = math.erf(math.sqrt(2))
    for point in (-1.9, -1.0, -0.3, 0.0, 0.5, 1.5):
        wanted = 0.5 + math.erf(point / math.sqrt(2)) / 2 / inside
        assert abs((z <= point).mean() - wanted) < 0.005


def test_randint_is_even() -> None:
    x = random.randint((60_000,), -2, 4, seed=3).numpy()
    assert x.dtype == np.int32
    assert abs(deviation(x + 2, 6)) < 4
    big = random.randint((2000,), 0, 2**31, "int64", seed=3).numpy()
    assert big.max() > 2**30


def test_categorical() -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-12]], np.float32))
    found = random.categorical(logits, 20_000, seed=1).numpy()
    assert found.shape == (2, 20_000)
    assert found.dtype == np.int32
    np.testing.assert_allclose(np.bincount(found[0]) / 20_000, [0.1, 0.2, 0.7], atol=0.015)
    assert set(found[1]) == {0, 1}


def test_shuffle() -> None:
    x = np.arange(24).reshape(2, 12)
    found = random.shuffle(x, axis=1, seed=4).numpy()
    assert not np.array_equal(found, x)
    np.testing.assert_array_equal(np.sort(found[0]), x[0])
    np.testing.assert_array_equal(found[1] - found[0], np.full(12, 12))
    firsts = [random.shuffle(np.arange(4), seed=s).numpy()[0] for s in range(100)]
    assert abs(deviation(np.array(firsts), 4)) < 4


def test_other_types() -> None:
    assert random.uniform((3,), dtype="float16", seed=1).dtype == np.float16
    assert random.normal((3,), dtype="float64", seed=1).dtype == np.float64
    assert random.uniform((), seed=1).shape == ()
    assert random.uniform((0, 3), seed=1).numpy().shape == (0, 3)


# -- dropout ----------------------------------------------------------------------------------


def test_dropout_keeps_the_mean() -> None:
    x = np.full((400, 500), 3.0, np.float32)
    for rate in (0.1, 0.5, 0.8):
        y = random.dropout(x, rate, seed=6).numpy()
        np.testing.assert_allclose(np.unique(y), [0, 3 / (1 - rate)], rtol=1e-6)
        assert abs((y == 0).mean() - rate) < 0.005
        assert abs(y.mean() - 3) < 0.04
    np.testing.assert_array_equal(random.dropout(x, 0.0).numpy(), x)
    assert not random.dropout(x, 1.0).numpy().any()


def test_noise_shape() -> None:
    x = np.ones((4, 5, 6), np.float32)
    y = random.dropout(x, 0.5, noise_shape=(None, 1, 6), seed=1).numpy()
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y)) == {0.0, 2.0}
    with pytest.raises(ArgumentError, match="noise_shape"):
        random.dropout(x, 0.5, noise_shape=(1, 6))


def test_dropout_of_a_batch_of_any_size() -> None:
    generator, ones = random.SeedGenerator(5), np.ones((37, 3, 8), np.float32)

    @wh.function(input_signature=[wh.TensorSpec((None, 3, 8))])
    def masked(x: Any) -> Any:
        y = random.dropout(x, 0.4, seed=generator)
        assert y.shape == x.shape
        (gradient,) = wh.grad(wh.ops.sum(y * 2.0), [x])
        return y, gradient

    for size in (1, 4, 37):
        y, gradient = masked(ones[:size])
        np.testing.assert_array_equal(gradient, y * 2)
    assert {n.op_type for n in masked.to_onnx(ones).graph.node}.isdisjoint({"Where", "BitShift"})
    assert masked(ones[:0])[0].shape == (0, 3, 8)


# -- state ------------------------------------------------------------------------------------


def test_two_draws_in_one_step_differ_and_so_do_two_steps() -> None:
    generator = random.SeedGenerator(5)
    step = wh.function(lambda: [random.uniform((100,), seed=generator) for _ in range(2)])
    found = np.stack([*step(), *step()])
    assert len(np.unique(found)) > 395
    np.testing.assert_array_equal(generator.state.numpy(), [5, 4])


def test_a_restored_state_continues_bit_for_bit() -> None:
    generator = random.SeedGenerator(5)
    step = wh.function(lambda: random.normal((100,), seed=generator))
    step()
    state = generator.state.numpy()
    wanted = [step(), step()]
    other = random.SeedGenerator(99)
    other.state.assign(state)
    again = wh.function(lambda: random.normal((100,), seed=other))
    for values in wanted:
        np.testing.assert_array_equal(again(), values)
    other.state.assign(state)
    np.testing.assert_array_equal(random.normal((100,), seed=other).numpy(), wanted[0])


def test_a_number_as_seed_is_the_same_draw_each_time() -> None:
    step = wh.function(lambda: random.uniform((5,), seed=8))
    np.testing.assert_array_equal(step(), step())
    np.testing.assert_array_equal(step(), random.uniform((5,), seed=8).numpy())
    assert not step.program().writes


def test_global_seed() -> None:
    def draws() -> list[Any]:
        wh.set_random_seed(21)
        return [
            random.uniform((3,)).numpy(), random.uniform((3,)).numpy(),
            random.SeedGenerator().state.numpy(), core.next_seed(), np.random.rand(2),
        ]  # fmt: skip

    first, second = draws(), draws()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], first[1])


def test_host_generators_are_separate() -> None:
    keys = [(1,), (2,), (1, 1), (1, 2), (1, 1, 1), (1, 1, 2), (1, 1, 0, 1)]
    found = np.stack([core.host_generator(*k).random(50) for k in keys])
    assert len(np.unique(found)) == found.size
    np.testing.assert_array_equal(core.host_generator(1, 2).random(50), found[3])


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: random.uniform((None, 3)), "shape"),
        (lambda: random.uniform((2,), dtype="int32"), "floating-point"),
        (lambda: random.uniform((2,), seed=-1), "seed"),
        (lambda: random.uniform((2,), seed="a"), "seed"),
        (lambda: random.SeedGenerator(-2), "seed"),
        (lambda: random.randint((2,), 3, 3), "above"),
        (lambda: random.randint((2,), 0, 3, "float32"), "integer"),
        (lambda: random.dropout(np.ones(3, np.float32), 1.5), "rate"),
        (lambda: random.categorical(np.zeros(3, np.float32), 2), "logits"),
        (lambda: wh.set_random_seed(-1), "seed"),
    ],
)
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()


def test_a_draw_in_a_function_has_no_value_outside() -> None:
    kept = []
    generator = random.SeedGenerator(1)
    wh.function(lambda: kept.append(random.uniform((2,), seed=generator)))()
    with pytest.raises(TraceError):
        kept[0].numpy()


def test_a_program_repeats_within_one_process() -> None:
    """The global stream takes no seed from the sequence, whether it was there before or not."""
    found = []
    for _ in range(2):
        wh.set_random_seed(5)
        drawn = wh.random.normal((2,)).numpy()
        found.append((drawn, wh.initializers.GlorotUniform()((2, 2)).numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
