"""What Keras makes of the cases in tests/compiler/optim/cases.py, for the tests to agree with.

Run in an environment of its own (keras 3.15.1, torch and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_optimizer_goldens.py

Writes optimizers.npz: for each optimizer both parameters after each of 20 steps and at the end;
schedules at some steps; regularizers and constraints of a matrix; moments of initial values.
"""

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


def play(
    optimizer: tuple[str, dict[str, Any]],
    schedule: tuple[str, tuple[Any, ...]] | None = None,
    rate_at: tuple[int, float] | None = None,
    exclude: list[str] | None = None,
    constraint: tuple[str, dict[str, Any]] | None = None,
    missing: int | None = None,
) -> dict[str, np.ndarray]:
    """Twenty steps of one optimizer."""
    name, arguments = optimizer
    rate = (
        getattr(keras.optimizers.schedules, schedule[0])(*schedule[1]) if schedule else cases.RATE
    )
    made = getattr(keras.optimizers, name)(rate, **arguments)
    variables = [
        keras.Variable(v, name=n)
        for n, v in zip(("kernel", "bias"), cases.parameters(), strict=True)
    ]
    if constraint is not None:
        variables[0].constraint = getattr(keras.constraints, constraint[0])(**constraint[1])
    if exclude is not None:
        made.exclude_from_weight_decay(var_names=exclude)
    made.build(variables)
    path: list[list[np.ndarray]] = [[], []]
    for i, gradients in enumerate(cases.gradients()):
        if rate_at is not None and i == rate_at[0]:
            made.learning_rate = rate_at[1]
        values = [keras.ops.convert_to_tensor(g) for g in gradients]
        if missing is not None:
            values[missing] = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.apply(values, variables)
        for track, variable in zip(path, variables, strict=True):
            track.append(np.array(keras.ops.convert_to_numpy(variable)))
    made.finalize_variable_values(variables)
    ends = [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
    return {
        f"{n}": np.stack([*t, e]) for n, t, e in zip(("kernel", "bias"), path, ends, strict=True)
    }


def moments(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, smallest and largest."""
    return np.array([values.mean(), values.std(), values.min(), values.max()])


def main() -> None:
    found: dict[str, np.ndarray] = {}
    runs = {k: {"optimizer": v} for k, v in cases.OPTIMIZERS.items()} | cases.SPECIAL
    for name, options in runs.items():
        found |= {f"optimizer/{name}/{k}": v for k, v in play(**options).items()}
    for name, (cls, args, kwargs) in cases.SCHEDULES.items():
        schedule = getattr(keras.optimizers.schedules, cls)(*args, **kwargs)
        found[f"schedule/{name}"] = np.array([float(schedule(s)) for s in cases.SCHEDULE_STEPS])
    matrix = keras.ops.convert_to_tensor(cases.matrix())
    for kind, table in (("regularizer", cases.REGULARIZERS), ("constraint", cases.CONSTRAINTS)):
        for name, (cls, kwargs) in table.items():
            result = getattr(getattr(keras, f"{kind}s"), cls)(**kwargs)(matrix)
            found[f"{kind}/{name}"] = np.array(keras.ops.convert_to_numpy(result))
    for name, (cls, kwargs) in cases.INITIALIZERS.items():
        for shape in cases.INITIALIZER_SHAPES:
            if (len(shape) < 2 and name == "orthogonal") or (name == "axes" and len(shape) != 3):
                continue
            values = getattr(keras.initializers, cls)(**kwargs, seed=3)(shape)
            key = "x".join(map(str, shape))
            found[f"initializer/{name}/{key}"] = moments(keras.ops.convert_to_numpy(values))
    np.savez_compressed(HERE / "optimizers.npz", **found)
    print(len(found), "arrays,", (HERE / "optimizers.npz").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
