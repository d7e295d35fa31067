"""``TextVectorization``: texts as the numbers of their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....errors import ArgumentError, DataError, ShapeError
from ... import op
from ...config import not_supported
from ...dtypes import INT64, OBJECT, TensorType
from ...ir import Array, Tensor
from . import strings
from .batches import batches_of, is_array
from .host import HostLayer, host_array
from .lookup import StringLookup
from .tokens import STANDARDS, split_texts, standardized, with_ngrams
from .vocabulary import Counts

__all__ = ["TextVectorization"]


class TextVectorization(HostLayer):
    """Texts as the numbers of their tokens, or as one vector each.

    Args:
        max_tokens: at most so many numbers, those of padding (0) and unknown tokens (1) included.
        standardize: "lower_and_strip_punctuation", "lower" or "strip_punctuation" (of ASCII alone), None,
            or a function of a NumPy array of strings that gives an array of the same shape.
        split: "whitespace" (of ASCII), "character", None (each text is one token), or a function of a
            NumPy array [n] of strings that gives n lists of tokens.
        ngrams: n for all runs of 1 to n tokens, or a tuple of the lengths of runs.
        output_mode: "int", "multi_hot", "count" or "tf_idf", as for ``StringLookup``.
        output_sequence_length: cut or fill the numbers to this length; otherwise to the batch's longest.
        pad_to_max_tokens, vocabulary, idf_weights: as for ``StringLookup``.
        ragged, sparse: only False. encoding: only "utf-8".

    Input: strings [batch] or [batch, 1] (with ``split=None`` of any shape). Output "int": int64 [batch,
    length]; otherwise [batch, vocabulary].

    At the prompt and in ``fit``, ``evaluate`` and ``predict``, tokens are found on the host, before the
    step. ``export`` writes them as operators of ONNX on strings: for "whitespace" or None as ``split``, and
    no function as ``standardize``. Otherwise it raises ``NotImplementedError``.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        not_supported("TextVectorization", ragged=(ragged, False), sparse=(sparse, False))
        if not callable(standardize) and standardize not in STANDARDS:
            raise ArgumentError(
                f"TextVectorization(standardize={standardize!r}): expected a function or one of "
                f"{list(STANDARDS)}"
            )
        if not callable(split) and split not in ("whitespace", "character", None):
            raise ArgumentError(
                f"TextVectorization(split={split!r}): 'whitespace', 'character', None or a function"
            )
        self.standardize, self.split, self.ngrams = standardize, split, _widths(ngrams)
        self.lookup = StringLookup(
            max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, mask_token="",
            output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens, encoding=encoding,
            name=f"{self.name}_lookup",
        )  # fmt: skip
        self.output_mode = self.lookup.output_mode
        if output_sequence_length is not None and self.output_mode != "int":
            raise ArgumentError("TextVectorization: output_sequence_length needs output_mode='int'")
        self.output_sequence_length = output_sequence_length

    # -- vocabulary ---------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts: a list or array of strings, or an iterable of batches of them.

        ``batch_size`` is taken for Keras' sake and changes nothing.
        """
        counts = Counts()
        source = host_array(data) if isinstance(data, (list, tuple)) else data
        for batch in batches_of([source] if is_array(source) else source, steps):
            rows = self._tokens(host_array(batch))
            counts.update([t.decode() for t in row] for row in rows)
        self.lookup.learn(counts)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """See ``StringLookup.set_vocabulary``."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their numbers: "" (padding), "[UNK]", ..."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many numbers there are."""
        return self.lookup.vocabulary_size()

    def get_config(self) -> dict[str, Any]:
        """What ``adapt`` has learnt, and what was read from a file, is kept as lists."""
        saved = self.lookup.get_config()
        names = ["vocabulary", "idf_weights", "learnt"]
        kept = {k: saved[k] for k in names if k in saved}
        return {**super().get_config(), **kept}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        plain = {k: v for k, v in config.items() if k != "learnt"}
        if isinstance(plain.get("ngrams"), list):
            plain["ngrams"] = tuple(plain["ngrams"])
        layer: Any = super().from_config(plain)
        if config.get("learnt") is not None:
            layer.set_vocabulary(*config["learnt"])
        return layer

    # -- computing ----------------------------------------------------------------------------

    def _tokens(self, texts: Array) -> list[list[bytes]]:
        if texts.dtype != OBJECT:
            raise DataError(f"{self.name!r} takes strings; got {texts.dtype}")
        rows = split_texts(standardized(texts, self.standardize), self.split)
        if self.split is None and texts.ndim > 1:  # the last axis holds the tokens
            flat, width = [t for row in rows for t in row], texts.shape[-1]
            rows = [flat[i : i + width] for i in range(0, len(flat), width)]
        return rows if self.ngrams is None else [with_ngrams(r, self.ngrams) for r in rows]

    def compute(self, *inputs: Array) -> Array:
        (texts,) = inputs
        self._check_shape(texts.shape)
        rows = self._tokens(texts)
        flat = self.lookup.numbers([t.decode() for row in rows for t in row])
        lengths = np.fromiter((len(r) for r in rows), np.int64, len(rows))
        wanted = self.output_sequence_length
        width = int(lengths.max(initial=0))
        places = np.arange(width) < lengths[:, None]
        blank = 0 if self.output_mode == "int" else -1
        numbers = np.full(places.shape, blank, np.int64)
        numbers[places] = flat
        if self.output_mode != "int":
            found = self.lookup.encoded_on_host(numbers)
            return found if texts.ndim else found[0]
        if wanted is not None:
            numbers = np.pad(numbers[:, :wanted], ((0, 0), (0, max(wanted - width, 0))))
        if self.split is None and wanted is None and self.ngrams is None:
            return numbers.reshape(texts.shape)
        return numbers.reshape(*texts.shape[: max(texts.ndim - 1, min(texts.ndim, 1))], -1)

    def _check_shape(self, shape: Any) -> None:
        if self.split is not None and len(shape) > 1 and (len(shape) > 2 or shape[-1] != 1):
            raise ShapeError(
                f"{self.name!r} takes texts [batch] or [batch, 1] (with split=None of any shape); got "
                f"{tuple(shape)}"
            )

    def output_type(self, *inputs: TensorType) -> TensorType:
        shape = inputs[0].shape
        self._check_shape(shape)
        rows = shape[: max(len(shape) - 1, min(len(shape), 1))]
        if self.output_mode != "int":
            return self.lookup.output_type(TensorType(OBJECT, (*rows, None)))
        if self.split is None and self.ngrams is None and self.output_sequence_length is None:
            return TensorType(INT64, shape)
        return TensorType(INT64, (*rows, self.output_sequence_length))

    def obstacle(self, *inputs: TensorType) -> str | None:
        if callable(self.standardize) or callable(self.split):
            return "ONNX cannot hold a Python function of strings"
        if self.split == "character":
            return "ONNX has no operator that splits strings into characters"
        if self.split is None and self.ngrams is not None:
            return "runs of tokens that are not split from texts have no operators here"
        return None

    def in_graph(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        self._check_shape(x.shape)
        tokens = self._tokens_in_graph(x)
        numbers = self.lookup.numbers_in_graph(tokens, self.get_vocabulary(False))
        if self.output_mode != "int":
            numbers = self.lookup.encoded_in_graph(numbers)
        elif self.ngrams is not None:
            there = op.Not(op.Equal(tokens, strings.text("")))
            numbers = strings.packed(numbers, there)
        if self.output_sequence_length is not None:
            numbers = strings.to_length(numbers, self.output_sequence_length)
        if self.split is None:
            return numbers
        width = self.output_type(x.type).shape[-1]
        shape = op.Concat(op.Shape(x, end=1), [width if isinstance(width, int) else -1], axis=0)
        result: Tensor = op.Reshape(numbers, shape)
        return result

    def _tokens_in_graph(self, x: Tensor) -> Tensor:
        """Tokens [batch, most of them], or with ``split`` None of the input's shape."""
        flat = op.Reshape(x, [-1])
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            flat = strings.lowered(flat)
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            flat = strings.without_punctuation(flat)
        if self.split is None:
            table = x.ndim == 1 and (self.output_mode != "int" or self.output_sequence_length)
            whole: Tensor = op.Reshape(flat, [-1, 1] if table else op.Shape(x))
            return whole
        tokens = strings.split_at_whitespace(flat)
        return tokens if self.ngrams is None else strings.ngrams(tokens, self.ngrams)


def _widths(ngrams: Any) -> tuple[int, ...] | None:
    """Lengths of runs. Raises ``ArgumentError`` unless ``ngrams`` is None, a number or a tuple of them."""
    if ngrams is None:
        return None
    if isinstance(ngrams, int) and ngrams > 0:
        return tuple(range(1, ngrams + 1))
    if isinstance(ngrams, tuple) and ngrams and all(isinstance(n, int) and n > 0 for n in ngrams):
        return ngrams
    raise ArgumentError(
        f"TextVectorization(ngrams={ngrams!r}): a number above 0, or a tuple of them"
    )
