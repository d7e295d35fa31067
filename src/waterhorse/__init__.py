"""Waterhorse: models in Python, compiled to ONNX with their gradients, trained and served on ONNX Runtime.

Names are loaded when they are first used, so that ``import waterhorse`` is quick and a server loads
neither the compiler nor onnx. What there is, with types: ``__init__.pyi``.
"""

import importlib

from ._version import __version__ as __version__

# name -> (module, attribute; None for the module itself)
_NAMES = {
    "AioClient": ("service.client", "AioClient"),
    "Client": ("service.client", "Client"),
    "DTypePolicy": ("compiler.policies", "DTypePolicy"),
    "Function": ("runtime.function", "Function"),
    "Initializer": ("compiler.initializers", "Initializer"),
    "Input": ("compiler.functional", "Input"),
    "InputSpec": ("compiler.layers.input_spec", "InputSpec"),
    "KerasTensor": ("compiler.ir", "Tensor"),
    "Layer": ("compiler.layers.base", "Layer"),
    "Loss": ("compiler.losses.base", "Loss"),
    "Metric": ("compiler.metrics.base", "Metric"),
    "Model": ("runtime.model", "Model"),
    "Optimizer": ("compiler.optimizers.base", "Optimizer"),
    "Quantizer": ("compiler.quantizers", "Quantizer"),
    "Regularizer": ("compiler.regularizers", "Regularizer"),
    "Sequential": ("runtime.sequential", "Sequential"),
    "Tensor": ("compiler.ir", "Tensor"),
    "TensorSpec": ("compiler.program", "TensorSpec"),
    "Variable": ("compiler.state", "Variable"),
    "activations": ("activations", None),
    "backend": ("backend", None),
    "callbacks": ("callbacks", None),
    "config": ("config", None),
    "constraints": ("constraints", None),
    "datasets": ("datasets", None),
    "differentiate": ("compiler.differentiate", "differentiate"),
    "dtype_policies": ("dtype_policies", None),
    "errors": ("errors", None),
    "function": ("runtime.function", "function"),
    "grad": ("compiler.autodiff", "grad"),
    "initializers": ("initializers", None),
    "jvp": ("compiler.autodiff", "jvp"),
    "layers": ("layers", None),
    "load_onnx": ("runtime.imported", "load_onnx"),
    "lora": ("lora", None),
    "losses": ("losses", None),
    "metrics": ("metrics", None),
    "mixed_precision": ("mixed_precision", None),
    "models": ("models", None),
    "name_scope": ("compiler.scope", "entered"),
    "op": ("compiler.op", None),
    "ops": ("ops", None),
    "optimizers": ("optimizers", None),
    "preprocessing": ("preprocessing", None),
    "quantizers": ("quantizers", None),
    "random": ("random", None),
    "regularizers": ("regularizers", None),
    "saving": ("saving", None),
    "set_device": ("runtime.placement", "set_device"),
    "set_random_seed": ("compiler.random", "set_random_seed"),
    "tree": ("tree", None),
    "utils": ("utils", None),
    "version": ("_version", "version"),
    "value_and_grad": ("compiler.autodiff", "value_and_grad"),
    "wrappers": ("wrappers", None),
}
__all__ = sorted([*_NAMES, "__version__"])  # noqa: PLE0605
# Keras has these
_INSTEAD = {
    "FloatDTypePolicy": "wh.DTypePolicy has all types",
    "Operation": "subclass wh.Layer",
    "RematScope": "ONNX Runtime decides what is kept in memory",
    "StatelessScope": "use layer.stateless_call, or wh.function with the state as arguments",
    "SymbolicScope": "symbolic tensors need no scope",
    "applications": "load an ONNX file of the network with wh.load_onnx",
    "device": "wh.set_device('cpu' or 'cuda') chooses for the whole process",
    "distillation": "override compute_loss, as examples of distillation do",
    "distribution": "a process trains on one device",
    "export": "model.export(file) and wh.function(...).export(file) write ONNX",
    "remat": "ONNX Runtime decides what is kept in memory",
    "visualization": "draw with matplotlib",
}
_SERVING = ("service.client", "errors")


def __getattr__(name):
    if name in _INSTEAD:
        raise NotImplementedError(f"waterhorse has no {name}: {_INSTEAD[name]}")
    if name not in _NAMES:
        raise AttributeError(f"module 'waterhorse' has no attribute {name!r}")
    module, attribute = _NAMES[name]
    if module not in _SERVING:
        importlib.import_module("._boot", __name__)
    loaded = importlib.import_module(f".{module}", __name__)
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__():
    return __all__
