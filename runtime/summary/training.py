"""The gradients that training a model takes, as a graph: what pictures and counts are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...compiler import autodiff, tree
from ...compiler.ir import Node, Tensor, toposort
from ...compiler.program import Program
from ...compiler.state import Variable
from ...errors import ArgumentError
from ..compilation import Compilation
from ..export_training import _training_specs
from ..steps import traced
from ..utils import unpack_x_y_sample_weight
from .calls import losses_kept

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True)
class Gradients:
    """``program``: inputs of the model to its outputs, the loss and the gradients, by variable."""

    program: Program
    predictions: list[Tensor]
    loss: Tensor
    gradients: dict[Variable, Tensor]

    @property
    def nodes(self) -> list[Node]:
        """All that the loss and the gradients need, operands first."""
        return toposort([*self.predictions, self.loss, *self.gradients.values()])


def gradients(model: Model) -> Gradients:
    """The compiled loss of the model and its gradients, traced; nothing of the model changes.

    Raises ``ArgumentError`` where the model is not compiled with a loss, or does not know its inputs.
    """
    compilation = model.compiled()
    if model.input_specs is None:
        raise ArgumentError(
            f"model {model.name!r} does not know its inputs yet: call it on data, or fit it"
        )
    structure, specs = _training_specs(model, weighted=False)
    found: dict[Variable, Tensor] = {}

    class Stepper:
        output_names = model.output_names

        def train_step(self, data: Any) -> Any:
            x, y, weight = unpack_x_y_sample_weight(data)
            predictions = model(x, training=True)
            loss = model.compute_loss(x, y, predictions, weight, training=True)
            variables = model.trainable_variables
            if variables:
                pairs = zip(variables, autodiff.grad(loss, variables), strict=True)
                found.update({v: g for v, g in pairs if g is not None})
            return [*tree.leaves(predictions), loss]

    with losses_kept(model), _scratch(model, compilation):
        program = traced(Stepper(), "train", structure, specs)  # type: ignore[arg-type]
    *predictions, loss = program.outputs.values()
    return Gradients(program, predictions, loss, found)


@contextmanager
def _scratch(model: Model, compilation: Compilation) -> Iterator[None]:
    """The losses alone, matched anew: metrics are not to be settled by a guess about the targets."""
    config = compilation.config
    model.compilation = Compilation("sgd", config["loss"], config["loss_weights"], None, None)
    try:
        yield
    finally:
        model.compilation = compilation
