"""What is compared with Keras, as plain data: read by the tests and by make_optimizer_goldens.py."""

from typing import Any

import numpy as np

STEPS = 20
_COMMON: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.7},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.9},
    "loss_scale": {"loss_scale_factor": 8.0},
    "ema": {"use_ema": True, "ema_momentum": 0.8},
    "ema_overwrite": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
    "accumulation": {"gradient_accumulation_steps": 3},
    "accumulation_all": {
        "gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2,
        "weight_decay": 0.1, "clipnorm": 0.5,
    },
}  # fmt: skip
_OWN: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.5, "nesterov": True, "gradient_accumulation_steps": 2}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"amsgrad": True, "gradient_accumulation_steps": 4}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.2, "amsgrad": True}),
    ("RMSprop", {"momentum": 0.7}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.7, "centered": True, "rho": 0.8, "epsilon": 1e-3}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 1e-2}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Nadam", {"gradient_accumulation_steps": 2}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-3}),
    ("Lion", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Lamb", {"weight_decay": 0.1}),
    ("Ftrl", {"learning_rate_power": -0.7, "beta": 0.1}),
    ("Ftrl", {"l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1,
              "l2_shrinkage_regularization_strength": 0.1}),
]  # fmt: skip
_NAMES = [
    "SGD",
    "Adam",
    "RMSprop",
    "Adagrad",
    "Nadam",
    "Adamax",
    "Adadelta",
    "Lion",
    "Lamb",
    "Ftrl",
]

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{n}-{k}": (n, v) for n in ("SGD", "Adam") for k, v in _COMMON.items()},
    **{f"{n}-{k}": (n, _COMMON[k]) for n in _NAMES[2:] for k in ("plain", "accumulation_all")},
    **{f"{n}-own{i}": (n, v) for i, (n, v) in enumerate(_OWN)},
}
# name -> (what is done besides, see ``play`` in both places)
SPECIAL: dict[str, dict[str, Any]] = {
    "rate_changed": {"optimizer": ("Adam", {}), "rate_at": (10, 0.001)},
    "excluded": {"optimizer": ("AdamW", {"weight_decay": 0.3}), "exclude": ["bias"]},
    "constrained": {
        "optimizer": ("SGD", {"momentum": 0.9}),
        "constraint": ("MaxNorm", {"max_value": 1.2}),
    },
    "scheduled": {
        "optimizer": ("Adam", {}),
        "schedule": ("ExponentialDecay", (0.1, 5, 0.5)),
    },
    "scheduled_accumulation": {
        "optimizer": ("SGD", {"gradient_accumulation_steps": 2, "weight_decay": 0.1}),
        "schedule": ("ExponentialDecay", (0.1, 5, 0.5)),
    },
    "missing_gradient": {"optimizer": ("Adam", {}), "missing": 1},
}
RATE = 0.05

SCHEDULES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", (0.1, 100, 0.9), {}),
    "exponential_stairs": ("ExponentialDecay", (0.1, 100, 0.9), {"staircase": True}),
    "inverse": ("InverseTimeDecay", (0.1, 100, 0.5), {}),
    "inverse_stairs": ("InverseTimeDecay", (0.1, 100, 0.5), {"staircase": True}),
    "polynomial": ("PolynomialDecay", (0.1, 500), {}),
    "polynomial_square": ("PolynomialDecay", (0.1, 500, 0.01), {"power": 2.0}),
    "polynomial_root": ("PolynomialDecay", (0.1, 500, 0.01), {"power": 0.5}),
    "polynomial_cycle": ("PolynomialDecay", (0.1, 130, 0.01), {"cycle": True}),
    "piecewise": ("PiecewiseConstantDecay", ([100, 250, 800], [1.0, 0.5, 0.1, 0.01]), {}),
    "cosine": ("CosineDecay", (0.1, 600), {}),
    "cosine_alpha": ("CosineDecay", (0.1, 600), {"alpha": 0.1}),
    "cosine_warm": ("CosineDecay", (0.01, 600), {"warmup_target": 0.2, "warmup_steps": 150}),
    "restarts": ("CosineDecayRestarts", (0.1, 70), {}),
    "restarts_equal": (
        "CosineDecayRestarts",
        (0.1, 70),
        {"t_mul": 1.0, "m_mul": 0.8, "alpha": 0.1},
    ),
    "restarts_scaled": ("CosineDecayRestarts", (0.1, 70), {"t_mul": 1.5, "m_mul": 0.9}),
}
SCHEDULE_STEPS = [
    0,
    1,
    2,
    7,
    33,
    99,
    100,
    101,
    149,
    150,
    151,
    249,
    250,
    251,
    400,
    599,
    601,
    777,
    1203,
    9001,
]

REGULARIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "l1": ("L1", {}),
    "l1_strong": ("L1", {"l1": 0.3}),
    "l2": ("L2", {}),
    "l2_strong": ("L2", {"l2": 0.3}),
    "l1_l2": ("L1L2", {"l1": 0.2, "l2": 0.1}),
    "orthogonal": ("OrthogonalRegularizer", {}),
    "orthogonal_columns": ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
}
CONSTRAINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "max_norm": ("MaxNorm", {}),
    "max_norm_small": ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    "non_neg": ("NonNeg", {}),
    "unit_norm": ("UnitNorm", {}),
    "unit_norm_axes": ("UnitNorm", {"axis": [0, 1]}),
    "min_max": ("MinMaxNorm", {"min_value": 0.6, "max_value": 1.1}),
    "min_max_rate": ("MinMaxNorm", {"min_value": 0.6, "max_value": 1.1, "rate": 0.3}),
}

INITIALIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "glorot_uniform": ("GlorotUniform", {}),
    "glorot_normal": ("GlorotNormal", {}),
    "he_uniform": ("HeUniform", {}),
    "he_normal": ("HeNormal", {}),
    "lecun_uniform": ("LecunUniform", {}),
    "lecun_normal": ("LecunNormal", {}),
    "random_normal": ("RandomNormal", {"mean": 0.3, "stddev": 0.2}),
    "random_uniform": ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    "truncated_normal": ("TruncatedNormal", {"mean": 0.3, "stddev": 0.2}),
    "scaling_out": (
        "VarianceScaling",
        {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"},
    ),
    "scaling_avg": ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    "axes": ("GlorotUniform", {"input_axes": [0], "output_axes": [1, 2]}),
    "orthogonal": ("Orthogonal", {"gain": 2.0}),
}
INITIALIZER_SHAPES = [(300, 200), (3, 3, 64, 128), (40000,), (5, 50, 300)]


def parameters() -> list[np.ndarray]:
    """The two parameters at the start: a kernel and a bias."""
    generator = np.random.Generator(np.random.Philox(1))
    return [generator.standard_normal(s).astype(np.float32) for s in ((3, 2), (4,))]


def gradients() -> list[list[np.ndarray]]:
    """For each step one gradient per parameter, of varying size."""
    generator = np.random.Generator(np.random.Philox(2))
    return [
        [(generator.standard_normal(s) * (0.2 + i % 4)).astype(np.float32) for s in ((3, 2), (4,))]
        for i in range(STEPS)
    ]


def matrix() -> np.ndarray:
    """What regularizers and constraints are applied to."""
    generator = np.random.Generator(np.random.Philox(3))
    return generator.standard_normal((5, 4)).astype(np.float32)
