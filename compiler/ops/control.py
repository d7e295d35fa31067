"""Control flow: branches and loops whose bodies are Python functions, as If, Loop and Scan.

A body is called once, to see what it computes; it must not keep a tensor that it made. What it
reads, tensors and variables, may come from anywhere; what it assigns is assigned. Gradients flow
through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op, tree
from ..casting import boolean
from ..dtypes import Dim, TensorType
from ..ir import Like, Tensor, apply, argument, constant, convert
from .closing import Draft, assigned, closed, draft, is_number, same_structure, several, stateful


def cond(pred: Like, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What ``true_fn()`` gives where the scalar ``pred`` holds, else what ``false_fn()`` gives.

    Both give the same nesting, element types and ranks. Only one of them is computed. Where the value
    of ``pred`` is known (at the prompt), only one is called.
    """
    choice = _scalar("cond", boolean(pred))
    if choice.node.concrete:
        return true_fn() if bool(choice.numpy()) else false_fn()
    then, other = draft("cond", true_fn, ()), draft("cond", false_fn, ())
    if then.structure != other.structure:
        raise ArgumentError(
            f"cond: true_fn gave {tree.describe(then.structure)} and false_fn "
            f"{tree.describe(other.structure)}; both must give the same"
        )
    written = [*dict.fromkeys([*then.written, *other.written])]
    left, right = _alike(then.leaves, other.leaves)
    places = [i for i, x in enumerate(left) if x is not None]
    count = len(places)
    blocks, operands = closed(
        [
            (then, (), [*(left[i] for i in places), *then.last(written)]),
            (other, (), [*(right[i] for i in places), *other.last(written)]),
        ],
        lazily=True,
    )
    found = several(apply(
        "If", choice, *operands, then_branch=blocks[0], else_branch=blocks[1],
        outputs=count + len(written),
    )) if count + len(written) else []  # fmt: skip
    assigned(written, found[count:])
    return tree.unflatten(then.structure, _at(places, found[:count], len(left)))


def _scalar(owner: str, x: Tensor) -> Tensor:
    if any(d != 1 for d in x.shape if isinstance(d, int)):
        raise ShapeError(f"{owner} needs a scalar to decide by; got {x.type}")
    return op.Reshape(x, np.zeros(0, np.int64)) if x.ndim else x


def _alike(left: Sequence[Any], right: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The results of two branches as tensors of the same types; None beside None."""
    pairs = []
    for a, b in zip(left, right, strict=True):
        if (a is None) != (b is None):
            raise ArgumentError("cond: one branch gave None where the other gave a tensor")
        x = a if a is None else convert(a, None if is_number(b) else convert(b).dtype)
        y = b if b is None else convert(b, None if x is None else x.dtype)
        if x is not None and y is not None and x.dtype != y.dtype:
            raise ArgumentError(f"cond: one branch gave {x.type} and the other {y.type}")
        pairs.append((x, y))
    return [x for x, _ in pairs], [y for _, y in pairs]


def _at(places: Sequence[int], found: Sequence[Tensor], count: int) -> list[Any]:
    known = dict(zip(places, found, strict=True))
    return [known.get(i) for i in range(count)]


def switch(index: Like, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``; an ``index`` out of range takes the nearest branch."""
    if not branches:
        raise ArgumentError("switch needs at least one branch")
    number = op.Cast(index, to="int32")
    if len(branches) == 1:
        return branches[0](*operands)
    middle = len(branches) // 2
    return cond(
        op.Less(number, middle),
        lambda: switch(number, branches[:middle], *operands),
        lambda: switch(op.Sub(number, middle), branches[middle:], *operands),
    )


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any,
    maximum_iterations: Like | None = None,
) -> Any:  # fmt: skip
    """``loop_vars = body(*loop_vars)`` as long as ``cond(*loop_vars)`` holds.

    ``loop_vars`` is a tuple or list of tensors (nested ones too) and comes back as a tuple, or is a
    single tensor. Element types and ranks must stay; sizes may change.
    """
    single = not isinstance(loop_vars, (list, tuple))
    wrapped = (loop_vars,) if single else tuple(loop_vars)
    leaves, structure = tree.flatten(wrapped)

    def step(iteration: Tensor, proceed: Tensor, *flat: Tensor) -> Any:
        given = body(*tree.unflatten(structure, flat))
        new = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        found, nesting = tree.flatten(new)
        same_structure("while_loop", structure, nesting)
        typed = [convert(x, s.dtype) for x, s in zip(found, flat, strict=True)]
        return [_scalar("while_loop", boolean(cond(*tree.unflatten(structure, typed)))), *found]

    first = _scalar("while_loop", boolean(cond(*wrapped)))
    limit = None if maximum_iterations is None else _count(maximum_iterations)
    found = tree.unflatten(structure, _looped("while", step, limit, first, leaves))
    return found[0] if single else found


def _count(value: Any) -> Tensor:
    return _scalar("a loop", op.Cast(value, to=dtypes.INT64))


