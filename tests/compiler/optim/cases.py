"""What is compared with Keras, as plain data: read by the tests and by the scripts that ask Keras."""

from typing import Any

import numpy as np

STEPS = 20
KEPT = [1, 2, 3, 5, 8, 13, 20]  # after so many steps the parameters are compared, and at the end
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
    ("Adafactor", {"beta_2_decay": -0.5, "epsilon_1": 1e-3, "epsilon_2": 0.1}),
    ("Adafactor", {"clip_threshold": 0.3, "relative_step": False}),
    ("Muon", {"nesterov": False, "rms_rate": None, "ns_steps": 3, "momentum": 0.8}),
    ("Muon", {"exclude_layers": ["kern"], "adam_lr_ratio": 0.5, "adam_weight_decay": 0.2}),
    ("Muon", {"weight_decay": None, "muon_a": 3.0, "muon_b": -4.0, "muon_c": 1.8}),
    ("ScheduleFreeAdamW", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("ScheduleFreeAdamW", {"warmup_steps": 6, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate_power": -0.7, "beta": 0.1}),
    ("Ftrl", {"l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1,
              "l2_shrinkage_regularization_strength": 0.1}),
]  # fmt: skip
NAMES = [
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Nadam", "Adamax", "Adadelta", "Lion", "Lamb",
    "Ftrl", "Adafactor", "Muon", "ScheduleFreeAdamW",
]  # fmt: skip

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{n}-{k}": (n, v) for n in NAMES for k, v in _COMMON.items()},
    **{f"{n}-own{i}": (n, v) for i, (n, v) in enumerate(_OWN)},
}
_DECAY = ("ExponentialDecay", (0.1, 5, 0.5))
_SCALED: dict[str, Any] = {"initial_scale": 4.0, "dynamic_growth_steps": 3}
# name -> what is done besides, see ``play`` in both places
SPECIAL: dict[str, dict[str, Any]] = {
    **{f"scheduled-{n}": {"optimizer": (n, {}), "schedule": _DECAY} for n in NAMES},
    "rate_changed": {"optimizer": ("Adam", {}), "rate_at": (10, 0.001)},
    "excluded": {"optimizer": ("AdamW", {"weight_decay": 0.3}), "exclude": ["bias"]},
    "constrained": {
        "optimizer": ("SGD", {"momentum": 0.9}),
        "constraint": ("MaxNorm", {"max_value": 1.2}),
    },
    "constrained_accumulation": {
        "optimizer": ("SGD", {"momentum": 0.9, "gradient_accumulation_steps": 2}),
        "constraint": ("UnitNorm", {}),
    },
    "scheduled_accumulation": {
        "optimizer": ("SGD", {"gradient_accumulation_steps": 2, "weight_decay": 0.1}),
        "schedule": _DECAY,
    },
    "missing_gradient": {"optimizer": ("Adam", {}), "missing": 1},
    "loss_scale-SGD": {
        "optimizer": ("LossScaleOptimizer", {"inner": ("SGD", {"momentum": 0.9}), **_SCALED}),
        "infinite": [4, 12, 13],
    },
    "loss_scale-Adam": {
        "optimizer": ("LossScaleOptimizer", {
            "inner": ("Adam", {"use_ema": True, "clipnorm": 0.4, "weight_decay": 0.1}), **_SCALED}),
        "infinite": [0, 7],
    },
    "several": {
        "optimizer": ("MultiOptimizer", {
            "default": ("SGD", {"momentum": 0.9}),
            "map": {"ker.*": ("Adam", {"weight_decay": 0.1}), "cube": ("RMSprop", {})}}),
    },
}  # fmt: skip
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
SCHEDULE_STEPS = [0, 1, 2, 7, 33, 99, 100, 101, 149, 150, 151, 249, 250, 251, 400, 599, 601, 777,
                  1203, 9001]  # fmt: skip

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
# name -> (class, arguments, shape), for those that draw nothing
EXACT_INITIALIZERS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "zeros": ("Zeros", {}, (2, 3)),
    "ones": ("Ones", {}, (4,)),
    "constant": ("Constant", {"value": 2.5}, (2, 2)),
    "identity": ("Identity", {"gain": 2.0}, (3, 4)),
    "stft": ("STFT", {}, (16, 1, 9)),
    "stft_imag": ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum"}, (12, 1, 9)),
    "stft_periodic": ("STFT", {"window": "blackman", "scaling": None, "periodic": True}, (8, 1, 5)),
    "stft_bare": ("STFT", {"side": "imag", "window": None}, (8, 1, 5)),
    "stft_flattop": ("STFT", {"window": "flattop"}, (9, 1, 5)),
    "stft_nuttall": ("STFT", {"window": "nuttall", "periodic": True}, (9, 1, 5)),
    "stft_harris": ("STFT", {"window": "blackmanharris"}, (9, 1, 5)),
    "stft_boxcar": ("STFT", {"window": "boxcar"}, (9, 1, 5)),
}
INITIALIZER_SHAPES = [(300, 200), (3, 3, 64, 128), (40000,), (5, 50, 300)]


PARTS = {"kernel": (3, 2), "bias": (4,), "cube": (2, 1, 2)}


def parameters() -> dict[str, np.ndarray]:
    """The parameters at the start, by name."""
    generator = np.random.Generator(np.random.Philox(1))
    return {n: generator.standard_normal(s).astype(np.float32) for n, s in PARTS.items()}


def gradients() -> list[list[np.ndarray]]:
    """For each step one gradient per parameter, of varying size."""
    generator = np.random.Generator(np.random.Philox(2))
    return [
        [(generator.standard_normal(s) * (0.2 + i % 4)).astype(np.float32) for s in PARTS.values()]
        for i in range(STEPS)
    ]


def matrix() -> np.ndarray:
    """What regularizers and constraints are applied to."""
    generator = np.random.Generator(np.random.Philox(3))
    return generator.standard_normal((5, 4)).astype(np.float32)
