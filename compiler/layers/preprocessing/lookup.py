"""``StringLookup`` and ``IntegerLookup``: tokens as their numbers in a vocabulary, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import ArgumentError, DataError
from ... import dtypes, op
from ...config import not_supported
from ...dtypes import INT64, OBJECT, TensorType
from ...ir import Array, Tensor
from .batches import batches_of, is_array
from .encoding import checked_mode, encoded, encoded_on_host, encoded_type
from .hashing import buckets, decimal
from .host import HostLayer, host_array, salted
from .tables import mapped, within
from .vocabulary import Counts, Vocabulary, read_lines

__all__ = ["IntegerLookup", "StringLookup"]

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class IndexLookup(HostLayer):
    """What both lookups share; see there.

    Numbers: the mask is 0 (with "int" alone), then come those of unknown tokens, then the vocabulary.
    """

    _kind: dtypes.DType

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "farmhash",
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        not_supported(owner, sparse=(sparse, False))
        self.output_mode = checked_mode(owner, output_mode, _MODES)
        _check(owner, max_tokens, num_oov_indices, pad_to_max_tokens, invert, self.output_mode)
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ArgumentError(f"{owner}: idf_weights= needs output_mode='tf_idf'")
        self.invert, self.max_tokens, self.num_oov_indices = invert, max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.pad_to_max_tokens, self.oov_method = pad_to_max_tokens, oov_method
        self.salt = salted(owner, salt)
        self._fixed = vocabulary is not None
        self._vocabulary = Vocabulary([], None)
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # -- vocabulary ---------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens (a list, an array, or the path of a file with one a line) and their weights.

        They may begin with the mask and unknown tokens, in the order of ``get_vocabulary``. A model that
        has run already must be compiled again where the output's size changes. Raises ``ArgumentError``
        for repeated or reserved tokens, and for more of them than ``max_tokens``.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ArgumentError(f"{self.name!r}: idf_weights belong to output_mode='tf_idf'")
        if isinstance(vocabulary, (str, Path)):
            vocabulary = [self._token(line) for line in read_lines(vocabulary)]
        tokens = [self._token(t) for t in np.asarray(vocabulary).ravel().tolist()]
        special = self._special()
        given = bool(tokens) and tokens[: len(special)] == special
        own = tokens[len(special) :] if given else tokens
        reserved = [self.mask_token, self.oov_token if self.invert else None]
        self._vocabulary = Vocabulary.checked(self.name, own, reserved, special)
        size = self._token_start + len(own)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ArgumentError(
                f"{self.name!r}: a vocabulary of {size} tokens (special ones included); max_tokens is "
                f"{self.max_tokens}"
            )
        if idf_weights is not None:
            self._vocabulary.weigh(
                self.name, idf_weights, len(tokens), 0 if given else len(special)
            )

    def _token(self, value: Any) -> Any:
        """A token as the vocabulary has it."""
        raise NotImplementedError

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their numbers."""
        return [*(self._special() if include_special_tokens else ()), *self._vocabulary.tokens]

    def vocabulary_size(self) -> int:
        """How many numbers there are, those of mask and unknown tokens included."""
        return self._token_start + len(self._vocabulary.tokens)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens first, and of equally frequent ones the last.

        ``data`` is a list or array of tokens, or an iterable of batches of them. For "tf_idf" each row is a
        document. Raises ``ArgumentError`` where the layer was given a vocabulary.
        """
        counts = Counts()
        if isinstance(data, (list, tuple)):
            data = host_array(data)
        if is_array(data):
            data = [np.asarray(host_array(data)).reshape(-1, 1) if np.ndim(data) == 1 else data]
        for batch in batches_of(data, steps):
            array = host_array(batch)
            counts.update(self._rows(array[None] if array.ndim < 2 else array))
        self.learn(counts)

    def _rows(self, array: Array) -> list[list[Any]]:
        if array.dtype != OBJECT and self._kind == OBJECT:
            raise DataError(f"{self.name!r} takes strings; got {array.dtype}")
        return [[self._token(t) for t in row] for row in array.reshape(len(array), -1).tolist()]

    def learn(self, counts: Counts) -> None:
        """Take over what was counted."""
        if self._fixed:
            raise ArgumentError(f"{self.name!r} was given its vocabulary: it cannot be adapted")
        room = None if self.max_tokens is None else self.max_tokens - self._token_start
        self._vocabulary = counts.vocabulary(
            {self.mask_token, self.oov_token}, room, self.output_mode == "tf_idf", self._token_start
        )

    def get_config(self) -> dict[str, Any]:
        """What ``adapt`` has learnt, and what was read from a file, is kept as lists."""
        config = super().get_config()
        key = "vocabulary" if self._fixed else "learnt"
        saved = self._vocabulary.config(self._special())
        if self._fixed:
            weights = {"idf_weights": saved[1]} if self.output_mode == "tf_idf" else {}
            return {**config, key: saved[0], **weights}
        return {**config, key: list(saved)} if self._vocabulary.tokens else config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        layer: Any = super().from_config({k: v for k, v in config.items() if k != "learnt"})
        if config.get("learnt") is not None:
            layer.set_vocabulary(*config["learnt"])
        return layer

    # -- computing ----------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        return int(self.max_tokens or 0) if self.pad_to_max_tokens else self.vocabulary_size()

    @property
    def _mask_index(self) -> int:
        """The mask's number; in modes other than "int" it counts nowhere."""
        return 0 if self.output_mode == "int" else -1

    def _weights(self) -> Array:
        found = self._vocabulary.weights
        if found is None:
            raise ArgumentError(f"{self.name!r} has no idf weights yet: call adapt(data) first")
        return np.pad(found, (0, self._depth - len(found))).astype(np.float32)

    def _check_known(self) -> None:
        sized = self.output_mode != "int" and not self.pad_to_max_tokens
        if sized and not self._vocabulary.tokens:
            raise ArgumentError(f"{self.name!r} has no vocabulary yet: call adapt(data) first")

    def output_type(self, *inputs: TensorType) -> TensorType:
        (kind,) = inputs
        self._check_known()
        if self.invert:
            return TensorType(self._kind, kind.shape)
        if self.output_mode == "tf_idf":
            return encoded_type(kind.shape, "count", self._depth, "float32")
        return encoded_type(kind.shape, self.output_mode, self._depth, INT64)

    def compute(self, *inputs: Array) -> Array:
        (x,) = inputs
        if self.invert:
            table = dict(enumerate(self.get_vocabulary()))
            flat = [table.get(i, self.oov_token) for i in x.ravel().tolist()]
            found = np.empty(len(flat), self._kind)
            found[:] = flat
            return found.reshape(x.shape)
        if (x.dtype == OBJECT) != (self._kind == OBJECT):
            raise DataError(f"{self.name!r} takes {self._kind.name}; got {x.dtype.name}")
        return self.encoded_on_host(self.numbers(x.ravel().tolist()).reshape(x.shape))

    def numbers(self, tokens: list[Any]) -> Array:
        """The number of each token. Raises ``DataError`` for unknown ones where there is none for them."""
        first, start = self._oov_start, self._token_start
        known = self._vocabulary.table
        found = (
            np.fromiter((known.get(t, -1 - start) for t in tokens), np.int64, len(tokens)) + start
        )
        unknown = found == -1
        if self.mask_token is not None:
            masked = np.fromiter((t == self.mask_token for t in tokens), np.bool_, len(tokens))
            unknown &= ~masked
            found[masked] = self._mask_index
        if unknown.any():
            strange = [t for t, u in zip(tokens, unknown.tolist(), strict=True) if u]
            if not self.num_oov_indices:
                raise DataError(
                    f"{self.name!r} (num_oov_indices=0) was given tokens that are not in its "
                    f"vocabulary: {strange[:5]}"
                )
            found[unknown] = first + self._strangers(strange)
        return found

    def _strangers(self, tokens: list[Any]) -> Array:
        """Which of the numbers for unknown tokens each gets."""
        if self.num_oov_indices == 1:
            return np.zeros(len(tokens), np.int64)
        array = np.array(tokens, self._kind)
        if self.oov_method == "floormod":
            return array % self.num_oov_indices
        return buckets(decimal(array), self.num_oov_indices, self.salt)

    def encoded_on_host(self, numbers: Array) -> Array:
        """Numbers as ``output_mode`` says."""
        self._check_known()
        if self.output_mode == "tf_idf":
            return encoded_on_host(numbers, "count", self._depth, "float32") * self._weights()
        return encoded_on_host(numbers, self.output_mode, self._depth, INT64)

    def encoded_in_graph(self, numbers: Tensor) -> Tensor:
        """The same on tensors."""
        if self.output_mode == "tf_idf":
            counts = encoded(numbers, "count", self._depth, "float32")
            weighed: Tensor = counts * self._weights()
            return weighed
        return encoded(numbers, self.output_mode, self._depth, INT64)

    def obstacle(self, *inputs: TensorType) -> str | None:
        hashed = self.num_oov_indices > 1 and self.oov_method != "floormod" and not self.invert
        return "ONNX has no operator that hashes unknown tokens" if hashed else None

    def in_graph(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        tokens = self._vocabulary.tokens
        if self.invert:
            places = range(self.vocabulary_size())
            return mapped(op.Cast(x, to="int64"), places, self.get_vocabulary(), self.oov_token)
        x = x if self._kind == OBJECT else op.Cast(x, to="int64")
        return self.encoded_in_graph(self.numbers_in_graph(x, tokens))

    def numbers_in_graph(self, x: Tensor, tokens: list[Any]) -> Tensor:
        """``numbers`` as operators."""
        start, size = self._token_start, self.vocabulary_size()
        keys, values = list(tokens), [*range(start, size)]
        if self.mask_token is not None:
            keys, values = [*keys, self.mask_token], [*values, self._mask_index]
        if self.num_oov_indices == 1:
            return mapped(x, keys, values, self._oov_start)
        found = mapped(x, keys, values, size)
        if not self.num_oov_indices:
            return within(found, self._mask_index, size)
        strangers = op.Mod(x, np.int64(self.num_oov_indices)) + np.int64(self._oov_start)
        result: Tensor = op.Where(op.Equal(found, np.int64(size)), strangers, found)
        return result


def _check(
    owner: str, limit: int | None, unknown: int, pads: bool, invert: bool, mode: str
) -> None:
    if limit is not None and limit <= 1:
        raise ArgumentError(f"{owner}(max_tokens={limit}): expected a number above 1")
    if unknown < 0:
        raise ArgumentError(f"{owner}(num_oov_indices={unknown}): expected at least 0")
    if pads and limit is None:
        raise ArgumentError(f"{owner}: pad_to_max_tokens=True needs max_tokens=")
    if invert and mode != "int":
        raise ArgumentError(f"{owner}: invert=True works with output_mode='int' alone")


class StringLookup(IndexLookup):
    """Strings as their numbers in a vocabulary (``invert``: the other way round).

    Args:
        max_tokens: at most so many numbers, special ones included; None for no limit.
        num_oov_indices: how many numbers there are for unknown tokens. 0 makes them an error; with more
            than one their hash (FarmHash64, or SipHash64 with ``salt``) says which.
        mask_token: a token that stands for "nothing": number 0 with "int", left out otherwise.
        oov_token: what ``invert`` gives for numbers of unknown tokens.
        vocabulary: a list or array of tokens, or the path of a text file with one a line; otherwise
            ``adapt`` learns it.
        idf_weights: for "tf_idf" with a vocabulary: the weight of each token.
        invert: numbers to strings.
        output_mode: "int" (of the input's shape), "one_hot", "multi_hot", "count" (all int64) or "tf_idf"
            (float32: counts times weights); all but "int" with a last axis of the vocabulary's size.
        pad_to_max_tokens: make that axis ``max_tokens`` long.
        sparse, encoding: only False and "utf-8".

    Exported as ``ai.onnx.ml``'s LabelEncoder; with several numbers for unknown tokens there is no export
    (``NotImplementedError``), and the model computes the layer on the host.
    """

    _kind = OBJECT

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = "[UNK]",  # noqa: S107  # no password
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        not_supported("StringLookup", encoding=(encoding.lower().replace("_", "-"), "utf-8"))
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, sparse, pad_to_max_tokens, salt=salt, name=name, **kwargs,
        )  # fmt: skip

    def _token(self, value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)


class IntegerLookup(IndexLookup):
    """Integers as their numbers in a vocabulary (``invert``: the other way round).

    As ``StringLookup``, but for: ``vocabulary_dtype``: only "int64". ``oov_method``: with several numbers
    for unknown tokens, "floormod" takes the token modulo how many they are, "farmhash" its hash
    (SipHash64 with ``salt``). Exported as LabelEncoder unless it hashes.
    """

    _kind = INT64

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        not_supported("IntegerLookup", vocabulary_dtype=(vocabulary_dtype, "int64"))
        if oov_method not in ("floormod", "farmhash"):
            raise ArgumentError(
                f"IntegerLookup(oov_method={oov_method!r}): 'floormod' or 'farmhash'"
            )
        if salt is not None and oov_method != "farmhash":
            raise ArgumentError("IntegerLookup: salt= needs oov_method='farmhash'")
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, sparse, pad_to_max_tokens, oov_method, salt, name=name, **kwargs,
        )  # fmt: skip

    def _token(self, value: Any) -> int:
        return int(value)
