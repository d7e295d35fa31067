"""The second half of a layered drawing: coordinates of boxes, ways of links, frames around models.

In rows, each box is drawn to where its neighbours are: least squares under the condition that the order
and the distances are kept, which pooling neighbours solves exactly (isotonic regression). Between rows
there is nothing but links, and past a row they go through slots of their own: no link meets a box.
"""

from __future__ import annotations

from collections.abc import Sequence

from .picture import TITLE, Box, Link, Picture, text_width
from .ranks import Rows, Slot, arrange

_BETWEEN = 26.0  # boxes of one row
_PASSING = 8.0
_GAP, _SHELF = 40.0, 8.0  # between rows; between parallel links there
_FRAME = 18.0
_TITLE_ROOM = 20.0
_ROUNDS = 24
_PORTS = 18.0


def place(picture: Picture, rankdir: str) -> None:
    """Give everything its place, starting near the origin.

    ``rankdir``: "TB", "LR", "BT" or "RL": the direction in which links go.
    """
    vertical = rankdir in ("TB", "BT")
    _place(picture, vertical)
    if rankdir in ("BT", "RL"):
        _flip(picture, vertical)


def _place(picture: Picture, vertical: bool) -> None:
    for box in picture.boxes:
        if box.inside is None:
            if not box.width:
                box.measure()
        else:
            _frame(box, box.inside, vertical)
    rows = arrange(picture, _PASSING)
    for row in rows.rows:
        for slot in row:
            if slot.box is not None:
                slot.along = slot.box.width if vertical else slot.box.height
    _coordinates(rows.rows)
    _route(picture, rows, vertical)
    left, top, _, _ = picture.extent()
    picture.move(-left, -top)


def _frame(box: Box, inside: Picture, vertical: bool) -> None:
    """Place what is in a frame, and make the frame as large; links do not meet its title."""
    _place(inside, vertical)
    left, top, right, bottom = inside.extent()
    label = text_width(box.title, TITLE) + 28
    shift = 0.0
    if vertical:  # links come in above the first row, where the title is
        ends = [b.x - left for b in inside.boxes if b.style == "input"] or [(right - left) / 2]
        shift = max(0.0, label + 6 - _FRAME - min(ends))
    box.width = max(right - left + 2 * _FRAME + shift, label + 12)
    box.height = bottom - top + 2 * _FRAME + _TITLE_ROOM
    spare = (box.width - shift - (right - left)) / 2
    inside.move(spare + shift - left - box.width / 2, _FRAME + _TITLE_ROOM - top - box.height / 2)


# -- places in the rows ----------------------------------------------------------------------------


def _coordinates(rows: Sequence[Sequence[Slot]]) -> None:
    for row in rows:
        edge = 0.0
        for slot in row:
            slot.u = edge + slot.along / 2
            edge += slot.along + _BETWEEN
    for turn in range(_ROUNDS):
        down = turn % 2 == 0
        last = turn >= _ROUNDS - 4
        for row in rows if down else rows[::-1]:
            wanted, weights = [], []
            for slot in row:
                near = [*slot.above, *slot.below] if last else (slot.above if down else slot.below)
                pulls = [(n.u, _weight(slot, n)) for n in near] or [(slot.u, 0.1)]
                total = sum(w for _, w in pulls)
                wanted.append(sum(u * w for u, w in pulls) / total)
                weights.append(total)
            _spread(row, wanted, weights)


def _room(a: Slot, b: Slot) -> float:
    """The least distance of the centres of two neighbours."""
    tight = a.box is None or b.box is None
    return (a.along + b.along) / 2 + (_BETWEEN / 2 if tight else _BETWEEN)


def _weight(a: Slot, b: Slot) -> float:
    """Long links are to be straight first of all."""
    passing = (a.box is None) + (b.box is None)
    single = {len(a.below), len(b.above)} == {1} or {len(a.above), len(b.below)} == {1}
    return (1.0, 2.0, 8.0)[passing] * (2.0 if single else 1.0)


