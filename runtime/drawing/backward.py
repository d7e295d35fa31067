"""The way back beside the way forward: gradients as the mirror image of a picture of layers."""

from __future__ import annotations

from collections.abc import Mapping

from .layers import Drawn
from .layout import mirror, place, reverse
from .picture import Box, Link, Picture

_BETWEEN = 90.0  # the two halves
_GAP = 46.0


def compose(drawn: Drawn, back: Mapping[Box, Box], loss: str, rankdir: str) -> Picture:
    """Forward on the left (or above), the loss at the end, backward on the right (or below).

    ``back``: the box of the gradient for each box that one comes to.
    """
    vertical = rankdir in ("TB", "BT")
    forward = drawn.picture
    for box, other in back.items():
        if box.inside is None:
            box.measure()
            other.measure()
            box.width = other.width = max(box.width, other.width)
            box.height = other.height = max(box.height, other.height)
    end = Box("end", "", width=48.0, height=1.0)
    for source in _outputs(drawn):
        leaving = source if source in forward.boxes else None
        if leaving is not None:
            forward.links.append(Link(leaving, end))
    forward.boxes.append(end)
    place(forward, "TB" if vertical else "LR")
    forward.boxes.remove(end)
    _, _, right, bottom = forward.extent()
    axis = (right if vertical else bottom) + _BETWEEN / 2
    final = _loss_box(loss, axis, bottom if vertical else right, vertical)
    for link in forward.links:
        if link.target is end:
            _extend(link, final, vertical)
    picture = Picture([*forward.boxes, final], list(forward.links))
    half = _mirrored(forward, {**back, final: final}, axis, vertical)
    picture.boxes += half.boxes
    picture.links += half.links
    picture.links += _kept(forward, back, vertical)
    if rankdir in ("BT", "RL"):
        _, _, right, bottom = picture.extent()
        mirror(picture, (bottom if vertical else right) / 2, not vertical)
    return picture


def _outputs(drawn: Drawn) -> list[Box]:
    _, flow = drawn.flows[0]
    return list(dict.fromkeys(drawn.boxes[source] for source, _ in flow.outputs))


def _loss_box(loss: str, axis: float, edge: float, vertical: bool) -> Box:
    final = Box("loss", loss, style="loss")
    final.measure()
    final.width = max(final.width, 110.0)
    if vertical:
        final.x, final.y = axis, edge + _GAP + final.height / 2
    else:
        final.x, final.y = edge + _GAP + final.width / 2, axis
    return final


def _extend(link: Link, final: Box, vertical: bool) -> None:
    """Lead a link that ends below the forward half on to the loss."""
    x, y = link.points[-1]
    if vertical:
        port = (final.x - final.width / 4, final.y - final.height / 2)
    else:
        port = (final.x - final.width / 2, final.y - final.height / 4)
    link.points += [port, port]
    link.shelves.append((y + port[1]) / 2 if vertical else (x + port[0]) / 2)
    link.target = final


def _mirrored(forward: Picture, back: Mapping[Box, Box], axis: float, vertical: bool) -> Picture:
    """The boxes of gradients in their places, and the links between them the other way round."""
    half = Picture()
    for box in forward.boxes:
        other = back.get(box)
        if other is None:
            continue
        other.x, other.y = (2 * axis - box.x, box.y) if vertical else (box.x, 2 * axis - box.y)
        other.width, other.height = box.width, box.height
        other.corner = ("top", "right") if vertical else ("bottom", "left")
        if box.inside is not None:
            other.inside = _mirrored(box.inside, back, axis, vertical)
        half.boxes.append(other)
    for link in forward.links:
        source, target = back.get(link.source), back.get(link.target)
        if source is None or target is None:
            continue
        points = [(2 * axis - x, y) if vertical else (x, 2 * axis - y) for x, y in link.points]
        same = Link(source, target, "gradient", None, None, points, vertical, list(link.shelves))
        reverse(same)
        half.links.append(same)
    return half


def _kept(forward: Picture, back: Mapping[Box, Box], vertical: bool) -> list[Link]:
    """From a layer to its way back (which takes what the layer kept), where nothing is in between."""
    leaves = [b for b in forward.all_boxes() if b.inside is None]
    found = []
    for box in leaves:
        other = back.get(box)
        if other is None or any(_hides(b, box, vertical) for b in leaves):
            continue
        if vertical:
            points = [(box.x + box.width / 2, box.y), (other.x - other.width / 2, other.y)]
        else:
            points = [(box.x, box.y + box.height / 2), (other.x, other.y - other.height / 2)]
        found.append(Link(box, other, "kept", points=points, vertical=vertical))
    return found


def _hides(other: Box, box: Box, vertical: bool) -> bool:
    """Whether ``other`` lies between ``box`` and the mirror."""
    if vertical:
        return other.x > box.x and abs(other.y - box.y) < (other.height + box.height) / 2
    return other.y > box.y and abs(other.x - box.x) < (other.width + box.width) / 2
