"""Data in memory: what becomes of lists, tables, sparse matrices, tensors and text; batches and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.compiler import tree
from waterhorse.errors import ArgumentError, DataError
from waterhorse.runtime.data import (
    ArraySource,
    SparseRows,
    as_array,
    class_weights,
    is_arrays,
    make_source,
    to_arrays,
)


def filled(batch) -> list[np.ndarray]:
    buffers = [np.zeros(s, "float32") for s in batch.shapes]
    batch.fill(buffers)
    return buffers


# -- stand-ins for what is not installed here ------------------------------------------------------


class Tensor:
    """A torch tensor that needs a gradient: NumPy gets nothing before ``detach``."""

    def __init__(self, values, attached=True):
        self.values, self.attached = np.asarray(values), attached

    def detach(self):
        return Tensor(self.values, False)

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


class Numpy:
    """A tensor that has nothing but ``numpy()``."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def numpy(self):
        return self.values


class Ragged:
    """A ragged tensor of TensorFlow."""

    def to_tensor(self):
        return Numpy([[1, 2], [3, 0]])


class Frame:
    """A data frame: columns by name, and their types."""

    def __init__(self, table):
        self.table = {k: np.asarray(v) for k, v in table.items()}
        self.columns = list(table)
        self.dtypes = [v.dtype for v in self.table.values()]

    def __getitem__(self, name):
        return self.table[name]

    def __array__(self, dtype=None, copy=None):
        return np.stack([v.astype(object) for v in self.table.values()], 1)


class Table:
    """An Arrow table."""

    def __init__(self, table):
        self.table, self.column_names = table, list(table)

    def column(self, i):
        return np.asarray(self.table[self.column_names[i]])


MIXED = {"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]}
SIDE_BY_SIDE = [[1, 0.5, 1], [2, 1.5, 0]]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([1, 2], [1, 2]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (Tensor([1.0, 2.0]), [1, 2]),
        (Numpy([[1], [2]]), [[1], [2]]),
        (Ragged(), [[1, 2], [3, 0]]),
        (Frame(MIXED), SIDE_BY_SIDE),
        (Table(MIXED), SIDE_BY_SIDE),
        (Frame({"a": ["x", "y"], "b": ["z", "w"]}), [["x", "z"], ["y", "w"]]),
        (["good", "bad"], ["good", "bad"]),
        (np.array(["a", "bcd"], object), ["a", "bcd"]),
        (np.array([b"caf\xc3\xa9", "x"], object), ["café", "x"]),
        (wh.ops.add(np.array([1.0, 2.0]), 1.0), [2, 3]),
    ],
)
def test_arrays_of_what_users_have(given, wanted) -> None:
    found = as_array(given, "x")
    assert isinstance(found, np.ndarray)
    assert found.tolist() == wanted


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Frame({"age": [1, 2], "name": ["a", "b"]}), r"the columns 'name' \(<U1\) hold no numbers"),
        (Frame({}), "without columns"),
        ([[1, 2], [3]], "no rectangular array"),
        (np.array([1, "a"], object), r"dtype object: int, str"),
        (np.array([None, 1.0], object), "dtype object: NoneType, float"),
        (np.array([], object), "empty and has no element type"),
        (3.0, "a single number"),
    ],
)
def test_what_makes_no_array(given, told) -> None:
    with pytest.raises(DataError, match=told):
        as_array(given, "x")


def test_nests_keep_their_form() -> None:
    found = to_arrays({"a": [1, 2], "b": (np.ones(2), [np.zeros(2)])}, "x")
    assert tree.describe(tree.flatten(found)[1]) == "{'a': *, 'b': (*, [*])}"


@pytest.mark.parametrize(
    "value", [np.ones(2), [1], {"a": [1]}, Frame(MIXED), Table(MIXED), Tensor([1])]
)
def test_data_in_memory(value) -> None:
    assert is_arrays(value)


def test_iterables_are_no_data_in_memory() -> None:
    assert not is_arrays(iter([1]))
    assert not is_arrays(wh.utils.timeseries_dataset_from_array(np.arange(5), None, 2))


# -- the real ones, where they are installed ----------------------------------------------------------


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(MIXED)
    assert as_array(frame, "x").tolist() == SIDE_BY_SIDE
    assert as_array(frame["b"], "x").tolist() == [0.5, 1.5]
    assert to_arrays(dict(frame), "x")["a"].tolist() == [1, 2]
    with pytest.raises(DataError, match="'d'"):
        as_array(frame.assign(d=["x", "y"]), "x")


