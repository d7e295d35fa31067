"""``PyDataset``: order, hooks, shuffling, workers of both kinds, and that nothing hangs."""

from __future__ import annotations

import os
import threading
import time
import traceback

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError
from waterhorse.runtime.data import PyDatasetSource, make_source

WORKERS = [(0, False), (1, False), (3, False), (1, True), (2, True)]


class Squares(wh.utils.PyDataset):
    """Batch i is ([i, i + 0.5], [i * i] * 2); the last one has one row."""

    def __init__(self, number=7, **kwargs):
        super().__init__(**kwargs)
        self.number = number
        self.told = []

    def __len__(self):
        return self.number

    def __getitem__(self, i):
        rows = 1 if i == self.number - 1 else 2
        x = np.array([[i], [i + 0.5]], "float32")[:rows]
        return x, np.full((rows, 1), i * i, "float32")

    def on_epoch_begin(self):
        self.told.append("begin")

    def on_epoch_end(self):
        self.told.append("end")


def first_values(batches):
    return [float(b.arrays[0][0, 0]) for b in batches]


def data_threads():
    return [t for t in threading.enumerate() if t.name.startswith("waterhorse-data")]


def wait_for(condition) -> bool:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_order_size_and_hooks(workers, processes) -> None:
    data = Squares(workers=workers, use_multiprocessing=processes, max_queue_size=2)
    source = PyDatasetSource(data)
    assert source.steps == 7
    batches = list(source.epoch(0))
    assert first_values(batches) == list(range(7))
    assert [b.size for b in batches] == [2] * 6 + [1]
    assert [b.arrays[1][0, 0] for b in batches] == [i * i for i in range(7)]
    assert data.told == ["begin", "end"]
    assert wait_for(lambda: not data_threads())


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_leaving_early_ends_the_workers(workers, processes) -> None:
    data = Squares(number=1000, workers=workers, use_multiprocessing=processes)
    epoch = PyDatasetSource(data).epoch(0)
    assert first_values([next(epoch), next(epoch)]) == [0, 1]
    epoch.close()
    assert data.told == ["begin"]  # the epoch was not completed
    assert wait_for(lambda: not data_threads())


def test_the_loop_need_not_ask_for_more_than_there_is() -> None:
    data = Squares()
    epoch = PyDatasetSource(data).epoch(0)
    for _ in range(7):
        next(epoch)
    epoch.close()
    assert data.told == ["begin", "end"]


def test_an_epoch_is_a_pass_or_a_part_of_one() -> None:
    # Keras goes on in the next epoch where the last one stopped, and begins anew when all is used up
    source = PyDatasetSource(Squares(number=5), steps=2)
    epochs = [first_values(source.epoch(e)) for e in range(5)]
    assert epochs == [[0, 1], [2, 3], [4], [0, 1], [2, 3]]
    assert first_values(source.epoch(1, 1)) == [3]


class Endless(wh.utils.PyDataset):
    num_batches = None

    def __getitem__(self, i):
        return np.full((2, 1), i, "float32")


def test_a_set_without_an_end() -> None:
    with pytest.raises(ArgumentError, match="steps_per_epoch"):
        PyDatasetSource(Endless())
    source = PyDatasetSource(Endless(workers=2), steps=3)
    assert [first_values(source.epoch(e)) for e in range(2)] == [[0, 1, 2], [3, 4, 5]]


def test_shuffled_batches_depend_on_seed_and_epoch() -> None:
    def run(**kwargs):
        wh.set_random_seed(3)
        seen = []

        class Noting(Squares):
            def __getitem__(self, i):
                seen.append(i)
                return super().__getitem__(i)

        model = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(Noting(workers=1), epochs=3, verbose=0, **kwargs)
        return seen[1:], history.history["loss"]

    order, loss = run()
    assert run() == (order, loss)
    passes = [order[i : i + 7] for i in (0, 7, 14)]
    assert [sorted(p) for p in passes] == [list(range(7))] * 3
    assert passes[0] != passes[1]
    assert run(shuffle=False)[0] == list(range(7)) * 3


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_fit_equals_arrays(workers, processes) -> None:
    def model():
        wh.set_random_seed(1)
        made = wh.Sequential([wh.Input((1,)), wh.layers.Dense(3), wh.layers.Dense(1)])
        made.compile("sgd", "mse")
        return made

    data = Squares(workers=workers, use_multiprocessing=processes)
    pairs = [data[i] for i in range(7)]
    x, y = (np.concatenate(c) for c in zip(*pairs, strict=True))
    a = model().fit(data, epochs=2, shuffle=False, verbose=0).history["loss"]
    b = model().fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert a == pytest.approx(b, rel=1e-6)
    assert model().predict(data, verbose=0).shape == (13, 1)


