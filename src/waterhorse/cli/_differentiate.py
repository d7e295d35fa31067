"""``waterhorse differentiate``: an ONNX file in, one with its gradients out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import onnx

from .. import _boot as _boot
from ..compiler import importer
from ..compiler.differentiate import differentiate
from ..errors import ExportError
from ..runtime.files import replacing

_LISTED = 8


def run(path: Path, out: Path, wrt: Sequence[str], of: Sequence[str]) -> None:
    """Write the differentiated model, checked, and say what it is."""
    before, _ = importer.parsed(path)
    after = differentiate(path, wrt or None, of or None)
    with replacing(out) as temporary:
        onnx.save_model(after, str(temporary))
        try:
            onnx.checker.check_model(str(temporary), full_check=True)
        except Exception as error:  # the checker raises several unrelated types
            raise ExportError(f"the differentiated graph is not valid ONNX: {error}") from error
    gradients = [o.name for o in after.graph.output if o.name.startswith("grad/")]
    cotangents = [i.name for i in after.graph.input if i.name.startswith("cotangent/")]
    print(
        f"wrote {os.fspath(out)}: {nodes(after.graph)} nodes (the model has {nodes(before.graph)}), "
        f"opset {after.opset_import[0].version}"
    )
    if cotangents:
        print(f"inputs that were added: {_listed(cotangents)} (ones: the gradient of the sum)")
    print(f"outputs that were added: {_listed(gradients)}")


def nodes(graph: onnx.GraphProto) -> int:
    """Nodes of a graph and of the subgraphs in it."""
    total = 0
    for node in graph.node:
        total += 1
        for attribute in node.attribute:
            if attribute.type == attribute.GRAPH:
                total += nodes(attribute.g)
    return total


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_LISTED])
    more = len(names) - _LISTED
    return f"{len(names)}, {shown}, ... and {more} more" if more > 0 else shown
