"""Classification: scores, order, labels, element types."""

from __future__ import annotations

import numpy as np
import pytest

from waterhorse.protos import classifier_pb2 as pb
from waterhorse.service.client import Client
from waterhorse.service.model import probabilities, ranked

from . import models
from .test_refusals import Call

IMAGES = np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1) / 8


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_logits_become_probabilities(client: Client) -> None:
    expected = softmax(IMAGES.reshape(2, 4).astype(np.float64) @ models.WEIGHTS)
    answers = client.classify("digits", IMAGES, top_k=3)
    for answer, row in zip(answers, expected, strict=True):
        order = np.argsort(-row)
        assert [r.index for r in answer.ranked] == order.tolist()
        assert [r.label for r in answer.ranked] == [models.LABELS[i] for i in order]
        np.testing.assert_allclose([r.score for r in answer.ranked], row[order], rtol=1e-6)
        assert (answer.label, answer.index, answer.score) == (
            answer.ranked[0].label, answer.ranked[0].index, answer.ranked[0].score,
        )  # fmt: skip


def test_probabilities_and_scores_stay_as_they_are(client: Client) -> None:
    x = np.array([[0.25, 0.5, 0.25]], np.float32)
    for model in ("probabilities", "plain"):
        (answer,) = client.classify(model, x * (1 if model == "probabilities" else -4), top_k=3)
        assert sorted(r.score for r in answer.ranked) == sorted(
            (x[0] * (1 if model == "probabilities" else -4)).tolist()
        )


def test_the_output_that_the_metadata_names_classifies(client: Client) -> None:
    (answer,) = client.classify("second", np.array([[0, 5, 0]], np.float32))
    assert answer.index == 1
    assert answer.score == pytest.approx(softmax(np.array([[0, 5.0, 0]]))[0, 1], rel=1e-6)


def test_labels_may_be_fewer_than_classes_or_missing(client: Client) -> None:
    x = np.array([[0.1, 0.2, 0.7]], np.float32)
    assert [r.label for r in client.classify("probabilities", x, top_k=3)[0].ranked] == [
        "2",
        "dog",
        "cat",
    ]
    assert client.classify("plain", x)[0].label == "2"
    assert client.labels("probabilities") == ["cat", "dog"]
    assert client.labels("plain") == []


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (4, 3), (2**40, 3)])
def test_top_k(client: Client, top_k: int, count: int) -> None:
    assert [len(a.ranked) for a in client.classify("digits", IMAGES, top_k=top_k)] == [count] * 2


def test_top_k_of_zero_on_the_wire_is_one(call: Call) -> None:
    request = pb.ClassifyRequest(
        model="plain", instances=pb.Instances(shape=[2, 3], values=[1, 2, 3, 6, 5, 4])
    )
    answer = call("Classify", request)
    assert (answer.model, answer.version) == ("plain", "1")
    assert [c.index for c in answer.classifications] == [2, 0]
    assert [len(c.ranked) for c in answer.classifications] == [1, 1]


def test_equal_scores_come_by_index(client: Client) -> None:
    x = np.array([[1, 1, 1], [0, 1, 1]], np.float32)
    orders = [[r.index for r in a.ranked] for a in client.classify("plain", x, top_k=3)]
    assert orders == [[0, 1, 2], [1, 2, 0]]


def test_no_instances(client: Client) -> None:
    assert client.classify("plain", np.zeros((0, 3), np.float32)) == []
    assert client.classify("digits", np.zeros((0, 2, 2, 1), np.float32)) == []


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize("model", ["plain", "half", "double"])
def test_numbers_are_converted_to_the_models_type(client: Client, model: str, dtype: str) -> None:
    (answer,) = client.classify(model, np.array([[0, 1, 0]], dtype))
    assert answer.index == 1


def test_lists_of_numbers_will_do(client: Client) -> None:
    assert client.classify("plain", [[1.5, 0, 0]])[0].score == 1.5
    assert client.classify("small", [[0, 0, 7]])[0].score == 7


def test_double_precision_is_not_lost_on_the_way(client: Client) -> None:
    (answer,) = client.classify("double", np.array([[1.0, 1.0 + 1e-12, 1.0]]))
    assert answer.index == 1


def test_probabilities_of_large_logits() -> None:
    found = probabilities(np.array([[1e30, 0, -1e30], [-np.inf, 0, 0]], np.float32), "logits")
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 0.5, 0.5]])
    half = probabilities(np.zeros((1, 1000), np.float16), "logits")
    np.testing.assert_allclose(half.sum(), 1, rtol=1e-12)


def test_ranked_cuts_and_orders() -> None:
    (row,) = ranked(np.array([[-np.inf, 2, np.inf]], np.float32), 2)
    assert row.indices == [2, 1]
    assert row.scores == [np.inf, 2]
