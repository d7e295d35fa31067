"""``FeatureSpace``: columns of a table, each prepared in its own way, as one vector or as a dict."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler import config, dtypes, layers, op
from ..compiler.casting import as_type
from ..compiler.config import Configurable
from ..compiler.functional import Input
from ..compiler.ir import Array, Tensor
from ..compiler.layers.base import Layer
from ..compiler.layers.preprocessing.host import host_array, tensor_of
from ..compiler.layers.preprocessing.lookup import IndexLookup
from ..compiler.naming import unique_name
from ..compiler.program import TensorSpec
from ..errors import ArgumentError, DataError
from . import saving

_BATCH = 32  # of examples that come one by one


class Cross(Configurable):
    """Features whose combination is hashed into ``crossing_dim`` buckets, as a number or one-hot.

    Raises ``ArgumentError`` where ``output_mode`` is neither "int" nor "one_hot".
    """

    def __init__(
        self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        _check_mode("Cross", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim, self.output_mode = crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names of its features, joined."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """A column: its element type, the layer that prepares it, and how the result is given.

    With "int" and "float" the layer's result is given as it is, with "one_hot" as a vector. Raises
    ``ArgumentError`` for another ``output_mode``.
    """

    def __init__(self, dtype: Any, preprocessor: Any, output_mode: str) -> None:
        _check_mode("Feature", output_mode, ("int", "one_hot", "float"))
        self.dtype = dtype
        self.preprocessor: Layer = (
            config.deserialize(preprocessor) if isinstance(preprocessor, dict) else preprocessor
        )
        self.output_mode = output_mode


class PreparedCrossing(layers.HashedCrossing):
    """``HashedCrossing`` of what ``preprocessors`` make of its inputs.

    All of it on the host: a step that is fed with hashes cannot look up what is hashed.
    """

    _untracked = layers.HashedCrossing._untracked | {"_before"}

    def __init__(self, num_bins: int, preprocessors: Sequence[Layer], **kwargs: Any) -> None:
        super().__init__(num_bins, **kwargs)
        self._before = list(preprocessors)

    def compute(self, *inputs: Array) -> Array:
        prepared = [layer(x) for layer, x in zip(self._before, inputs, strict=True)]
        return super().compute(*(x.numpy() for x in prepared))


def _check_mode(owner: str, mode: str, known: Sequence[str]) -> None:
    if mode not in known:
        raise ArgumentError(f"{owner}(output_mode={mode!r}): expected one of {list(known)}")


class FeatureSpace(Layer):
    """Prepares a dict of columns: numbers scaled, categories looked up or hashed, combinations crossed.

    Args:
        features: name -> what it is: "float", "float_rescaled", "float_normalized", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed" or "string_hashed", or what the
            class method of that name gives for other options, or ``FeatureSpace.feature(...)``.
        output_mode: "concat" gives [batch, all sizes] float32: features in the order of their names,
            then crosses; "dict" gives a tensor for each.
        crosses: tuples of names, or ``FeatureSpace.cross(...)``.
        crossing_dim, hashing_dim, num_discretization_bins: sizes where a feature is named by its type.

    Call it on a dict of arrays, lists or tensors, [batch], [batch, 1], or single values (then the result
    has no batch either). ``get_inputs`` and ``get_encoded_features`` are the ends of the same as a
    functional model. Lookups, normalisation and discretisation want ``adapt`` first. Hashes (and
    crosses) are computed on the host, so that a file with them cannot be exported.
    """

    optimizer: Any = None  # for saving, which is made for models
    compilation: Any = None

    # -- kinds of features --------------------------------------------------------------------

    @classmethod
    def cross(
        cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Features to be crossed, with a size of their own."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: Any, preprocessor: Any, output_mode: str) -> Feature:
        """Any layer as the preprocessor of a column."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return _feature("float", name, "float32", "float", layers.Identity, dtype="float32")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """``x * scale + offset``."""
        return _feature("float_rescaled", name, "float32", "float", layers.Rescaling,
                        scale=scale, offset=offset)  # fmt: skip

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Mean 0 and variance 1 over what ``adapt`` has seen."""
        return _feature("float_normalized", name, "float32", "float", layers.Normalization, axis=-1)

    @classmethod
    def float_discretized(
        cls, num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """The range that a number lies in: ``num_bins`` that ``adapt`` finds, or None and boundaries."""
        return _feature("float_discretized", name, "float32", output_mode, layers.Discretization,
                        num_bins=num_bins, bin_boundaries=bin_boundaries)  # fmt: skip

    @classmethod
    def integer_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Integers looked up among those that ``adapt`` has seen."""
        return _feature("integer_categorical", name, "int32", output_mode, layers.IntegerLookup,
                        max_tokens=max_tokens, num_oov_indices=num_oov_indices)  # fmt: skip

    @classmethod
    def string_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Strings looked up among those that ``adapt`` has seen."""
        return _feature("string_categorical", name, "string", output_mode, layers.StringLookup,
                        max_tokens=max_tokens, num_oov_indices=num_oov_indices)  # fmt: skip

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings put into ``num_bins`` buckets."""
        return _feature("string_hashed", name, "string", output_mode, layers.Hashing,
                        num_bins=num_bins)  # fmt: skip

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers put into ``num_bins`` buckets."""
        return _feature("integer_hashed", name, "int32", output_mode, layers.Hashing,
                        num_bins=num_bins)  # fmt: skip

    # -- the space ----------------------------------------------------------------------------

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ArgumentError("FeatureSpace(features=...): a dict with at least one feature")
        _check_mode("FeatureSpace", output_mode, ("concat", "dict"))
        self.output_mode = output_mode
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {n: self._feature(n, f) for n, f in features.items()}
        self.crosses = [self._cross(c) for c in crosses or ()]
        self.inputs = {n: Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()}
        self.preprocessors: dict[str, Any] = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            c.name: PreparedCrossing(
                c.crossing_dim, [self.preprocessors[n] for n in c.feature_names], name=c.name
            )
            for c in self.crosses
        }
        self._encoded: Any = None
        self._adapted = not self._adaptable()

    def _feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, Feature):
            return given
        if isinstance(given, dict):
            found: Feature = config.deserialize(given)
            return found
        own = type(self)
        kinds: dict[str, Callable[[], Feature]] = {
            "float": lambda: own.float(name), "float_rescaled": lambda: own.float_rescaled(name=name),
            "float_normalized": lambda: own.float_normalized(name),
            "float_discretized": lambda: own.float_discretized(
                self.num_discretization_bins, name=name),
            "integer_categorical": lambda: own.integer_categorical(name=name),
            "string_categorical": lambda: own.string_categorical(name=name),
            "integer_hashed": lambda: own.integer_hashed(self.hashing_dim, name=name),
            "string_hashed": lambda: own.string_hashed(self.hashing_dim, name=name),
        }  # fmt: skip
        if not isinstance(given, str):
            raise ArgumentError(
                f"feature {name!r} is a {type(given).__name__}; expected one of {list(kinds)}, or "
                "what FeatureSpace.feature(...) gives"
            )
        return config.lookup("type of feature", given, kinds)()

    def _cross(self, given: Any) -> Cross:
        if isinstance(given, dict):
            given = config.deserialize(given)
        if not isinstance(given, Cross):
            given = Cross(given, self.crossing_dim)
        unknown = [n for n in given.feature_names if n not in self.features]
        if unknown:
            raise ArgumentError(
                f"crosses names {unknown[0]!r}, which is no feature; there are {list(self.features)}"
            )
        return given

    # -- adapting -----------------------------------------------------------------------------

    def _adaptable(self) -> list[str]:
        return [n for n, layer in self.preprocessors.items() if _learns(layer)]

    def adapt(self, dataset: Any) -> None:
        """Let the layers that learn from data see it.

        Args:
            dataset: a dict of columns (arrays or lists), a pandas DataFrame, or an iterable of dicts (of
                batches, or of single values) or of tuples that begin with one.

        Raises ``DataError`` where a feature is not in the data.
        """
        names = self._adaptable()
        if isinstance(dataset, Mapping) or hasattr(dataset, "items"):
            dataset = [dict(dataset.items())]
        elif not isinstance(dataset, Iterable):
            raise ArgumentError(
                "FeatureSpace.adapt takes a dict of columns or an iterable of dicts; got a "
                f"{type(dataset).__name__}"
            )
        elif iter(dataset) is dataset:  # can be gone through once only
            dataset = [{n: _column(row, n) for n in names} for row in dataset]
        for name in names:
            text = dtypes.as_dtype(self.features[name].dtype) == dtypes.OBJECT
            self.preprocessors[name].adapt(_batches(dataset, name, text))
        self._adapted, self._encoded = True, None

    def _check_adapted(self) -> None:
        if not self._adapted:
            raise ArgumentError(
                f"FeatureSpace {self.name!r}: call adapt(dataset) first; {self._adaptable()} learn "
                "from data"
            )

    # -- encoding -----------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Tensor]:
        """The inputs of a functional model that begins with the columns as they are."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What becomes of ``get_inputs()``."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._merged(self.inputs)
        return self._encoded

    def __call__(self, data: Any) -> Any:
        """The prepared columns. Raises ``ArgumentError`` where ``data`` is no dict with all features."""
        self._check_adapted()
        if not isinstance(data, Mapping):
            raise ArgumentError(
                f"a FeatureSpace is called on a dict of columns; got a {type(data).__name__}"
            )
        if set(data) != set(self.features):
            raise ArgumentError(
                f"FeatureSpace {self.name!r} has the features {sorted(self.features)}; got "
                f"{sorted(map(str, data))}"
            )
        columns = {n: self._typed(n, tensor_of(x)) for n, x in data.items()}
        single = all(x.ndim == 0 for x in columns.values())
        found = self._merged({n: _as_column(x) for n, x in columns.items()})
        if not single:
            return found
        if self.output_mode == "concat":
            return op.Squeeze(found, [0])
        return {n: op.Squeeze(x, [0]) for n, x in found.items()}

    def _typed(self, name: str, x: Tensor) -> Tensor:
        wanted = dtypes.as_dtype(self.features[name].dtype)
        if (x.dtype == dtypes.OBJECT) != (wanted == dtypes.OBJECT):
            raise DataError(f"feature {name!r} takes {wanted}; got {x.type}")
        return as_type(x, wanted)

    def _merged(self, columns: Mapping[str, Tensor]) -> Any:
        prepared = {n: self.preprocessors[n](columns[n]) for n in sorted(columns)}
        modes = {n: f.output_mode for n, f in self.features.items()}
        for cross in sorted(self.crosses, key=lambda c: c.name):
            prepared[cross.name] = self.crossers[cross.name](
                [columns[n] for n in cross.feature_names]
            )
            modes[cross.name] = cross.output_mode
        found = {
            n: self._one_hot(n, x) if modes[n] == "one_hot" else x for n, x in prepared.items()
        }
        if self.output_mode == "dict":
            return found
        for name, x in found.items():
            if not dtypes.is_float(x.dtype):
                raise ArgumentError(
                    f"feature {name!r} is {x.dtype} and cannot be part of a vector: give it "
                    "output_mode='one_hot', or the space output_mode='dict'"
                )
        return op.Concat(*found.values(), axis=-1) if len(found) > 1 else next(iter(found.values()))

    def _one_hot(self, name: str, x: Tensor) -> Tensor:
        if x.dtype.kind not in "iu":
            raise ArgumentError(
                f"feature {name!r} has output_mode='one_hot', but its preprocessor gives {x.dtype}; "
                "expected whole numbers"
            )
        layer = self.preprocessors.get(name) or self.crossers[name]
        encoder = layers.CategoryEncoding(_cardinality(name, layer), output_mode="multi_hot")
        found: Tensor = encoder(x)
        return found

    # -- keeping ------------------------------------------------------------------------------

    @property
    def input_specs(self) -> dict[str, TensorSpec]:
        """Types of the columns."""
        return {n: TensorSpec((None, 1), f.dtype, n) for n, f in self.features.items()}

    def get_config(self) -> dict[str, Any]:
        """The arguments; features with what their layers have learnt."""
        learnt = {n: x.get_build_config() for n, x in self.preprocessors.items()}
        return {
            **super().get_config(), "features": config.encode(self.features),
            "crosses": config.encode(self.crosses), "adapted": learnt if self._adapted else None,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FeatureSpace:
        adapted = config.get("adapted")
        space = super().from_config({k: v for k, v in config.items() if k != "adapted"})
        for name, shapes in (adapted or {}).items():
            layer = space.preprocessors[name]
            if shapes is not None and not layer.built:
                layer.build_from_config(shapes)
        space._adapted = space._adapted or adapted is not None
        space.built = space._adapted
        return space

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write a file that ``wh.models.load_model`` reads. Raises ``ArgumentError`` before ``adapt``."""
        self._check_adapted()
        saving.save(self, filepath, overwrite)  # type: ignore[arg-type]  # a layer with what is asked