def fori_loop(
    lower: Like, upper: Like, body_fun: Callable[[Tensor, Any], Any], init_val: Any
) -> Any:
    """``val = body_fun(i, val)`` for each ``i`` from ``lower`` to ``upper`` (excluded)."""
    start, end = _count(lower), _count(upper)
    leaves, structure = tree.flatten(init_val)

    def step(iteration: Tensor, proceed: Tensor, *flat: Tensor) -> Any:
        new = body_fun(op.Add(iteration, start), tree.unflatten(structure, flat))
        found, nesting = tree.flatten(new)
        same_structure("fori_loop", structure, nesting)
        return [proceed, *found]

    trips = op.Max(op.Sub(end, start), 0)
    return tree.unflatten(structure, _looped("fori", step, trips, None, leaves))


def _looped(
    name: str, step: Callable[..., Any], trips: Tensor | None, first: Tensor | None,
    states: Sequence[Any],
) -> list[Tensor]:  # fmt: skip
    """A Loop with these states, and the variables that its body assigns as more of them."""
    before = [
        argument("iteration", TensorType(dtypes.INT64, ())),
        argument("proceed", TensorType(dtypes.BOOL, ())),
    ]
    body, initial = stateful(name, step, before, states, (), 1)
    written = body.written
    given = [*body.parameters, *body.reads(written)]
    results = [convert(body.leaves[0]), *_typed(body, 1, len(initial)), *body.last(written)]
    initial += [v.value for v in written]
    (block,), operands = closed([(body, given, results)], lazily=False)
    go = constant(np.array(True)) if first is None and trips is None else first
    found = several(
        apply("Loop", trips, go, *initial, *operands, body=block, outputs=len(initial))
    ) if initial else []  # fmt: skip
    assigned(written, found[len(states) :])
    return found[: len(states)]


def _typed(body: Draft, skip: int, count: int, start: int | None = None) -> list[Tensor]:
    """The states that a body gave, of the types of those that it was given."""
    first = skip + 1 if start is None else start
    given = body.parameters[first : first + count]
    return [
        convert(x, p.dtype) for x, p in zip(body.leaves[skip : skip + count], given, strict=True)
    ]


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: int | bool = 1,
) -> tuple[Any, Any]:  # fmt: skip
    """``carry, y = f(carry, x)`` for each slice ``x`` of ``xs`` along the first axis.

    Returns the last carry and all ``y``, stacked; None where ``f`` gives None. Without ``xs`` there are
    ``length`` steps, and ``x`` is None. ``reverse`` goes from the last slice to the first; the ``y``
    stand where their ``x`` stood. The carry keeps its element types and ranks. ``unroll`` is a hint
    for compilers that unroll: here the steps are one Scan whatever it is. No step at all is possible
    where that is known when the graph is built: ONNX Runtime has no Scan over nothing.
    """
    _check_unroll(unroll)
    states, nesting = tree.flatten(init)
    slices, form = _slices(xs, length)
    shapes: list[Any] = []

    def step(*flat: Tensor) -> Any:
        carry = tree.unflatten(nesting, flat[: len(states)])
        x = None if xs is None else tree.unflatten(form, flat[len(states) :])
        result = f(carry, x)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ArgumentError(f"scan: f must return (carry, y), not a {type(result).__name__}")
        found, again = tree.flatten(result[0])
        same_structure("scan", nesting, again)
        ys, emitted = tree.flatten(result[1])
        shapes[:] = [emitted, [i for i, y in enumerate(ys) if y is not None], len(ys)]
        return [*found, *(y for y in ys if y is not None)]

    carry, ys = scanned(step, states, slices, reverse)
    emitted, places, count = shapes
    return tree.unflatten(nesting, carry), tree.unflatten(emitted, _at(places, ys, count))


def _check_unroll(unroll: Any) -> None:
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ArgumentError(f"scan(unroll={unroll!r}): expected a whole number above 0, or a bool")


def _slices(xs: Any, length: int | None) -> tuple[list[Tensor], Any]:
    """What is scanned: ``xs`` as tensors (cut to ``length``), or as many numbers as there are steps."""
    if xs is None:
        if length is None:
            raise ArgumentError("scan needs xs, or length")
        return [op.Range(0, _count(length), 1)], None
    leaves, form = tree.flatten(xs)
    tensors = [convert(x) for x in leaves]
    if not tensors:
        raise ArgumentError("scan: xs holds no tensor")
    known: set[Dim] = {t.shape[0] if t.ndim else 0 for t in tensors}
    numbers = {d for d in known if isinstance(d, int)}
    if any(t.ndim == 0 for t in tensors) or len(numbers) > 1:
        raise ShapeError(
            f"scan: all of xs must have the same first size; got {[str(t.type) for t in tensors]}"
        )
    if length is not None:
        if any(n < length for n in numbers):
            raise ShapeError(f"scan: length={length} is more than xs has: {numbers}")
        tensors = [op.Slice(t, [0], [length], [0]) for t in tensors]
    return tensors, form


