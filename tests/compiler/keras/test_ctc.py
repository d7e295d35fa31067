"""Connectionist temporal classification against torch (in double precision), Keras, and by enumeration."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ShapeError

from .goldens import Array, Case, close, load

CASES = load("ctc")
LOSSES = [c for c in CASES if c.call == "ctc_loss"]
DECODED = [c for c in CASES if c.call == "ctc_decode"]


def any_size(classes: int) -> list[wh.TensorSpec]:
    """Batch, label length and time are all open."""
    return [
        wh.TensorSpec((None, None), "int64"), wh.TensorSpec((None, None, classes), "float32"),
        wh.TensorSpec((None,), "int64"), wh.TensorSpec((None,), "int64"),
    ]  # fmt: skip


def differentiated(classes: int, blank: int) -> Any:
    @wh.function(input_signature=any_size(classes))
    def step(labels: Any, logits: Any, sizes: Any, steps: Any) -> Any:
        loss = wh.ops.ctc_loss(labels, logits, sizes, steps, mask_index=blank)
        finite = wh.ops.where(wh.ops.isinf(loss), 0.0, loss)
        return loss, wh.grad(wh.ops.sum(finite), [logits])[0]

    return step


def arguments(case: Case) -> tuple[Array, ...]:
    return case["labels"], case["logits"], case["sizes"], case["steps"]


@pytest.mark.parametrize("case", LOSSES, ids=repr)
def test_losses_equal_torch_and_keras(case: Case) -> None:
    found = wh.ops.ctc_loss(*arguments(case), **case.kwargs)
    close(found, case["loss"])
    close(found, case["keras"])


@pytest.mark.parametrize("case", LOSSES, ids=repr)
def test_gradients_equal_torch_with_everything_dynamic(case: Case) -> None:
    step = differentiated(case["logits"].shape[-1], case.kwargs["mask_index"])
    loss, grad = step(*arguments(case))
    close(loss, case["loss"])
    # each entry is a probability minus a probability: what is lost is a rounding error of 1
    close(grad, case["grad"], atol=2e-6)


def test_some_golden_targets_fit_and_some_do_not() -> None:
    finite = [np.isfinite(c["loss"]) for c in LOSSES]
    assert any(f.all() for f in finite)
    assert any(not f.all() for f in finite)


def collapsed(alignment: Any, blank: int = 0) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(alignment) if k != blank)


def enumerated(logits: Array) -> dict[tuple[int, ...], float]:
    """The probability of each label sequence by its definition: the sum over all alignments."""
    time, classes = logits.shape
    p = np.exp(logits.astype("float64"))
    p /= p.sum(-1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for alignment in itertools.product(range(classes), repeat=time):
        labels = collapsed(alignment)
        found[labels] = found.get(labels, 0.0) + float(np.prod(p[np.arange(time), alignment]))
    return found


def test_one_function_takes_all_sizes() -> None:
    step = differentiated(3, 0)
    rng = np.random.default_rng(0)
    for batch, time, length in ((1, 3, 1), (4, 7, 3), (2, 5, 2)):
        labels = rng.integers(1, 3, (batch, length))
        logits = rng.normal(size=(batch, time, 3)).astype("float32")
        loss, _ = step(labels, logits, np.full(batch, length), np.full(batch, time))
        wanted = [
            enumerated(x).get(tuple(y), 0) for x, y in zip(logits, labels.tolist(), strict=True)
        ]
        close(loss, -np.log(np.array(wanted)))


def test_what_does_not_fit_is_infinite_and_has_no_gradient() -> None:
    step = differentiated(3, 0)
    labels, logits = np.array([[1, 1, 2], [1, 1, 0], [1, 2, 1]]), np.ones((3, 3, 3), "float32")
    loss, grad = step(labels, logits, np.array([3, 2, 0]), np.array([3, 2, 0]))
    assert np.isposinf(loss[:2]).all()
    assert loss[2] == 0  # nothing in no time is certain
    close(grad, np.zeros_like(logits))


def test_the_gradient_of_a_mean_with_an_infinite_loss_is_no_nan() -> None:
    loss = wh.losses.CTC()

    @wh.function
    def slope(labels: Any, logits: Any) -> Any:
        return wh.grad(loss(labels, logits), [logits])[0]

    grad = slope(np.array([[1, 1, 1], [1, 0, 0]]), np.ones((2, 3, 2), "float32"))
    assert np.isfinite(grad).all()
    assert np.abs(grad[1]).max() > 0.01


@pytest.mark.parametrize("filler", [-1, 0, 1, 99])
def test_what_is_behind_a_target_does_not_matter(filler: int) -> None:
    logits = np.random.default_rng(0).normal(size=(1, 6, 4)).astype("float32")
    found = wh.ops.ctc_loss(
        np.array([[2, 3, filler, filler]]), logits, np.array([2]), np.array([6])
    )
    close(found, np.asarray(wh.ops.ctc_loss(np.array([[2, 3]]), logits, [2], [6])))


def test_a_long_sequence_keeps_its_precision() -> None:
    # with equal logits every step is alike: the posteriors of a class add up to what symmetry says
    labels, logits = np.array([[1, 2] * 20]), np.zeros((1, 400, 3), "float32")
    step = differentiated(3, 0)
    _, grad = step(labels, logits, np.array([40]), np.array([400]))
    close(grad.sum(-1), np.zeros((1, 400)), atol=1e-6)
    close(grad[0], grad[0, ::-1][:, [0, 2, 1]], atol=1e-5)


@pytest.mark.parametrize("case", DECODED, ids=repr)
def test_decoding_equals_keras(case: Case) -> None:
    paths, scores = wh.ops.ctc_decode(case["logits"], case["steps"], **case.kwargs)
    np.testing.assert_array_equal(paths, case["paths"])
    close(scores, case["scores"])


@pytest.mark.parametrize("case", DECODED, ids=repr)
def test_decoding_in_a_function_with_dynamic_sizes(case: Case) -> None:
    signature = any_size(case["logits"].shape[-1])[1:3]

    @wh.function(input_signature=signature)
    def decode(logits: Any, steps: Any) -> Any:
        return wh.ops.ctc_decode(logits, steps, **case.kwargs)

    for rows in (slice(None), slice(0, 1)):
        paths, scores = decode(case["logits"][rows], case["steps"][rows])
        np.testing.assert_array_equal(paths, case["paths"][:, rows])
        close(scores, case["scores"][rows])


def test_a_wide_beam_finds_the_most_probable_labels() -> None:
    logits = np.random.default_rng(3).normal(size=(3, 6, 3)).astype("float32") * 1.5
    paths, scores = wh.ops.ctc_decode(
        logits, np.full(3, 6), strategy="beam_search", beam_width=200, top_paths=5
    )
    for i, example in enumerate(logits):
        known = enumerated(example)
        best = sorted(known.values(), reverse=True)[:5]
        close(scores[i], np.log(best))
        for path, score in zip(np.asarray(paths)[:, i], np.asarray(scores)[i], strict=True):
            assert known[tuple(int(k) for k in path if k >= 0)] == pytest.approx(np.exp(score))


def test_a_model_learns_to_spell() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 10, 6)).astype("float32")
    labels = rng.integers(1, 4, (8, 3)).astype("int64")
    model = wh.Sequential([wh.Input((None, 6)), wh.layers.Dense(16, "relu"), wh.layers.Dense(4)])
    model.compile(wh.optimizers.Adam(0.01), loss=wh.losses.CTC())
    history = model.fit(x, labels, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.6 * history[0]


def test_what_is_refused() -> None:
    logits = np.zeros((2, 5, 3), "float32")
    with pytest.raises(ShapeError, match="labels"):
        wh.losses.ctc(np.zeros((2, 3, 1), "int64"), logits)
    with pytest.raises(ShapeError, match="classes known"):
        wh.ops.ctc_decode(logits[0], np.array([3]))
    with pytest.raises(ArgumentError, match="greedy"):
        wh.ops.ctc_decode(logits, np.array([5, 5]), strategy="best")
    with pytest.raises(ArgumentError, match="top_paths=3"):
        wh.ops.ctc_decode(logits, [5, 5], "beam_search", beam_width=2, top_paths=3)
    with pytest.raises(NotImplementedError, match="merge_repeated"):
        wh.ops.ctc_decode(logits, [5, 5], "beam_search", merge_repeated=False)
