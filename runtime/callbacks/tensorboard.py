"""Curves, histograms, images, text and the graph for TensorBoard."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from ...compiler.config import not_supported
from ...compiler.ir import Array
from ...compiler.layers import Embedding
from ...errors import ArgumentError
from . import events
from .base import Callback, Logs
from .rates import report

if TYPE_CHECKING:
    from ..model import Model


class TensorBoard(Callback):
    """Write what ``tensorboard --logdir LOG_DIR`` shows. TensorFlow is not needed.

    The metrics of each epoch are ``epoch_...`` in the runs ``train`` and ``validation``, those of
    single batches ``batch_...``, those of an evaluation ``evaluation_..._vs_iterations``.

    Args:
        log_dir: a folder for this run alone.
        histogram_freq: every so many epochs write histograms of the weights (0: never).
        write_graph: write the graph of the training step, and the model's summary as text.
        write_images: write the weights as images, too, whenever their histograms are.
        write_steps_per_second: write the speed.
        update_freq: "epoch", "batch", or every so many batches.
        profile_batch: only 0 is supported.
        embeddings_freq: every so many epochs write the embeddings for the projector (0: never).
        embeddings_metadata: the file with the names of an embedding's rows: one for all, or a dict by
            the layer's name.

    Raises ``ArgumentError`` for ``embeddings_metadata`` of layers that are no embeddings of the model.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, str] | None = None,
    ) -> None:
        not_supported("TensorBoard", profile_batch=(profile_batch, 0))
        frequency = 1 if update_freq == "batch" else update_freq
        if frequency != "epoch" and not (isinstance(frequency, int) and frequency > 0):
            raise ArgumentError(
                f"TensorBoard: update_freq={update_freq!r}; expected 'epoch', 'batch' or a number "
                "of batches above 0"
            )
        self.log_dir = Path(log_dir)
        self.histogram_freq, self.write_images = histogram_freq, write_images
        self.write_graph, self.write_steps_per_second = write_graph, write_steps_per_second
        self.update_freq: Any = frequency
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._files: dict[str, events.EventFile] = {}
        self._batches = 0  # of training, since it began
        self._epoch_began = self._batch_began = (0.0, 0)
        if frequency != "epoch":
            # only an instance that looks at each batch costs a read-back per batch
            self.on_train_batch_begin = self._batch_begins  # type: ignore[method-assign]
            self.on_train_batch_end = self._batch_ended  # type: ignore[method-assign]

    def _file(self, run: str) -> events.EventFile:
        if run not in self._files:
            self._files[run] = events.EventFile(self.log_dir / run)
        return self._files[run]

    def _scalars(self, run: str, step: int, values: Mapping[str, Any]) -> None:
        content = b""
        for tag, value in values.items():
            if np.ndim(value):  # a metric with a value per class has a curve for each
                parts = enumerate(np.ravel(value))
                content += b"".join(events.scalar(f"{tag}/{i}", float(v)) for i, v in parts)
            else:
                content += events.scalar(tag, float(value))
        if content:
            self._file(run).summary(step, content)

    def _iterations(self) -> int:
        optimizer = self.model.optimizer
        return 0 if optimizer is None else int(optimizer.iterations)

    # -- training ---------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0
        if self.embeddings_freq:
            self._describe_embeddings()
        if self.write_graph:
            lines: list[str] = []
            self.model.summary(print_fn=lambda line, *_, **__: lines.append(str(line)))
            code = "".join(f"    {line}\n" for line in "\n".join(lines).splitlines())
            self._file("train").summary(0, events.text("model_summary", code))
            step = self.model.steps.newest("train")
            if step is not None:
                self._file("train").graph(events.graph(_nodes(step.model.graph)))

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._files = {}  # another run writes other files

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_began = time.perf_counter(), self._iterations()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        found = dict(logs or {})
        held = {k.removeprefix("val_"): found.pop(k) for k in [*found] if k.startswith("val_")}
        if self.model.optimizer is not None:
            report(self.model, found)
        if self.write_steps_per_second:
            began, done = self._epoch_began
            passed = max(time.perf_counter() - began, 1e-9)
            found["steps_per_second"] = (self._iterations() - done) / passed
        self._scalars("train", epoch, {f"epoch_{k}": v for k, v in found.items()})
        self._scalars("validation", epoch, {f"epoch_{k}": v for k, v in held.items()})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for content in self._weights():
                self._file("train").summary(epoch, content)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()

    def _batch_begins(self, batch: int, logs: Logs | None = None) -> None:
        self._batch_began = time.perf_counter(), batch

    def _batch_ended(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches % self.update_freq:
            return
        values = {f"batch_{k}": v for k, v in (logs or {}).items()}
        if self.write_steps_per_second:
            passed = max(time.perf_counter() - self._batch_began[0], 1e-9)
            values["batch_steps_per_second"] = 1.0 / passed
        self._scalars("train", self._batches, values)

    def on_test_end(self, logs: Logs | None = None) -> None:
        values = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
        self._scalars("validation", self._iterations(), values)

    def get_state(self) -> dict[str, Any]:
        return {"batches": self._batches}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._batches = int(state["batches"])

    # -- weights ----------------------------------------------------------------------------

    def _weights(self) -> Iterator[bytes]:
        for layer in self.model.layers:
            for weight in layer.weights:
                value = weight.numpy()
                yield events.histogram(f"{weight.path}/histogram", value)
                shown = _as_images(value) if self.write_images else None
                if shown is not None:
                    yield events.image(f"{weight.path}/image", shown)

    def _describe_embeddings(self) -> None:
        """The file by which the projector finds them."""
        found = _embeddings(self.model)
        metadata = self.embeddings_metadata
        if isinstance(metadata, Mapping):
            unknown = sorted(set(metadata) - set(found))
            if unknown:
                raise ArgumentError(
                    f"TensorBoard: embeddings_metadata has {unknown[0]!r}; the embeddings of "
                    f"{self.model.name} are {sorted(found)}"
                )
        lines = []
        for name in found:
            names = metadata.get(name) if isinstance(metadata, Mapping) else metadata
            lines += ["embeddings {", f'  tensor_name: "{name}"', f'  tensor_path: "{name}.tsv"']
            lines += [f'  metadata_path: "{names}"'] if names is not None else []
            lines += ["}"]
        self.log_dir.mkdir(parents=True, exist_ok=True)
        (self.log_dir / "projector_config.pbtxt").write_text("\n".join(lines) + "\n")

    def _write_embeddings(self) -> None:
        for name, layer in _embeddings(self.model).items():
            np.savetxt(self.log_dir / f"{name}.tsv", layer.get_weights()[0], "%.7g", "\t")


def _embeddings(model: Model) -> dict[str, Embedding]:
    return {layer.name: layer for layer in model.layers if isinstance(layer, Embedding)}


def _as_images(weight: Array) -> Array | None:
    """A weight as images [count, height, width], as Keras lays them out; None for four axes and more."""
    x = np.squeeze(weight)
    if x.ndim == 1:
        return x.reshape(1, -1, 1)
    if x.ndim == 2:
        return (x.T if x.shape[0] > x.shape[1] else x)[None]
    return x.transpose(2, 0, 1) if x.ndim == 3 else None


def _nodes(model: onnx.GraphProto) -> Iterator[tuple[str, str, Sequence[str]]]:
    """The nodes of an ONNX graph as a GraphDef has them: operands are named by the nodes that make them."""
    makers: dict[str, str] = {}
    for given in [*model.input, *model.initializer]:
        makers[given.name] = given.name
        yield given.name, "Input", ()
    for node in model.node:
        for i, output in enumerate(node.output):
            makers[output] = f"{node.name}:{i}" if i else node.name
        yield node.name, node.op_type, [makers[x] for x in node.input if x in makers]