def _feature(
    kind: str, name: str | None, dtype: str, output_mode: str, layer: Callable[..., Layer], /,
    **options: Any,
) -> Feature:  # fmt: skip
    label = name or unique_name(kind)
    return Feature(dtype, layer(name=f"{label}_preprocessor", **options), output_mode)


def _learns(layer: Layer) -> bool:
    """Whether a layer has an ``adapt`` that it was not spared by its arguments."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is not None
    if isinstance(layer, IndexLookup):
        return not layer._fixed
    if isinstance(layer, layers.TextVectorization):
        return not layer.lookup._fixed
    return hasattr(layer, "adapt")


def _cardinality(name: str, layer: Layer) -> int:
    """How many numbers a layer may give."""
    if isinstance(layer, IndexLookup):
        return layer.vocabulary_size()
    if isinstance(layer, layers.Discretization):
        return int(layer.num_bins or len(layer.bin_boundaries or ()) + 1)
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, (layers.Hashing, layers.HashedCrossing)):
        return layer.num_bins
    raise ArgumentError(
        f"feature {name!r}: how many numbers a {type(layer).__name__} gives is not known, so they "
        "cannot be one-hot; give it output_mode='int'"
    )


def _column(row: Any, name: str) -> Any:
    columns = row[0] if isinstance(row, tuple) else row
    if not isinstance(columns, Mapping):
        raise DataError(f"FeatureSpace.adapt takes dicts of columns; got a {type(row).__name__}")
    if name not in columns:
        raise DataError(f"the data has no column {name!r}; it has {sorted(map(str, columns))}")
    return columns[name]


def _batches(dataset: Iterable[Any], name: str, text: bool) -> Iterator[Array]:
    """A column in batches [batch, size]; single values are put together."""
    read = host_array if text else np.asarray
    columns = (read(_column(row, name)) for row in dataset)
    for first in columns:
        if first.ndim == 0:
            yield np.stack([first, *itertools.islice(columns, _BATCH - 1)])[:, None]
        else:
            yield first[:, None] if first.ndim == 1 else first


def _as_column(x: Tensor) -> Tensor:
    """A single value as [1, 1], [batch] as [batch, 1]."""
    if x.ndim > 1:
        return x
    return op.Reshape(x, [1, 1]) if x.ndim == 0 else op.Unsqueeze(x, [-1])


__all__ = ["FeatureSpace"]
