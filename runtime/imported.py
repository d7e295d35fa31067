"""``wh.load_onnx``: an ONNX model of other origin as a ``Model`` that can be trained."""

from __future__ import annotations

import base64
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ..compiler import dtypes, importer, tree
from ..compiler.config import not_supported
from ..compiler.importer import Imported, Weight, recipe
from ..compiler.importer.evaluation import evaluated, fitting
from ..compiler.importer.skeleton import skeleton
from ..compiler.ir import Key, Node, Tensor, again, apply, convert, data
from ..compiler.program import TensorSpec
from ..compiler.state import Variable
from ..compiler.training_info import stored_names
from ..errors import ArgumentError, FileFormatError
from .adapted import AdaptedModel
from .recipe import Recipe

_log = logging.getLogger(__name__)
_MODES = ("frozen", "train")


class ImportedModel(AdaptedModel):
    """A model read from an ONNX file. See ``load_onnx``, which makes it.

    ``variables`` have the names of the file's stored tensors. Called on a tensor (or array), on several
    in the order of the inputs, or on a dict by their names, it gives its output, or a dict of its
    outputs by name.
    """

    _untracked = AdaptedModel._untracked | {"proto", "_constants"}

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | onnx.ModelProto,
        batch_norm: str = "frozen",
        dropout: bool = False,
        input_shapes: Mapping[str, Sequence[int | None]] | None = None,
        name: str | None = None,
    ) -> None:
        if batch_norm not in _MODES:
            raise ArgumentError(f"batch_norm={batch_norm!r}: expected one of {_MODES}")
        super().__init__(name=name)
        self.proto, folder = recipe.opened(model)
        steps = recipe.algorithms(self.proto, folder, input_shapes)
        changed = recipe.changed(self.proto) & stored_names(self.proto.graph)
        self.graph: Imported = importer.read(
            self.proto, masters=not steps, input_shapes=input_shapes, state=changed, folder=folder
        )
        self.batch_norm, self.dropout = batch_norm, dropout
        self.state = {n: _variable(n, w) for n, w in self.graph.weights.items() if _is_state(w)}
        self._constants = {
            w.leaf.key: data(w.value) for w in self.graph.weights.values() if not _is_state(w)
        }
        self.recipe = Recipe(steps, self.state) if steps else None
        self._slots = [] if self.recipe is None else [*self.recipe.variables.values()]
        self.built = True
        if name is None:
            self.name = _name_of(model) or self.graph.name or self.name

    # -- what it is -----------------------------------------------------------------------------

    @property
    def is_functional_like(self) -> bool:
        return True

    @property
    def input_specs(self) -> Any:
        specs = {n: TensorSpec(t.shape, t.dtype, n) for n, t in self.graph.inputs.items()}
        return next(iter(specs.values())) if len(specs) == 1 else specs

    @property
    def output_names(self) -> list[str]:
        return [*self.graph.outputs]

    @property
    def output_sizes(self) -> list[int | None]:
        shapes = [t.shape for t in self.graph.outputs.values()]
        return [s[-1] if s and isinstance(s[-1], int) else None for s in shapes]

    @property
    def frozen(self) -> dict[str, str]:
        """Stored tensors that training does not change by default, and why."""
        return {n: w.reason for n, w in self.graph.weights.items() if not w.trainable}

    # -- what it computes -----------------------------------------------------------------------

    def call(self, inputs: Any, training: bool = False) -> Any:  # type: ignore[override]  # no masks
        values: dict[Key, Tensor] = dict(self._constants)
        values |= self.weight_values()
        values |= {
            leaf.key: x
            for leaf, x in zip(self.graph.inputs.values(), self._given(inputs), strict=True)
        }
        results = evaluated(
            self.graph.outputs, values, lambda node, given: self._applied(node, given, training)
        )
        return next(iter(results.values())) if len(results) == 1 else results

    def _applied(
        self, node: Node, operands: Sequence[Tensor | None], training: bool
    ) -> Sequence[Tensor]:
        if training and node.op == "BatchNormalization" and self.batch_norm == "train":
            return self._normalised(node, operands)
        if training and node.op == "Dropout" and self.dropout:
            ratio = operands[1] if len(operands) > 1 else None
            made: Sequence[Tensor] = apply("Dropout", operands[0], ratio, True, outputs=2)
            return made[: len(node.types)]
        return self.by_factors(node, operands, training) or again(node, operands)

    def _normalised(self, node: Node, operands: Sequence[Tensor | None]) -> Sequence[Tensor]:
        """By the batch's own statistics, which the running ones follow (Ioffe and Szegedy 2015)."""
        names = {w.leaf.key: n for n, w in self.graph.weights.items()}
        running = [names.get(x.key) if x is not None else None for x in node.inputs[3:5]]
        if dict(node.attrs).get("training_mode") or None in running:
            return again(node, operands)
        options: dict[str, Any] = {**dict(node.attrs), "training_mode": 1}
        y, mean, variance = apply("BatchNormalization", *operands, outputs=3, **options)
        for name, value in zip(running, (mean, variance), strict=True):
            if name is not None:
                self.state[name].assign(value)
        return (y,)

    def _given(self, inputs: Any) -> list[Tensor]:
        """The given tensors in the order of the file's inputs, with the types that it declares."""
        wanted = self.graph.inputs
        if isinstance(inputs, Mapping):
            missing = [n for n in wanted if n not in inputs]
            if missing:
                raise ArgumentError(f"inputs {missing} are missing; got {sorted(inputs)}")
            given = [inputs[n] for n in wanted]
        else:
            given = tree.leaves(inputs)
        if len(given) != len(wanted):
            raise ArgumentError(
                f"model {self.name!r} has {len(wanted)} inputs {[*wanted]}; got {len(given)} tensors"
            )
        return [
            fitting(n, convert(x), t.type) for (n, t), x in zip(wanted.items(), given, strict=True)
        ]

    def _converted(self, value: Any) -> Any:
        """Nothing is cast before it is known which input it is for."""
        return convert(value) if isinstance(value, (np.ndarray, Variable)) else value

    # -- saving ---------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        stored = [*self.state, *(self.recipe.variables if self.recipe is not None else ())]
        bare = skeleton(self.proto, stored).SerializeToString()
        return {
            "model": base64.b85encode(zlib.compress(bare)).decode(),
            "batch_norm": self.batch_norm, "dropout": self.dropout, "name": self.name,
            "input_shapes": {n: [d if isinstance(d, int) else None for d in t.shape]
                             for n, t in self.graph.inputs.items()},
            "trainable": [n for n, v in self.state.items() if v.trainable],
            **self.adapter_config(),
        }  # fmt: skip

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        not_supported("from_config of an ONNX model", custom_objects=(custom_objects or None, None))
        try:
            proto = zlib.decompress(base64.b85decode(config["model"]))
        except (ValueError, zlib.error) as error:
            raise FileFormatError(f"the saved graph is damaged: {error}") from error
        model = cls(
            proto, config["batch_norm"], config["dropout"], config["input_shapes"], config["name"]
        )
        for name, variable in model.state.items():
            variable.trainable = name in config["trainable"]
        model.adapt_from_config(config)
        if model.recipe is not None:
            model.recipe.complete = False
        return model


