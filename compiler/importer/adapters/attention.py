"""Attention in few operators, where the standard's own body would take dozens.

What is rare (a padded external cache, windows, a look at the scores, sixteen bits) is left to that body.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import FileFormatError
from ... import dtypes, op
from ...ir import Tensor, TensorType, constant, retyped
from ..values import Call
from .common import known_attributes, size_of
from .table import adapter

# Added to a score it leaves a weight of exactly zero; unlike -inf it makes no NaN of a row of them.
NEVER = -1e30
LARGEST_MASK = 1 << 20  # elements; a larger one is made when the model runs


@dataclass(frozen=True)
class _Heads:
    """Operands as [batch, heads, length, size]."""

    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor | None
    past: Tensor | None
    packed: bool

    @property
    def groups(self) -> int:
        """How many heads of queries share one head of keys."""
        return int(self.q.shape[1]) // int(self.k.shape[1])  # type: ignore[arg-type]


@adapter("Attention", since=23)
def attention(call: Call) -> Any:
    """``softmax(q k^T scale + bias) v``; a row that sees no key gives zero."""
    if _rare(call):
        return call
    known_attributes(
        call, "is_causal", "kv_num_heads", "left_window_size", "q_num_heads", "qk_matmul_output_mode",
        "right_window_size", "scale", "softcap", "softmax_precision",
    )  # fmt: skip
    heads = _heads(call)
    if not _simple(heads):
        return call
    y = _attended(call, heads)
    if heads.packed:
        y = op.Reshape(op.Transpose(y, perm=(0, 2, 1, 3)), [0, 0, -1])
    return (y, heads.k, heads.v)[: call.outputs]


def _rare(call: Call) -> bool:
    q = call.needed(0)
    precision = call.get("softmax_precision")
    return (
        call.outputs > 3
        or call.input(6) is not None
        or any(int(call.get(f"{side}_window_size", -1)) >= 0 for side in ("left", "right"))
        or any(call.needed(i).dtype != q.dtype for i in range(3))
        or q.dtype not in (dtypes.FLOAT32, np.float64)
        or (precision is not None and dtypes.from_onnx(int(precision)) != q.dtype)
    )


def _heads(call: Call) -> _Heads:
    q, k, v = (call.needed(i) for i in range(3))
    packed = q.ndim == 3
    if packed:
        q = _split(q, call, "q_num_heads")
        k, v = _split(k, call, "kv_num_heads"), _split(v, call, "kv_num_heads")
    past_key, past_value = call.input(4), call.input(5)
    if past_key is not None and past_value is not None:
        k, v = op.Concat(past_key, k, axis=2), op.Concat(past_value, v, axis=2)
    return _Heads(q, k, v, call.input(3), past_key, packed)


def _split(x: Tensor, call: Call, name: str) -> Tensor:
    """[batch, length, heads * size] -> [batch, heads, length, size]."""
    count = int(call.get(name, 0))
    if count < 1 or x.ndim != 3:
        raise FileFormatError(f"Attention needs {name} and three axes, or four axes")
    width = x.shape[2]
    size = width // count if isinstance(width, int) else -1
    parts = retyped(
        op.Reshape(x, [0, 0, count, size]),
        TensorType(x.dtype, (*x.shape[:2], count, size if size > 0 else None)),
    )
    heads: Tensor = op.Transpose(parts, perm=(0, 2, 1, 3))
    return heads


def _simple(heads: _Heads) -> bool:
    """Whether numbers of heads and their size are known, and the mask covers all keys."""
    sizes = (heads.q.shape[1], heads.k.shape[1], heads.q.shape[3], heads.v.shape[3])
    if not all(isinstance(d, int) and d > 0 for d in sizes):
        return False
    if heads.q.shape[1] % heads.k.shape[1] or heads.q.shape[3] != heads.k.shape[3]:  # type: ignore[operator]
        return False
    mask = heads.mask
    if mask is None:
        return True
    if mask.dtype not in (dtypes.BOOL, heads.q.dtype) or not 2 <= mask.ndim <= 4:
        return False
    if heads.groups > 1 and mask.ndim > 2 and mask.shape[-3] != 1:
        return False  # another mask for each head of queries
    return mask.shape[-1] is not None and mask.shape[-1] == heads.k.shape[2]


def _attended(call: Call, heads: _Heads) -> Tensor:
    q, k, v, groups = heads.q, heads.k, heads.v, heads.groups
    size = int(q.shape[3])  # type: ignore[arg-type]
    if groups > 1:  # [batch, heads of keys, queries that share one, length, size]
        q = op.Reshape(q, [0, int(k.shape[1]), groups, -1, size])  # type: ignore[arg-type]
        k, v = op.Unsqueeze(k, [2]), op.Unsqueeze(v, [2])
    scale = call.get("scale")
    factor = 1 / math.sqrt(size) if scale is None else float(scale)
    order = (*range(k.ndim - 2), k.ndim - 1, k.ndim - 2)
    scores = op.MatMul(q * factor, op.Transpose(k, perm=order))
    cap = float(call.get("softcap", 0.0))
    if cap:
        scores = op.Tanh(scores * (1 / cap)) * cap
    bias, alive = _bias(heads, bool(call.get("is_causal", 0)))
    if bias is not None:
        scores = scores + (op.Unsqueeze(bias, [-4]) if groups > 1 and bias.ndim > 3 else bias)
    y = op.MatMul(op.Softmax(scores, axis=-1), v)
    if groups > 1:
        y = op.Reshape(y, [0, int(heads.q.shape[1]), -1, int(v.shape[-1])])  # type: ignore[arg-type]
    shape = (*heads.q.shape[:3], heads.v.shape[3])
    y = retyped(y, TensorType(y.dtype, shape))
    return y if alive is None else retyped(y * op.Cast(alive, to=y.dtype), y.type)


def _bias(heads: _Heads, causal: bool) -> tuple[Tensor | None, Tensor | None]:
    """What is added to scores, [..., queries, keys], and which rows see a key at all (None: all do).

    Of a mask of floats only -inf hides a key: a row of the least finite numbers is a row like any other.
    """
    dtype, mask = heads.q.dtype, heads.mask
    if mask is None:
        return (_later(heads, NEVER), None) if causal else (None, None)
    choice = mask.dtype == dtypes.BOOL
    never = NEVER if choice else -np.inf
    bias = (op.Cast(mask, to=dtype) - 1) * -NEVER if choice else mask
    if causal:
        bias = bias + _later(heads, never)
    limit = constant(NEVER / 2 if choice else -np.inf, dtype)
    alive = op.Greater(op.ReduceMax(bias, [-1], keepdims=1), limit)
    return (bias if choice else op.Where(alive, bias, constant(0, dtype))), alive


def _later(heads: _Heads, never: float) -> Tensor:
    """``never`` for keys after the query, which comes after all that is past; zero for the others."""
    dtype = heads.q.dtype
    queries, keys = heads.q.shape[2], heads.k.shape[2]
    before = 0 if heads.past is None else heads.past.shape[2]
    if (
        isinstance(queries, int) and isinstance(keys, int) and isinstance(before, int)
        and queries * keys <= LARGEST_MASK
    ):  # fmt: skip
        hidden = np.triu(np.ones((queries, keys), bool), 1 + before)
        return constant(np.where(hidden, never, 0).astype(dtype))
    shape = op.Concat(size_of(heads.q, 2), size_of(heads.k, 2), axis=0)
    full = retyped(op.Expand(constant(never, dtype), shape), TensorType(dtype, (queries, keys)))
    start: Any = constant(np.array(1, np.int64))
    if heads.past is not None:
        start = op.Squeeze(size_of(heads.past, 2) + 1, [0])
    later: Tensor = op.Trilu(full, start, upper=1)
    return later
