"""A run that was interrupted within an epoch goes on as if nothing had been, whatever its data is."""

from __future__ import annotations

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.runtime.data.dataset import from_examples

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def shuffled_set():
    return from_examples(20, lambda i: (X[i], Y[i]), shuffle_seed=3).batch(4)


def series():
    return wh.utils.timeseries_dataset_from_array(X, Y, 1, batch_size=4, shuffle=True, seed=2).map(
        lambda x, y: (x[:, 0], y)
    )


def generator():
    while True:
        for i in range(0, 20, 4):
            yield X[i : i + 4], Y[i : i + 4]


class Batches(wh.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.random = np.random.default_rng(1)
        self.order = np.arange(20)

    def __len__(self):
        return 5

    def __getitem__(self, i):
        rows = self.order[4 * i : 4 * i + 4]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.order = self.random.permutation(20)


CASES = {
    "arrays": (lambda: X, {"y": Y, "batch_size": 4}),
    "arrays in parts": (lambda: X, {"y": Y, "batch_size": 4, "steps_per_epoch": 3}),
    "our set": (shuffled_set, {}),
    "our set in parts": (shuffled_set, {"steps_per_epoch": 3}),
    "series": (series, {}),
    "a generator": (generator, {"steps_per_epoch": 5}),
    "batches by number": (lambda: Batches(workers=2), {}),
    "batches of processes": (lambda: Batches(workers=2, use_multiprocessing=True), {}),
}


class Interrupt(wh.callbacks.Callback):
    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def run(case, *callbacks):
    data, arguments = CASES[case]
    wh.utils.clear_session()
    wh.set_random_seed(0)
    model = wh.Sequential(
        [wh.Input((3,)), wh.layers.Dense(4, activation="tanh"), wh.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    history = model.fit(data(), epochs=4, verbose=0, callbacks=list(callbacks), **arguments)
    return history.history["loss"], [w.tobytes() for w in model.get_weights()]


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_run_goes_on(case, tmp_path) -> None:
    whole = run(case)
    with pytest.raises(KeyboardInterrupt):
        run(case, wh.callbacks.BackupAndRestore(tmp_path, save_freq=2), Interrupt(9))
    assert run(case, wh.callbacks.BackupAndRestore(tmp_path, save_freq=2)) == whole
