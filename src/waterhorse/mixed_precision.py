"""Types of weights and of computation, under Keras' names."""

from .compiler.optimizers import LossScaleOptimizer
from .compiler.policies import DTypePolicy
from .compiler.policies import DTypePolicy as Policy
from .compiler.policies import dtype_policy as dtype_policy
from .compiler.policies import dtype_policy as global_policy
from .compiler.policies import set_dtype_policy as set_dtype_policy
from .compiler.policies import set_dtype_policy as set_global_policy

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy",
    "set_dtype_policy", "set_global_policy",
]  # fmt: skip
