"""What Keras' optimizers and schedules make of the cases in tests/compiler/optim/cases.py.

Run in an environment of its own (keras 3.15.1, torch and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_optimizer_goldens.py

Writes keras_optimizers.npz: ``runs`` has all parameters, one after the other, for each run (``names``)
after some of its twenty steps and at its end; ``schedules`` the rates of each schedule at some steps.
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "compiler" / "optim"))

import cases  # noqa: E402
import keras  # noqa: E402
import torch  # noqa: E402


class ScheduleFreeAdamW(keras.optimizers.ScheduleFreeAdamW):
    """Keras' own with one error of its torch backend mended.

    ``update_step`` keeps the old momentum as ``momentum.value`` and then changes that very tensor in
    place, so that on torch (not on TensorFlow or JAX) the old value is the new one.
    """

    def assign_sub(self, variable: Any, value: Any) -> None:
        variable._value = torch.nn.Parameter((variable.value - value).detach(), False)


OWN = {"ScheduleFreeAdamW": ScheduleFreeAdamW}


def make(name: str, arguments: dict[str, Any], rate: Any) -> Any:
    """The optimizer; those that hold others are described by these."""
    cls, given = OWN.get(name) or getattr(keras.optimizers, name), dict(arguments)
    if name == "LossScaleOptimizer":
        return cls(make(*given.pop("inner"), rate), **given)
    if name == "MultiOptimizer":
        by_name = {k: make(*v, rate) for k, v in given["map"].items()}
        return cls(keras.optimizers.OptimizerMap(make(*given["default"], rate), by_name))
    return cls(rate, **given)


def play(
    optimizer: tuple[str, dict[str, Any]],
    schedule: tuple[str, tuple[Any, ...]] | None = None,
    rate_at: tuple[int, float] | None = None,
    exclude: list[str] | None = None,
    constraint: tuple[str, dict[str, Any]] | None = None,
    missing: int | None = None,
    infinite: list[int] | None = None,
) -> np.ndarray:
    """Twenty steps of one optimizer."""
    schedules = keras.optimizers.schedules
    made = make(
        *optimizer, getattr(schedules, schedule[0])(*schedule[1]) if schedule else cases.RATE
    )
    variables = [keras.Variable(v, name=n) for n, v in cases.parameters().items()]
    if constraint is not None:
        variables[0].constraint = getattr(keras.constraints, constraint[0])(**constraint[1])
    if exclude is not None:
        made.exclude_from_weight_decay(var_names=exclude)
    made.build(variables)
    rows = []

    def look() -> None:
        values = [keras.ops.convert_to_numpy(v).ravel() for v in variables]
        rows.append(np.concatenate(values))

    for i, gradients in enumerate(cases.gradients()):
        if rate_at is not None and i == rate_at[0]:
            made.learning_rate = rate_at[1]
        if i in (infinite or ()):
            gradients[1][2] = np.inf if i % 2 else np.nan
        values = [keras.ops.convert_to_tensor(g) for g in gradients]
        if missing is not None:
            values[missing] = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.apply(values, variables)
        if i + 1 in cases.KEPT:
            look()
    made.finalize_variable_values(variables)
    look()
    return np.stack(rows)


def main() -> None:
    runs = {k: {"optimizer": v} for k, v in cases.OPTIMIZERS.items()} | cases.SPECIAL
    rates = []
    for cls, args, kwargs in cases.SCHEDULES.values():
        schedule = getattr(keras.optimizers.schedules, cls)(*args, **kwargs)
        rates.append([float(schedule(s)) for s in cases.SCHEDULE_STEPS])
    path = HERE / "keras_optimizers.npz"
    np.savez_compressed(
        path,
        names=json.dumps(list(runs)),
        runs=np.stack([play(**options) for options in runs.values()]).astype(np.float32),
        schedules=np.array(rates, np.float32),
    )
    print(len(runs), "runs,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
