"""The training, evaluation and prediction loops: fill buffers, run, now and then look."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiler import losses, settings, tree
from ..compiler.ir import Array
from ..compiler.random import host_generator, next_seed
from ..errors import ArgumentError, DataError, NonFiniteError
from .callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    History,
    Logs,
    ProgbarLogger,
    TerminateOnNaN,
    listed,
)
from .checkpoint import Position
from .data import (
    ArraySource,
    Source,
    check_lengths,
    dense,
    is_arrays,
    make_source,
    sample_weights,
    to_arrays,
)
from .progress import Progress, reporter
from .step import Bound, Step

if TYPE_CHECKING:
    from .model import Model

REDRAW_SECONDS = 0.1


# -- sources ----------------------------------------------------------------------------------


def _shuffler(position: Position) -> Any:
    """Epoch -> permutation, from the run's seed alone: a resumed run shuffles alike."""
    return lambda epoch, count: host_generator(position.seed or 0, epoch).permutation(count)


def _split(parts: Sequence[Any], fraction: float) -> tuple[list[Any], list[Any]]:
    """The first and the last part of all arrays; views, no copies."""
    if not 0 < fraction < 1:
        raise ArgumentError(f"validation_split={fraction}: expected a number between 0 and 1")
    count = check_lengths([a for p in parts if p is not None for a in tree.leaves(p)])
    cut = int(count * (1 - fraction))
    if cut in (0, count):
        raise DataError(f"validation_split={fraction} of {count} examples leaves one part empty")

    def rows(part: Any, which: slice) -> Any:
        return None if part is None else tree.map_leaves(lambda a: a[which], part)

    return [rows(p, slice(0, cut)) for p in parts], [rows(p, slice(cut, None)) for p in parts]


def _check_labels(model: Model, source: Source, step: Step) -> None:
    """Class numbers outside of the output's range, found before the first step."""
    compilation = model.compilation
    found = compilation.single_loss if compilation is not None else None
    if not isinstance(found, losses.SparseCategoricalCrossentropy) or not isinstance(
        source, ArraySource
    ):
        return
    outputs = model.output_sizes
    if len(outputs) != 1 or not isinstance(outputs[0], int):
        return
    inputs = len(tree.leaves(tree.unflatten(source.structure.x, iter(source.arrays))))
    labels = dense(source.arrays[inputs])
    wrong = (labels < 0) | (labels >= outputs[0])
    if found.ignore_class is not None:
        wrong &= labels != found.ignore_class
    if wrong.any():
        where = int(np.flatnonzero(wrong.reshape(len(labels), -1).any(1))[0])
        value = labels.reshape(len(labels), -1)[where][wrong.reshape(len(labels), -1)[where]][0]
        raise DataError(
            f"y has the label {value} (example {where}), but the model has {outputs[0]} outputs: "
            f"labels go from 0 to {outputs[0] - 1}"
        )


# -- fit --------------------------------------------------------------------------------------


def fit(
    model: Model, x: Any, y: Any, *, batch_size: int | None, epochs: int, verbose: Any,
    callbacks: Any, validation_split: float, validation_data: Any, shuffle: bool,
    class_weight: Mapping[int, float] | None, sample_weight: Any, initial_epoch: int,
    steps_per_epoch: int | None, validation_steps: int | None,
    validation_batch_size: int | None, validation_freq: int | Sequence[int],
) -> History:  # fmt: skip
    """See ``Model.fit``."""
    model.check_trainable()
    _whole("epochs", epochs)
    epochs = min(epochs, settings.max_epochs() or epochs)
    position = Position(initial_epoch, seed=next_seed() if shuffle else None)
    order = _shuffler(position) if shuffle else None
    if is_arrays(x):
        targets = None if y is None else to_arrays(y, "y", sparse=True)
        parts = [to_arrays(x, "x", sparse=True), targets, sample_weights(sample_weight, targets)]
        if validation_split:
            parts, held = _split(parts, validation_split)
            validation_data = validation_data if validation_data is not None else tuple(held)
        x, y, sample_weight = parts
    elif validation_split:
        raise ArgumentError("validation_split works with arrays only")
    source = make_source(
        x, y, sample_weight, batch_size, steps_per_epoch, order, class_weight=class_weight
    )
    validation = _validation(validation_data, validation_batch_size or batch_size, validation_steps)
    run = _Fit(model, source, validation, verbose, callbacks, epochs, steps_per_epoch, position)
    return run(epochs, validation_freq)


def _callbacks(given: Any) -> list[Callback]:
    """The user's callbacks, without the one that shows what the loop shows itself."""
    return [c for c in listed(given) if type(c) is not ProgbarLogger]


def _whole(label: str, value: Any) -> None:
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise ArgumentError(f"{label}={value!r}: expected a whole number of at least 0")


