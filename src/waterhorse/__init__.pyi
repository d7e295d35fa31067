from . import activations as activations
from . import backend as backend
from . import callbacks as callbacks
from . import config as config
from . import constraints as constraints
from . import datasets as datasets
from . import dtype_policies as dtype_policies
from . import errors as errors
from . import initializers as initializers
from . import layers as layers
from . import lora as lora
from . import losses as losses
from . import metrics as metrics
from . import mixed_precision as mixed_precision
from . import models as models
from . import ops as ops
from . import optimizers as optimizers
from . import preprocessing as preprocessing
from . import quantizers as quantizers
from . import random as random
from . import regularizers as regularizers
from . import saving as saving
from . import tree as tree
from . import utils as utils
from . import wrappers as wrappers
from ._version import __version__ as __version__
from ._version import version as version
from .compiler import op as op
from .compiler.autodiff import grad as grad
from .compiler.autodiff import jvp as jvp
from .compiler.autodiff import value_and_grad as value_and_grad
from .compiler.differentiate import differentiate as differentiate
from .compiler.functional import Input as Input
from .compiler.initializers import Initializer as Initializer
from .compiler.ir import Tensor as KerasTensor
from .compiler.ir import Tensor as Tensor
from .compiler.layers.base import Layer as Layer
from .compiler.layers.input_spec import InputSpec as InputSpec
from .compiler.losses.base import Loss as Loss
from .compiler.metrics.base import Metric as Metric
from .compiler.optimizers.base import Optimizer as Optimizer
from .compiler.policies import DTypePolicy as DTypePolicy
from .compiler.program import TensorSpec as TensorSpec
from .compiler.quantizers import Quantizer as Quantizer
from .compiler.random import set_random_seed as set_random_seed
from .compiler.regularizers import Regularizer as Regularizer
from .compiler.scope import entered as name_scope
from .compiler.state import Variable as Variable
from .runtime.function import Function as Function
from .runtime.function import function as function
from .runtime.imported import load_onnx as load_onnx
from .runtime.model import Model as Model
from .runtime.placement import set_device as set_device
from .runtime.sequential import Sequential as Sequential
from .service.client import AioClient as AioClient
from .service.client import Client as Client

__all__ = [
    "AioClient", "Client", "DTypePolicy", "Function", "Initializer", "Input", "InputSpec",
    "KerasTensor", "Layer", "Loss", "Metric", "Model", "Optimizer", "Quantizer", "Regularizer",
    "Sequential", "Tensor", "TensorSpec", "Variable", "__version__", "activations", "backend", "callbacks",
    "config", "constraints", "datasets", "differentiate", "dtype_policies", "errors", "function",
    "grad", "initializers", "jvp", "layers", "load_onnx", "lora", "losses", "metrics",
    "mixed_precision", "models", "name_scope", "op", "ops", "optimizers", "preprocessing",
    "quantizers", "random", "regularizers", "saving", "set_device", "set_random_seed", "tree",
    "utils", "value_and_grad", "version", "wrappers",
]  # fmt: skip
