"""Models whose file says how they train: its own algorithm takes the place of ``compile``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler import metrics, op, tree
from ..compiler.importer.evaluation import evaluated, fitting
from ..compiler.importer.recipe import Algorithm, is_number
from ..compiler.infer import TensorType
from ..compiler.ir import Array, Key, Tensor, constant, convert, data
from ..compiler.program import TensorSpec, unique
from ..compiler.state import Variable, current_trace
from ..errors import ArgumentError
from .compilation import batch_size_of
from .function import Function
from .model import Model
from .utils import unpack_x_y_sample_weight

WEIGHT = "sample_weight"


class Recipe:
    """The training steps of a file, run one after the other.

    Args:
        steps: they take the model's inputs and their own.
        state: the model's variables, by their names in the file.

    ``variables`` are those that training needs beside the model's: what the file binds (slots, counters),
    learning rates, and inputs that are single numbers, which no batch of data can give.
    """

    def __init__(self, steps: Sequence[Algorithm], state: Mapping[str, Variable]) -> None:
        self.steps = tuple(steps)
        self.complete = True  # a saved model keeps no values but the present ones
        self.variables: dict[str, Variable] = {}
        self._named = [self._variables_of(s, state) for s in self.steps]
        self._unset: set[str] = set()
        self.inputs: dict[str, TensorType] = {}
        for step in self.steps:
            for name, leaf in step.graph.inputs.items():
                if is_number(leaf.type) and not leaf.shape:
                    self._setting(name, leaf.type)
                else:
                    self.inputs.setdefault(name, leaf.type)
        self.results = {n: s.graph.outputs[n].type for s in self.steps for n in s.results}
        self.trackers = {n: metrics.Mean(name=n) for n, t in self.results.items() if is_number(t)}
        specs = {n: TensorSpec(t.shape, t.dtype, n) for n, t in self.inputs.items()}
        self.function = Function(self._once, [specs])

    def _variables_of(
        self, step: Algorithm, state: Mapping[str, Variable]
    ) -> dict[str, Variable]:  # fmt: skip
        """The variables of a step by their names in it."""
        found = {}
        for name, weight in step.graph.weights.items():
            if name in state:
                found[name] = state[name]
            elif weight.origin == "state":
                found[name] = self._added(name, weight.value)
        return found

    def _added(self, name: str, value: Array) -> Variable:
        label = unique([*self.variables, name])[-1]
        made = self.variables[label] = Variable(value, trainable=False, name=label)
        return made

    def _setting(self, name: str, kind: TensorType) -> None:
        if name not in self.variables:
            self._added(name, np.zeros((), kind.dtype))
            self._unset.add(name)

    # -- running ----------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises ``ArgumentError`` where nothing is updated, or a number is missing that no batch has."""
        if not any(step.updates for step in self.steps):
            raise ArgumentError("the file's training_info updates nothing: call compile(loss=...)")
        unset = [n for n in sorted(self._unset) if not self.variables[n].numpy()]
        if unset:
            raise ArgumentError(
                f"the training step takes the number {unset[0]!r}, which the file does not have: set it "
                f"by model.training_state[{unset[0]!r}].assign(...)"
            )

    def run(self, feeds: Mapping[str, Any], *, update: bool) -> dict[str, Tensor]:
        """The results of all steps on tensors; with ``update`` variables are assigned after each."""
        found: dict[str, Tensor] = {}
        for step, named in zip(self.steps, self._named, strict=True):
            values: dict[Key, Tensor] = {}
            for name, weight in step.graph.weights.items():
                known = named[name].value if name in named else data(weight.value)
                values[weight.leaf.key] = known
            for name, leaf in step.graph.inputs.items():
                given = self.variables[name] if name in self.variables else feeds[name]
                values[leaf.key] = fitting(name, convert(given), leaf.type)
            targets = step.updates if update else {}
            wanted = dict.fromkeys([*step.results, *targets.values()])
            made = evaluated({n: step.graph.outputs[n] for n in wanted}, values)
            for name, output in targets.items():
                named[name].assign(made[output])
            found |= {n: made[n] for n in step.results}
        return found

    def _once(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return self.run(feeds, update=True)

    def called(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """One step on arrays by the names of the inputs."""
        settings = [n for n in self._unset if n in feeds]
        unknown = sorted(set(feeds) - set(self.inputs) - set(settings))
        missing = [n for n in self.inputs if n not in feeds]
        if unknown or missing:
            raise ArgumentError(
                f"the training step takes {[*self.inputs]}; "
                + (f"got {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing")
            )
        for name in settings:
            self.variables[name].assign(feeds[name])
        if current_trace() is None:
            self.check()
        found: dict[str, Any] = self.function({n: feeds[n] for n in self.inputs})
        return found

    def fed(self, x: Any, y: Any, weight: Any) -> dict[str, Any]:
        """Tensors by the names of the inputs: those of x first, then those of y, in their order."""
        feeds: dict[str, Any] = {} if weight is None else {WEIGHT: weight}
        for part in (x, y):
            if isinstance(part, Mapping):
                feeds |= part
            elif part is not None:
                free = [n for n in self.inputs if n not in feeds and n != WEIGHT]
                leaves = tree.leaves(part)
                if len(leaves) > len(free):
                    raise ArgumentError(f"the file's training takes {[*self.inputs]}; got more")
                feeds |= dict(zip(free, leaves, strict=False))
        unknown = sorted(set(feeds) - set(self.inputs))
        if unknown:
            raise ArgumentError(f"the file's training takes {[*self.inputs]}, no {unknown[0]!r}")
        if WEIGHT in self.inputs and WEIGHT not in feeds and feeds:
            size = op.Shape(next(iter(feeds.values())), end=1)
            feeds[WEIGHT] = op.Expand(constant(1, self.inputs[WEIGHT].dtype), size)
        missing = [n for n in self.inputs if n not in feeds]
        if missing:
            raise ArgumentError(
                f"the file's training takes {[*self.inputs]}: {missing} are missing"
            )
        return feeds

    def logs(self, feeds: Mapping[str, Any], *, update: bool) -> dict[str, Tensor]:
        """Running means of the results that are single numbers, batches weighted by their size."""
        found = self.run(feeds, update=update)
        first = next((convert(x) for x in feeds.values() if convert(x).ndim), None)
        size = None if first is None else batch_size_of(first)
        for name, tracker in self.trackers.items():
            number = op.Reshape(found[name], np.zeros(0, np.int64))
            tracker.update_state(number, sample_weight=size)
        return {n: t.result() for n, t in self.trackers.items()}

    def initialize(self) -> None:
        """Every stored tensor as the file has it, then what the initialization graphs give."""
        if not self.complete:
            raise ArgumentError(
                "a saved model keeps its present values only: load the ONNX file to start anew"
            )
        for step, named in zip(self.steps, self._named, strict=True):
            for name, variable in named.items():
                variable.assign(step.graph.weights[name].value)
        for step, named in zip(self.steps, self._named, strict=True):
            for name, value in step.initial().items():
                named[name].assign(value)


class SelfTraining(Model):
    """A model that may have a recipe, which counts until ``compile`` is called."""

    _untracked = Model._untracked | {"recipe"}

    recipe: Recipe | None = None

    @property
    def _followed(self) -> Recipe | None:
        return self.recipe if self.compilation is None else None

    def _required(self) -> Recipe:
        if self.recipe is None:
            raise ArgumentError(f"the file of model {self.name!r} does not say how to train it")
        return self.recipe

    @property
    def training_state(self) -> dict[str, Variable]:
        """What the file's own training needs beside the weights: slots, counters, learning rates."""
        return self._required().variables

    def initialize(self) -> None:
        """Start the file's own training anew: all tensors as stored, then its initialization graphs.

        Raises ``ArgumentError`` where the file does not say how to train.
        """
        self._required().initialize()

    def training_step(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the file's own training once on arrays by the names of its inputs; updates the variables.

        Returns all outputs that update nothing, the loss among them. Within a ``wh.function`` it takes
        and gives tensors. Raises ``ArgumentError`` where an input is missing or unknown.
        """
        return self._required().called(feeds)

    @property
    def metrics(self) -> list[Any]:
        return super().metrics if self._followed is None else [*self._followed.trackers.values()]

    def check_trainable(self) -> None:
        if self._followed is None:
            super().check_trainable()
        else:
            self._followed.check()

    def train_step(self, data: Any) -> dict[str, Tensor]:
        if self._followed is None:
            return super().train_step(data)
        return self._followed.logs(self._followed.fed(*unpack_x_y_sample_weight(data)), update=True)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        if self._followed is None:
            return super().test_step(data)
        return self._followed.logs(
            self._followed.fed(*unpack_x_y_sample_weight(data)), update=False
        )
