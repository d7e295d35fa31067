"""FeatureSpace against NumPy: each kind of column, crosses, adapting, models, files."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError

Space = wh.utils.FeatureSpace
L = wh.layers
COLUMNS: dict[str, Any] = {
    "age": [20.0, 30, 40, 50, 60, 25], "hours": [1, 2, 3, 4, 5, 6], "job": ["a", "b", "a", "c", "a", "b"],
    "code": [7, 8, 7, 9, 9, 7], "zip": ["x", "y", "z", "x", "x", "y"], "size": [1.0, 5, 2, 9, 5, 7],
    "plain": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "number": [3, 4, 3, 5, 6, 7],
}  # fmt: skip
FEATURES: dict[str, Any] = {
    "age": "float_normalized", "hours": Space.float_rescaled(scale=2.0, offset=1.0),
    "job": "string_categorical", "code": "integer_categorical", "zip": Space.string_hashed(5),
    "size": Space.float_discretized(None, bin_boundaries=[2, 6]), "plain": "float",
    "number": "integer_hashed",
}  # fmt: skip


def one_hot(numbers: Any, size: int) -> Any:
    return (np.asarray(numbers)[:, None] == np.arange(size)).astype("float32")


def looked_up(values: list[Any]) -> Any:
    """Numbers from 1 on, the most frequent first; of equally frequent ones the last in order."""
    counts = Counter(values)
    order = sorted(counts, key=lambda v: (counts[v], v), reverse=True)
    return np.array([1 + order.index(v) for v in values])


def reference() -> dict[str, Any]:
    age = np.float64(COLUMNS["age"])
    number = one_hot(L.Hashing(32)(np.array(COLUMNS["number"])).numpy(), 32)
    jobs, codes = looked_up(COLUMNS["job"]), looked_up(COLUMNS["code"])
    crossed = L.HashedCrossing(8)([jobs, codes]).numpy()
    return {
        "age": ((age - age.mean()) / age.std())[:, None], "code": one_hot(codes, 4),
        "hours": np.float64(COLUMNS["hours"])[:, None] * 2 + 1, "job": one_hot(jobs, 4),
        "number": number, "plain": np.float64(COLUMNS["plain"])[:, None],
        "size": one_hot(np.digitize(COLUMNS["size"], [2, 6]), 3),
        "zip": one_hot(L.Hashing(5)(COLUMNS["zip"]).numpy(), 5), "job_X_code": one_hot(crossed, 8),
    }  # fmt: skip


def space(**options: Any) -> Any:
    made = Space(
        {n: f if isinstance(f, str) else type(f).from_config(f.get_config()) for n, f in FEATURES.items()},
        **{"crosses": [("job", "code")], "crossing_dim": 8, **options},
    )  # fmt: skip
    made.adapt(COLUMNS)
    return made


def close(found: Any, wanted: Any) -> None:
    assert found.shape == wanted.shape
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5, atol=1e-6)


def test_every_kind_of_feature() -> None:
    wanted = reference()
    found = space(output_mode="dict")(COLUMNS)
    assert list(found) == [*sorted(FEATURES), "job_X_code"]
    for name, value in wanted.items():
        close(found[name], value)
    joined = space()(COLUMNS)
    assert joined.dtype == np.float32
    close(joined, np.concatenate([wanted[n] for n in [*sorted(FEATURES), "job_X_code"]], 1))


def test_batches_columns_and_single_values() -> None:
    s = space()
    whole = np.asarray(s(COLUMNS))
    close(s({n: np.asarray(c)[:, None] for n, c in COLUMNS.items()}), whole)
    close(s({n: c[2] for n, c in COLUMNS.items()}), whole[2])
    single = space(output_mode="dict")({n: c[2] for n, c in COLUMNS.items()})
    assert {n: x.shape for n, x in single.items()}["job_X_code"] == (8,)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda rows: rows, id="single values"),
        pytest.param(iter, id="a generator"),
        pytest.param(lambda rows: [(r, 1) for r in rows], id="with targets"),
        pytest.param(
            lambda rows: [
                {n: [r[n] for r in rows[i : i + 4]] for n in COLUMNS} for i in range(0, 6, 4)
            ],
            id="batches",
        ),
    ],
)
def test_adapt_takes_iterables_of_dicts(data: Callable[[Any], Any]) -> None:
    rows = [{n: c[i] for n, c in COLUMNS.items()} for i in range(6)]
    made = Space(
        {"age": "float_normalized", "job": "string_categorical", "code": "integer_categorical"}
    )
    made.adapt(data(rows))
    wanted = reference()
    given = {n: COLUMNS[n] for n in ("age", "job", "code")}
    close(made(given), np.concatenate([wanted[n] for n in ("age", "code", "job")], 1))


def test_modes_sizes_and_own_layers() -> None:
    made = Space(
        {
            "code": Space.integer_categorical(max_tokens=3, num_oov_indices=2, output_mode="int"),
            "size": Space.float_discretized(num_bins=3, output_mode="int"),
            "own": Space.feature("float32", L.Rescaling(3.0), "float"),
            "zip": Space.string_hashed(4, output_mode="int"),
        },
        output_mode="dict",
        crosses=[Space.cross(("code", "zip"), 6, output_mode="int")],
    )
    given = {"code": COLUMNS["code"], "size": COLUMNS["size"], "own": COLUMNS["plain"],
             "zip": COLUMNS["zip"]}  # fmt: skip
    made.adapt(given)
    found = {n: np.asarray(x) for n, x in made(given).items()}
    assert (found["code"][[0, 2, 5]] == 2).all()  # the one that there is room for
    assert set(found["code"][[1, 3, 4]].ravel()) <= {0, 1}
    counts = np.bincount(found["size"].ravel(), minlength=3)
    assert len(counts) == 3
    assert counts.min() >= 1
    assert (np.diff(found["size"].ravel()[np.argsort(given["size"])]) >= 0).all()
    close(found["own"], 3 * np.float64(given["own"])[:, None])
    hashed = L.Hashing(4)(np.array(given["zip"], object)[:, None])
    close(found["zip"], hashed)
    close(found["code_X_zip"], L.HashedCrossing(6)([found["code"], hashed.numpy()]))


def test_in_a_model_and_in_files(tmp_path: Path) -> None:
    s = space()
    arrays = {n: np.asarray(c)[:, None] for n, c in COLUMNS.items()}
    model = wh.Model(s.get_inputs(), L.Dense(2)(s.get_encoded_features()))
    kernel, bias = model.layers[-1].get_weights()
    wanted = np.asarray(s(COLUMNS))
    close(model.predict(arrays, verbose=0), wanted @ kernel + bias)
    model.compile(wh.optimizers.SGD(0.01), "mse")
    losses = model.fit(arrays, np.ones((6, 2)), epochs=4, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    close(again.predict(arrays, verbose=0), model.predict(arrays, verbose=0))
    s.save(tmp_path / "space.keras")
    close(wh.models.load_model(tmp_path / "space.keras")(COLUMNS), wanted)
    # a process that has never used one
    code = "import sys, waterhorse as wh; print(sorted(wh.saving.load_model(sys.argv[1]).features))"
    told = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "space.keras"], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert told.stdout.strip() == str(sorted(FEATURES))


def test_a_space_without_hashes_is_exported(tmp_path: Path) -> None:
    s = Space(
        {"age": "float_normalized", "job": "string_categorical", "code": "integer_categorical"}
    )
    given = {n: COLUMNS[n] for n in ("age", "job", "code")}
    s.adapt(given)
    model = wh.Model(s.get_inputs(), L.Dense(2)(s.get_encoded_features()))
    arrays = {n: np.asarray(c)[:, None] for n, c in given.items()}
    model.export(tmp_path / "model.onnx", example={**arrays, "job": arrays["job"].astype(object)})
    session = ort.InferenceSession(tmp_path / "model.onnx")
    kinds = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(string)": object}
    feeds = {i.name: arrays[i.name].astype(kinds[i.type]) for i in session.get_inputs()}
    close(session.run(None, feeds)[0], np.asarray(model.predict(arrays, verbose=0)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Space({}), ArgumentError, "at least one feature"),
        (lambda: Space({"a": "float_normalised"}), ArgumentError, "float_normalized"),
        (lambda: Space({"a": 3}), ArgumentError, "expected one of"),
        (lambda: Space({"a": "float"}, output_mode="list"), ArgumentError, "'concat', 'dict'"),
        (lambda: Space({"a": "float"}, crosses=[("a", "b")]), ArgumentError, "no feature"),
        (lambda: Space.cross(("a", "b"), 3, output_mode="float"), ArgumentError, "'one_hot'"),
        (lambda: Space.feature("int32", L.Identity(), "vector"), ArgumentError, "'one_hot'"),
        (lambda: Space({"a": "float_normalized"})({"a": [1.0]}), ArgumentError, "adapt"),
        (lambda: Space({"a": "float_normalized"}).get_inputs(), ArgumentError, "adapt"),
        (lambda: Space({"a": "float_normalized"}).save("x"), ArgumentError, "adapt"),
        (lambda: Space({"a": "float_normalized"}).adapt(3), ArgumentError, "got a int"),
        (lambda: Space({"a": "float_normalized"}).adapt([[1.0]]), DataError, "dicts of columns"),
        (lambda: Space({"a": "float_normalized"}).adapt({"b": [1.0]}), DataError, "no column 'a'"),
        (lambda: Space({"a": "float"})([1.0]), ArgumentError, "a dict of columns"),
        (lambda: Space({"a": "float"})({"a": [1.0], "b": [2]}), ArgumentError, "has the features"),
        (lambda: Space({"a": "float"})({"a": ["x"]}), DataError, "takes float32"),
        (
            lambda: Space({"a": Space.string_hashed(3, output_mode="int")})({"a": ["x"]}),
            ArgumentError,
            "cannot be part of a vector",
        ),
        (
            lambda: Space({"a": Space.feature("float32", L.Identity(), "one_hot")})({"a": [1.0]}),
            ArgumentError,
            "expected whole numbers",
        ),
    ],
)
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
