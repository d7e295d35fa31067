"""``Model``: a network that can be compiled, trained, evaluated, saved and exported."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..compiler import optimizers, tree
from ..compiler.config import decode, encode, not_supported, serialize
from ..compiler.ir import Tensor
from ..compiler.metrics import Metric
from ..compiler.network import Network
from ..compiler.state import Variable
from ..errors import ArgumentError
from . import (
    export,
    export_training,
    export_training_info,
    loop,
    minimizing,
    quantization,
    saving,
    stateless,
    summary,
)
from .callbacks import Callback, History
from .compilation import Compilation, batch_size_of, summed
from .state_tree import read, write
from .steps import Steps
from .utils import unpack_x_y_sample_weight


class Model(Network):
    """A model: ``Model(inputs, outputs)``, or a subclass with ``call``.

    Training is a loop over compiled functions; ``train_step``, ``test_step`` and ``predict_step`` are
    what they compute, as Python over tensors, and may be overridden.
    """

    _untracked = Network._untracked | {"compilation", "steps", "stop_training", "history"}
    steps_per_execution = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.compilation: Compilation | None = None
        self.stop_training = False
        self.steps = Steps(self)
        self.history: History | None = None

    # -- compiling ------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train: optimizer, loss and metrics, each an object, a name or a function.

        ``loss`` and ``metrics`` may be lists or dicts by output. What is trainable is fixed by the
        first step after this call. Raises ``ArgumentError`` for unknown names.

        Args:
            steps_per_execution: callbacks see every so many batches only.
            jit_compile: True or False, as you like: steps are always compiled.
            auto_scale_loss: under the policy "mixed_float16" the optimizer becomes a
                ``LossScaleOptimizer``.
        """
        if run_eagerly:
            raise NotImplementedError(
                "compile(run_eagerly=True): steps are always compiled. To look at values, call the model "
                "and the loss on arrays, outside of fit"
            )
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ArgumentError(f"steps_per_execution={steps_per_execution!r}: expected 1 or more")
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            optimizer = optimizers.get(optimizer)
            if not isinstance(optimizer, optimizers.LossScaleOptimizer):
                optimizer = optimizers.LossScaleOptimizer(optimizer)
        self.compilation = Compilation(optimizer, loss, loss_weights, metrics, weighted_metrics)
        self.steps_per_execution = steps_per_execution
        self.steps.clear()

    @property
    def is_functional_like(self) -> bool:
        """Whether the model says itself what inputs it takes."""
        return self.is_functional

    @property
    def output_sizes(self) -> list[int | None]:
        """The last dim of each output, as far as known without data."""
        try:
            shapes = [t.shape for t in tree.leaves(self.output)]
        except ArgumentError:
            return []
        return [s[-1] if s and isinstance(s[-1], int) else None for s in shapes]

    def compiled(self) -> Compilation:
        """The compilation. Raises ``ArgumentError`` before ``compile``."""
        if self.compilation is None:
            raise ArgumentError(
                f"model {self.name!r} is not compiled: call compile(loss=...) first"
            )
        return self.compilation

    def check_trainable(self) -> None:
        """Raises ``ArgumentError`` where nothing says how to train."""
        self.compiled()

    @property
    def optimizer(self) -> Any:
        return self.compilation.optimizer if self.compilation is not None else None

    @property
    def loss(self) -> Any:
        """What ``compile`` was given as the loss."""
        return self.compilation.config["loss"] if self.compilation is not None else None

    @property
    def compiled_metrics(self) -> list[Any]:
        """The loss trackers and the metrics that ``compile`` was given."""
        return self.compilation.metrics if self.compilation is not None else []

    @property
    def metrics(self) -> list[Any]:
        """Loss trackers and metrics, those that are attributes of the model and its layers included."""
        return list(dict.fromkeys([*self.compiled_metrics, *super().metrics]))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def metrics_names(self) -> list[str]:
        """What logs call the metrics, in the order of the lists that ``evaluate`` and others return.

        Keras has "compile_metrics" in place of those that ``compile`` was given.
        """
        labels = self._metric_labels
        names = [m.name for m in self.metrics if m not in labels]
        if self.compilation is not None and self.compilation.several:
            return [*names, *sorted(labels.values())]
        return [*names[:1], *labels.values(), *names[1:]]

    @property
    def _metric_labels(self) -> dict[Metric, str]:
        return self.compilation.labels if self.compilation is not None else {}

    def _listed(self, logs: Mapping[str, Any]) -> Any:
        """The logs as Keras' methods return them without ``return_dict``."""
        names = self.metrics_names
        rest = sorted(n for n in logs if n not in names)
        values = [logs[n] for n in (*names, *rest) if n in logs]
        return values[0] if len(values) == 1 else values

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    # -- what a step computes ---------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One training step over tensors: ``data`` is x, (x, y) or (x, y, sample_weight).

        Returns the logs. To be overridden: what this method does with tensors, variables, ``wh.grad`` and
        optimizers becomes one graph.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = minimizing.loss_of(self, x, y, y_pred, sample_weight, training=True)
        self._track(loss, x, y_pred)
        minimizing.minimize(self, loss)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """One evaluation step over tensors. Returns the logs."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = minimizing.loss_of(self, x, y, y_pred, sample_weight, training=False)
        self._track(loss, x, y_pred)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Outputs for a batch of inputs."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The scalar that is minimised: losses of the outputs, ``add_loss``, weight penalties."""
        names, targets, predictions = self._paired(y, y_pred)
        parts = self.compiled().loss(names, targets, predictions, sample_weight)
        parts += self.losses
        if not parts:
            raise ArgumentError("there is nothing to minimise: compile with loss=, or use add_loss")
        return summed(parts)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Tensor]:
        """Update the metrics with a batch; their results by name."""
        _, targets, predictions = self._paired(y, y_pred)
        self.compiled().update(targets, predictions, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name; those that a metric gives as a dict, by its keys."""
        labels = self._metric_labels
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            name = labels.get(metric, metric.name)
            found |= result if isinstance(result, dict) else {name: result}
        return found

    def _track(self, loss: Tensor, x: Any, y_pred: Any) -> None:
        first = next(t for t in tree.leaves((x, y_pred)) if t is not None)
        self.compiled().loss_tracker.update_state(loss, sample_weight=batch_size_of(first))

    def _paired(self, y: Any, y_pred: Any) -> tuple[list[str], list[Any], list[Tensor]]:
        """Names, targets and predictions of the outputs; losses and metrics are made for them."""
        compilation = self.compiled()
        names, predictions = self._named_outputs(y_pred)
        targets = compilation.matched(names, _targets(y, names, y_pred))
        compilation.build(names, targets, predictions, by_name=isinstance(y_pred, dict))
        return names, targets, predictions

    def _named_outputs(self, y_pred: Any) -> tuple[list[str], list[Tensor]]:
        predictions = tree.leaves(y_pred)
        if isinstance(y_pred, dict):
            return [str(k) for k in y_pred], predictions
        names = self.output_names
        if len(names) != len(predictions):
            names = [f"output_{i}" for i in range(len(predictions))]
        return names, predictions

    # -- running ----------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train.

        Args:
            x, y: arrays (nested as the model's inputs and outputs), or an iterable of batches as x.
            batch_size: default 32; the last batch of an epoch may be smaller.
            verbose: 0 silent, 1 a progress bar on a terminal and plain lines elsewhere, 2 one line
                per epoch; "auto" is 1.
            validation_split: this last part of the arrays is held out (before shuffling).
            validation_data: (x, y) or (x, y, sample_weight), or an iterable of batches.
            class_weight: a weight per class number.

        Returns the ``History``: metrics per epoch. Raises ``DataError`` or ``ShapeError`` where the
        data does not fit, ``NonFiniteError`` where the loss becomes NaN or infinite.
        """
        return loop.fit(
            self, x, y, batch_size=batch_size, epochs=epochs, verbose=verbose, callbacks=callbacks,
            validation_split=validation_split, validation_data=validation_data, shuffle=shuffle,
            class_weight=class_weight, sample_weight=sample_weight, initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_batch_size=validation_batch_size, validation_freq=validation_freq,
        )  # fmt: skip

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data: a dict, or a list in the order of ``metrics_names``.

        A list of one is the loss alone, as a number; so it is for ``train_on_batch`` and ``test_on_batch``.
        """
        logs = loop.evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks)
        return logs if return_dict else self._listed(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """Outputs for all examples of ``x`` (arrays, or an iterable of batches)."""
        return loop.predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """One step on one batch; the logs are this batch's alone."""
        logs = loop.on_batch(self, "train", x, y, sample_weight, class_weight)
        return logs if return_dict else self._listed(logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch."""
        logs = loop.on_batch(self, "test", x, y, sample_weight, None)
        return logs if return_dict else self._listed(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch, in one run: its inputs need not have as many rows as each other."""
        return self.steps.once("predict", x)

    # -- looking, saving, exporting -----------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
        json: bool = False,
    ) -> None:
        """Print a table of the layers: output shapes, types, parameters, what an example costs.

        Nothing in it is ever cut: what is wider than asked for makes the table wider. Only on a terminal
        that is too narrow are types and costs left out. The model need not be compiled; the layers of a
        subclass are known after its first call.

        Args:
            line_length: the least width of the table.
            positions: where the columns end: fractions of the line, or characters.
            print_fn: gets the whole text, in place of ``print``.
            expand_nested: also list the layers of models within the model.
            show_trainable: add a column that says whether a layer's weights are trained.
            layer_range: names (or patterns) of the first and last layer to list.
            json: print the same facts as JSON; ``wh.utils.summary_json`` returns them.
        """
        summary.show(
            self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, json
        )

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
    ) -> None:
        """Write architecture, weights, compilation and optimizer state to one file."""
        not_supported("save", zipped=(zipped or None, None))
        saving.save(self, filepath, overwrite, include_optimizer)

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Write the weights alone, as safetensors; with ``max_shard_size`` (GB) in several files.

        Then ``filepath`` is the index, ``NAME.json`` by custom, and the parts lie beside it.
        """
        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Read what ``save_weights`` wrote; all or, with a ``FileFormatError``, none.

        With ``skip_mismatch`` weights that are not in the file, or of another shape there, keep their
        values, with a warning.
        """
        saving.load_weights(self, filepath, skip_mismatch)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON; ``kwargs`` go to ``json.dumps``."""
        return json.dumps(serialize(self), **kwargs)

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "onnx",
        labels: Sequence[str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        verbose: bool = False,
        example: Any = None,
    ) -> None:
        """Write the inference graph as an ONNX file, verified to equal ``predict``.

        Args:
            labels: names of the classes, kept in the file's metadata.
            inputs: how to prepare each input, by name (shape, range, mean, scale), kept there too.
            example: a batch to verify with, where made-up numbers will not do.
        """
        if format != "onnx":
            raise NotImplementedError(f"export writes format='onnx', not {format!r}")
        export.export_model(self, filepath, labels, inputs, verbose, example)

    def export_training(
        self, filepath: str | os.PathLike[str], form: str = "expanded"
    ) -> tuple[str, ...]:
        """Write one training step in a standard form. Returns the paths of what was written.

        Args:
            form: "expanded" writes the step (``NAME.train.onnx``) and its initial state
                (``NAME.init.onnx``) in operators of ``ai.onnx`` alone: any ONNX Runtime can train with
                it. "training_info" writes the standard's own training IR into one file ``NAME.onnx``,
                which is the inference model, too: a Gradient node, optimizer nodes where the standard
                has the optimizer, bindings. ``wh.load_onnx`` trains with both.

        The model must be compiled and have been called or built.
        """
        if form == "expanded":
            return export_training.export_training(self, filepath)
        if form == "training_info":
            return (export_training_info.export_training_info(self, filepath),)
        raise ArgumentError(f"form={form!r}: expected 'expanded' or 'training_info'")

    def get_compile_config(self) -> dict[str, Any]:
        """What ``compile`` was given, as JSON can hold it."""
        found: dict[str, Any] = encode(self.compiled().config)
        return found

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """``compile`` with what ``get_compile_config`` gave; the optimizer's slots are made, too."""
        self.compile(**{k: decode(v) for k, v in config.items()})
        if self.built and self.compilation is not None:
            self.compilation.optimizer.build(self.trainable_variables)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict[str, Any]]:
        """All values, nested by the paths of the variables; see ``set_state_tree``."""
        return read(self, value_format)

    def set_state_tree(self, state_tree: Mapping[str, Mapping[str, Any]]) -> None:
        """Set all values that ``state_tree`` has. Raises ``ArgumentError`` for unknown ones."""
        write(self, state_tree)

    def stateless_compute_loss(
        self, trainable_variables: Any, non_trainable_variables: Any, metrics_variables: Any,
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True,
    ) -> Any:  # fmt: skip
        """``compute_loss`` with these values of the variables: the loss, and the three lists after it."""
        values = trainable_variables, non_trainable_variables, metrics_variables
        return stateless.loss(self, values, x, y, y_pred, sample_weight, training)

    def quantize(
        self,
        mode: str | None = None,
        config: Any = None,
        filters: Any = None,
        type_check: bool = True,
    ) -> None:
        """Replace the weights of Dense, EinsumDense and embeddings by integers; see their ``quantize``.

        ``mode`` is "int8" or "int4"; ``config`` says more. ``filters`` is a pattern that a layer's name
        contains, several, or a function of a layer. The optimizer starts anew. Layers that keep their
        weights are named in a warning.
        """
        quantization.quantize(self, mode, config, filters, type_check)


def _targets(y: Any, names: Sequence[str], y_pred: Any) -> list[Any]:
    """Targets in the order of the outputs; None for outputs that a dict leaves out."""
    if isinstance(y, Mapping):
        unknown = [n for n in y if n not in names]
        if unknown:
            raise ArgumentError(f"y has the keys {unknown}; the outputs are {[*names]}")
        return [y.get(n) for n in names]
    return [] if y is None else tree.leaves(y)
