"""``waterhorse finetune``: train an ONNX model on data of one's own, and write it back."""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from .. import _boot as _boot
from ..compiler import dtypes, losses, metrics, optimizers
from ..compiler.infer import TensorType
from ..compiler.ir import Tensor, toposort
from ..compiler.random import set_random_seed
from ..errors import ArgumentError, ExportError, FileFormatError
from ..runtime import placement
from ..runtime.callbacks import BackupAndRestore, Logs
from ..runtime.checkpoint import Checkpoint
from ..runtime.imported import ImportedModel, load_onnx
from ..runtime.progress import number
from . import _tuning_data as data

logger = logging.getLogger("waterhorse")

_SAVE_SECONDS = 300.0
_LISTED = 12
_TRIED = 16  # examples by which probabilities are told from logits
_CROSSENTROPIES = (
    losses.BinaryCrossentropy, losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What decides how the training goes: a run is resumed with the same ones only."""

    loss: str
    optimizer: str
    learning_rate: float | None
    batch_size: int
    freeze: tuple[str, ...]
    train_only: tuple[str, ...]
    metric: tuple[str, ...]
    validation_split: float
    output: str | None
    target: str
    from_logits: bool | None
    batch_norm: str
    dropout: bool
    seed: int

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """``--batch-size 32, not 64`` for each entry of ``other`` that differs."""
        found = []
        for key, value in asdict(self).items():
            before = other.get(key)
            mine = list(value) if isinstance(value, tuple) else value
            if before != mine:
                found.append(f"--{key.replace('_', '-')} {_word(before)}, not {_word(mine)}")
        return found


def _word(value: Any) -> str:
    return " ".join(map(str, value)) or "(none)" if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Files:
    """What is read and written."""

    model: Path
    data: Path
    out: Path
    checkpoint: Path | None

    @property
    def backup(self) -> Path:
        """The folder of checkpoints: the one that was named, else one beside the result."""
        return self.checkpoint or self.out.with_name(f"{self.out.name}.checkpoint")


def run(files: Files, settings: Settings, epochs: int, resume: bool, device: str) -> None:
    """Read, train, write; see ``waterhorse finetune --help``."""
    _check_out(files)
    placement.set_device(device)
    set_random_seed(settings.seed)
    model = _model(files.model, settings)
    found = data.load(files.data, _types(model.graph.inputs), settings.target)
    if found.unused:
        print(f"{files.data}: not used: {', '.join(found.unused)}")
    output = _output(model, settings.output)
    loss, logits = _loss(model, output, found, settings)
    sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
    y = data.check_targets(found.y, model.graph.outputs[output].type, output, sparse)
    _choose(model, output, settings)
    _compile(model, output, loss, logits, settings)
    train, held = data.Data(found.x, y, ()).split(settings.validation_split)
    train, held = (_by_output(model, output, part) for part in (train, held))
    seen = f"{len(y) - _count(held)} examples" + (f", {_count(held)} are held out" if held else "")
    print(f"training on {seen}")
    backup = Keeper(files, settings, resume)
    before = _evaluated(model, held or train, settings.batch_size)
    with backup.interruptible():
        x, y = train
        model.fit(
            x, y, epochs=epochs, batch_size=settings.batch_size, validation_data=held,
            callbacks=[backup],
        )  # fmt: skip
    after = _evaluated(model, held or train, settings.batch_size)
    _say_change(before, after, "held-out examples" if held else "training examples")
    _export(model, files)
    if files.checkpoint is None:
        backup.checkpoints.clear()


# -- the model --------------------------------------------------------------------------------


def _model(path: Path, settings: Settings) -> ImportedModel:
    """The model; an input with a fixed number of examples takes any, if the graph allows it."""
    model = load_onnx(path, batch_norm=settings.batch_norm, dropout=settings.dropout)
    sizes = {n: t.shape[0] for n, t in model.graph.inputs.items() if t.shape}
    fixed = sorted({d for d in sizes.values() if isinstance(d, int)})
    if not fixed or fixed == [settings.batch_size]:
        return model
    print(f"the file has a fixed batch of {fixed[0]}; reading it with an open one")
    shapes = {n: [None, *t.shape[1:]] if isinstance(t.shape[0], int) else list(t.shape)
              for n, t in model.graph.inputs.items()}  # fmt: skip
    opened = {n: [d if isinstance(d, int) else None for d in s] for n, s in shapes.items()}
    try:
        return load_onnx(
            path, batch_norm=settings.batch_norm, dropout=settings.dropout, input_shapes=opened
        )
    except FileFormatError as error:
        raise ArgumentError(
            f"{path} works on batches of {fixed[0]} alone ({error}): give --batch-size {fixed[0]}"
        ) from error


def _types(tensors: Mapping[str, Tensor]) -> dict[str, TensorType]:
    return {n: t.type for n, t in tensors.items()}


def _output(model: ImportedModel, name: str | None) -> str:
    """The output that is trained: the one that was named, else the first with floating-point numbers."""
    names = [n for n, t in model.graph.outputs.items() if dtypes.is_float(t.dtype)]
    if name is not None and name not in names:
        raise ArgumentError(
            f"--output {name}: the model has no such output of floating-point numbers; it has {names}"
        )
    if not names:
        raise ArgumentError("the model has no output of floating-point numbers to train")
    if name is None and len(model.output_names) > 1:
        print(f"the model has the outputs {', '.join(names)}: training {names[0]} (--output)")
    return name or names[0]


def _choose(model: ImportedModel, output: str, settings: Settings) -> None:
    """Freeze what is to be frozen, and what the output does not depend on: weights could decay."""
    reached = set(toposort([model.graph.outputs[output]]))
    used = {n for n, w in model.graph.weights.items() if w.leaf.node in reached}
    free = list(model.trainable_variables)
    paths = [v.path for v in free]
    for option, patterns in (("freeze", settings.freeze), ("train-only", settings.train_only)):
        for pattern in patterns:
            if not any(fnmatchcase(p, pattern) for p in paths):
                shown = ", ".join(paths[:_LISTED]) + (", ..." if len(paths) > _LISTED else "")
                raise ArgumentError(
                    f"--{option} {pattern!r} fits none of the {len(paths)} weights: {shown}"
                )
    for variable in free:
        wanted = not settings.train_only or _any(variable.path, settings.train_only)
        free_to = wanted and not _any(variable.path, settings.freeze)
        variable.trainable = free_to and variable.path in used
    trained = model.trainable_variables
    if not trained:
        raise ArgumentError("--freeze and --train-only leave nothing to train")
    total = sum(int(np.prod(v.shape)) for v in trained)
    frozen = len(free) - len(trained)
    print(f"{len(trained)} weights are trained ({total:,} numbers), {frozen} are frozen")


def _any(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, p) for p in patterns)


# -- what is minimised ------------------------------------------------------------------------


def _loss(
    model: ImportedModel, output: str, examples: data.Data, settings: Settings
) -> tuple[losses.Loss, bool]:
    """The loss, and whether it takes the output for logits."""
    found: losses.Loss = losses.get(settings.loss)
    if not isinstance(found, _CROSSENTROPIES):
        if settings.from_logits is not None:
            raise ArgumentError(f"--from-logits says nothing to the loss {settings.loss}")
        return found, False
    logits = settings.from_logits
    if logits is None:
        logits = not _gives_probabilities(model, output, examples)
        kind = "logits" if logits else "probabilities"
        print(f"the output {output!r} is taken for {kind} (--from-logits, --no-from-logits)")
    return type(found)(from_logits=logits), logits


def _gives_probabilities(model: ImportedModel, output: str, examples: data.Data) -> bool:
    """By the last operator; a softmax may be written out, but then its rows still sum to 1."""
    node = model.graph.outputs[output].node
    while (
        node.op in ("Identity", "Cast", "Transpose", "Reshape", "Squeeze")
        and node.inputs[0] is not None
    ):
        node = node.inputs[0].node
    if node.op in ("Softmax", "Sigmoid"):
        return True
    x, _ = examples.part(slice(0, _TRIED))
    found = model.predict(x, batch_size=_TRIED, verbose=0)
    rows = found[output] if isinstance(found, dict) else found
    sums = rows.sum(-1)
    return bool(rows.shape[-1] > 1 and rows.min() >= 0 and np.abs(sums - 1).max() < 1e-3)


def _compile(
    model: ImportedModel, output: str, loss: losses.Loss, logits: bool, settings: Settings
) -> None:
    optimizer = optimizers.get(settings.optimizer)
    if settings.learning_rate is not None:
        optimizer.learning_rate = settings.learning_rate
    width = model.graph.outputs[output].shape[-1]
    wanted = [_metric(m, logits, width) for m in settings.metric]
    if len(model.output_names) > 1:
        model.compile(optimizer, {output: loss}, metrics={output: wanted})
    else:
        model.compile(optimizer, loss, metrics=wanted)


def _metric(name: str, logits: bool, width: Any) -> Any:
    """A metric by its name; one that would take logits for probabilities is told."""
    if not logits:
        return name
    if name in ("accuracy", "acc", "binary_accuracy", "BinaryAccuracy"):
        return metrics.BinaryAccuracy(name=name, threshold=0.0) if width == 1 else name
    if name in ("crossentropy", "ce"):
        raise ArgumentError(f"--metric {name}: the loss is the crossentropy already")
    found = metrics.get(name)
    return type(found)(name=name, from_logits=True) if hasattr(found, "from_logits") else found


def _by_output(model: ImportedModel, output: str, part: Any) -> Any:
    """Targets by output, where there are several: those that no loss looks at are zeros."""
    if part is None or len(model.output_names) == 1:
        return part
    x, y = part
    nothing = np.zeros((len(y), 1), np.float32)
    return x, {n: y if n == output else nothing for n in model.output_names}


def _count(part: Any) -> int:
    if part is None:
        return 0
    y = part[1]
    return len(next(iter(y.values())) if isinstance(y, dict) else y)


# -- running ----------------------------------------------------------------------------------


class Interrupted(KeyboardInterrupt):
    """A signal came, and the checkpoint is written; ``where`` says how far the run got."""

    def __init__(self, number: int, where: str, checkpoint: Path) -> None:
        super().__init__()
        self.number, self.where, self.checkpoint = number, where, checkpoint


class Keeper(BackupAndRestore):
    """Checkpoints of the command: after each epoch, every five minutes, and when a signal comes."""

    def __init__(self, files: Files, settings: Settings, resume: bool) -> None:
        super().__init__(files.backup, delete_checkpoint=False)
        self.files, self.settings = files, settings
        self._identity = {
            n: data.fingerprint(p) for n, p in (("model", files.model), ("data", files.data))
        }
        self._signal: int | None = None
        self._saved = time.monotonic()
        if not resume:
            self.checkpoints.clear()

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), **self._identity, "settings": asdict(self.settings)}

    def restored(self, found: Checkpoint) -> None:
        run = found.training["run"]
        anew = "--no-resume begins anew, --checkpoint names another folder"
        for name, checksum in self._identity.items():
            if run.get(name) != checksum:
                path = getattr(self.files, name)
                raise ArgumentError(
                    f"{found.path} is of a run with another {name} than {path}; {anew}"
                )
        differences = self.settings.differences(run.get("settings", {}))
        if differences:
            raise ArgumentError(f"{found.path} is of a run with {'; '.join(differences)}: {anew}")
        super().restored(found)

    def save(self) -> Path:
        self._saved = time.monotonic()
        return super().save()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._signal is not None:
            self._leave(self._signal)
        elif time.monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._signal is not None:
            self._leave(self._signal)
        self.save()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._signal is not None:
            self._leave(self._signal)

    def _leave(self, number: int) -> None:
        path = self.save()
        epoch, batch = self._position.epoch, self._position.batch
        where = f"in epoch {epoch + 1} after batch {batch}" if batch else f"after epoch {epoch}"
        raise Interrupted(number, where, path)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside, a first SIGINT or SIGTERM ends the run after the batch; a second one at once."""

        def handler(number: int, _: Any) -> None:
            if self._signal is not None:
                raise KeyboardInterrupt
            self._signal = number

        before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except Interrupted as stopped:
            # said here, where no progress bar breaks the lines any more
            print(f"interrupted {stopped.where}; the checkpoint is {stopped.checkpoint}")
            print(f"to go on: {_command()}", flush=True)
            sys.exit(128 + stopped.number)
        finally:
            for number, old in before.items():
                signal.signal(number, old)


def _command() -> str:
    """The command that was given, to be given again."""
    arguments = [a for a in sys.argv[1:] if a not in ("--resume", "--no-resume")]
    return shlex.join(["waterhorse", *arguments])


def _evaluated(model: ImportedModel, part: Any, batch_size: int) -> Logs:
    verbose = "auto" if sys.stdout.isatty() else 0  # there it shows that something is done
    x, y = part
    found: Logs = model.evaluate(x, y, batch_size, verbose, return_dict=True)
    return found


def _say_change(before: Logs, after: Logs, on: str) -> None:
    for name in ("loss", *sorted(set(after) - {"loss"})):
        print(f"{name} on {on}: {number(before[name])} before, {number(after[name])} after")


# -- the result -------------------------------------------------------------------------------


def _check_out(files: Files) -> None:
    """Found before the training, not after it."""
    folder = files.out.parent
    if files.out.is_dir() or not folder.is_dir():
        problem = "is a folder" if files.out.is_dir() else f"cannot be: there is no folder {folder}"
        raise ExportError(f"--out {files.out} {problem}")
    if files.out.exists() and files.out.samefile(files.model):
        raise ArgumentError(f"--out {files.out} is the model itself: name another file")
    if not os.access(folder, os.W_OK):
        raise ExportError(f"--out {files.out}: the folder {folder} cannot be written to")


def _export(model: ImportedModel, files: Files) -> None:
    known = model.graph.metadata
    labels = json.loads(known["waterhorse.labels"]) if "waterhorse.labels" in known else None
    inputs = json.loads(known["waterhorse.inputs"]) if "waterhorse.inputs" in known else None
    model.export(files.out, labels=labels, inputs=inputs, verbose=True)
