"""Iterables as data: what is drawn, in which order, by whom, and where an epoch begins."""

from __future__ import annotations

import threading
import time
import traceback

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError
from waterhorse.runtime.data import Dataset, IterableSource, make_source


class Again:
    """Batches 0, 1, 2 ... of one row, as often as one likes. Counts its iterators."""

    def __init__(self, number, sized=True):
        self.number, self.begun = number, 0
        if sized:
            self.__class__ = type("Sized", (Again,), {"__len__": lambda self: number})

    def __iter__(self):
        self.begun += 1
        return (np.full((1, 1), i, "float32") for i in range(self.number))


def counting(limit=10**9):
    for i in range(limit):
        yield np.full((1, 1), i, "float32")


def values(batches):
    return [int(b.arrays[0][0, 0]) for b in batches]


def data_threads():
    return [t for t in threading.enumerate() if t.name.startswith("waterhorse-data")]


@pytest.mark.parametrize("sized", [True, False])
def test_a_pass_per_epoch(sized) -> None:
    data = Again(3, sized)
    source = IterableSource(data)
    assert source.steps == (3 if sized else None)
    assert [values(source.epoch(e)) for e in range(3)] == [[0, 1, 2]] * 3
    assert data.begun == 3  # the iterator that gave the example is the first epoch's
    assert values(source.epoch(5, 1)) == [1, 2]


@pytest.mark.parametrize(
    ("number", "steps", "wanted"),
    [
        # an epoch goes on where the last one stopped; a pass that ends early ends the epoch, as in Keras
        (5, 2, [[0, 1], [2, 3], [4], [0, 1], [2, 3]]),
        (4, 2, [[0, 1], [2, 3], [0, 1], [2, 3]]),
        (3, 3, [[0, 1, 2], [0, 1, 2]]),
        (2, 5, [[0, 1], [0, 1]]),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_steps_per_epoch(number, steps, wanted, sized) -> None:
    source = IterableSource(Again(number, sized), steps)
    assert [values(source.epoch(e)) for e in range(len(wanted))] == wanted
    # where a run was interrupted, another one goes on
    drawn = 0
    for epoch, batches in enumerate(wanted):
        for done in range(len(batches)):
            if drawn:
                again = IterableSource(Again(number, sized), steps)
                again.resume(drawn)
                assert values(again.epoch(epoch, done)) == batches[done:]
            drawn += 1


def test_generators_go_on() -> None:
    numbers = counting()
    source = IterableSource(numbers, 3)
    assert [values(source.epoch(e)) for e in range(2)] == [[0, 1, 2], [3, 4, 5]]
    assert next(numbers)[0, 0] == 6  # nothing was drawn beyond the epochs
    again = IterableSource(counting(), 3)
    again.resume(4)
    assert values(again.epoch(1, 1)) == [4, 5]


def test_generators_that_end() -> None:
    source = IterableSource(counting(4), 3)
    assert values(source.epoch(0)) == [0, 1, 2]
    assert values(source.epoch(1)) == [3]
    with pytest.raises(DataError, match="ran out: give steps_per_epoch"):
        list(source.epoch(2))
    with pytest.raises(DataError, match="had drawn 9 batches, this data has 4 only"):
        IterableSource(counting(4), 3).resume(9)
    with pytest.raises(DataError, match="gave no batch at all"):
        IterableSource(counting(0))


def test_validation_begins_anew_each_time() -> None:
    source = IterableSource(Again(5), 2)
    assert [values(source.epoch(0)) for _ in range(3)] == [[0, 1]] * 3


def test_a_thread_makes_batches_ahead() -> None:
    made, where = [], set()

    def numbers():
        for batch in counting():
            made.append(batch)
            where.add(threading.current_thread())
            yield batch

    epoch = IterableSource(numbers(), 1000).epoch(0)
    next(epoch)
    end = time.monotonic() + 20
    while len(made) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 5  # the one that was asked for, and four
    assert len(where - {threading.main_thread()}) == 1
    epoch.close()
    while data_threads() and time.monotonic() < end:
        time.sleep(0.01)
    assert not data_threads()


def test_errors_surface_with_their_traceback() -> None:
    def broken():
        yield np.zeros((1, 1))
        raise ZeroDivisionError("in the data")

    with pytest.raises(ZeroDivisionError) as caught:
        list(IterableSource(broken(), 5).epoch(0))
    assert 'raise ZeroDivisionError("in the data")' in "".join(
        traceback.format_exception(caught.value)
    )


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([(1, 2, 3, 4)], "got 4 parts"),
        ([(np.zeros((2, 1)), np.zeros(3))], r"same number of examples; got shapes \(2, 1\), \(3,\)"),
        ([np.zeros((2, 1)), (np.zeros((2, 1)), np.zeros(2))], r"nested like \(\*, \*\); the first one was"),
        ([{"a": np.zeros(2)}, {"b": np.zeros(2)}], "nested like"),
        ([np.array([object()])], "holds objects"),
        ([np.float32(3)], "single number"),
    ],
)  # fmt: skip
def test_batches_that_are_none(items, told) -> None:
    with pytest.raises(DataError, match=told):
        list(IterableSource(iter(items), len(items)).epoch(0))


