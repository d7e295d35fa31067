"""A picture as text for Graphviz."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .picture import Box, Picture
from .svg import COLORS


class Dot:
    """A graph in Graphviz' language, DOT: ``to_string()`` and ``write(path)``."""

    def __init__(self, text: str) -> None:
        self._text = text

    def to_string(self) -> str:
        """The text."""
        return self._text

    __str__ = to_string

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the text to a file."""
        Path(path).write_text(self._text, encoding="utf-8")


def to_dot(
    picture: Picture, name: str, rankdir: str, dpi: int, splines: str, subgraph: bool
) -> Dot:  # fmt: skip
    """``subgraph``: a cluster to be put into another graph, without settings of its own."""
    body = [*_boxes(picture, "  "), *_links(picture)]
    if subgraph:
        head = [f"subgraph {_quoted(f'cluster_{name}')} {{", f"  label={_quoted(name)};"]
    else:
        head = [
            f"digraph {_quoted(name)} {{",
            f"  graph [rankdir={rankdir}, dpi={dpi}, splines={splines}, concentrate=true];",
            '  node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=11];',
        ]
    return Dot("\n".join([*head, *body, "}"]) + "\n")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _boxes(picture: Picture, indent: str) -> Iterator[str]:
    for box in picture.boxes:
        if box.inside is None:
            label = "\\n".join(_quoted(t)[1:-1] for t in (box.title, *box.lines))
            yield f'{indent}{box.key} [label="{label}", fillcolor="{COLORS[box.style][0]}"];'
        else:
            yield f"{indent}subgraph cluster_{box.key} {{"
            yield f"{indent}  label={_quoted(box.title)}; style=dashed;"
            yield from _boxes(box.inside, f"{indent}  ")
            yield f"{indent}}}"


def _links(picture: Picture) -> Iterator[str]:
    for link in picture.all_links():
        source = _leaf(link.exit or link.source, last=True)
        target = _leaf(link.entry or link.target, last=False)
        yield f"  {source.key} -> {target.key};"


def _leaf(box: Box, last: bool) -> Box:
    """A box to tie a link to: in a frame the first or the last one."""
    while box.inside is not None:
        box = box.inside.boxes[-1 if last else 0]
    return box