class Failing(Squares):
    def __getitem__(self, i):
        if i == 3:
            raise ZeroDivisionError("batch three")
        return super().__getitem__(i)


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_errors_of_workers_surface(workers, processes) -> None:
    source = PyDatasetSource(Failing(workers=workers, use_multiprocessing=processes))
    seen = []
    with pytest.raises(ZeroDivisionError, match="batch three") as caught:
        seen += [b for b in source.epoch(0)]  # noqa: C416  # what came before the error is kept
    told = "".join(traceback.format_exception(caught.value))
    assert 'raise ZeroDivisionError("batch three")' in told
    assert wait_for(lambda: not data_threads())


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} {b}")


class Strange(Squares):
    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def __getitem__(self, i):
        if i == 2 and self.kind == "unpicklable error":
            raise Odd("so", "strange")
        if i == 2 and self.kind == "unpicklable batch":
            return lambda: None
        if i == 2 and self.kind == "killed":
            os._exit(9)
        return super().__getitem__(i)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("unpicklable error", "so strange"),
        ("unpicklable batch", "pickle"),
        ("killed", r"exit code 9\) without an answer"),
    ],
)
def test_processes_that_cannot_answer(kind, told) -> None:
    source = PyDatasetSource(Strange(kind, workers=2, use_multiprocessing=True))
    with pytest.raises(DataError, match=told):
        list(source.epoch(0))


class Drawing(Squares):
    def __getitem__(self, i):
        return np.random.random((2, 1))


def test_processes_draw_the_same_numbers_for_a_batch() -> None:
    def drawn(workers):
        wh.set_random_seed(5)
        source = PyDatasetSource(Drawing(workers=workers, use_multiprocessing=True))
        return [b.arrays[0] for e in range(2) for b in source.epoch(e)]

    two, three = drawn(2), drawn(3)
    assert len({a.tobytes() for a in two}) == 14
    assert all(np.array_equal(a, b) for a, b in zip(two, three, strict=True))


def test_no_more_batches_are_made_ahead_than_asked_for() -> None:
    made = []

    class Noting(Squares):
        def __getitem__(self, i):
            made.append(i)
            return super().__getitem__(i)

    epoch = PyDatasetSource(Noting(number=100, workers=2, max_queue_size=3)).epoch(0)
    next(epoch)
    wait_for(lambda: len(made) >= 5)
    time.sleep(0.05)
    assert len(made) == 1 + 4  # the example; the batch that was asked for, and three
    epoch.close()


def test_an_interrupt_passes_and_leaves_nothing_behind() -> None:
    class Interrupt(wh.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1)])
    model.compile("sgd", "mse")
    for processes in (False, True):
        data = Squares(number=50, workers=2, use_multiprocessing=processes)
        with pytest.raises(KeyboardInterrupt):
            model.fit(data, callbacks=Interrupt(), verbose=0)
    assert wait_for(lambda: not data_threads())


class Changing(wh.utils.PyDataset):
    """Its batches change between epochs, as those of a set that is shuffled at the end of each."""

    def __init__(self):
        super().__init__(workers=2)
        self.order = np.arange(4)
        self.random = np.random.default_rng(0)

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return np.full((1, 1), self.order[i], "float32")

    def on_epoch_end(self):
        self.order = self.random.permutation(4)


def test_resuming_tells_the_set_of_the_epochs_before() -> None:
    whole = PyDatasetSource(Changing())
    epochs = [first_values(whole.epoch(e)) for e in range(3)]
    again = PyDatasetSource(Changing())
    again.resume(2 * 4 + 1)
    assert first_values(again.epoch(2, 1)) == epochs[2][1:]


def test_class_weights() -> None:
    class Labelled(wh.utils.PyDataset):
        def __init__(self, weighted):
            super().__init__()
            self.weighted = weighted

        def __len__(self):
            return 1

        def __getitem__(self, i):
            x, y = np.zeros((3, 1)), np.array([0, 2, 2])
            return (x, y, np.array([1.0, 2.0, 3.0])) if self.weighted else (x, y)

    (batch,) = make_source(Labelled(False), class_weight={2: 5.0}).epoch(0)
    assert batch.arrays[2].tolist() == [1, 5, 5]
    (batch,) = make_source(Labelled(True), class_weight={2: 5.0}).epoch(0)
    assert batch.arrays[2].tolist() == [1, 10, 15]


def test_sets_of_other_frameworks_count() -> None:
    class Old:  # as keras.utils.Sequence was: no base of ours
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.full((2, 1), i)

        def on_epoch_end(self):
            pass

    assert first_values(make_source(Old()).epoch(0)) == [0, 1, 2]
    assert wh.utils.Sequence is wh.utils.PyDataset


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"workers": -1}, "workers=-1"), ({"max_queue_size": 0}, "max_queue_size=0")],
)
def test_settings_that_make_no_sense(settings, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        Squares(**settings)


def test_what_is_missing_is_said() -> None:
    class Bare(wh.utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="Bare needs __len__"):
        Bare().num_batches  # noqa: B018
    with pytest.raises(NotImplementedError, match="Bare needs a method __getitem__"):
        Bare()[0]
    with pytest.raises(DataError, match="no batch"):
        make_source(Squares(number=0))
    with pytest.raises(ArgumentError, match="y and sample_weight come from it"):
        make_source(Squares(), y=np.zeros(3))
