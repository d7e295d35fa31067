"""What Keras' regularizers, constraints and initializers make of tests/compiler/optim/cases.py.

Run in an environment of its own (keras 3.15.1, torch, scipy and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_penalty_goldens.py

Writes keras_penalties.npz: regularizers of a matrix with their gradients, constraints of it, the
values of initializers that draw nothing, and the moments of those that do.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "compiler" / "optim"))

import cases  # noqa: E402
import keras  # noqa: E402
import torch  # noqa: E402


def moments(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, smallest and largest."""
    return np.array([values.mean(), values.std(), values.min(), values.max()])


def main() -> None:
    found: dict[str, np.ndarray] = {}
    for name, (cls, kwargs) in cases.REGULARIZERS.items():
        matrix = torch.tensor(cases.matrix(), requires_grad=True)
        result = getattr(keras.regularizers, cls)(**kwargs)(matrix)
        result.backward()
        found[f"regularizer/{name}"] = result.detach().numpy()
        found[f"gradient/{name}"] = matrix.grad.numpy()
    for name, (cls, kwargs) in cases.CONSTRAINTS.items():
        result = getattr(keras.constraints, cls)(**kwargs)(torch.tensor(cases.matrix()))
        found[f"constraint/{name}"] = np.array(keras.ops.convert_to_numpy(result))
    for name, (cls, kwargs, shape) in cases.EXACT_INITIALIZERS.items():
        values = getattr(keras.initializers, cls)(**kwargs)(shape)
        found[f"exact/{name}"] = np.array(keras.ops.convert_to_numpy(values))
    for name, (cls, kwargs) in cases.INITIALIZERS.items():
        for shape in cases.INITIALIZER_SHAPES:
            if (len(shape) < 2 and name == "orthogonal") or (name == "axes" and len(shape) != 3):
                continue
            values = getattr(keras.initializers, cls)(**kwargs, seed=3)(shape)
            key = "x".join(map(str, shape))
            found[f"initializer/{name}/{key}"] = moments(keras.ops.convert_to_numpy(values))
    path = HERE / "keras_penalties.npz"
    np.savez_compressed(path, **found)
    print(len(found), "arrays,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
