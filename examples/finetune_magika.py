"""Magika, fine-tuned on kinds of files that it can't tell apart.

Magika (Google, Apache-2.0) says from a file's bytes which of 214 types it is. It comes as an ONNX file
without any training code. Here it learns classes of our own, from the files that every installation of
Python has: modules, their tests, type stubs, C headers, and what pip keeps of each package. To Magika
the first three are all Python, and the last two are text of some kind.

    python examples/finetune_magika.py [MODEL.onnx] [--per-class 150] [--epochs 3] [--output FILE]

Without MODEL the model is downloaded by pip (``benchmarks/models.py``). First the best that can be made
of Magika's own answers is measured: each of its 214 types is taken for the class that has it most often.
Then its last layer and softmax are cut off, a new layer is put there and learns alone, and then
everything learns together, slowly. The result is one ONNX file with the new labels.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import waterhorse as wh

Array = np.ndarray[Any, Any]
BLOCK, HALF, PADDING = 4096, 1024, 256  # of Magika's standard_v3_3
KINDS = ("module", "test", "stub", "header", "metadata", "record")


def features(content: bytes) -> Array:
    """What Magika looks at: the first and the last 1,024 bytes, as numbers, without white space around.

    The white space goes from the first and the last 4,096 bytes; 256 stands where there are too few.
    """
    content = content.strip() if len(content) <= BLOCK else content
    first, last = content[:BLOCK].lstrip()[:HALF], content[-BLOCK:].rstrip()[-HALF:]
    found = np.full(2 * HALF, PADDING, np.int32)
    found[: len(first)] = np.frombuffer(first, np.uint8)
    if last:
        found[-len(last) :] = np.frombuffer(last, np.uint8)
    return found


# -- files ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    """Features [N, 2048] and classes [N]."""

    x: Array
    y: Array


def kind_of(path: Path) -> int | None:
    """The class of a file by its name, which the model doesn't see."""
    if path.suffix == ".py":
        return 1 if path.name.startswith("test_") else 0
    if path.suffix in {".pyi", ".h"}:
        return 2 if path.suffix == ".pyi" else 3
    if path.parent.suffix == ".dist-info" and path.name in {"METADATA", "RECORD"}:
        return 4 if path.name == "METADATA" else 5
    return None


def walk() -> Iterator[Path]:
    """Files of the standard library, of the packages installed, and of Python's headers."""
    for place in dict.fromkeys(
        sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib", "include")
    ):
        for path in sorted(Path(place).rglob("*")):
            if kind_of(path) is not None and path.is_file():
                yield path


def side_of(path: Path) -> int:
    """0 to 99, by the name: copies of a file, and versions of it, fall on the same side."""
    package = path.parent.name if path.parent.suffix == ".dist-info" else ""
    return hashlib.sha256(f"{package}{path.name}".encode()).digest()[0] * 100 // 256