def load_onnx(
    source: str | os.PathLike[str] | bytes | onnx.ModelProto,
    *,
    batch_norm: str = "frozen",
    dropout: bool = False,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    name: str | None = None,
) -> ImportedModel:
    """Read an ONNX model (opsets 7 to 28) as a ``Model``: compile it, fit it, export it.

    Floating-point initializers and large ``Constant`` nodes become variables under their names in the
    file; weights stored as float16 or int8 that are only cast or dequantised become float32 ones. Single
    numbers, running statistics and integers are not trainable; ``model.frozen`` says which and why.

    A file may say itself how to train: by the standard's ``training_info``, or as ``NAME.train.onnx`` with
    ``NAME.init.onnx`` beside it (what ``export_training`` writes). Then, until ``compile`` is called,
    ``fit`` and ``train_on_batch`` run the file's own algorithm: the arrays of x, then those of y, are its
    inputs in their order (or dicts by name), and the logs are its outputs that are single floats.
    ``model.training_step({name: array})`` runs it once and gives its outputs, ``model.training_state`` has
    the variables that it needs beside the weights (slots, counters, learning rates), and
    ``model.initialize()`` starts anew: stored values, then the initialization graphs.

    Args:
        source: a path, the bytes of a file, or a model. External data must be plain files in the
            model's own folder.
        batch_norm: "frozen" keeps the file's running statistics in training, too; "train" normalises
            by the batch and updates them.
        dropout: whether the file's Dropout nodes are active in training.
        input_shapes: shapes to assume for inputs instead of the declared ones; None for any size.
        name: of the model; by default that of the file or of its graph.

    Raises ``FileFormatError`` where the file is damaged or cannot be read; it names the node.
    """
    model = ImportedModel(source, batch_norm, dropout, input_shapes, name)
    stuck = [n for n, w in model.graph.weights.items() if w.value.dtype.itemsize == 1]
    if stuck:
        _log.warning(
            "%d quantised weights stay frozen, since the graph computes with their integers: %s",
            len(stuck), ", ".join(stuck[:5]) + (" ..." if len(stuck) > 5 else ""),
        )  # fmt: skip
    return model


def _name_of(source: Any) -> str | None:
    """A file's name without its ending."""
    if isinstance(source, (bytes, onnx.ModelProto)):
        return None
    return Path(source).name.removesuffix(".onnx").removesuffix(".train")


def _is_state(weight: Weight) -> bool:
    return dtypes.is_float(weight.value.dtype) or weight.origin == "state"


def _variable(name: str, weight: Weight) -> Variable:
    variable = Variable(weight.value, trainable=weight.trainable, name=name)
    variable.path = name
    return variable
