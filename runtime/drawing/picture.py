"""What is drawn, before it has a place: boxes of text, links between them, boxes within boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Point: TypeAlias = "tuple[float, float]"

TITLE, LINE = 13.0, 11.0  # font sizes
HEADER, ROW = 26.0, 17.0  # heights
_PADDING = 12.0
_LEAST_WIDTH = 84.0
# Widths of the characters from space to tilde in hundredths of the font size: those of DejaVu Sans Bold,
# a wide font, so that text in another one is no wider than its box.
_WIDTHS = (
    35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70,
    70, 40, 40, 84, 84, 84, 59, 100, 78, 77, 74, 84, 69, 69, 83, 84, 38, 38, 78, 64, 100, 84, 86, 74, 86,
    78, 73, 69, 82, 78, 111, 78, 73, 73, 46, 37, 46, 84, 50, 50, 68, 72, 60, 72, 68, 44, 72, 72, 35, 35,
    67, 35, 105, 72, 69, 72, 72, 50, 60, 48, 72, 66, 93, 65, 66, 59, 72, 37, 72, 84,
)  # fmt: skip


def text_width(text: str, size: float) -> float:
    """How wide a text is at most, in a font of this size without serifs."""
    codes = (ord(c) - 32 for c in text)
    return sum(_WIDTHS[i] if 0 <= i < len(_WIDTHS) else 105 for i in codes) * size / 100


@dataclass(eq=False)
class Box:
    """A box with a title and lines of text; or, with ``inside``, a frame around other boxes.

    ``x``, ``y``: its centre, once it has a place; ``style``: a class of the style sheet;
    ``key``: unique in the whole picture; ``corner``: where a frame has its title.
    """

    key: str
    title: str
    lines: Sequence[str] = ()
    style: str = "other"
    inside: Picture | None = None
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    corner: tuple[str, str] = ("top", "left")

    def measure(self) -> None:
        """Make it as large as its text."""
        wide = max([text_width(self.title, TITLE), *(text_width(t, LINE) for t in self.lines)])
        self.width = max(_LEAST_WIDTH, wide + 2 * _PADDING)
        self.height = HEADER + (len(self.lines) * ROW + 8 if self.lines else 0)

    def move(self, dx: float, dy: float) -> None:
        """Move it with all that is in it."""
        self.x, self.y = self.x + dx, self.y + dy
        if self.inside is not None:
            self.inside.move(dx, dy)


@dataclass(eq=False)
class Link:
    """An arrow from ``source`` to ``target``; which may be boxes in frames, as ``entry`` and ``exit``.

    ``kind``: "data", "gradient" or "kept" (what the backward pass takes of the forward pass);
    ``points``: its way: straight on from the first to the second, across to the third, straight on to
    the next, and so on; ``shelves``: where each crossing from row to row goes across, if it has corners.
    """

    source: Box
    target: Box
    kind: str = "data"
    exit: Box | None = None
    entry: Box | None = None
    points: list[Point] = field(default_factory=list)
    vertical: bool = True
    shelves: list[float] = field(default_factory=list)


@dataclass
class Picture:
    """Boxes and the links between them."""

    boxes: list[Box] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def all_boxes(self) -> Iterator[Box]:
        """The boxes, and those in them, a frame before what is in it."""
        for box in self.boxes:
            yield box
            if box.inside is not None:
                yield from box.inside.all_boxes()

    def all_links(self) -> Iterator[Link]:
        """The links here and in the boxes."""
        yield from self.links
        for box in self.boxes:
            if box.inside is not None:
                yield from box.inside.all_links()

    def move(self, dx: float, dy: float) -> None:
        """Move everything."""
        for box in self.boxes:
            box.move(dx, dy)
        for link in self.links:
            link.points = [(x + dx, y + dy) for x, y in link.points]
            across = dy if link.vertical else dx
            link.shelves = [s + across for s in link.shelves]

    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of all boxes and links."""
        xs = [p for b in self.boxes for p in (b.x - b.width / 2, b.x + b.width / 2)]
        ys = [p for b in self.boxes for p in (b.y - b.height / 2, b.y + b.height / 2)]
        xs += [x for k in self.links for x, _ in k.points]
        ys += [y for k in self.links for _, y in k.points]
        return (min(xs), min(ys), max(xs), max(ys)) if xs else (0.0, 0.0, 0.0, 0.0)
