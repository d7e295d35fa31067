"""Quantisation: floats as small integers times a scale (Jacob et al. 2018), as Keras has it.

By the largest absolute value: ``q = round(x s)`` with ``s = high / max |x|``, read back as ``q / s``. In
groups with a zero point: ``q = round(x / s) + z``, read back as ``(q - z) s``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import dtypes, op
from .casting import as_type
from .config import Configurable, resolved
from .config import deserialize as deserialize
from .config import serialize as serialize
from .ir import Array, Like, Tensor, constant, convert

__all__ = [
    "AbsMaxQuantizer", "Int4QuantizationConfig", "Int8QuantizationConfig", "QuantizationConfig",
    "Quantizer", "abs_max_quantize", "abs_max_quantize_grouped_with_zero_point", "deserialize", "get",
    "pack_int4", "serialize", "unpack_int4",
]  # fmt: skip
EPSILON = 1e-7
INT4 = (-8, 7)
# what Keras has beside these, and what to do instead
MODES_ELSEWHERE = {
    "float8": "ONNX Runtime's CPU kernels do not multiply float8",
    "gptq": "it needs a calibration set: export the model and quantise the file with Olive or with "
    "onnxruntime.quantization.matmul_nbits_quantizer",
    "awq": "it needs a calibration set: export the model and quantise the file with Olive",
    "ternary": "no kernel of ONNX Runtime multiplies by ternary weights",
}


# -- functions --------------------------------------------------------------------------------


def abs_max_quantize(
    inputs: Like,
    axis: int | Sequence[int],
    value_range: tuple[int, int] = (-127, 127),
    dtype: Any = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor]:
    """``(q, s)``: integers ``round(x s)`` within the range, and ``s = high / (max |x| + epsilon)``.

    The largest value is taken over ``axis``, which is 1 in the scale's shape. With ``to_numpy`` ``inputs``
    must be a value, not a symbol.
    """
    x = convert(np.asarray(convert(inputs).numpy()) if to_numpy else inputs)
    axes = [axis] if isinstance(axis, int) else [int(a) for a in axis]
    low, high = value_range
    largest = op.ReduceMax(op.Abs(x), axes, keepdims=1) + epsilon
    scale = constant(high, x.dtype) / largest
    values = op.Clip(op.Round(x * scale), constant(low, x.dtype), constant(high, x.dtype))
    return op.Cast(values, to=dtypes.as_dtype(dtype)), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Like,
    block_size: int,
    value_range: tuple[int, int] = INT4,
    dtype: Any = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """``(q, s, z)`` of a matrix value, in groups of ``block_size`` rows; q has the matrix' shape.

    ``s`` and ``z`` (int8) are [groups, columns]. A group's range always has 0 in it: in Keras it need not,
    and then the zero point is cut off, so that a group of equal weights would be read back as 0.
    ``inputs`` must be a value, not a symbol, so that NumPy computes whatever ``to_numpy`` says.
    """
    del to_numpy
    x = np.asarray(convert(inputs).numpy())
    low, high = value_range
    rows, columns = x.shape
    groups = -(-rows // block_size)
    padded = np.zeros((groups * block_size, columns), x.dtype)
    padded[:rows] = x
    blocks = padded.reshape(groups, block_size, columns)
    least = np.minimum(blocks.min(1, keepdims=True), 0)
    most = np.maximum(blocks.max(1, keepdims=True), 0)
    scale = ((most - least + x.dtype.type(epsilon)) / (high - low)).astype(x.dtype)
    zero = np.clip(np.round(-least / scale) + low, low, high)
    q = np.clip(np.round(blocks / scale) + zero, low, high).reshape(-1, columns)[:rows]
    kind = dtypes.as_dtype(dtype)
    return convert(q.astype(kind)), convert(scale[:, 0]), convert(zero[:, 0].astype(np.int8))


def pack_int4(arr: Like, axis: int = 0, dtype: Any = "int8") -> tuple[Tensor, tuple[int, ...], int]:
    """Two integers of -8 to 7 in each byte: ``(packed, its shape, the axis' length before)``.

    The first of two neighbours along ``axis`` is the low half. Raises ``ArgumentError`` for another type.
    """
    x, kind = np.asarray(convert(arr).numpy()), dtypes.as_dtype(dtype)
    if x.dtype != kind or kind.name not in ("int8", "uint8"):
        raise ArgumentError(
            f"pack_int4(dtype={kind.name!r}) of {x.dtype}: expected int8 or uint8 twice"
        )
    front = np.moveaxis(x, axis, 0).view(np.uint8)
    length = len(front)
    front = np.concatenate([front, np.zeros_like(front[: length % 2])])
    bytes_ = (front[::2] & 15) | (front[1::2] & 15) << 4
    packed = np.ascontiguousarray(np.moveaxis(bytes_.astype(np.uint8), 0, axis)).view(kind)
    return convert(packed), packed.shape, length


def unpack_int4(packed: Like, orig_len: int, axis: int = 0, dtype: Any = "int8") -> Tensor:
    """What ``pack_int4`` was given: ``orig_len`` integers along ``axis``; from 0 to 15 for uint8."""
    kind = dtypes.as_dtype(dtype)
    if kind.name not in ("int8", "uint8"):
        raise ArgumentError(f"unpack_int4(dtype={kind.name!r}): expected 'int8' or 'uint8'")
    x = _halves(convert(packed), orig_len, axis, dtypes.FLOAT32, signed=kind.name == "int8")
    return op.Cast(x, to=kind)


def unpacked(packed: Tensor, length: int, axis: int, dtype: dtypes.DType) -> Tensor:
    """Signed halves of bytes as floats: numbers that the weight is computed from."""
    return _halves(packed, length, axis, dtype, signed=True)


def _halves(packed: Tensor, length: int, axis: int, dtype: dtypes.DType, *, signed: bool) -> Tensor:
    """Both halves of each byte, by arithmetic on floats: no operator of ONNX shifts signed bytes.

    A table and Gather are fewer operators, and take 2 to 6 times as long in ONNX Runtime 1.32.
    """
    axis %= packed.ndim
    x = as_type(packed, dtype)
    high = op.Floor(x * 0.0625)
    low = x - high * 16
    if signed:
        low = low - op.Floor(low * 0.125) * 16
    else:
        high = high - op.Floor(high * 0.0625) * 16
    pairs = op.Concat(op.Unsqueeze(low, [axis + 1]), op.Unsqueeze(high, [axis + 1]), axis=axis + 1)
    shape = [0] * packed.ndim
    shape[axis] = length + length % 2
    flat: Tensor = op.Reshape(pairs, _joined(pairs, axis, shape))
    return flat if length % 2 == 0 else op.Slice(flat, [0], [length], [axis])


def _joined(pairs: Tensor, axis: int, shape: list[int]) -> Any:
    """The shape with the new axis joined to the one before; a 0 keeps a dim where it stands."""
    if axis == pairs.ndim - 2:
        return shape
    behind = pairs.shape[axis + 2 :]
    if all(isinstance(d, int) for d in behind):
        return [*shape[: axis + 1], *behind]
    sizes = op.Shape(pairs)
    return op.Concat(
        op.Slice(sizes, [0], [axis]), constant(np.array([shape[axis]])),
        op.Slice(sizes, [axis + 2], [pairs.ndim]), axis=0,
    )  # fmt: skip


def dequantized(
    values: Tensor, scale: Any, zero: Any = None, groups: Any = None, axis: int = 0
) -> Tensor:
    """The floats that integers (given as floats) stand for.

    Args:
        scale: [channels], a divisor; with ``zero`` a factor for each group along ``axis``.
        groups: the group of each place along ``axis``.
    """
    if zero is None:
        return values / (scale if axis == 0 else op.Unsqueeze(scale, [-1]))
    zero = as_type(convert(zero), values.dtype)
    if convert(scale).shape[axis] != 1:
        places = op.Cast(groups, to=dtypes.INT64)
        scale, zero = (op.Gather(x, places, axis=axis) for x in (scale, zero))
    return (values - zero) * scale


def integer_product(x: Tensor, w: Tensor, dtype: dtypes.DType, *, native: bool) -> Tensor:
    """``x w`` of int8 as floats; exact while sums stay below 2**24, by MatMulInteger always.

    ``native`` takes MatMulInteger, of bytes with 128 as zero point: on a CPU without VNNI signed bytes take
    2 to 10 times as long in ONNX Runtime 1.32, and unsigned by signed ones overflow. These are 1.4 to 4
    times as fast as floats, if the weight is a constant.
    """
    if not native:
        product: Tensor = op.MatMul(op.Cast(x, to=dtype), op.Cast(w, to=dtype))
        return product
    zero = constant(128, np.dtype(np.uint8))
    return op.Cast(op.MatMulInteger(_unsigned(x), _unsigned(w), zero, zero), to=dtype)


def _unsigned(x: Tensor) -> Tensor:
    shifted: Tensor = op.Cast(op.Cast(x, to=np.dtype(np.int32)) + 128, to=np.dtype(np.uint8))
    return shifted


# -- quantizers and configurations --------------------------------------------------------------


class Quantizer(Configurable):
    """Base of quantizers: a call gives integers and their scale."""

    def __init__(self, output_dtype: Any = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """``x`` as it is; subclasses quantise."""
        return x


class AbsMaxQuantizer(Quantizer):
    """``abs_max_quantize`` with its arguments; ``axis`` may be given to the call."""

    def __init__(
        self,
        axis: int | Sequence[int] | None = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = EPSILON,
        output_dtype: Any = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range, self.epsilon = (value_range[0], value_range[1]), epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise ArgumentError(f"value_range={value_range}: int8 holds -128 to 127")

    def __call__(
        self, x: Any, axis: int | Sequence[int] | None = None, to_numpy: bool = False
    ) -> tuple[Tensor, Tensor]:
        """``(integers, scale)``, by the largest value over ``axis`` (this, the constructor's, the last)."""
        axes = self.axis if axis is None else axis
        return abs_max_quantize(
            x, -1 if axes is None else axes, self.value_range, self.output_dtype, self.epsilon,
            to_numpy,
        )  # fmt: skip


class QuantizationConfig(Configurable):
    """How a layer is quantised: ``weight_quantizer`` and ``activation_quantizer`` (None: stays float)."""

    mode = ""

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def policy(self) -> str:
        """The first part of the dtype policy's name."""
        return self.mode

    def _check_weight_quantizer(self, **wanted: Any) -> None:
        for name, value in wanted.items() if self.weight_quantizer is not None else ():
            found = getattr(self.weight_quantizer, name)
            if found != value:
                raise ArgumentError(
                    f"{type(self).__name__} needs a weight_quantizer with {name}={value!r}; this has "
                    f"{found!r}"
                )


class Int8QuantizationConfig(QuantizationConfig):
    """Weights and inputs as int8; ``activation_quantizer=None`` leaves the inputs as they are."""

    mode = "int8"

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        default = activation_quantizer == "default"
        super().__init__(weight_quantizer, AbsMaxQuantizer() if default else activation_quantizer)
        self._check_weight_quantizer(output_dtype="int8")


class Int4QuantizationConfig(QuantizationConfig):
    """Weights as int4; inputs stay floats unless there is an ``activation_quantizer``.

    Args:
        block_size: a scale and a zero point for so many rows; None or -1: a scale for each channel.
    """

    mode = "int4"

    def __init__(
        self,
        weight_quantizer: Any = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ) -> None:
        default = activation_quantizer == "default"
        super().__init__(weight_quantizer, None if default else activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ArgumentError(f"block_size={block_size}: expected a number above 0, -1 or None")
        self.block_size = None if block_size == -1 else block_size
        own = self.weight_quantizer is not None or self.activation_quantizer is not None
        if self.block_size is not None and own:
            raise ArgumentError(
                f"block_size={block_size}: groups are quantised in one way only; with quantizers of "
                "your own, pass block_size=None"
            )
        self._check_weight_quantizer(value_range=INT4, output_dtype="int8")

    @property
    def policy(self) -> str:
        return f"int4/{-1 if self.block_size is None else self.block_size}"


_KNOWN = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig}


def configuration(mode: str | None, config: Any = None) -> QuantizationConfig:
    """What a user means by ``quantize(mode, config)``.

    Raises ``NotImplementedError`` for modes that Keras has, ``ArgumentError`` for others and where the two
    contradict each other.
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode in MODES_ELSEWHERE:
        raise NotImplementedError(
            f"quantize({mode!r}): {MODES_ELSEWHERE[mode]}; take 'int8' or 'int4'"
        )
    if mode is not None and mode not in _KNOWN:
        raise ArgumentError(f"quantize({mode!r}): expected 'int8' or 'int4'")
    if config is None:
        if mode is None:
            raise ArgumentError("quantize() needs a mode, 'int8' or 'int4', or config=")
        return _KNOWN[mode]()
    if not isinstance(config, QuantizationConfig) or config.mode not in _KNOWN:
        raise ArgumentError(
            f"config={config!r}: expected an Int8QuantizationConfig or Int4QuantizationConfig"
        )
    if mode is not None and config.mode != mode:
        raise ArgumentError(f"quantize({mode!r}) was given a configuration of {config.mode!r}")
    return config


def get(identifier: Any, **kwargs: Any) -> Any:
    """A quantizer or configuration by a name, a saved dict, a class or itself; ``kwargs`` go to a class."""
    if isinstance(identifier, str) and kwargs:
        found: Array = _NAMED[identifier](**kwargs)
        return found
    return resolved("quantizer", identifier, _NAMED)


_CLASSES = (
    Quantizer, AbsMaxQuantizer, QuantizationConfig, Int8QuantizationConfig, Int4QuantizationConfig,
)  # fmt: skip
_NAMED: Mapping[str, Any] = {
    **{c.__name__: c for c in _CLASSES},
    "quantizer": Quantizer,
    "abs_max_quantizer": AbsMaxQuantizer,
    "quantization_config": QuantizationConfig,
    "int8_quantization_config": Int8QuantizationConfig,
    "int4_quantization_config": Int4QuantizationConfig,
}
