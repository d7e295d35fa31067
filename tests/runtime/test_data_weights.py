"""Sample weights for each of several outputs, in losses and weighted metrics: against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(7, 3)).astype("float32")
Y = {
    "a": RANDOM.normal(size=(7, 1)).astype("float32"),
    "b": RANDOM.normal(size=(7, 2)).astype("float32"),
}
WEIGHTS = {"a": RANDOM.random(7).astype("float32"), "b": np.array([0, 1, 0, 2, 0, 3, 0], "float32")}


def model(nested) -> wh.Model:
    wh.set_random_seed(0)
    x = wh.Input((3,))
    a, b = wh.layers.Dense(1, name="a")(x), wh.layers.Dense(2, name="b")(x)
    made = wh.Model(x, {"a": a, "b": b} if nested is dict else [a, b])
    metric = {"a": ["mae"], "b": ["mae"]}
    made.compile("sgd", {"a": "mse", "b": "mae"} if nested is dict else ["mse", "mae"],
                 weighted_metrics=metric if nested is dict else [["mae"], ["mae"]])  # fmt: skip
    return made


def of(nested, parts):
    return parts if nested is dict else [parts["a"], parts["b"]]


@pytest.mark.parametrize("nested", [dict, list])
def test_each_output_has_its_weights(nested) -> None:
    made = model(nested)
    pred = made.predict(X, verbose=0)
    pred = pred if nested is dict else {"a": pred[0], "b": pred[1]}
    logs = made.evaluate(
        X, of(nested, Y), sample_weight=of(nested, WEIGHTS), batch_size=4, verbose=0,
        return_dict=True,
    )  # fmt: skip
    square = ((pred["a"] - Y["a"]) ** 2).mean(1) * WEIGHTS["a"]
    error = {k: np.abs(pred[k] - Y[k]).mean(1) for k in Y}
    assert logs["loss"] == pytest.approx(
        square.mean() + (error["b"] * WEIGHTS["b"]).mean(), rel=1e-5
    )
    for name in Y:
        wanted = np.average(error[name], weights=WEIGHTS[name])
        assert logs[f"{name}_mae"] == pytest.approx(wanted, rel=1e-5)


def test_one_array_is_for_all_outputs() -> None:
    both = dict.fromkeys(Y, WEIGHTS["a"])
    a = model(dict).fit(X, Y, sample_weight=WEIGHTS["a"], shuffle=False, verbose=0).history
    b = model(dict).fit(X, Y, sample_weight=both, shuffle=False, verbose=0).history
    assert {k: v[0] for k, v in a.items()} == pytest.approx(
        {k: v[0] for k, v in b.items()}, rel=1e-6
    )


def test_batches_bring_their_weights() -> None:
    def batches():
        for rows in (slice(0, 4), slice(4, 7)):
            yield (
                X[rows],
                {k: v[rows] for k, v in Y.items()},
                {k: v[rows] for k, v in WEIGHTS.items()},
            )

    a = model(dict).fit(batches(), verbose=0).history
    b = model(dict).fit(X, Y, sample_weight=WEIGHTS, batch_size=4, shuffle=False, verbose=0).history
    assert {k: v[0] for k, v in a.items()} == pytest.approx(
        {k: v[0] for k, v in b.items()}, rel=1e-6
    )


def test_weights_that_fit_no_output() -> None:
    with pytest.raises(ArgumentError, match="sample_weight is nested like"):
        model(dict).fit(X, Y, sample_weight={"a": WEIGHTS["a"]}, verbose=0)
