"""The first half of a layered drawing: which box is in which row, and in which order.

K. Sugiyama, S. Tagawa, M. Toda: Methods for Visual Understanding of Hierarchical System Structures (1981);
rows by longest path, order by medians (E. Gansner et al.: A Technique for Drawing Directed Graphs, 1993).
"""

from __future__ import annotations

import bisect
import itertools
import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from ...errors import ArgumentError
from .picture import Box, Link, Picture

_SWEEPS = 12
_MOST = (
    20_000  # places in rows, of boxes and of links that pass: beyond, it is no picture to look at
)


@dataclass(eq=False)
class Slot:
    """A place in a row: for a box, or (without one) for a link on its way past the row.

    ``along``: its extent in the row; ``u``: its centre there.
    """

    rank: int
    box: Box | None = None
    along: float = 0.0
    u: float = 0.0
    above: list[Slot] = field(default_factory=list)
    below: list[Slot] = field(default_factory=list)


@dataclass
class Rows:
    """Slots in order, row by row; ``ways``: the slots that each link goes through, ends included."""

    rows: list[list[Slot]]
    ways: dict[Link, list[Slot]]


def ranks_of(picture: Picture) -> dict[Box, int]:
    """Rows by the longest path from a start; starts as near as can be to what they lead to."""
    after: dict[Box, list[Box]] = {b: [] for b in picture.boxes}
    waiting = dict.fromkeys(picture.boxes, 0)
    for link in picture.links:
        after[link.source].append(link.target)
        waiting[link.target] += 1
    starts = [b for b in picture.boxes if not waiting[b]]
    ranks = dict.fromkeys(starts, 0)
    ready = list(starts)
    while ready:
        box = ready.pop()
        for target in after[box]:
            ranks[target] = max(ranks.get(target, 0), ranks[box] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(ranks) < len(picture.boxes) or any(waiting.values()):
        raise ArgumentError("the graph has a cycle, so it cannot be drawn in rows")
    for box in starts:
        if after[box]:
            ranks[box] = min(ranks[t] for t in after[box]) - 1
    return ranks


def arrange(picture: Picture, passing: float) -> Rows:
    """Rows in an order with few crossings. ``passing``: the room that a link takes in a row."""
    ranks = ranks_of(picture)
    slots = {b: Slot(ranks[b], b) for b in picture.boxes}
    rows: list[list[Slot]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for slot in slots.values():
        rows[slot.rank].append(slot)
    shared: dict[Hashable, Slot] = {}
    ways = {}
    for link in picture.links:
        way = [slots[link.source]]
        for rank in range(way[0].rank + 1, ranks[link.target]):
            key = (link.source, link.exit, link.kind, rank)
            if key not in shared:
                shared[key] = Slot(rank, along=passing)
                rows[rank].append(shared[key])
            way.append(shared[key])
        ways[link] = [*way, slots[link.target]]
        if len(shared) > _MOST:
            raise ArgumentError(
                f"the graph is too large for a picture ({len(picture.boxes)} boxes in {len(rows)} rows): "
                "draw its layers (level='layers'), or a part of the model, or export it and open the "
                "file in Netron"
            )
    for way in ways.values():
        for a, b in itertools.pairwise(way):
            if b not in a.below:
                a.below.append(b)
                b.above.append(a)
    return Rows(_uncrossed(rows), ways)


def _uncrossed(rows: list[list[Slot]]) -> list[list[Slot]]:
    """The best of several sweeps down and up."""
    _follow_depth_first(rows)
    best, fewest = [list(r) for r in rows], crossings(rows)
    size = sum(map(len, rows))
    for sweep in range(min(_SWEEPS, max(2, 40_000 // max(size, 1)))):
        if not fewest:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            _by_medians(row, rows[row[0].rank - 1 if down else row[0].rank + 1], down)
        _switch(rows)
        found = crossings(rows)
        if found < fewest:
            best, fewest = [list(r) for r in rows], found
    return best


def _follow_depth_first(rows: list[list[Slot]]) -> None:
    """A first order: that in which slots are met on the way from the starts."""
    met: dict[Slot, int] = {}
    stack = [s for row in rows for s in row if not s.above][::-1]
    while stack:
        slot = stack.pop()
        if slot not in met:
            met[slot] = len(met)
            stack.extend(reversed(slot.below))
    for row in rows:
        row.sort(key=met.__getitem__)


def _by_medians(row: list[Slot], fixed: Sequence[Slot], down: bool) -> None:
    """Sort by the median place of the neighbours; what has none stays where it is."""
    place = {s: i for i, s in enumerate(fixed)}
    wanted = {}
    for slot in row:
        near = [place[n] for n in (slot.above if down else slot.below)]
        if near:
            wanted[slot] = statistics.median(near)
    free = iter(sorted(wanted, key=wanted.__getitem__))
    row[:] = [next(free) if s in wanted else s for s in row]


def _switch(rows: list[list[Slot]]) -> None:
    """Exchange neighbours where that saves crossings."""
    for row in rows:
        i = row[0].rank if row else 0
        places = [
            {s: k for k, s in enumerate(rows[j])} for j in (i - 1, i + 1) if 0 <= j < len(rows)
        ]
        for k in range(len(row) - 1):
            a, b = row[k], row[k + 1]
            if _pair(a, b, places) > _pair(b, a, places):
                row[k], row[k + 1] = b, a


def _pair(a: Slot, b: Slot, places: Sequence[dict[Slot, int]]) -> int:
    """Crossings of the links of ``a`` with those of ``b``, which is on its right."""
    total = 0
    for place in places:
        left = [place[n] for n in (*a.above, *a.below) if n in place]
        right = [place[n] for n in (*b.above, *b.below) if n in place]
        total += sum(x > y for x in left for y in right)
    return total


def crossings(rows: Sequence[Sequence[Slot]]) -> int:
    """How many pairs of links cross between neighbouring rows."""
    total = 0
    for row, following in itertools.pairwise(rows):
        place = {s: i for i, s in enumerate(following)}
        seen: list[int] = []
        for slot in row:
            ends = sorted(place[n] for n in slot.below)
            total += sum(len(seen) - bisect.bisect_right(seen, e) for e in ends)
            for end in ends:
                bisect.insort(seen, end)
    return total