def _spread(row: Sequence[Slot], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """Places as near as possible to those wanted, with room for each slot, in this order."""
    offsets, at = [], 0.0
    for i, slot in enumerate(row):
        if i:
            at += _room(row[i - 1], slot)
        offsets.append(at)
    pools: list[list[float]] = []  # mean, weight, number of slots
    for offset, target, weight in zip(offsets, wanted, weights, strict=True):
        pools.append([target - offset, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, mass, count = pools.pop()
            pool = pools[-1]
            pool[0] = (pool[0] * pool[1] + mean * mass) / (pool[1] + mass)
            pool[1], pool[2] = pool[1] + mass, pool[2] + count
    means = [mean for mean, _, count in pools for _ in range(int(count))]
    for slot, offset, mean in zip(row, offsets, means, strict=True):
        slot.u = mean + offset


def _straighten(rows: Rows, ports: dict[Link, tuple[float, float]]) -> None:
    """Put the slots of each long link in one line, with an end of the link if that can be."""
    between: dict[Slot, tuple[Slot | None, Slot | None]] = {}
    for row in rows.rows:
        for i, slot in enumerate(row):
            after = row[i + 1] if i + 1 < len(row) else None
            between[slot] = (row[i - 1] if i else None, after)
    spare = _BETWEEN / 4  # for the sake of a straight line they may come nearer than usual
    done: set[Slot] = set()
    for link, way in sorted(rows.ways.items(), key=lambda item: -len(item[1])):
        line = [s for s in way[1:-1] if s not in done]
        if not line:
            continue
        done.update(line)
        least = max((_room(a, s) - spare + a.u for s in line if (a := between[s][0])), default=-1e9)
        most = min((b.u - _room(s, b) + spare for s in line if (b := between[s][1])), default=1e9)
        if least > most:
            continue
        start, end = ports[link]
        mean = sum(s.u for s in line) / len(line)
        u = next((p for p in (end, start) if least <= p <= most and abs(p - mean) < 60), mean)
        for slot in line:
            slot.u = min(max(u, least), most)


# -- ways of links ---------------------------------------------------------------------------------


def _route(picture: Picture, rows: Rows, vertical: bool) -> None:
    _straighten(rows, _ports(picture, rows, vertical))
    ports = _ports(picture, rows, vertical)
    # pieces between rows: link -> (where it leaves a row, where it enters the next)
    pieces: list[dict[Link, tuple[float, float]]] = [{} for _ in rows.rows]
    for link, way in rows.ways.items():
        start, end = ports[link]
        us = [start, *(s.u for s in way[1:-1]), end]
        for slot, a, b in zip(way, us, us[1:], strict=False):
            pieces[slot.rank][link] = (a, b)
    shelves = [_shelves(p) for p in pieces]
    bounds = _heights(picture, rows, vertical, [max(s.values(), default=0) + 1 for s in shelves])
    for link, way in rows.ways.items():
        link.vertical = vertical
        first, last = way[0].box, way[-1].box
        if first is None or last is None:
            continue
        link.points, link.shelves = [], []
        for slot in way[:-1]:
            a, b = pieces[slot.rank][link]
            lower, upper = bounds[slot.rank][1], bounds[slot.rank + 1][0]
            link.points += [_point(a, lower, vertical), _point(b, upper, vertical)]
            step = (upper - lower) / (max(shelves[slot.rank].values(), default=0) + 2)
            link.shelves.append(lower + step * (shelves[slot.rank].get(link, 0) + 1))
        start, end = ports[link]
        link.points.insert(0, _point(start, _end(first, link.exit, vertical, 1), vertical))
        link.points.append(_point(end, _end(last, link.entry, vertical, -1), vertical))


def _end(box: Box, inner: Box | None, vertical: bool, side: int) -> float:
    """Where a link leaves a box or enters it: the box within a frame, if nothing is in between."""
    edge = _edge(box, vertical, side)
    if inner is None:
        return edge
    further = _edge(inner, vertical, side)
    return further if abs(further - edge) <= _FRAME + _TITLE_ROOM + 1 else edge


def _point(u: float, v: float, vertical: bool) -> tuple[float, float]:
    return (u, v) if vertical else (v, u)


def _edge(box: Box, vertical: bool, side: int) -> float:
    """Where links leave (1) or enter (-1) a box."""
    return box.y + side * box.height / 2 if vertical else box.x + side * box.width / 2


def _heights(
    picture: Picture, rows: Rows, vertical: bool, shelves: Sequence[int]
) -> list[tuple[float, float]]:
    """Move the boxes to their rows; the first and last coordinate of each row."""
    bounds, at = [], 0.0
    for row, used in zip(rows.rows, shelves, strict=True):
        boxes = [(s, s.box) for s in row if s.box is not None]
        depth = max((b.height if vertical else b.width for _, b in boxes), default=0.0)
        for slot, box in boxes:
            x, y = _point(slot.u, at + depth / 2, vertical)
            box.move(x - box.x, y - box.y)
        bounds.append((at, at + depth))
        at += depth + max(_GAP, _SHELF * (used + 1))
    return bounds


def _ports(picture: Picture, rows: Rows, vertical: bool) -> dict[Link, tuple[float, float]]:
    """Where along its boxes each link begins and ends."""
    slots = {s.box: s for row in rows.rows for s in row if s.box is not None}
    coming: dict[Box, list[Link]] = {}
    going: dict[Box, list[Link]] = {}
    for link in picture.links:
        coming.setdefault(link.target, []).append(link)
        going.setdefault(link.source, []).append(link)
    starts = {k: _inner(k.exit, slots[k.source], vertical) for k in picture.links}
    ends: dict[Link, float] = {}
    for box, links in coming.items():
        ends |= _fanned(box, links, slots[box], rows, vertical)
    for link in picture.links:  # a small bend is none
        way = rows.ways[link]
        near = way[1].u if len(way) > 2 else ends[link]
        if len(going[link.source]) == 1 and link.exit is None and abs(near - starts[link]) < 12:
            starts[link] = near
        near = way[-2].u if len(way) > 2 else starts[link]
        if len(coming[link.target]) == 1 and link.entry is None and abs(near - ends[link]) < 12:
            ends[link] = near
    return {k: (starts[k], ends[k]) for k in picture.links}


def _inner(box: Box | None, slot: Slot, vertical: bool) -> float:
    """The place of a box in a frame (which is centred at the origin until the frame has its place)."""
    if box is None:
        return slot.u
    return slot.u + (box.x if vertical else box.y)


def _fanned(
    box: Box, links: Sequence[Link], slot: Slot, rows: Rows, vertical: bool
) -> dict[Link, float]:
    """Ends side by side, in the order in which the links come."""
    free = [k for k in links if k.entry is None]
    found = {k: _inner(k.entry, slot, vertical) for k in links if k.entry is not None}
    free.sort(key=lambda k: rows.ways[k][-2].u)
    step = min(_PORTS, max(0.0, slot.along - 24) / max(len(free) - 1, 1))
    for i, link in enumerate(free):
        found[link] = slot.u + (i - (len(free) - 1) / 2) * step
    return found


def _shelves(pieces: dict[Link, tuple[float, float]]) -> dict[Link, int]:
    """Which of several parallel shelves each link takes where it goes across between two rows.

    Links of one source share one. A link that comes down where another one goes down to its target
    goes across above it, if the others allow.
    """
    nets: dict[tuple[Box, float], list[Link]] = {}
    for link, (a, _) in pieces.items():
        nets.setdefault((link.source, a), []).append(link)
    spans = {}
    for key, links in nets.items():
        us = [key[1], *(pieces[k][1] for k in links)]
        if max(us) - min(us) > 1:
            spans[key] = (min(us) - 6, max(us) + 6)
    # what goes down above the end of another net must go across before that does, or they overlap
    above = {k: [o for o in spans if o is not k and any(abs(o[1] - pieces[x][1]) < 6 for x in nets[k])]
             for k in spans}  # fmt: skip
    taken: list[list[tuple[float, float]]] = []
    shelf_of: dict[tuple[Box, float], int] = {}
    left = sorted(spans, key=lambda k: spans[k][0])
    while left:
        key = next((k for k in left if not any(o in left for o in above[k])), left[0])
        left.remove(key)
        low, high = spans[key]
        shelf = max((shelf_of[o] + 1 for o in above[key] if o in shelf_of), default=0)
        while shelf < len(taken) and any(low <= b and a <= high for a, b in taken[shelf]):
            shelf += 1
        taken += [[] for _ in range(shelf + 1 - len(taken))]
        taken[shelf].append((low, high))
        shelf_of[key] = shelf
    return {link: shelf for key, shelf in shelf_of.items() for link in nets[key]}


# -- turning ---------------------------------------------------------------------------------------


def _flip(picture: Picture, vertical: bool) -> None:
    """Upside down, or right to left."""
    _, _, right, bottom = picture.extent()
    mirror(picture, bottom / 2 if vertical else right / 2, not vertical)


def mirror(picture: Picture, axis: float, sideways: bool) -> None:
    """Left to right about a vertical line (``sideways``), else top to bottom about a horizontal one."""
    other = {"top": "bottom", "bottom": "top", "left": "right", "right": "left"}
    for box in picture.all_boxes():
        up, side = box.corner
        if sideways:
            box.x, box.corner = 2 * axis - box.x, (up, other[side])
        else:
            box.y, box.corner = 2 * axis - box.y, (other[up], side)
    for link in picture.all_links():
        link.points = [(2 * axis - x, y) if sideways else (x, 2 * axis - y) for x, y in link.points]
        if link.vertical != sideways:
            link.shelves = [2 * axis - s for s in link.shelves]


def reverse(link: Link) -> None:
    """The same way from its end to its start."""
    link.source, link.target = link.target, link.source
    link.exit, link.entry = link.entry, link.exit
    link.points.reverse()
    link.shelves.reverse()