def test_polars_and_arrow() -> None:
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    for table in (polars.DataFrame(MIXED), pyarrow.table(MIXED)):
        assert is_arrays(table)
        assert as_array(table, "x").tolist() == SIDE_BY_SIDE


def test_torch_loader() -> None:
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.arange(6.0).reshape(6, 1), torch.arange(6))
    loader = torch.utils.data.DataLoader(pairs, batch_size=4)
    source = make_source(loader)
    assert source.steps == 2
    for _ in range(2):
        assert [b.arrays[1].tolist() for b in source.epoch(0)] == [[0, 1, 2, 3], [4, 5]]


def test_scipy_sparse() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    values = np.random.default_rng(0).random((10, 4)) * (np.arange(40).reshape(10, 4) % 3 == 0)
    for kind in (sparse.csr_matrix, sparse.coo_matrix, sparse.csc_array):
        check_sparse(kind(values), values)


class Sparse:
    """A SciPy matrix. It counts how many rows it made dense at once."""

    most = 0

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype

    def tocsr(self):
        return self

    def toarray(self):
        Sparse.most = max(Sparse.most, len(self.values))
        return self.values

    def __getitem__(self, rows):
        return Sparse(self.values[rows])


def test_sparse_rows_are_made_dense_a_batch_at_a_time() -> None:
    values = np.arange(40.0).reshape(10, 4)
    check_sparse(Sparse(values), values)
    assert Sparse.most == 4


def check_sparse(matrix: Any, values: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(10)
    for permutation in (None, order):
        source = make_source(
            matrix, batch_size=4, order=(permutation is not None and (lambda e, n: order)) or None
        )
        rows = np.concatenate([filled(b)[0] for b in source.epoch(0)])
        np.testing.assert_array_equal(
            rows, (values if permutation is None else values[order]).astype("float32")
        )
        assert source.example()[0].shape == (1, 4)
    part = to_arrays(matrix, "x", sparse=True)[2:5]
    assert isinstance(part, SparseRows)
    np.testing.assert_array_equal(np.asarray(part), values[2:5])


def test_fit_on_sparse_rows_equals_dense_ones() -> None:
    values = np.random.default_rng(0).random((20, 4)).astype("float32")
    y = values.sum(1, keepdims=True)

    def loss(x):
        wh.set_random_seed(1)
        model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(x, y, batch_size=8, epochs=2, validation_split=0.25, verbose=0).history
        return history["loss"], history["val_loss"]

    assert loss(Sparse(values)) == loss(values)


# -- batches ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "size", "steps", "wanted"),
    [
        (5, 2, None, [[0, 2, 4], [0, 2, 4]]),
        # Keras goes on in the next epoch where the last one stopped
        (8, 2, 2, [[0, 2], [4, 6], [0, 2]]),
        (5, 1, 2, [[0, 1], [2, 3], [4], [0, 1]]),
        (4, 2, 9, [[0, 2], [0, 2]]),
    ],
)
def test_steps_per_epoch(count, size, steps, wanted) -> None:
    source = ArraySource(np.arange(count), None, None, size, None, steps)
    for epoch, begins in enumerate(wanted):
        assert [int(filled(b)[0][0]) for b in source.epoch(epoch)] == begins
        assert [int(filled(b)[0][0]) for b in source.epoch(epoch, 1)] == begins[1:]


def test_a_pass_in_parts_has_one_order() -> None:
    source = make_source(
        np.arange(6), batch_size=1, steps=3, order=lambda n, count: np.roll(np.arange(count), n)
    )
    seen = [int(filled(b)[0][0]) for e in range(4) for b in source.epoch(e)]
    assert seen == [0, 1, 2, 3, 4, 5, 5, 0, 1, 2, 3, 4]


def test_fit_stops_after_so_many_steps() -> None:
    class Counting(wh.callbacks.Callback):
        count = 0

        def on_train_batch_end(self, batch, logs=None):
            self.count += 1

    model = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1)])
    model.compile("sgd", "mse")
    counting = Counting()
    x = np.zeros((10, 1), "float32")
    model.fit(x, x, batch_size=2, epochs=3, steps_per_epoch=2, callbacks=counting, verbose=0)
    assert counting.count == 2 + 2 + 1


