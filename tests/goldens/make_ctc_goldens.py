"""Golden values of connectionist temporal classification, made by Keras on torch.

Not run by the tests, which only read what it wrote, ``keras_ctc.npz``. See make_keras_goldens.py for how to
make it again and what is in such a file:

    KERAS_BACKEND=torch python tests/goldens/make_ctc_goldens.py

``ctc_loss`` cases: "loss" of each example, computed in double precision by torch.nn.functional.ctc_loss,
"keras" in single by Keras, "grad" of the sum of the finite ones by the logits, in double precision.
``ctc_decode`` cases: "paths" and "scores".
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from book import RNG, Book, normal

# batch, time, classes, label length, blank
LOSSES = [
    (4, 9, 5, 3, 0), (3, 12, 4, 5, 3), (5, 6, 3, 5, 0), (2, 1, 4, 1, 1), (3, 40, 6, 12, 2), (2, 3, 3, 0, 0),
]  # fmt: skip
# batch, time, classes, arguments
DECODED: list[tuple[int, int, int, dict[str, Any]]] = [
    (3, 8, 4, {}), (3, 8, 4, {"merge_repeated": False, "mask_index": 2}),
    (2, 10, 5, {"mask_index": None}), (3, 7, 4, {"strategy": "beam_search", "beam_width": 5}),
    (2, 10, 5, {"strategy": "beam_search", "beam_width": 20, "top_paths": 3, "mask_index": None}),
    (3, 9, 3, {"strategy": "beam_search", "top_paths": 4, "mask_index": 1}),
    (2, 6, 6, {"strategy": "beam_search", "beam_width": 1}),
]  # fmt: skip


def likelihood(
    logits: np.ndarray, labels: np.ndarray, sizes: np.ndarray, steps: np.ndarray, blank: int
) -> Any:
    """Losses and the gradient of the finite ones, in double precision."""
    leaf = torch.tensor(logits.astype("float64"), requires_grad=True)
    logs = torch.log_softmax(leaf, -1).transpose(0, 1)
    loss = torch.nn.functional.ctc_loss(
        logs, torch.tensor(labels), torch.tensor(steps), torch.tensor(sizes), blank=blank,
        reduction="none", zero_infinity=True,
    )  # fmt: skip
    loss.sum().backward()
    plain = torch.nn.functional.ctc_loss(
        logs.detach(), torch.tensor(labels), torch.tensor(steps), torch.tensor(sizes), blank=blank,
        reduction="none",
    )  # fmt: skip
    return plain, leaf.grad


def ctc() -> None:
    book = Book()
    for i, (batch, time, classes, length, blank) in enumerate(LOSSES):
        logits = normal(batch, time, classes) * 2
        others = np.array([c for c in range(classes) if c != blank])
        labels = RNG.choice(others, (batch, length)).astype("int64")
        sizes = RNG.integers(0, length + 1, batch)
        sizes[0] = length
        steps = RNG.integers(max(1, time // 2), time + 1, batch)
        loss, grad = likelihood(logits, labels, sizes, steps, blank)
        found = keras.ops.ctc_loss(labels, logits, sizes, steps, mask_index=blank)
        case = {"name": f"{i:02d}_loss", "call": "ctc_loss", "kwargs": {"mask_index": blank}}
        book.add(case, logits=logits, labels=labels, sizes=sizes, steps=steps, loss=loss, keras=found,
                 grad=grad)  # fmt: skip
    for i, (batch, time, classes, kwargs) in enumerate(DECODED):
        logits = normal(batch, time, classes) * 2
        steps = RNG.integers(max(1, time // 2), time + 1, batch)
        steps[0] = time
        paths, scores = keras.ops.ctc_decode(logits, steps, **kwargs)
        case = {"name": f"{i:02d}_decode", "call": "ctc_decode", "kwargs": kwargs}
        book.add(case, logits=logits, steps=steps, paths=paths, scores=scores)
    book.write("ctc")


if __name__ == "__main__":
    ctc()
