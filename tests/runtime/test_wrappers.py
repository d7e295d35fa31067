"""Models as estimators of scikit-learn: alone, in pipelines, in searches."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import waterhorse as wh


def test_without_scikit_learn() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import waterhorse as wh
try:
    wh.wrappers.SKLearnClassifier(None)
except ImportError as error:
    print(error)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": "src", "PATH": ""}, cwd=__file__.rsplit("/tests/", 1)[0],
    )  # fmt: skip
    assert "SKLearnClassifier needs scikit-learn 1.6 or newer: pip install" in found.stdout


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn")


RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 4))
LABELS = np.array(["cat", "dog", "emu"])[np.argmax(X[:, :3], 1)]


def classifier(X, y, units=16, rate=0.05):
    model = wh.Sequential([wh.Input((X.shape[1],)), wh.layers.Dense(units, activation="relu"),
                           wh.layers.Dense(y.shape[1], activation="softmax")])  # fmt: skip
    model.compile(wh.optimizers.Adam(rate), "categorical_crossentropy")
    return model


QUIET = {"epochs": 25, "verbose": 0}


def test_classifier(sklearn) -> None:
    made = wh.wrappers.SKLearnClassifier(classifier, model_kwargs={"units": 24}, fit_kwargs=QUIET)
    assert made.fit(X, LABELS) is made
    assert made.classes_.tolist() == ["cat", "dog", "emu"]
    assert made.score(X, LABELS) > 0.9
    outputs = made.decision_function(X[:5])
    np.testing.assert_array_equal(made.predict(X[:5]), made.classes_[outputs.argmax(1)])
    assert len(made.history_.history["loss"]) == 25
    assert made.model_.layers[0].units == 24


def test_in_pipelines_and_searches(sklearn) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimator = wh.wrappers.SKLearnClassifier(classifier, fit_kwargs=QUIET)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {"sklearnclassifier__model_kwargs": [{"rate": 1e-6}, {"rate": 0.05}]}, cv=2,
    )  # fmt: skip
    search.fit(X, LABELS)
    assert search.best_params_ == {"sklearnclassifier__model_kwargs": {"rate": 0.05}}
    assert search.best_score_ > 0.7


def linear() -> wh.Model:
    model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(1)])
    model.compile(wh.optimizers.Adam(0.1), "mse")
    return model


def test_regressor_clones_its_model(sklearn) -> None:
    y = X @ np.array([1.0, -2.0, 0.5, 3.0])
    model = linear()
    before = [w.copy() for w in model.get_weights()]
    made = wh.wrappers.SKLearnRegressor(model, fit_kwargs=QUIET).fit(X, y)
    assert made.predict(X).shape == y.shape
    assert made.score(X, y) > 0.95
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert made.fit(X, y[:, None]).predict(X).shape == (90, 1)
    again = sklearn.base.clone(made)
    assert not hasattr(again, "model_")
    assert again.fit_kwargs == QUIET


def test_warm_start_goes_on(sklearn) -> None:
    y = X[:, 0]
    made = wh.wrappers.SKLearnRegressor(linear(), warm_start=True)
    losses = [made.fit(X, y, verbose=0).history_.history["loss"][0] for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert int(made.model_.optimizer.iterations.numpy()) == 9


def test_transformer(sklearn) -> None:
    made = wh.wrappers.SKLearnTransformer(linear())
    found = made.fit(X, X[:, 0], verbose=0).transform(X)
    np.testing.assert_allclose(found, made.model_.predict(X, verbose=0))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.zeros(90), "only one class"),
        (X[:, 0], "no labels of classes"),
        (X[:, :2], "no labels of classes"),
    ],
)
def test_labels_that_are_none(labels, told, sklearn) -> None:
    with pytest.raises(ValueError, match=told):
        wh.wrappers.SKLearnClassifier(classifier).fit(X, labels)


def test_what_is_refused(sklearn) -> None:
    with pytest.raises(ValueError, match="must be compiled"):
        wh.wrappers.SKLearnRegressor(wh.Sequential([wh.Input((4,)), wh.layers.Dense(1)])).fit(
            X, X[:, 0]
        )
    with pytest.raises(sklearn.exceptions.NotFittedError):
        wh.wrappers.SKLearnRegressor(linear()).predict(X)
    made = wh.wrappers.SKLearnRegressor(linear()).fit(X, X[:, 0], verbose=0)
    with pytest.raises(ValueError, match="3 features"):
        made.predict(X[:, :3])
