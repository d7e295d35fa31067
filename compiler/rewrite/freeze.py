"""Variables become constants, and what depends on nothing else is computed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import execution, functional
from ..ir import Array, Key, Tensor, data, toposort
from ..state import Variable

_SMALL = 1024  # bytes


def freeze(
    outputs: Sequence[Tensor], reads: Mapping[Variable, Tensor], names: Mapping[Variable, str]
) -> tuple[list[Tensor], dict[str, tuple[Tensor, Array]]]:
    """``outputs`` with each variable read replaced by its present value.

    A kernel that is only transposed, say, is stored transposed, so that layers are one node. Returns
    the new outputs and the weights: name -> (leaf, value), for ``lower``.
    """
    values = {v: data(v.numpy(), v) for v in reads}
    bindings: dict[Key, Tensor] = {leaf.key: values[v] for v, leaf in reads.items()}
    bindings |= {
        t.key: t
        for n in toposort(outputs)
        for t in n.outputs
        if n.op == "Argument" and t.key not in bindings
    }
    frozen = functional.replay(outputs, bindings)
    labels = {values[v].key: n for v, n in names.items() if v in values}
    folded, taken = _folded(frozen, labels)
    return functional.replay(frozen, folded | _arguments(frozen)), taken


def _arguments(outputs: Sequence[Tensor]) -> dict[Key, Tensor]:
    """What stays as it is: the inputs, and the data leaves with their identity."""
    return {t.key: t for n in toposort(outputs) for t in n.outputs if n.op in ("Argument", "Data")}


def _folded(
    outputs: Sequence[Tensor], labels: Mapping[Key, str]
) -> tuple[dict[Key, Tensor], dict[str, tuple[Tensor, Array]]]:
    """Replace concrete operands of symbolic nodes (that hold weights) by their values.

    What is far larger than the weights it is made of (floats of packed integers) stays an expression.
    """
    folded: dict[Key, Tensor] = {}
    weights: dict[str, tuple[Tensor, Array]] = {}
    candidates = [x for n in toposort(outputs) if not n.concrete for x in n.inputs if x is not None]
    candidates += [t for t in outputs if t.node.concrete]
    for x in candidates:
        if not x.node.concrete or x.key in folded:
            continue
        found = [t for n in toposort([x]) for t in n.outputs if t.key in labels]
        if not found:
            continue
        (array,) = execution.evaluate([x])
        sources = execution.evaluate(found)
        kept = array.nbytes > max(2 * sum(a.nbytes for a in sources), _SMALL)
        for leaf, value in zip(found, sources, strict=True) if kept else [(x, array)]:
            if leaf.key in folded:
                continue
            name = labels[leaf.key if kept else found[0].key]
            while name in weights:
                name = f"{name}_"
            folded[leaf.key] = leaf if leaf.node.op == "Data" else data(value)
            weights[name] = (folded[leaf.key], value)
    return folded, weights
