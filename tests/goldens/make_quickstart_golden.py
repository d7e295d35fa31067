"""The quickstart model trained for 20 steps by torch: losses, and scores after 15 steps, that ours must reproduce.

Run in an environment of its own (torch and numpy; neither is a dependency of the tests):

    python tests/goldens/make_quickstart_golden.py

Everything that is random in our training is reproduced here from its definition: initial weights come from
a Philox generator that the test uses, too, and the dropout masks from the counter-based hash.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
SEED, STEPS, BATCH, RATE = 11, 20, 32, 0.3
TOTAL = 540  # steps of the cosine schedule
SHAPES = [(3, 3, 1, 32), (32,), (3, 3, 32, 32), (32,), (3, 3, 32, 64), (64,), (1024, 10), (10,)]


def initial_weights() -> list[np.ndarray]:
    """Keras' layout: kernels [kh, kw, in, out]."""
    generator = np.random.Generator(np.random.Philox(5))
    return [(generator.standard_normal(s) * 0.1).astype(np.float32) for s in SHAPES]


def spread(x: np.ndarray) -> np.ndarray:
    """RC6's permutation of uint32 words."""
    return x * (x * np.uint32(2) + np.uint32(1))


def high(x: np.ndarray) -> np.ndarray:
    """The high half, rounded as floats are."""
    return (x.astype(np.float32) * np.float32(2.0**-16)).astype(np.uint32)


def dropout_mask(counter: int, shape: tuple[int, ...]) -> np.ndarray:
    """The mask of draw ``counter`` under ``SEED``, scaled."""

    def word(*values: int) -> np.ndarray:
        return np.array(values, np.uint32)

    with np.errstate(over="ignore"):
        keys = word(SEED) * word(0x9E3779B9, 0x85EBCA6B) + word(counter) * word(
            0xC2B2AE35, 0x27D4EB2F
        )
        keys = spread(keys + word(0x165667B1, 0xD3A2646C))
        first, second = spread(keys + high(keys) * word(0x9E3779B1))
        words = spread(np.arange(np.prod(shape), dtype=np.uint32) * word(0x9E3779B9) + first)
        words = spread(words + high(words) * (second * np.uint32(2) + np.uint32(1)))
    kept = words >= np.uint32(round(RATE * 2**32))
    return (kept / (1 - RATE)).astype(np.float32).reshape(shape)


def main() -> None:
    data = np.load(HERE.parent.parent / "runtime" / "datasets" / "digits.npz")
    x = torch.tensor(data["images"][:, None].astype(np.float32))
    y = torch.tensor(data["labels"].astype(np.int64))
    weights = [
        torch.tensor(w.transpose(3, 2, 0, 1).copy() if w.ndim == 4 else w, requires_grad=True)
        for w in initial_weights()
    ]

    def scores(images: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        k1, b1, k2, b2, k3, b3, k4, b4 = weights
        h = F.relu(F.conv2d(images / 16, k1, b1, padding=1))
        h = F.max_pool2d(F.relu(F.conv2d(h, k2, b2, padding=1)), 2)
        h = F.relu(F.conv2d(h, k3, b3, padding=1)).permute(0, 2, 3, 1).flatten(1)
        return (h if mask is None else h * mask) @ k4 + b4

    m = [torch.zeros_like(w) for w in weights]
    v = [torch.zeros_like(w) for w in weights]
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        mask = torch.tensor(dropout_mask(step, (BATCH, 1024)))
        loss = F.cross_entropy(scores(x[rows], mask), y[rows])
        gradients = torch.autograd.grad(loss, weights)
        losses.append(loss.item())
        rate = 3e-3 * (0.98 * 0.5 * (1 + np.cos(np.pi * step / TOTAL)) + 0.02)
        t = step + 1
        alpha = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        with torch.no_grad():
            for w, g, mean, square in zip(weights, gradients, m, v, strict=True):
                mean.add_((g - mean) * 0.1)
                square.add_((g * g - square) * 0.001)
                w.sub_(alpha * mean / (square.sqrt() + 1e-7))
        if step == 14:
            with torch.no_grad():
                early = scores(x[1000:1016], None).numpy()
    np.savez_compressed(HERE / "quickstart.npz", losses=np.array(losses), scores=early)
    print("losses", np.round(losses, 4))


if __name__ == "__main__":
    main()
