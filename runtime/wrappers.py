"""Models as estimators of scikit-learn, for its pipelines, searches and cross-validation.

scikit-learn is an optional dependency; without it, the classes say so when they are made.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..compiler.ir import Array
from ..errors import ArgumentError, DataError
from .cloning import clone_model
from .model import Model

_validation: Any = None
try:
    from sklearn.base import (  # type: ignore[import-not-found]
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.utils import validation as _validation  # type: ignore[import-not-found,no-redef]
except ImportError:
    BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin = (
        type(name, (), {}) for name in ("Base", "Classifier", "Regressor", "Transformer")
    )


class SKLBase(BaseEstimator):  # type: ignore[misc]
    """What the three wrappers share.

    Args:
        model: a compiled model, which is cloned by each ``fit`` (its compilation too); or a function
            that takes ``X``, ``y`` and ``model_kwargs``, and returns a compiled model.
        warm_start: each ``fit`` goes on with the model of the one before, if there was one.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of ``Model.fit``; those given to ``fit`` itself come before them.

    Attributes: ``model_``, the fitted model, and ``history_``, its ``History``.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if _validation is None or not hasattr(_validation, "validate_data"):
            raise ImportError(
                f"{type(self).__name__} needs scikit-learn 1.6 or newer: pip install scikit-learn"
            )
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Self:
        settings = (self.warm_start, copy.copy(self.model_kwargs), copy.copy(self.fit_kwargs))
        return type(self)(self.model, *settings)

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Train on ``X`` [examples, features] and ``y``; ``kwargs`` go to ``Model.fit``."""
        rows, labels = _validation.validate_data(self, X, y, multi_output=True)
        targets = self._encode(labels)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._made(rows, targets)
        self.history_ = self.model_.fit(rows, targets, **{**(self.fit_kwargs or {}), **kwargs})
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """What the model says of ``X``, in the form of ``y``."""
        return self._decode(self._outputs(X))

    def _outputs(self, X: Any) -> Array:  # noqa: N803
        _validation.check_is_fitted(self, "model_")
        return self.model_.predict(_validation.validate_data(self, X, reset=False), verbose=0)

    def _made(self, X: Array, y: Array) -> Model:  # noqa: N803
        if isinstance(self.model, Model):
            made = clone_model(self.model)
            compilation = self.model.compilation
            if compilation is not None:
                made.compile_from_config(self.model.get_compile_config())
        else:
            made = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if made.compilation is None or made.compilation.config["loss"] is None:
            raise ArgumentError("the model must be compiled, with a loss and an optimizer")
        return made

    def _encode(self, y: Array) -> Array:
        self._rank = y.ndim
        return y.reshape(len(y), 1) if y.ndim == 1 else y

    def _decode(self, outputs: Array) -> Array:
        flat = self._rank == 1 and outputs.ndim == 2 and outputs.shape[1] == 1
        return outputs[:, 0] if flat else outputs


class SKLearnClassifier(ClassifierMixin, SKLBase):  # type: ignore[misc]
    """A classifier: labels of any kind become one-hot rows, the largest output is the label.

    ``classes_`` are the labels, sorted. See ``SKLBase`` for the arguments.
    """

    classes_: Array

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """The model's outputs [examples, classes]."""
        return self._outputs(X)

    def _encode(self, y: Array) -> Array:
        labels = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if labels.ndim != 1 or (labels.dtype.kind == "f" and (labels % 1).any()):
            raise DataError(f"y of shape {y.shape} and type {y.dtype} holds no labels of classes")
        classes, numbers = np.unique(labels, return_inverse=True)
        if self.warm_start and hasattr(self, "model_"):
            if not set(classes) <= set(self.classes_):
                raise DataError(
                    "y has labels that the model has not learnt before (warm_start=True)"
                )
            numbers = np.searchsorted(self.classes_, labels)
        else:
            self.classes_ = classes
        if len(self.classes_) < 2:
            raise DataError("a classifier can't train when only one class is present")
        return np.eye(len(self.classes_), dtype=np.float32)[numbers]

    def _decode(self, outputs: Array) -> Array:
        return self.classes_[outputs.argmax(-1)]


class SKLearnRegressor(RegressorMixin, SKLBase):  # type: ignore[misc]
    """A regressor. See ``SKLBase`` for the arguments."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):  # type: ignore[misc]
    """A step of a pipeline: the model's outputs are what comes next. See ``SKLBase`` for the arguments."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> Array:  # noqa: N803
        """The model's outputs for ``X``."""
        return self._outputs(X)