def collect(per_class: int) -> tuple[Files, Files]:
    """Files to learn from and files to be asked about, no content twice."""
    found: dict[tuple[bool, int], list[Array]] = {}
    seen: set[bytes] = set()
    paths = list(walk())
    np.random.default_rng(0).shuffle(paths)
    for path in paths:
        kind, test = kind_of(path), side_of(path) < 30
        chosen = found.setdefault((test, kind or 0), [])
        if len(chosen) >= (per_class // 2 if test else per_class):
            continue
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        if len(content.strip()) < 64 or digest in seen:
            continue
        seen.add(digest)
        chosen.append(features(content))
    missing = [k for i, k in enumerate(KINDS) for t in (False, True) if not found.get((t, i))]
    if missing:
        raise SystemExit(f"This Python has too few files of kind {missing[0]!r} to learn from.")
    train, asked = (
        Files(np.concatenate([found[test, k] for k in range(len(KINDS))]),
              np.concatenate([np.full(len(found[test, k]), k) for k in range(len(KINDS))]))
        for test in (False, True)
    )  # fmt: skip
    return train, asked


# -- the model ------------------------------------------------------------------------------------


def body(model: onnx.ModelProto) -> onnx.ModelProto:
    """Magika up to the input of its last MatMul: 512 features for each file."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    place = max(i for i, n in enumerate(cut.graph.node) if n.op_type == "MatMul")
    name = cut.graph.node[place].input[0]
    del cut.graph.node[place:], cut.graph.output[:]
    kind = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 512])
    cut.graph.output.append(kind)
    return cut


class Classifier(wh.Model):
    """A body read from a file, and a new last layer."""

    def __init__(self, trunk: wh.Model, classes: int) -> None:
        super().__init__(name="files")
        self.trunk = trunk
        self.head = wh.layers.Dense(classes, activation="softmax", name="kind")

    def call(self, inputs: wh.Tensor, training: bool = False) -> wh.Tensor:
        return self.head(self.trunk(inputs, training=training))


def before(path: Path, train: Files, asked: Files) -> float:
    """Accuracy of Magika's own answers, each translated to the class that it stands for most often."""
    magika = wh.load_onnx(path)
    said = [magika.predict(f.x, batch_size=32, verbose=0).argmax(-1) for f in (train, asked)]
    counts = np.zeros((214, len(KINDS)))
    np.add.at(counts, (said[0], train.y), 1)
    return float(np.mean(counts.argmax(-1)[said[1]] == asked.y))


def learn(model: Classifier, train: Files, *, whole: bool, rate: float, epochs: int) -> None:
    """Some epochs, of the new layer alone or of everything."""
    model.trunk.trainable = whole
    model.compile(wh.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train.x, train.y, batch_size=32, epochs=epochs, verbose=2)


def accuracy(model: Classifier, asked: Files) -> float:
    """Share of the files that the model names rightly."""
    return float(np.mean(model.predict(asked.x, batch_size=32, verbose=0).argmax(-1) == asked.y))


def confusion(model: Classifier, asked: Files) -> str:
    """A table: rows are what files are, columns what the model says."""
    said = model.predict(asked.x, batch_size=32, verbose=0).argmax(-1)
    counts = np.zeros((len(KINDS), len(KINDS)), int)
    np.add.at(counts, (asked.y, said), 1)
    lines = [" " * 10 + "".join(f"{k:>10}" for k in KINDS)]
    lines += [
        f"{k:>10}" + "".join(f"{n:>10}" for n in row) for k, row in zip(KINDS, counts, strict=True)
    ]
    return "\n".join(lines)


def run(path: Path, output: Path, per_class: int = 150, epochs: int = 3) -> dict[str, float]:
    """All of it; accuracies on files that were not learned from."""
    wh.set_random_seed(0)
    train, asked = collect(per_class)
    print(
        f"{len(train.y)} files to learn from, {len(asked.y)} others to be asked about: {', '.join(KINDS)}"
    )
    rates = {"before": before(path, train, asked)}
    print(f"Magika's own answers, translated as well as can be: {rates['before']:.1%} right")
    model = Classifier(wh.load_onnx(body(onnx.load(path))), len(KINDS))
    model(train.x[:1])
    learn(model, train, whole=False, rate=3e-3, epochs=epochs)
    rates["head"] = accuracy(model, asked)
    print(f"a new last layer: {rates['head']:.1%}")
    learn(model, train, whole=True, rate=1e-4, epochs=epochs)
    rates["after"] = accuracy(model, asked)
    print(f"all layers: {rates['after']:.1%}\n{confusion(model, asked)}")
    model.export(output, labels=KINDS)
    print(f"written: {output} ({output.stat().st_size / 1e6:.1f} MB)")
    return rates


def main() -> None:
    """Find the model, then fine-tune it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", type=Path, help="Magika's model.onnx (standard_v3_3)")
    parser.add_argument("--per-class", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("files.onnx"))
    options = parser.parse_args()
    path = options.model
    if path is None:
        sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
        import models  # noqa: PLC0415 - knows where the model is to be had

        path = models.fetch("magika")
    run(path, options.output, options.per_class, options.epochs)


if __name__ == "__main__":
    main()