def scanned(
    step: Callable[..., Any], states: Sequence[Any], slices: Sequence[Tensor], reverse: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """A Scan, with the variables that its body assigns as more states: last states, stacked results."""
    after = [argument(f"slice_{i}", TensorType(x.dtype, x.shape[1:])) for i, x in enumerate(slices)]
    body, initial = stateful("scan", step, (), states, after, 0)
    written = body.written
    own, count = len(initial), len(initial) + len(written)
    given = [*body.parameters[:own], *body.reads(written), *after]
    emitted = [convert(y) for y in body.leaves[own:]]
    results = [*_typed(body, 0, own, 0), *body.last(written), *emitted]
    if any(x.shape[0] == 0 for x in slices):  # no step
        return initial, [_nothing(y) for y in emitted]
    initial += [v.value for v in written]
    (block,), operands = closed([(body, given, results)], lazily=False)
    backwards = (1,) if reverse else ()
    found = several(apply(
        "Scan", *initial, *slices, *operands, body=block, num_scan_inputs=len(slices),
        scan_input_directions=backwards * len(slices) or None,
        scan_output_directions=backwards * len(emitted) or None, outputs=len(results),
    )) if results else []  # fmt: skip
    assigned(written, found[own:count])
    return found[:own], found[count:]


def _nothing(y: Tensor) -> Tensor:
    """No ``y`` at all, stacked. A size that only a step would have told is 0."""
    sizes = [d if isinstance(d, int) else 0 for d in y.shape]
    return constant(np.zeros((0, *sizes), y.dtype))


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f`` of each slice of ``xs`` along the first axis, stacked; one after the other."""
    return scan(lambda _, x: ((), f(x)), (), xs)[1]


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """``function`` of each slice of ``elements`` along the first axis, stacked.

    One after the other: functions that broadcast do the same in less time.
    """
    return map(function, elements)


def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All running combinations of the slices along ``axis`` by the associative ``f``.

    ``f`` takes and gives what is nested like ``elems``, with any size of ``axis``. Where that size is
    known, in log2(size) steps (Hillis and Steele 1986); else one after the other.
    """
    leaves, form = tree.flatten(elems)
    tensors = [convert(x) for x in leaves]
    sizes = {t.shape[axis] for t in tensors}
    if len({s for s in sizes if isinstance(s, int)}) > 1:
        raise ShapeError(f"associative_scan: sizes of axis {axis} differ: {sizes}")

    def combined(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[Tensor]:
        found, again = tree.flatten(f(tree.unflatten(form, a), tree.unflatten(form, b)))
        same_structure("associative_scan", form, again)
        return [convert(x, t.dtype) for x, t in zip(found, tensors, strict=True)]

    far = np.iinfo(np.int64).max
    turned = [op.Slice(t, [-1], [-far], [axis], [-1]) for t in tensors] if reverse else tensors
    size = next((s for s in sizes if isinstance(s, int)), None)
    if size is None:
        found = _running(combined, turned, axis)
    else:
        found, step = turned, 1
        while step < size:
            early = [op.Slice(t, [0], [-step], [axis]) for t in found]
            late = [op.Slice(t, [step], [far], [axis]) for t in found]
            done = [op.Slice(t, [0], [step], [axis]) for t in found]
            new = combined(early, late)
            found = [op.Concat(d, n, axis=axis) for d, n in zip(done, new, strict=True)]
            step *= 2
    back = [op.Slice(t, [-1], [-far], [axis], [-1]) for t in found] if reverse else found
    return tree.unflatten(form, back)


def _running(
    combined: Callable[[Sequence[Tensor], Sequence[Tensor]], list[Tensor]],
    tensors: Sequence[Tensor], axis: int,
) -> list[Tensor]:  # fmt: skip
    """One slice (whose ``axis`` keeps size 1) after the other."""
    places = [axis % t.ndim for t in tensors]
    first = [op.Slice(t, [0], [1], [a]) for t, a in zip(tensors, places, strict=True)]
    lead = [
        op.Transpose(t, perm=[a, *(i for i in range(t.ndim) if i != a)])
        for t, a in zip(tensors, places, strict=True)
    ]
    count = len(tensors)
    size = op.Shape(lead[0], start=0, end=1)

    def step(*flat: Tensor) -> list[Tensor]:
        here = [op.Unsqueeze(x, [a]) for x, a in zip(flat[count:-1], places, strict=True)]
        # the first is taken as it is: ONNX Runtime has no Scan over nothing, so it is a step too
        start = op.Equal(flat[-1], 0)
        new = combined(flat[:count], here)
        new = [op.Where(start, x, y) for x, y in zip(here, new, strict=True)]
        return [*new, *(op.Squeeze(x, [a]) for x, a in zip(new, places, strict=True))]

    _, stacked = scanned(step, first, [*lead, op.Range(0, op.Squeeze(size, [0]), 1)])
    return [
        op.Transpose(t, perm=[*range(1, a + 1), 0, *range(a + 1, t.ndim)])
        for t, a in zip(stacked, places, strict=True)
    ]


__all__ = [
    "associative_scan", "cond", "fori_loop", "map", "scan", "switch", "vectorized_map",
    "while_loop",
]  # fmt: skip
