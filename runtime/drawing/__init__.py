"""Pictures of models, drawn without Graphviz: layers or ONNX nodes, forward and backward."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError
from ..files import replacing
from ..summary.calls import traced
from ..summary.training import gradients
from . import backward, layers, nodes
from .dot import Dot, to_dot
from .layers import Options
from .layout import place
from .picture import Picture
from .svg import write

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["Dot", "Drawing", "model_to_dot", "plot_model"]

_DIRECTIONS = ("TB", "LR", "BT", "RL")
_SPLINES = {"ortho": "ortho", "curved": "curved", "spline": "curved", "true": "curved",
            "line": "line", "polyline": "line", "false": "line"}  # fmt: skip


class Drawing:
    """A picture: ``svg`` is the document. A notebook shows it."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str], dpi: int = 200) -> None:
        """Write it as .svg, or (with the library cairosvg) as .png or .pdf."""
        kind = Path(path).suffix.lower()
        if kind not in (".svg", ".png", ".pdf"):
            raise ArgumentError(f"{os.fspath(path)!r}: a picture is an .svg, .png or .pdf file")
        content = self.svg.encode() if kind == ".svg" else _converted(self.svg, kind, dpi)
        with replacing(path) as temporary:
            temporary.write_bytes(content)


def plot_model(
    model: Model,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    show_gradients: bool = False,
    level: str = "layers",
) -> Drawing:
    """Draw a model and write the picture to a file. Nothing but Python is needed.

    The model is traced, so that a subclass of ``wh.Model`` is drawn like any other once it was called.

    Args:
        to_file: an .svg file; .png and .pdf need cairosvg. None writes no file.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what the
            boxes say.
        rankdir: the direction of the data: "TB" (down), "LR" (to the right), "BT" or "RL".
        expand_nested: draw models within the model with what is in them, in dashed frames.
        dpi: of a .png; the other formats have no dots.
        splines: links with corners ("ortho"), "curved" ones, or straight ones ("line").
        show_gradients: also draw the way back of a compiled model: where gradients go, beside the way
            forward, and which weights they are for.
        level: "layers", or "nodes" for the ONNX operators that run.

    Returns a ``Drawing``, which a notebook shows. Raises ``ArgumentError`` where the model does not know
    its inputs yet or (with ``show_gradients``) is not compiled with a loss.
    """
    options = Options(show_shapes, show_dtype, show_layer_names, show_layer_activations,
                      show_trainable, expand_nested)  # fmt: skip
    _check(rankdir, splines, level)
    if level == "layers":
        picture = _layers(model, options, rankdir, show_gradients)
    else:
        _check_nodes(options)
        traced(model)  # says what is missing
        draw = nodes.both if show_gradients else nodes.forward
        picture = draw(model, options, rankdir)
    drawing = Drawing(write(picture, _SPLINES[splines.lower()], f"Model {model.name}"))
    if to_file is not None:
        drawing.save(to_file, dpi)
    return drawing


def model_to_dot(
    model: Model,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Dot:
    """The model's layers as text for Graphviz: ``str(...)``, ``.to_string()``, ``.write(path)``.

    ``subgraph``: a cluster to be put into a graph of your own. The other arguments are those of
    ``plot_model``.
    """
    options = Options(show_shapes, show_dtype, show_layer_names, show_layer_activations,
                      show_trainable, expand_nested)  # fmt: skip
    _check(rankdir, splines, "layers")
    drawn = layers.draw(traced(model), options)
    return to_dot(drawn.picture, model.name, rankdir, dpi, splines, subgraph)


def _layers(model: Model, options: Options, rankdir: str, back: bool) -> Picture:
    drawn = layers.draw(traced(model), options)
    if not back:
        place(drawn.picture, rankdir)
        return drawn.picture
    found = gradients(model)
    boxes = layers.backward(drawn, {*found.gradients}, options)
    return backward.compose(drawn, boxes, "loss", rankdir)


def _check(rankdir: str, splines: Any, level: str) -> None:
    if rankdir not in _DIRECTIONS:
        raise ArgumentError(f"rankdir={rankdir!r}: expected one of {_DIRECTIONS}")
    if not isinstance(splines, str) or splines.lower() not in _SPLINES:
        raise ArgumentError(f"splines={splines!r}: expected one of {tuple(_SPLINES)}")
    if level not in ("layers", "nodes"):
        raise ArgumentError(f"level={level!r}: expected 'layers' or 'nodes'")


def _check_nodes(options: Options) -> None:
    for name in ("expand_nested", "show_layer_activations", "show_trainable"):
        if getattr(options, name):
            raise ArgumentError(
                f"{name}=True is for level='layers': at the level of nodes all models are one graph"
            )


def _converted(svg: str, kind: str, dpi: int) -> bytes:
    try:
        import cairosvg  # type: ignore[import-not-found]  # noqa: PLC0415  # optional
    except ImportError:
        raise ArgumentError(
            f"a {kind} picture needs the library cairosvg (pip install cairosvg); an .svg file needs "
            "nothing: to_file='model.svg'"
        ) from None
    convert = cairosvg.svg2png if kind == ".png" else cairosvg.svg2pdf
    content: bytes = convert(bytestring=svg.encode(), scale=dpi / 96)
    return content
