"""``waterhorse quickstart``: from a Python model to a served classifier, on real data."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from .. import _boot as _boot
from ..compiler import layers, losses, ops, optimizers
from ..compiler.functional import Input
from ..compiler.random import set_random_seed
from ..errors import ExportError, ServiceError
from ..runtime import placement
from ..runtime.datasets import load_digits
from ..runtime.sequential import Sequential
from ..service.client import Client

LABELS = [str(i) for i in range(10)]
MODEL = "digits"


def build_model() -> Sequential:
    """A small convnet for 8x8 images."""
    return Sequential(
        [
            Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, name="scores"),
        ],
        name=MODEL,
    )


def compile_model(model: Sequential, steps: int) -> None:
    """Adam with a cosine schedule over ``steps``, crossentropy on logits."""
    model.compile(
        optimizer=optimizers.Adam(optimizers.schedules.CosineDecay(3e-3, steps, alpha=0.02)),
        loss=losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def run(
    out: Path,
    epochs: int,
    seed: int,
    device: str,
    train_only: bool,
    repository: Path,
    picture: bool,
) -> None:
    """Train, export, draw, serve, ask, compare."""
    placement.set_device(device)
    set_random_seed(seed)
    (x, y), (x_test, y_test) = load_digits()
    model = build_model()
    model.summary()
    compile_model(model, steps=epochs * -(-len(x) // 32))
    print(f"\ntraining on {len(x)} digits, {len(x_test)} are held out")
    started = time.perf_counter()
    history = model.fit(x, y, epochs=epochs, validation_data=(x_test, y_test))
    print(f"trained in {time.perf_counter() - started:.1f} s")
    scores = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    print(f"accuracy on held-out digits: {scores['accuracy']:.2%}\n")
    _export(model, out, repository)
    if train_only:
        return
    if picture:
        _draw(model, history, x_test, y_test, out / "quickstart.png")
    _serve_and_ask(model, repository, x_test, y_test, device)


def _export(model: Sequential, out: Path, repository: Path) -> None:
    served = repository / MODEL / "1" / "model.onnx"
    for folder in (out, served.parent):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"cannot make the folder {folder}: {error.strerror}") from error
    inputs = {"image": {"shape": [8, 8, 1], "range": [0, 16]}}
    model.export(out / "digits.onnx", labels=LABELS, inputs=inputs, verbose=True)
    model.export(served, labels=LABELS, inputs=inputs)
    step, init = model.export_training(out / "digits.train.onnx")
    print(f"wrote {step} and {init}: one training step and its state, as standard ONNX")
    print(f"wrote {served}")


def _draw(model: Sequential, history: Any, x: Any, y: Any, path: Path) -> None:
    try:
        from ..runtime import figures
    except ImportError as error:
        print(f"no picture: {error}")
        return
    logits = model.predict(x, verbose=0)
    shown = figures.report(history.history, x[..., 0], y, logits.argmax(1), LABELS)
    figures.save(shown, path)
    print(f"wrote {path}: training curve, confusion matrix, digits with predictions")


def _serve_and_ask(model: Sequential, repository: Path, x: Any, y: Any, device: str) -> None:
    command = [sys.executable, "-m", "waterhorse", "serve", str(repository), "--port", "0",
               "--device", device]  # fmt: skip
    print("\nstarting the server")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = (server.stdout.readline() if server.stdout else "").strip()
            if " on " not in line:
                raise ServiceError("the server did not start; its log above says why")
            print(line)
            _ask(model, line.rsplit(" on ", 1)[1], x, y)
        finally:
            server.terminate()
            server.wait(timeout=30)
    print("server stopped")


def _ask(model: Sequential, address: str, x: Any, y: Any) -> None:
    with Client(address) as client:
        client.wait_until_ready()
        answers = client.classify(MODEL, x, top_k=10)
    print("\n  true  answer  score   then")
    for answer, label in list(zip(answers, y, strict=True))[:8]:
        rest = "  ".join(f"{r.label} {r.score:.4f}" for r in answer.ranked[1:3])
        print(f"  {label:>4}  {answer.label:>6}  {answer.score:.4f}  {rest}")
    right = np.mean([a.index == label for a, label in zip(answers, y, strict=True)])
    print(f"\n{len(answers)} held-out digits asked over gRPC: {right:.2%} right")
    served = np.zeros((len(x), len(LABELS)))
    for row, answer in zip(served, answers, strict=True):
        row[[r.index for r in answer.ranked]] = [r.score for r in answer.ranked]
    own = ops.softmax(model.predict(x, verbose=0)).numpy()
    difference = float(np.abs(own - served).max())
    if not difference <= 1e-5:
        raise ServiceError(f"served scores differ from in-process ones by {difference:.1e}")
    print(f"largest difference from in-process scores: {difference:.1e}")
