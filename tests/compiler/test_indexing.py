"""``tensor[index]`` gives what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

from waterhorse.compiler import ir
from waterhorse.compiler.infer import TensorType
from waterhorse.errors import OpError

ARRAY = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
INDICES = [
    0, -1, 3, slice(None), slice(1, 3), slice(-2, None), slice(None, -1), slice(None, None, 2),
    slice(None, None, -1), slice(3, 0, -2), slice(-1, -4, -1), slice(10, 20), slice(2, 1),
    slice(-100, 100), ..., None, (0, 1), (0, -1, -1), (slice(1), 2), (..., 0), (0, ...),
    (..., 1, slice(2)), (None, ...), (0, None), (None, 0, None), (slice(None), None, 1),
    (1, ..., None, 2), (..., None), (slice(None, None, -2), slice(1, None, 3), -2),
    np.array([0, 2]), np.array([[0, 2], [-1, 1]]), (slice(None), np.array([0, 0, 4])),
    (1, np.array([3, 1])), (slice(1, 3), slice(None), np.array([5, 0])), [0, -1], np.int64(2),
    (slice(None), np.int32(-1)), (slice(1, 2), slice(1, 2), slice(1, 2)), (np.array([1]), 0), (),
    (np.array([1, 0]), slice(1, 3)), (None, np.array([1, 0])),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_equals_numpy(index: object) -> None:
    found = ir.data(ARRAY)[index].numpy()
    expected = ARRAY[index]
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_shapes_are_inferred(index: object) -> None:
    x = ir.argument("x", TensorType(np.dtype(np.float32), ARRAY.shape))
    assert x[index].shape == ARRAY[index].shape


def test_tensors_as_indices_and_iteration() -> None:
    x = ir.data(ARRAY)
    np.testing.assert_array_equal(x[ir.data(np.array([3, 0]))].numpy(), ARRAY[[3, 0]])
    assert len(x) == 4
    np.testing.assert_array_equal(np.stack([row.numpy() for row in x]), ARRAY)


def test_indices_keep_dynamic_dims() -> None:
    x = ir.argument("x", TensorType(np.dtype(np.float32), ("n", 5, 6)))
    assert x[:, 0].shape == ("n", 6)
    assert x[..., None].shape == ("n", 5, 6, 1)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (4, "out of bounds"),
        (-5, "out of bounds"),
        ((0, 0, 0, 0), "4 indices"),
        (slice(None, None, 0), "step cannot be 0"),
        ((np.array([0]), np.array([1])), "one index tensor"),
        (np.array([True, False, True, True]), "boolean"),
        ("name", "str"),
        (1.5, "integers"),
        ((..., 0, ...), "ellipsis"),
        (True, "boolean"),
    ],
)
def test_wrong_indices_raise(index: object, said: str) -> None:
    with pytest.raises(OpError, match=said):
        ir.data(ARRAY)[index]
