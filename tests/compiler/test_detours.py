"""Gradients by tensors that simplification has gone round: against the same graph without it."""

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

R = np.random.default_rng(0)


def numbers(*shape):
    return R.normal(size=shape).astype("float32")


def gradient(x, middle, after):
    """d after(middle(x)) / d middle(x), and the same with the middle as an argument of its own."""

    @wh.function
    def within(t):
        m = middle(t)
        return m, wh.grad(wh.ops.sum(wh.ops.square(after(m))), [m])[0]

    m, found = within(x)

    @wh.function
    def alone(t):
        return wh.grad(wh.ops.sum(wh.ops.square(after(t))), [t])[0]

    np.testing.assert_allclose(found, alone(m), rtol=1e-4, atol=1e-5)
    assert np.abs(found).max() > 0


CONV = L.Conv2D(3, 3, padding="same", name="conv")
NEXT = L.Conv2D(2, 3, activation="tanh", name="next")
CASES = {
    "reshape of a reshape": (
        lambda t: wh.op.Reshape(t, [6, 4]),
        lambda m: wh.op.Reshape(m, [8, 3]) * 2.0,
    ),
    "three reshapes": (
        lambda t: wh.op.Reshape(t, [6, 4]),
        lambda m: wh.op.Reshape(wh.op.Reshape(m, [24]), [4, 6]) * 3.0,
    ),
    "transpose that undoes one": (
        lambda t: wh.op.Transpose(t, perm=[1, 0]),
        lambda m: wh.op.Tanh(wh.op.Transpose(m, perm=[1, 0])),
    ),
    "there and back": (
        lambda t: wh.op.Reshape(wh.op.Reshape(t, [24]), [6, 4]),
        lambda m: wh.op.Reshape(wh.op.Reshape(m, [24]), [6, 4]) * 2.0,
    ),
    "both ways": (
        lambda t: wh.op.Reshape(t, [6, 4]),
        lambda m: wh.op.Concat(wh.op.Reshape(m, [24]), wh.op.Reshape(m * m, [24]), axis=0),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_simplified(name: str) -> None:
    middle, after = CASES[name]
    gradient(numbers(2, 12) if "undoes" not in name else numbers(3, 8), middle, after)


LAYOUT = {
    "the output of a convolution": (CONV, NEXT),
    "sums of images": (lambda t: CONV(t) * 0.5 + t, NEXT),
    "activations in between": (lambda t: wh.ops.tanh(CONV(t)), lambda m: NEXT(wh.ops.relu(m) + m)),
}


@pytest.mark.parametrize("name", LAYOUT)
def test_channels_first(name: str) -> None:
    """A convolution takes what an earlier one gave before it was turned to channels-last."""
    middle, after = LAYOUT[name]
    x = numbers(2, 5, 6, 3)
    CONV(x), NEXT(x)
    gradient(x, middle, after)


def test_second_derivatives_by_mixed_images() -> None:
    """The penalty of Gulrajani et al. 2017, with convolutions, against differences."""
    critic = wh.Sequential(
        [wh.Input((5, 6, 3)), CONV, L.Activation("tanh"), NEXT, L.Flatten(), L.Dense(1)]
    )
    x, other = numbers(3, 5, 6, 3), numbers(3, 5, 6, 3)

    @wh.function
    def penalty(a, b):
        between = wh.ops.tanh(CONV(a)) * 0.3 + b * 0.7
        (slope,) = wh.grad(wh.ops.sum(critic(between)), [between])
        value = wh.ops.mean(wh.ops.square(slope)) * 100.0
        return value, wh.grad(value, [CONV.kernel])[0]

    _, found = penalty(x, other)
    start, direction = CONV.kernel.numpy(), numbers(3, 3, 3, 3)
    sides = []
    for h in (1e-2, -1e-2):
        CONV.kernel.assign(start + h * direction)
        sides.append(float(penalty(x, other)[0]))
    CONV.kernel.assign(start)
    np.testing.assert_allclose((found * direction).sum(), (sides[0] - sides[1]) / 2e-2, rtol=2e-2)
