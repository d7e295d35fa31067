"""A placed picture as SVG: no fonts, scripts or other files; light or dark as the reader's screen is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from ...errors import ArgumentError
from .picture import HEADER, LINE, ROW, TITLE, Box, Link, Picture, Point

_FONTS = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
_MARGIN = 16.0
_ROUND = 7.0
_ARROW = 7.0
# style -> header in a light picture, header in a dark one
COLORS = {
    "input": ("#d7dde5", "#3c4654"), "dense": ("#b9d3f5", "#24477a"),
    "convolution": ("#bfe3d0", "#1f5a42"), "pooling": ("#d9ead3", "#3a5531"),
    "normalization": ("#f6e3b4", "#6a5318"), "recurrent": ("#e2cdf2", "#553a72"),
    "attention": ("#f5c9dc", "#74304f"), "embedding": ("#c9e5ee", "#215465"),
    "shape": ("#e4e4e4", "#45474c"), "activation": ("#f7d2c4", "#703a26"),
    "operator": ("#ececec", "#3a3d42"), "merging": ("#e9dfd0", "#57493a"),
    "gradient": ("#f9c6bd", "#7c2f25"), "loss": ("#f2a398", "#983b2f"),
    "weight": ("#fff3d1", "#55481f"), "other": ("#d5d3ee", "#423f75"),
}  # fmt: skip


def _styles(scope: str) -> str:
    light, dark = [], []
    for name, (day, night) in COLORS.items():
        light.append(f".{scope} .{name}{{fill:{day}}}")
        dark.append(f".{scope} .{name}{{fill:{night}}}")
    rules = [
        f".{scope} text{{font-family:{_FONTS};font-size:{LINE:g}px;fill:#27303b}}",
        f".{scope} .title{{font-size:{TITLE:g}px;font-weight:600;fill:#16202b}}",
        f".{scope} .card{{fill:#ffffff;stroke:#8b97a6;stroke-width:1}}",
        f".{scope} .edge{{fill:none;stroke:#8b97a6;stroke-width:1}}",
        f".{scope} .page{{fill:#ffffff}}",
        f".{scope} .frame{{fill:#f4f6fa;stroke:#8b97a6;stroke-width:1.2;stroke-dasharray:6 4}}",
        f".{scope} path.to-data{{fill:none;stroke:#5b6b7e;stroke-width:1.5}}",
        f".{scope} path.to-gradient{{fill:none;stroke:#cf4b3b;stroke-width:1.5}}",
        f".{scope} path.to-kept{{fill:none;stroke:#93a1b1;stroke-width:1;stroke-dasharray:2 4}}",
        f".{scope} polygon.to-data{{fill:#5b6b7e}}", f".{scope} polygon.to-gradient{{fill:#cf4b3b}}",
        f".{scope} polygon.to-kept{{fill:#93a1b1}}", *light,
    ]  # fmt: skip
    darkened = [
        f".{scope} text{{fill:#d4dbe4}}", f".{scope} .title{{fill:#f2f5f8}}",
        f".{scope} .card{{fill:#20252c;stroke:#66717f}}", f".{scope} .edge{{stroke:#66717f}}",
        f".{scope} .page{{fill:#15191e}}", f".{scope} .frame{{fill:#1b2027;stroke:#66717f}}",
        f".{scope} path.to-data{{stroke:#9fb0c3}}", f".{scope} polygon.to-data{{fill:#9fb0c3}}",
        f".{scope} path.to-gradient{{stroke:#ff8a78}}", f".{scope} polygon.to-gradient{{fill:#ff8a78}}",
        f".{scope} path.to-kept{{stroke:#6f7d8d}}", f".{scope} polygon.to-kept{{fill:#6f7d8d}}", *dark,
    ]  # fmt: skip
    return "\n".join([*rules, "@media (prefers-color-scheme:dark){", *darkened, "}"])


def write(picture: Picture, splines: str = "ortho", label: str = "") -> str:
    """The picture as an SVG document. ``splines``: "ortho", "curved" or "line"; ``label`` for readers."""
    left, top, right, bottom = picture.extent()
    picture.move(_MARGIN - left, _MARGIN - top)
    width, height = right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN
    body = [*_frames(picture), *(_link(k, splines) for k in _below_first(picture.all_links()))]
    body += [_card(b) for b in picture.all_boxes() if b.inside is None]
    # styles in a page apply to all of it: the class is of this picture alone
    scope = f"wh{hashlib.sha256(''.join(body).encode()).hexdigest()[:8]}"
    size = f'width="{width:.0f}" height="{height:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{scope}" {size} '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label={quoteattr(label)}>'
    )
    style = f"<style>\n{_styles(scope)}\n</style>"
    return "\n".join([head, style, f'<rect class="page" {size}/>', *body, "</svg>\n"])


def _below_first(links: Iterable[Link]) -> list[Link]:
    return sorted(links, key=lambda k: ("kept", "data", "gradient").index(k.kind))


def _frames(picture: Picture) -> list[str]:
    return [_frame(b) for b in picture.all_boxes() if b.inside is not None]


def _frame(box: Box) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    up, side = box.corner
    at = x + 14 if side == "left" else x + box.width - 14
    line = y + 19 if up == "top" else y + box.height - 10
    anchor = "start" if side == "left" else "end"
    return (
        f'<rect class="frame" x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="10"/>'
        f'<text class="title" x="{at:.1f}" y="{line:.1f}" text-anchor="{anchor}">{escape(box.title)}</text>'
    )


def _card(box: Box) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    right, split = x + box.width, y + HEADER
    corner = 6
    area = (
        f'x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{corner}"'
    )
    parts = [f'<rect class="card" {area}/>']
    if box.lines:
        parts.append(
            f'<path class="{box.style}" d="M{x:.1f} {split:.1f}V{y + corner:.1f}q0 -{corner} {corner} '
            f'-{corner}H{right - corner:.1f}q{corner} 0 {corner} {corner}V{split:.1f}Z"/>'
        )
    else:
        parts.append(f'<rect class="{box.style}" {area}/>')
    at = y + HEADER / 2 if box.lines else box.y
    parts.append(
        f'<rect class="edge" {area}/><text class="title" x="{box.x:.1f}" y="{at + 4.5:.1f}" '
        f'text-anchor="middle">{escape(box.title)}</text>'
    )
    for i, line in enumerate(box.lines):
        parts.append(
            f'<text x="{box.x:.1f}" y="{split + 15 + i * ROW:.1f}" text-anchor="middle">'
            f"{escape(line)}</text>"
        )
    return "".join(parts)


# -- links -----------------------------------------------------------------------------------------


def _link(link: Link, splines: str) -> str:
    points = link.points
    end, before = points[-1], points[-2]
    if splines not in ("ortho", "curved", "line"):
        raise ArgumentError(f"splines={splines!r}: expected 'ortho', 'curved' or 'line'")
    if link.kind == "kept":
        bow = f"M{_xy(points[0])}{_bow(points[0], end)}"
        return f'<path class="to-kept" d="{bow}"/>{_arrow(before, end, "kept")}'
    parts = [f"M{_xy(points[0])}"]
    inner = points[1:-1]
    for i, (a, b) in enumerate(zip(inner[::2], inner[1::2], strict=True)):
        parts.append(f"L{_xy(a)}")
        if splines == "ortho":
            parts.append(_corners(a, b, link.shelves[i], link.vertical))
        elif splines == "curved":
            parts.append(_curve(a, b, link.vertical))
        else:
            parts.append(f"L{_xy(b)}")
    if before == end:
        before = _approach(inner[-2], end, link.vertical) if splines != "line" else inner[-2]
    parts.append(f"L{_xy(end)}")
    return f'<path class="to-{link.kind}" d="{"".join(parts)}"/>{_arrow(before, end, link.kind)}'


def _approach(a: Point, b: Point, vertical: bool) -> Point:
    """A point from which ``b`` is reached straight on."""
    return (b[0], a[1]) if vertical else (a[0], b[1])


def _xy(p: Point) -> str:
    return f"{p[0]:.1f} {p[1]:.1f}"


def _curve(a: Point, b: Point, vertical: bool) -> str:
    middle = (a[1] + b[1]) / 2 if vertical else (a[0] + b[0]) / 2
    c, d = ((a[0], middle), (b[0], middle)) if vertical else ((middle, a[1]), (middle, b[1]))
    return f"C{_xy(c)} {_xy(d)} {_xy(b)}"


def _bow(a: Point, b: Point) -> str:
    """A flat curve from one side to the other."""
    reach = (b[0] - a[0]) / 3
    return f"C{_xy((a[0] + reach, a[1]))} {_xy((b[0] - reach, b[1]))} {_xy(b)}"


def _corners(a: Point, b: Point, shelf: float, vertical: bool) -> str:
    """Straight on to the shelf, along it, straight on; with round corners."""
    if vertical:
        c, d = (a[0], shelf), (b[0], shelf)
    else:
        c, d = (shelf, a[1]), (shelf, b[1])
    if math.dist(c, d) < 0.5:
        return f"L{_xy(b)}"
    radius = min(_ROUND, math.dist(c, d) / 2, math.dist(a, c), math.dist(d, b))
    return (
        f"L{_xy(_towards(c, a, radius))}Q{_xy(c)} {_xy(_towards(c, d, radius))}"
        f"L{_xy(_towards(d, c, radius))}Q{_xy(d)} {_xy(_towards(d, b, radius))}L{_xy(b)}"
    )


def _towards(a: Point, b: Point, far: float) -> Point:
    whole = math.dist(a, b) or 1.0
    return (a[0] + (b[0] - a[0]) * far / whole, a[1] + (b[1] - a[1]) * far / whole)


def _arrow(before: Point, end: Point, kind: str) -> str:
    length = math.dist(before, end) or 1.0
    dx, dy = (end[0] - before[0]) / length, (end[1] - before[1]) / length
    back = (end[0] - dx * _ARROW, end[1] - dy * _ARROW)
    side = _ARROW * 0.45
    corners: Sequence[Point] = (
        end, (back[0] - dy * side, back[1] + dx * side), (back[0] + dy * side, back[1] - dx * side),
    )  # fmt: skip
    return (
        f'<polygon class="to-{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>'
    )