def _validation(data: Any, batch_size: int | None, steps: int | None) -> Source | None:
    if data is None:
        return None
    if isinstance(data, (tuple, list)) and 2 <= len(data) <= 3:
        x, y, weight = (*data, None)[:3]
        return make_source(x, y, weight, batch_size, steps)
    if is_arrays(data):
        raise ArgumentError("validation_data is (x, y) or (x, y, sample_weight), or an iterable")
    return make_source(data, steps=steps)


class _Fit:
    """One call of ``fit``."""

    def __init__(
        self, model: Model, source: Source, validation: Source | None, verbose: Any,
        callbacks: Any, epochs: int, steps: int | None, position: Position,
    ) -> None:  # fmt: skip
        self.model, self.source, self.validation = model, source, validation
        self.position = position
        self.steps = source.steps if source.steps is not None else steps
        self.progress = reporter(verbose, model)
        given = _callbacks(callbacks)
        self.history = next((c for c in given if isinstance(c, History)), None) or History()
        # the history keeps what the others add to the logs; what is backed up, or overwritten by what
        # was, is what all other callbacks have left
        given = [*(c for c in given if c is not self.history), self.history]
        given.sort(key=lambda c: isinstance(c, BackupAndRestore))
        params = {"verbose": verbose, "epochs": epochs, "steps": self.steps}
        self.hooks = CallbackList(given, model=model, **params)
        self.checks_nan = not any(isinstance(c, TerminateOnNaN) for c in given)
        self.each_batch = bool(self.hooks.overriding("on_train_batch_end"))

    def __call__(self, epochs: int, frequency: Any) -> History:
        model, position = self.model, self.position
        initial_epoch = position.epoch
        model.stop_training = False
        with self.progress:
            started = time.perf_counter()
            step = model.steps.get("train", self.source.structure, self.source.example())
            _check_labels(model, self.source, step)
            self.progress.watch(self.hooks.callbacks)
            self.progress.compiled(step, time.perf_counter() - started)
            self._watched(step)
            self.hooks.call("on_train_begin")
            self.source.resume(position.drawn)
            logs: Logs = {}
            while position.epoch < epochs and not model.stop_training:
                logs = self._epoch(position.epoch, epochs, frequency)
            if epochs > initial_epoch and model.optimizer is not None:
                # moving averages of the weights take their place
                model.optimizer.finalize_variable_values(model.trainable_variables)
            self.hooks.call("on_train_end", logs)
        model.history = self.history
        return self.history

    def _watched(self, step: Step) -> None:
        for callback in self.hooks.callbacks:
            if isinstance(callback, BackupAndRestore):
                callback.watch(self.position, step.program.variables, self.hooks.callbacks)

    def _epoch(self, epoch: int, epochs: int, frequency: Any) -> Logs:
        if self.position.batch == 0:
            self.model.reset_metrics()
        self.hooks.call("on_epoch_begin", epoch)
        self.progress.begin_epoch(epoch, epochs, self.steps)
        logs = self._train(epoch)
        due = (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency
        if self.validation is not None and due:
            found = run_test(self.model, self.validation, self.hooks, self.progress)
            logs |= {f"val_{k}": v for k, v in found.items()}
            logs = dict(sorted(logs.items()))
        self.progress.end_epoch(logs)
        self.position.epoch, self.position.batch, self.position.logs = epoch + 1, 0, {}
        self.hooks.call("on_epoch_end", epoch, logs)
        return logs

    def _train(self, epoch: int) -> Logs:
        bound: Bound | None = None
        examples, redraw = 0, time.perf_counter() + REDRAW_SECONDS
        position, group = self.position, self.model.steps_per_execution
        done = position.batch
        for batch in self.source.epoch(epoch, done):
            if bound is None or batch.size != bound.size or not self.fixed:
                bound = self.model.steps.bound("train", self.source, batch)
            if done % group == 0:
                self.hooks.call("on_train_batch_begin", done)
            batch.fill(bound.inputs)
            bound.run()
            done += 1
            position.batch = done
            position.drawn += 1
            examples += batch.size
            now = time.perf_counter()
            ends = done % group == 0 or done == self.steps
            if (self.each_batch and ends) or now >= redraw:
                logs = position.logs = self._look(bound, epoch, done)
                if ends:
                    self.hooks.call("on_train_batch_end", done - 1, logs)
                if now >= redraw:
                    self.progress.update(done, examples, logs)
                    redraw = time.perf_counter() + REDRAW_SECONDS
            if self.model.stop_training or done == self.steps:
                break
        if bound is None:
            if not position.batch:
                raise DataError("the data gave no batch in this epoch")
            return dict(position.logs)  # interrupted between the last batch and the end
        logs = self._look(bound, epoch, done)
        self.progress.update(done, examples, logs)
        return logs

    @property
    def fixed(self) -> bool:
        """Whether batches of one size have one shape (arrays do, iterables need not)."""
        return isinstance(self.source, ArraySource)

    def _look(self, bound: Bound, epoch: int, done: int) -> Logs:
        logs = read_logs(bound)
        loss = logs.get("loss")
        if self.checks_nan and loss is not None and not np.isfinite(loss):
            raise NonFiniteError(
                f"the loss became {loss} within the first {done} steps of epoch {epoch + 1}. Usual "
                "causes: a learning rate that is too high, inputs or targets that contain NaN or are "
                "not scaled, the logarithm of 0. wh.callbacks.TerminateOnNaN() stops training "
                "without an error"
            )
        return logs


def read_logs(bound: Bound) -> Logs:
    """The step's outputs by name, sorted as Keras sorts them: single numbers as floats."""
    return {
        k: float(v.item()) if v.size == 1 else v.copy() for k, v in sorted(bound.outputs.items())
    }


# -- evaluate, predict, single batches ----------------------------------------------------------


def run_test(model: Model, source: Source, hooks: CallbackList | None, progress: Progress) -> Logs:
    """All batches of ``source`` through the test step."""
    saved = [(v, v.numpy()) for m in model.metrics for v in m.variables]
    model.reset_metrics()
    if hooks is not None:
        hooks.call("on_test_begin")
    bound: Bound | None = None
    redraw = time.perf_counter() + REDRAW_SECONDS
    progress.begin_test(source.steps)
    for done, batch in enumerate(source.epoch(0), 1):
        if bound is None or bound.shapes != tuple(batch.shapes):
            bound = model.steps.bound("test", source, batch)
        if hooks is not None:
            hooks.call("on_test_batch_begin", done - 1)
        batch.fill(bound.inputs)
        bound.run()
        if hooks is not None and hooks.overriding("on_test_batch_end"):
            hooks.call("on_test_batch_end", done - 1, read_logs(bound))
        if time.perf_counter() >= redraw:
            progress.update_test(done)
            redraw = time.perf_counter() + REDRAW_SECONDS
        if done == source.steps:
            break
    if bound is None:
        raise DataError("the data gave no batch")
    logs = read_logs(bound)
    progress.end_test()
    if hooks is not None:
        hooks.call("on_test_end", logs)
        for variable, value in saved:
            variable.assign(value)
    return logs


def evaluate(
    model: Model, x: Any, y: Any, batch_size: int | None, verbose: Any, sample_weight: Any,
    steps: int | None, callbacks: Any,
) -> Logs:  # fmt: skip
    """See ``Model.evaluate``."""
    model.check_trainable()
    source = make_source(x, y, sample_weight, batch_size, steps)
    given = _callbacks(callbacks)
    params = {"verbose": verbose, "epochs": 1, "steps": source.steps}
    hooks = CallbackList(given, model=model, **params) if given else None
    with reporter(verbose, model) as progress:
        logs = run_test(model, source, hooks, progress)
        progress.report("evaluate", logs)
    return logs


def predict(
    model: Model, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any
) -> Any:
    """See ``Model.predict``."""
    source = make_source(x, batch_size=batch_size, steps=steps, inputs_only=True)
    given = _callbacks(callbacks)
    hooks = CallbackList(given, model=model, verbose=verbose, epochs=1, steps=source.steps)
    hooks.call("on_predict_begin")
    parts: list[list[Array]] = []
    step: Step | None = None
    with reporter(verbose, model) as progress:
        progress.begin_test(source.steps)
        redraw = time.perf_counter() + REDRAW_SECONDS
        for done, batch in enumerate(source.epoch(0), 1):
            bound = model.steps.bound("predict", source, batch)
            hooks.call("on_predict_batch_begin", done - 1)
            batch.fill(bound.inputs)
            bound.run()
            step = bound.step
            parts.append([bound.outputs[n].copy() for n in step.results])
            if hooks.overriding("on_predict_batch_end"):
                outputs = tree.unflatten(step.program.structure[0], iter(parts[-1]))
                hooks.call("on_predict_batch_end", done - 1, {"outputs": outputs})
            if time.perf_counter() >= redraw:
                progress.update_test(done)
                redraw = time.perf_counter() + REDRAW_SECONDS
            if done == source.steps:
                break
        progress.end_test()
    hooks.call("on_predict_end")
    if step is None:
        raise DataError("the data gave no batch")
    columns = [c[0] if len(c) == 1 else np.concatenate(c) for c in zip(*parts, strict=True)]
    return tree.unflatten(step.program.structure[0], columns)


def on_batch(
    model: Model, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any
) -> Logs:
    """One train or test step on one batch, with the metrics of this batch alone."""
    model.check_trainable()
    arrays = to_arrays(x, "x")
    size = check_lengths(tree.leaves(arrays))
    source = make_source(arrays, y, sample_weight, size, class_weight=class_weight)
    (batch,) = source.epoch(0)
    bound = model.steps.bound(kind, source, batch)
    model.reset_metrics()
    batch.fill(bound.inputs)
    bound.run()
    return read_logs(bound)
