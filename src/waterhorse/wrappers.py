"""Models as estimators of scikit-learn."""

from . import _boot as _boot
from .runtime.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
