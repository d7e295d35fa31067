"""The picture of a model's layers, and of the gradients that go back through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...compiler.infer import TensorType
from ...compiler.layers.arguments import public_shape
from ...compiler.layers.base import Layer
from ...compiler.state import Variable
from ..summary.calls import Call, Edge, Flow, Traced, opens
from .picture import Box, Link, Picture

_STYLES = {  # by what is in the name of the module that a layer comes from
    "convolution": "convolution", "pooling": "pooling", "recurrent": "recurrent",
    "normalization": "normalization", "attention": "attention", "embedding": "embedding",
    "merging": "merging", "reshaping": "shape", "activation": "activation",
    "regularization": "activation", "low_rank": "dense", "dense": "dense", "preprocessing": "input",
    "image": "input", "spatial": "convolution",
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What boxes say: the arguments of ``plot_model``."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False
    expand_nested: bool = False


@dataclass
class Drawn:
    """A picture, and the box of each call in it.

    ``flows``: what is in each frame, by its call; ``feeds``: who gives an input within a frame.
    """

    picture: Picture
    boxes: dict[Call, Box] = field(default_factory=dict)
    flows: list[tuple[Call | None, Flow]] = field(default_factory=list)
    feeds: dict[Call, list[Call]] = field(default_factory=dict)


def draw(calls: Traced, options: Options) -> Drawn:
    """The layers that a model calls, and what flows between them."""
    drawn = Drawn(Picture())
    _fill(drawn, drawn.picture, calls, None, calls.flow(), options)
    return drawn


def _fill(
    drawn: Drawn, picture: Picture, calls: Traced, owner: Call | None, flow: Flow, options: Options,
) -> None:  # fmt: skip
    """Boxes and links of one model; in frames what is in models within it."""
    used = {e.source for e in flow.edges} | {e.target for e in flow.edges}
    used |= {source for source, _ in flow.outputs} | set(flow.calls)
    inner: dict[Call, Flow] = {}
    drawn.flows.append((owner, flow))
    prefix = "box" if owner is None else f"{drawn.boxes[owner].key}_"
    for call in (*flow.inputs, *flow.calls, *flow.operators):
        if call not in used and call.layer is None:
            continue
        box = _box(call, options, f"{prefix}{len(picture.boxes)}")
        picture.boxes.append(box)
        drawn.boxes[call] = box
        if options.expand_nested and opens(call.layer):
            inner[call] = calls.recorder.flow(call, [])
            box.inside = Picture()
            _fill(drawn, box.inside, calls, call, inner[call], options)
            if not box.inside.boxes:
                box.inside = None
    for edge in dict.fromkeys(flow.edges):
        source, target = drawn.boxes[edge.source], drawn.boxes[edge.target]
        leaving, entering = inner.get(edge.source), inner.get(edge.target)
        exit_ = None if leaving is None else _at(drawn, leaving.outputs, edge.index)
        start = None if entering is None else _entry(entering, edge)
        if start is not None:
            drawn.feeds.setdefault(start, []).append(edge.source)
        entry = None if start is None else drawn.boxes.get(start)
        picture.links.append(Link(source, target, "data", exit_, entry))


def _at(drawn: Drawn, outputs: Sequence[tuple[Call, int]], index: int) -> Box | None:
    return drawn.boxes.get(outputs[index][0]) if index < len(outputs) else None


def _entry(flow: Flow, edge: Edge) -> Call | None:
    """The input within a frame that an outer output goes into."""
    key = edge.source.outputs[edge.index].key
    starts = {start.outputs[0].key: start for start in flow.inputs}
    return starts.get(key)


# -- boxes -----------------------------------------------------------------------------------------


def style_of(call: Call) -> str:
    """The style of a layer's box, by where its class comes from."""
    if call.operator:
        return "operator"
    if call.layer is None:
        return "input"
    for kind in type(call.layer).__mro__:
        module = kind.__module__
        for word, style in _STYLES.items():
            if f".layers.{word}" in module:
                return style
    return "other"


