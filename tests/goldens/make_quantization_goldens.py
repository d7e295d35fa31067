"""What Keras' quantised layers compute, for tests/compiler/keras/test_quantization.py.

Run in an environment of its own (keras 3.15.1, torch and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_quantization_goldens.py

Writes keras_quantization.npz: per layer and mode the float weights (in ``layer.weights``' order), the input,
the output after, the gradient of ``sum(output * cotangent)`` by the input, and the variables after
quantisation by their names.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from book import Book, normal

INT4 = "Int4QuantizationConfig"
INT8 = "Int8QuantizationConfig"
CONFIGS = {
    "int8": ("int8", None),
    "int8_weights": (INT8, {"activation_quantizer": None}),
    "int4": ("int4", None),
    "int4_blocks": (INT4, {"block_size": 4}),
    "int4_channels": (INT4, {"block_size": None}),
}
LAYERS = {
    "dense": ("Dense", {"units": 5, "activation": "tanh"}, (3, 10), {}),
    "dense_3d": ("Dense", {"units": 4, "use_bias": False}, (2, 3, 9), {}),
    "einsum": ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [None, 3, 5],
                               "bias_axes": "de"}, (2, 3, 6), {}),
    "einsum_two": ("EinsumDense", {"equation": "abc,bcd->ad", "output_shape": [5]}, (2, 3, 4), {}),
    "einsum_inner": ("EinsumDense", {"equation": "abc,bd->adc", "output_shape": [5, 4],
                                     "bias_axes": "d"}, (2, 6, 4), {}),
    "embedding": ("Embedding", {"input_dim": 7, "output_dim": 9}, "indices", {}),
    "reversible": ("ReversibleEmbedding", {"input_dim": 7, "output_dim": 9}, "indices", {}),
    "reverse": ("ReversibleEmbedding", {"input_dim": 7, "output_dim": 9}, (3, 9), {"reverse": True}),
    "reverse_untied": ("ReversibleEmbedding", {"input_dim": 7, "output_dim": 9, "tie_weights": False,
                                               "logit_soft_cap": 2.0}, (3, 9), {"reverse": True}),
}  # fmt: skip


FEWER = {
    "dense_3d": ("int8", "int4_blocks"),
    "einsum_two": ("int8", "int4", "int4_channels"),
    "einsum_inner": ("int8", "int8_weights", "int4_blocks"),
    "embedding": ("int8", "int4_blocks", "int4_channels"),
    "reversible": ("int8", "int4"),
    "reverse": ("int8", "int8_weights", "int4_blocks", "int4_channels"),
    "reverse_untied": ("int8", "int4_blocks", "int4_channels"),
}


def of_both_signs(*shape: int) -> np.ndarray:
    """Weights whose neighbours differ in sign: in a group without 0 in its range Keras loses the weights."""
    return np.abs(normal(*shape)) * (1 - 2 * (np.indices(shape).sum(0) % 2)).astype("float32")


def value(tensor) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))


def main() -> None:
    book = Book()
    for name, (kind, kwargs, shape, call) in LAYERS.items():
        for label in FEWER.get(name, CONFIGS):
            mode, options = CONFIGS[label]
            layer = getattr(keras.layers, kind)(**kwargs)
            floats = shape != "indices"
            x = normal(*shape) if floats else np.array([[1, 0, 6], [3, 1, 2]])
            tensor = torch.tensor(x, requires_grad=floats)
            layer(tensor, **call)
            weights = [of_both_signs(*w.shape) for w in layer.weights]
            layer.set_weights(weights)
            if options is None:
                layer.quantize(mode)
            else:
                layer.quantize(config=getattr(keras.quantizers, mode)(**options))
            try:
                y = layer(tensor, **call)
            except IndexError as error:
                print(f"{name}-{label}: Keras cannot compute it: {str(error)[:80]}")
                continue
            arrays = {"x": x, "y": y}
            arrays |= {f"float_{i}": w for i, w in enumerate(weights)}
            arrays |= {f"after_{w.name}": value(w.value) for w in layer.weights}
            # the reverse call has no custom gradient: through rounding torch finds another one
            if floats and (kind != "ReversibleEmbedding" or "int4" in label):
                cotangent = normal(*y.shape)
                try:
                    (y * torch.tensor(cotangent)).sum().backward()
                    arrays |= {"cotangent": cotangent, "dx": tensor.grad}
                except (RuntimeError, IndexError) as error:
                    print(f"{name}-{label}: Keras finds no gradient: {str(error)[:80]}")
            facts = {
                "name": f"{name}-{label}", "call": kind, "kwargs": kwargs, "given": call, "mode": mode,
                "options": options, "policy": layer.dtype_policy.name,
            }  # fmt: skip
            book.add(facts, **arrays)
    for axis in (0, 1):
        x = np.random.default_rng(axis).integers(-8, 8, (5, 3)).astype("int8")
        packed, _, length = keras.quantizers.pack_int4(x, axis=axis)
        facts = {"name": f"pack_{axis}", "call": "pack_int4", "kwargs": {"axis": axis}}
        book.add(facts, x=x, packed=value(packed), length=length)
    book.write("quantization")


if __name__ == "__main__":
    main()
