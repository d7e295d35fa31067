"""Layers that make one tensor of several."""

from __future__ import annotations

from .cases import Given, case

_A, _MASK = (3, 5, 4), Given((3, 5), "prefix")
_TIME = {"dynamic": (1,), "lengths": (1, 6)}
_MANY = "the harness gives a model one mask"


def merged(layer):  # type: ignore[no-untyped-def]
    name = layer.lower()
    count = 2 if layer == "Subtract" else 3
    return [
        case(name, layer, {}, [_A] * count, **_TIME),
        case(f"{name}_broadcast", layer, {}, [_A, (3, 1, 4)]),
        case(f"{name}_ranks", layer, {}, [_A, (3, 4)]),
        case(f"{name}_masks", layer, {}, [_A, _A], masks={0: _MASK, 1: _MASK}, model=_MANY),
        case(f"{name}_one_mask", layer, {}, [_A, _A], masks={1: _MASK}, model=_MANY),
    ]


def dot(name, axes, *shapes, **config):  # type: ignore[no-untyped-def]
    return case(f"dot_{name}", "Dot", {"axes": axes, **config}, list(shapes))


CASES = [
    *(c for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum") for c in merged(name)),
    case("add_one", "Add", {}, [(3, 4)], form="list"),
    case("multiply_three_masks", "Multiply", {}, [_A] * 3, masks=dict.fromkeys(range(3), _MASK), model=_MANY),
    case("maximum_three_masks", "Maximum", {}, [_A] * 3, masks=dict.fromkeys(range(3), _MASK), model=_MANY),
    case("concatenate", "Concatenate", {}, [_A, (3, 5, 2), (3, 5, 1)], **_TIME),
    case("concatenate_time", "Concatenate", {"axis": 1}, [_A, (3, 2, 4)], **_TIME),
    case("concatenate_one", "Concatenate", {}, [_A], form="list"),
    case("concatenate_masks", "Concatenate", {}, [_A, (3, 5, 2)], masks={0: _MASK, 1: _MASK}, model=_MANY),
    case("concatenate_one_mask", "Concatenate", {}, [_A, (3, 5, 2)], masks={0: _MASK}, model=_MANY),
    case("concatenate_time_masks", "Concatenate", {"axis": 1}, [_A, (3, 2, 4)],
         masks={0: _MASK, 1: Given((3, 2), "prefix")}, model=_MANY),
    case("concatenate_time_one_mask", "Concatenate", {"axis": 1}, [_A, (3, 2, 4)], masks={0: _MASK},
         model=_MANY),
    dot("vectors", 1, (3, 4), (3, 4)),
    dot("last", -1, (3, 4), (3, 4)),
    dot("cosine", -1, (3, 4), (3, 4), normalize=True),
    dot("matrices", (1, 2), (2, 3, 5), (2, 4, 3)),
    dot("rows", 2, (2, 3, 5), (2, 4, 5)),
    dot("columns", 1, (2, 3, 5), (2, 3, 4)),
    dot("product", (2, 1), (2, 3, 5), (2, 5, 4)),
    dot("cosines", -1, (2, 3, 5), (2, 4, 5), normalize=True),
    dot("vector_matrix", (1, 2), (2, 5), (2, 3, 5)),
    dot("matrix_vector", (1, 1), (2, 5, 3), (2, 5)),
    dot("four", (2, 3), (2, 3, 5, 4), (2, 3, 2, 5)),
    dot("four_two", (3, 1), (2, 3, 2, 4), (2, 4)),
    case("dot_dynamic", "Dot", {"axes": 2}, [(2, 3, 5), (2, 4, 5)], dynamic=(1,), lengths=(2, 6)),
    case("dot_masks", "Dot", {"axes": 2}, [_A, _A], masks={0: _MASK, 1: _MASK}, model=_MANY),
]  # fmt: skip
