"""Quantisation of weights and inputs; ``model.quantize("int8")`` does it for a model."""

from typing import Any

from . import _boot as _boot
from .compiler.quantizers import *  # noqa: F403
from .compiler.quantizers import __all__ as __all__

# Keras has these
MISSING = {
    "AWQConfig": "export the model and quantise the file with Olive",
    "Float8QuantizationConfig": "use Int8QuantizationConfig or Int4QuantizationConfig",
    "GPTQConfig": "use onnxruntime.quantization.matmul_nbits_quantizer on the exported file",
    "TernaryQuantizationConfig": "use Int4QuantizationConfig",
    "compute_float8_amax_history": "use abs_max_quantize; nothing here computes in float8",
    "compute_float8_scale": "use abs_max_quantize; nothing here computes in float8",
    "fake_quant_with_min_max_vars": "write x + wh.ops.stop_gradient(quantised - x)",
    "quantize_and_dequantize": "use abs_max_quantize and divide by its scale",
}


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise NotImplementedError(f"wh.quantizers.{name} is not there: {MISSING[name]}")
    raise AttributeError(f"module 'waterhorse.quantizers' has no attribute {name!r}")
