"""The picture of a model as ONNX nodes, with or without those of its gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...compiler import tree
from ...compiler.ir import LEAVES, Key, Node, Tensor, toposort
from ...compiler.state import Variable
from ..data import NO_TARGETS, Structure
from ..steps import traced
from ..summary.calls import losses_kept
from ..summary.training import gradients
from .layers import Options, dtype_text, shapes_text
from .layout import mirror, place, reverse
from .picture import Box, Link, Picture

if TYPE_CHECKING:
    from ..model import Model

_STYLES = {
    "Conv": "convolution", "ConvTranspose": "convolution", "MatMul": "dense", "Gemm": "dense",
    "Einsum": "dense", "MaxPool": "pooling", "AveragePool": "pooling",
    "GlobalAveragePool": "pooling", "GlobalMaxPool": "pooling", "BatchNormalization": "normalization",
    "LayerNormalization": "normalization", "LSTM": "recurrent", "GRU": "recurrent", "RNN": "recurrent",
    "Scan": "recurrent", "Loop": "recurrent", "Relu": "activation", "Sigmoid": "activation",
    "Tanh": "activation", "Softmax": "activation", "LogSoftmax": "activation", "Gelu": "activation",
    "Gather": "embedding", "Reshape": "shape", "Transpose": "shape", "Flatten": "shape",
    "Squeeze": "shape", "Unsqueeze": "shape", "Concat": "merging", "Add": "merging",
}  # fmt: skip
_LEAVES = LEAVES | {"Constant"}
_BETWEEN = 150.0


def forward(model: Model, options: Options, rankdir: str) -> Picture:
    """The nodes that inference runs."""
    specs = model.input_specs
    structure = Structure(tree.flatten(specs)[1], NO_TARGETS, False)
    with losses_kept(model):
        program = traced(model, "predict", structure, tree.leaves(specs), host=True)
    made = _Nodes(toposort(program.outputs.values()), program.reads, options)
    for name, tensor in program.outputs.items():
        made.end(name, tensor, "input")
    place(made.picture, rankdir)
    return made.picture


def both(model: Model, options: Options, rankdir: str) -> Picture:
    """Nodes of the forward pass and of the gradients, which go the other way beside it."""
    found = gradients(model)
    nodes = found.nodes
    back = {n for n in nodes if n.scope.split("/", 1)[0] == "backward"}
    there = _Nodes([n for n in nodes if n not in back], found.program.reads, options)
    names = model.output_names
    if len(names) != len(found.predictions):
        names = [f"output_{i}" for i in range(len(found.predictions))]
    for name, tensor in zip(names, found.predictions, strict=True):
        there.end(name, tensor, "input")
    loss = there.end("loss", found.loss, "loss")
    here = _Nodes([n for n in nodes if n in back], found.program.reads, options, "gradient")
    for variable, tensor in found.gradients.items():
        here.end(f"∂ {variable.path}", tensor, "weight")
    vertical = rankdir in ("TB", "BT")
    return _beside(there, here, loss, vertical, rankdir)


def _beside(there: _Nodes, here: _Nodes, loss: Box, vertical: bool, rankdir: str) -> Picture:
    """Place the two halves beside each other, the second one upside down, and link them."""
    straight = "TB" if vertical else "LR"
    for link in here.picture.links:
        reverse(link)
    place(there.picture, straight)
    place(here.picture, straight)
    for link in here.picture.links:
        reverse(link)
        link.kind = "gradient"
    _, _, right, bottom = there.picture.extent()
    _, _, far, low = here.picture.extent()
    if vertical:
        here.picture.move(right + _BETWEEN, max(0.0, bottom - low))
        there.picture.move(0.0, max(0.0, low - bottom))
    else:
        here.picture.move(max(0.0, right - far), bottom + _BETWEEN)
        there.picture.move(max(0.0, far - right), 0.0)
    across = [Link(there.boxes[a], b, "kept") for a, b in here.missing if a in there.boxes]
    across += [Link(loss, b, "gradient") for b in _first(here.picture, vertical)]
    for link in across:
        _side_by_side(link, vertical)
    picture = Picture(
        [*there.picture.boxes, *here.picture.boxes],
        [*there.picture.links, *here.picture.links, *across],
    )
    if rankdir in ("BT", "RL"):
        _, _, right, bottom = picture.extent()
        mirror(picture, (bottom if vertical else right) / 2, not vertical)
    return picture


def _first(picture: Picture, vertical: bool) -> list[Box]:
    """The boxes where the way back begins: those nearest to the loss."""
    places = {b: b.y + b.height / 2 if vertical else b.x + b.width / 2 for b in picture.boxes}
    lowest = max(places.values(), default=0.0)
    return [b for b, at in places.items() if at > lowest - 1 - b.height / 2]


def _side_by_side(link: Link, vertical: bool) -> None:
    """A way from one half to the other: it leaves on that side on which the other half is."""
    a, b = link.source, link.target
    if vertical:
        start, end = (a.x + a.width / 2, a.y), (b.x - b.width / 2, b.y)
        link.shelves = [end[0] - 30.0]
    else:
        start, end = (a.x, a.y + a.height / 2), (b.x, b.y - b.height / 2)
        link.shelves = [end[1] - 30.0]
    link.points = [start, start, end, end]
    link.vertical = not vertical


class _Nodes:
    """Boxes for nodes and the links between them. Weights and constants are lines of text in a box.

    ``missing``: operands that are not among the nodes, with the box that takes them.
    """

    def __init__(
        self, nodes: Sequence[Node], reads: Mapping[Variable, Tensor], options: Options,
        style: str = "",
    ) -> None:  # fmt: skip
        self.picture = Picture()
        self.boxes: dict[Node, Box] = {}
        self.missing: dict[tuple[Node, Box], None] = {}
        self._weights: dict[Key, Variable] = {t.key: v for v, t in reads.items()}
        self._options, self._style = options, style
        self._links: dict[tuple[Box, Box], None] = {}
        for node in nodes:
            self._add(node)

    def _add(self, node: Node) -> None:
        leaf = node.op in _LEAVES
        if leaf and (node.op != "Argument" or (node, 0) in self._weights):
            return
        title = str(node.payload.name) if leaf else node.op
        style = "input" if leaf else self._style or _STYLES.get(node.op, "operator")
        box = Box(
            f"{'b' if self._style else 'f'}{len(self.boxes)}", title, self._lines(node), style
        )
        self.boxes[node] = box
        self.picture.boxes.append(box)
        self._connect(box, node.inputs)

    def _connect(self, box: Box, operands: Iterable[Tensor | None]) -> None:
        for operand in operands:
            if operand is None:
                continue
            source = self.boxes.get(operand.node)
            if source is None:
                if operand.node.op not in _LEAVES or operand.node.op == "Argument":
                    self.missing[operand.node, box] = None
            elif (source, box) not in self._links:
                self._links[source, box] = None
                self.picture.links.append(Link(source, box))

    def end(self, name: str, tensor: Tensor, style: str) -> Box:
        """A box for a result."""
        lines = [str(shapes_text([tensor.type]))] if self._options.show_shapes else []
        box = Box(f"{'b' if self._style else 'f'}end{len(self.picture.boxes)}", name, lines, style)
        self.picture.boxes.append(box)
        self._connect(box, [tensor])
        return box

    def _lines(self, node: Node) -> list[str]:
        lines = []
        path = node.scope.split("/", 1)[-1] if "/" in node.scope else ""
        if self._options.show_layer_names and path:
            lines.append(path)
        for operand in node.inputs:
            variable = None if operand is None else self._weights.get(operand.key)
            if variable is not None:
                shape = f" {variable.shape}" if self._options.show_shapes else ""
                lines.append(f"{variable.path.rsplit('/', 1)[-1]}{shape}")
        if self._options.show_shapes:
            lines.append(shapes_text(node.types))
        if self._options.show_dtype:
            lines.append(", ".join(dict.fromkeys(dtype_text(t) for t in node.types)))
        return lines
