"""Models whose weights can be given low-rank adapters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..compiler import dtypes, lora
from ..compiler.importer import Imported
from ..compiler.ir import Key, Node, Tensor
from ..compiler.lora import Adapter, Options, Use
from ..compiler.state import Variable
from ..errors import ArgumentError
from .recipe import SelfTraining


class AdaptedModel(SelfTraining):
    """An imported model with adapters for some of its weights. ``wh.lora`` says how they get there."""

    _untracked = SelfTraining._untracked | {"graph", "adapters", "_adapted", "_trained_before"}

    graph: Imported
    state: dict[str, Variable]

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.adapters: dict[str, Adapter] = {}
        self._adapted: dict[Key, tuple[Adapter, Variable]] = {}
        self._trained_before: list[str] = []

    # -- which weights --------------------------------------------------------------------------

    def weight_uses(self) -> dict[str, list[Use]]:
        """Where the graph uses each floating-point weight."""
        leaves = {w.leaf.key: n for n, w in self.graph.weights.items() if n in self.state}
        return lora.uses([*self.graph.outputs.values()], leaves)

    def adapter_for(self, name: str, uses: Sequence[Use], options: Options) -> Adapter:
        """A new adapter for a weight. Raises ``ArgumentError`` where it can have none."""
        problem = self.obstacle(name, uses)
        layout = lora.layout_of(self.state[name].shape, uses)
        if problem or layout is None:
            raise ArgumentError(f"the weight {name!r} can have no adapter: {problem}")
        adapter = Adapter(name, self.state[name].type, layout, options)
        if options.dropout and any(lora.rule_for(adapter, u) is None for u in uses):
            others = sorted({u.node.op for u in uses if lora.rule_for(adapter, u) is None})
            raise ArgumentError(
                f"dropout={options.dropout}: the weight {name!r} is used by {', '.join(others)}, where "
                "its factors cannot be told from the weight itself. Take dropout=0, or leave it out of "
                "targets"
            )
        return adapter

    def obstacle(self, name: str, uses: Sequence[Use]) -> str:
        """Why a weight can have no adapter; nothing where it can."""
        variable = self.state[name]
        if not dtypes.is_float(variable.dtype):
            return f"its elements are {variable.dtype.name}"
        if variable.ndim < 2 or math.prod(variable.shape) == 0:
            return f"it is no matrix, but of shape {variable.shape}"
        if lora.layout_of(variable.shape, uses) is None:
            found = ", ".join(sorted({u.node.op for u in uses})) or "nothing"
            return f"it is used by {found}; adapters are for {', '.join(lora.PLACES)}"
        return ""

    # -- giving and taking ----------------------------------------------------------------------

    def adapt(self, adapters: Iterable[Adapter], trained: Sequence[str] = ()) -> None:
        """Give weights adapters. All other variables are frozen, but for those in ``trained``."""
        if not self.adapters:
            self._trained_before = [v.path for v in self.variables if v.trainable]
        factors = {v for a in self.adapters.values() for v in (a.a, a.b)}
        for variable in self.variables:
            variable.trainable = variable in factors or variable.path in trained
        for adapter in adapters:
            self.adapters[adapter.name] = adapter
        self._changed()

    def without_adapters(self) -> None:
        """Take all adapters away; what was trainable before them is again."""
        self.adapters = {}
        self._changed()
        for variable in self.variables:
            variable.trainable = variable.path in self._trained_before

    def _changed(self) -> None:
        self._adapted = {
            self.graph.weights[n].leaf.key: (a, self.state[n]) for n, a in self.adapters.items()
        }
        # tracked, behind the weights
        self._factors = [v for a in self.adapters.values() for v in a.state]
        self.steps.clear()

    # -- computing ------------------------------------------------------------------------------

    def weight_values(self) -> dict[Key, Tensor]:
        """The variables as tensors, those with an adapter as the sum of both."""
        found = {self.graph.weights[n].leaf.key: v.value for n, v in self.state.items()}
        return found | {k: a.merged(v.value) for k, (a, v) in self._adapted.items()}

    def by_factors(
        self, node: Node, operands: Sequence[Tensor | None], training: bool
    ) -> Sequence[Tensor] | None:
        """``node`` by the factors of an adapter, where it has a weight with one and they will do."""
        if not self._adapted:
            return None
        return lora.applied(node, operands, self._adapted, training=training)

    # -- saving ---------------------------------------------------------------------------------

    def adapter_config(self) -> dict[str, Any]:
        """What ``adapt_from_config`` needs to make the same adapters; nothing where there are none."""
        if not self.adapters:
            return {}
        trained = [v.path for v in self.variables if v.trainable]
        made = {n: asdict(a.options) for n, a in self.adapters.items()}
        return {"lora": {"adapters": made, "trained": trained, "before": self._trained_before}}

    def adapt_from_config(self, config: Mapping[str, Any]) -> None:
        """Make the adapters that ``adapter_config`` described; their values come from elsewhere."""
        saved = config.get("lora")
        if not saved:
            return
        uses = self.weight_uses()
        made = [
            self.adapter_for(n, uses[n], Options(**fields))
            for n, fields in saved["adapters"].items()
        ]
        self.adapt(made, saved["trained"])
        self._trained_before = list(saved["before"])