def _box(call: Call, options: Options, key: str) -> Box:
    title = call.kind
    if options.show_layer_names and not call.operator:
        title = f"{call.name} ({call.kind})"
    elif call.layer is None and not call.operator:
        title = call.name  # an input says which it is
    return Box(key, title, _lines(call, options), style_of(call))


def _lines(call: Call, options: Options) -> list[str]:
    lines = []
    layer = call.layer
    activation = _activation(layer)
    if options.show_layer_activations and activation:
        lines.append(f"Activation: {activation}")
    if options.show_shapes:
        if call.inputs:
            lines.append(f"Input shape: {shapes_text(call.input_types)}")
        lines.append(f"Output shape: {shapes_text(call.output_types)}")
    if options.show_dtype:
        names = dict.fromkeys(dtype_text(t) for t in call.output_types)
        lines.append(f"Output dtype: {', '.join(names)}")
    if options.show_trainable and layer is not None and layer.weights:
        lines.append(f"Trainable: {any(v.trainable for v in layer.weights)}")
    return lines


def _activation(layer: Layer | None) -> str:
    function = getattr(layer, "activation", None)
    if function is None:
        return ""
    return str(
        getattr(function, "name", None) or getattr(function, "__name__", type(function).__name__)
    )


def shapes_text(types: Iterable[TensorType]) -> str:
    """Shapes with None for what is open."""
    return ", ".join(str(public_shape(t.shape)) for t in types)


def dtype_text(kind: TensorType) -> str:
    """The element type's name."""
    return "string" if kind.dtype.kind == "O" else kind.dtype.name


# -- gradients -------------------------------------------------------------------------------------


def backward(drawn: Drawn, trained: set[Variable], options: Options) -> dict[Box, Box]:
    """For each box that a gradient comes to, the box of its way back; to be placed as its mirror image.

    A gradient comes to a layer that lies between the loss and weights with a gradient (``trained``).
    """
    after: dict[Call, list[Call]] = {}
    for _, flow in drawn.flows:
        for edge in flow.edges:
            after.setdefault(edge.source, []).append(edge.target)
    for start, sources in drawn.feeds.items():
        for source in sources:
            after.setdefault(source, []).append(start)
    own = [c for c in drawn.boxes if c.layer is not None and trained & {*c.layer.weights}]
    wanted = _reached(own, after) & _used(drawn)
    made: dict[Box, Box] = {}
    for call, box in drawn.boxes.items():
        if call in wanted:
            lines = _gradient_lines(call, trained, options) if box.inside is None else []
            made[box] = Box(f"d{box.key}", f"∂ {box.title}", lines, "gradient")
    return made


def _reached(starts: Iterable[Call], following: Mapping[Call, Sequence[Call]]) -> set[Call]:
    found: set[Call] = set()
    stack = list(starts)
    while stack:
        call = stack.pop()
        if call not in found:
            found.add(call)
            stack += following.get(call, ())
    return found


def _used(drawn: Drawn) -> set[Call]:
    """The calls that the outputs depend on."""
    found: set[Call] = set()
    for owner, flow in drawn.flows:  # an outer flow comes before those within it
        before: dict[Call, list[Call]] = {}
        for edge in flow.edges:
            before.setdefault(edge.target, []).append(edge.source)
        if owner is None or owner in found:
            found |= _reached([source for source, _ in flow.outputs], before)
    return found


def _gradient_lines(call: Call, trained: set[Variable], options: Options) -> list[str]:
    if call.layer is None:
        return []
    weights = [v for v in call.layer.weights if v in trained]
    shape = [f" {v.shape}" if options.show_shapes else "" for v in weights]
    return [f"∂ {v.path.rsplit('/', 1)[-1]}{s}" for v, s in zip(weights, shape, strict=True)]