# -- weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "wanted"),
    [
        ([0, 2, 1, 7], [1, 5, 0.5, 1]),
        ([[0], [2], [1], [7]], [1, 5, 0.5, 1]),
        ([[0.9, 0, 0.1], [0, 0, 1], [0, 1, 0], [0.2, 0.1, 0.3]], [1, 5, 0.5, 5]),
        ([0.0, 1.9999, 1.0, 3.0], [1, 5, 0.5, 1]),  # rounded, as in Keras
    ],
)
def test_class_weights(y, wanted) -> None:
    found = class_weights(np.array(y), {1: 0.5, 2: 5.0})
    assert found.tolist() == wanted
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("y", "error", "told"),
    [
        (np.array([-1, 0]), DataError, "label -1 is no class"),
        ([np.zeros(2), np.zeros(2)], ArgumentError, "y has 2"),
        (None, ArgumentError, "y has 0"),
        (np.zeros((2, 3, 4)), ArgumentError, r"shape \(2, 3, 4\)"),
    ],
)
def test_class_weights_that_make_no_sense(y, error, told) -> None:
    with pytest.raises(error, match=told):
        class_weights(y, {0: 2.0})


def test_weights_for_each_output() -> None:
    y = {"a": np.zeros(3), "b": np.zeros((3, 2))}
    source = make_source(np.zeros((3, 1)), y, {"a": [1, 2, 3], "b": [4, 5, 6]}, 2)
    _, last = (filled(b) for b in list(source.epoch(0)))
    assert len(last) == 5
    weights = source.structure.weights(iter(last[3:]))
    assert {k: v.tolist() for k, v in weights.items()} == {"a": [3], "b": [6]}
    with pytest.raises(ArgumentError, match=r"sample_weight is nested like \[\*, \*\], y like"):
        make_source(np.zeros((3, 1)), y, [np.ones(3), np.ones(3)])


def test_weights_of_both_kinds_are_multiplied() -> None:
    source = make_source(
        np.zeros((3, 1)), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]), class_weight={1: 10.0}
    )
    (batch,) = source.epoch(0)
    assert filled(batch)[2].tolist() == [1, 20, 30]


# -- text -----------------------------------------------------------------------------------------------


class Words(wh.Model):
    """1 for "good", else 0, and a dense layer on that."""

    def __init__(self):
        super().__init__()
        self.dense = wh.layers.Dense(1)

    def call(self, x):
        known = wh.op.Equal(x, np.array("good", object))
        return self.dense(wh.op.Cast(known, to="float32"))


def test_text_goes_into_a_model() -> None:
    x = np.array([["good"], ["bad"], ["good"], ["é"], ["worse"]])
    y = np.array([[1], [0], [1], [0], [0]], "float32")
    number = (x == "good").astype("float32")

    def history(model, x):
        model.compile(wh.optimizers.Adam(0.1), "mse")
        return model.fit(x, y, epochs=4, batch_size=2, shuffle=False, verbose=0).history["loss"]

    model, plain = Words(), wh.Sequential([wh.Input((1,)), wh.layers.Dense(1)])
    model.predict(x, verbose=0)
    plain.set_weights(model.get_weights())
    assert history(model, x) == pytest.approx(history(plain, number), rel=1e-5)
    for given in (x, x.astype(object), x.tolist()):
        np.testing.assert_allclose(
            model.predict(given, verbose=0), plain.predict(number, verbose=0), rtol=1e-5
        )
    with pytest.raises(DataError, match="encode text labels first"):
        model.fit(x, x, verbose=0)


# -- a last dim of 1 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sequential", [True, False])
def test_columns_go_into_inputs_of_one_feature(sequential) -> None:
    """Keras adds a last dim of 1 that is missing, and takes one away that is too much."""
    values = np.linspace(-1, 1, 8)

    def model(shape):
        wh.set_random_seed(0)
        start = wh.Input(shape)
        layers = [wh.layers.Reshape((1,)), wh.layers.Dense(1)]
        if sequential:
            made = wh.Sequential([start, *layers])
        else:
            made = wh.Model(start, layers[1](layers[0](start)))
        made.compile("sgd", "mse")
        return made

    wanted = model((1,)).fit(values[:, None], values, verbose=0).history
    for shape, x in (((1,), values), ((), values[:, None]), ((), values)):
        made = model(shape)
        assert made.fit(x, values, verbose=0).history["loss"] == pytest.approx(wanted["loss"])
        assert made.predict(x, verbose=0).shape == (8, 1)


def test_a_dict_of_columns() -> None:
    table = {"age": np.arange(6.0), "height": np.arange(6.0) * 2}
    inputs = {name: wh.Input((1,), name=name) for name in ("height", "age")}
    model = wh.Model(inputs, wh.layers.Subtract()([inputs["height"], inputs["age"]]))
    assert model.predict(table, verbose=0).ravel().tolist() == table["age"].tolist()