def test_predict_leaves_targets_out_and_draws_each_batch_once() -> None:
    drawn = []

    def pairs():
        for i in range(4):
            drawn.append(i)
            yield np.full((2, 1), i, "float32"), np.zeros((2, 1))

    model = wh.Sequential([wh.Input((1,)), wh.layers.Rescaling(2.0)] if hasattr(
        wh.layers, "Rescaling") else [wh.Input((1,)), wh.layers.Dense(1, kernel_initializer=
        wh.initializers.Constant(2.0))])  # fmt: skip
    found = model.predict(pairs(), steps=3, verbose=0)
    assert found.ravel().tolist() == [0, 0, 2, 2, 4, 4]
    assert drawn == [0, 1, 2]


def test_class_and_sample_weights() -> None:
    batch = (np.zeros((2, 1)), np.array([1, 0]))
    (given,) = make_source(iter([batch]), class_weight={1: 3.0}).epoch(0)
    assert given.arrays[2].tolist() == [3, 1]
    weighted = ({"a": np.zeros((2, 1))}, [np.zeros(2), np.zeros(2)], [np.ones(2), np.full(2, 2.0)])
    source = make_source(iter([weighted]))
    assert source.structure.weight_count == 2
    assert source.structure.weights(iter("vw")) == ["v", "w"]
    with pytest.raises(ArgumentError, match="y has 2"):
        make_source(iter([weighted]), class_weight={1: 3.0})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"y": np.zeros(2)}, "y and sample_weight come from it"),
        ({"weight": np.zeros(2)}, "y and sample_weight come from it"),
        ({"batch_size": 3}, "batch_size is up to it"),
    ],
)
def test_arguments_that_do_not_go_with_iterables(arguments, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        make_source(counting(3), **arguments)


def test_what_is_no_data() -> None:
    with pytest.raises(ArgumentError, match="x is a int"):
        make_source(5)
    with pytest.raises(ArgumentError, match="x is missing"):
        make_source(None)


class Shuffled:
    """Counts how often it was iterated; our own sets are told the number of the pass."""

    def __call__(self, number):
        return (np.full((1, 1), 10 * number + i, "float32") for i in range(3))


def test_our_own_sets_know_which_pass_it_is() -> None:
    data = Dataset(Shuffled(), 3)
    source = IterableSource(data)
    assert [values(source.epoch(e)) for e in range(2)] == [[0, 1, 2], [10, 11, 12]]
    later = IterableSource(data)  # another call of fit goes on
    assert values(later.epoch(0)) == [20, 21, 22]
    resumed = IterableSource(Dataset(Shuffled(), 3))
    assert values(resumed.epoch(1, 2)) == [12]
    in_parts = IterableSource(Dataset(Shuffled(), 3), 2)
    assert [values(in_parts.epoch(e)) for e in range(4)] == [[0, 1], [2], [10, 11], [12]]
    resumed = IterableSource(Dataset(Shuffled(), 3), 2)
    resumed.resume(4)
    assert values(resumed.epoch(2, 1)) == [11]
