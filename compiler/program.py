"""A traced Python function: what goes in, what comes out, which variables it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import TraceError
from . import dtypes, tree
from .hosted import HostCall, host_calls
from .infer import Dim, TensorType
from .ir import Tensor, argument, convert, toposort
from .state import Trace, Variable, tracing


class TensorSpec:
    """The type of an argument of ``wh.function``: shape (None = dynamic), dtype, name."""

    def __init__(
        self, shape: Sequence[Dim], dtype: dtypes.DTypeLike = "float32", name: str | None = None
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtypes.as_dtype(dtype)
        self.name = name

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype.name, self.name))

    def __repr__(self) -> str:
        return f"TensorSpec({self.shape}, {self.dtype.name!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class Program:
    """One graph in the making. ``inputs`` and ``outputs`` are in order and uniquely named.

    ``hosted`` is what must be computed of the inputs before, and is used in the graph as arguments.
    """

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    structure: Any
    reads: dict[Variable, Tensor] = field(default_factory=dict)
    writes: dict[Variable, Tensor] = field(default_factory=dict)
    hosted: tuple[HostCall, ...] = ()

    @property
    def variables(self) -> list[Variable]:
        """All variables that the program reads or writes, in the order of first use."""
        return list(dict.fromkeys([*self.reads, *self.writes]))


def trace(
    function: Callable[..., Any],
    specs: Sequence[TensorSpec],
    rebuild: Callable[[list[Tensor]], tuple[tuple[Any, ...], dict[str, Any]]],
    output_names: Sequence[str] | None = None,
    host: bool = False,
) -> Program:
    """Call ``function`` with symbolic arguments and record what it does.

    ``rebuild`` turns one tensor per spec into the arguments of ``function``. With ``host``, layers may
    leave work on inputs to the host.
    """
    names = unique([s.name or f"input_{i}" for i, s in enumerate(specs)])
    arguments = [argument(n, s.type) for n, s in zip(names, specs, strict=True)]
    args, kwargs = rebuild(arguments)
    with tracing(Trace()) as record, host_calls(host) as calls:
        results = function(*args, **kwargs)
        flat, structure = tree.flatten(results)
        tensors = [convert(t) for t in flat if t is not None]
    known = {a.node for a in arguments} | {t.node for t in record.reads.values()}
    known |= {c.result.node for c in calls}
    _check_closed([*tensors, *record.writes.values()], known)
    labels = free_names(output_names or _output_names(results, len(tensors)), names)
    shape = (structure, tuple(t is not None for t in flat))
    return Program(
        dict(zip(names, arguments, strict=True)),
        dict(zip(labels, tensors, strict=True)),
        shape,
        record.reads,
        record.writes,
        tuple(calls),
    )


def rebuild_results(structure: Any, arrays: Sequence[Any]) -> Any:
    """The function's own nesting around the arrays that its graph gave."""
    spec, present = structure
    values = iter(arrays)
    return tree.unflatten(spec, [next(values) if p else None for p in present])


def _output_names(results: Any, count: int) -> list[str]:
    if isinstance(results, dict) and len(results) == count:
        return [str(k) for k in results]
    return [f"output_{i}" for i in range(count)]


def free_names(names: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Names of outputs, numbered where inputs have them: an output that is an input is never written."""
    others = [*taken]
    return unique([*others, *names])[len(others) :]


def unique(names: Sequence[str]) -> list[str]:
    """``names`` with ``_1``, ``_2`` ... behind repeated ones."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, n = name, 0
        while candidate in taken:
            n += 1
            candidate = f"{name}_{n}"
        taken.add(candidate)
        result.append(candidate)
    return result


def _check_closed(outputs: Sequence[Tensor], known: set[Any]) -> None:
    """A tensor of another function (kept in a global, say) has no value in this one."""
    for node in toposort(outputs):
        if node.op in ("Argument", "Placeholder") and node not in known:
            what = "a wh.Input" if node.op == "Placeholder" else "an argument of another function"
            raise TraceError(
                f"the function uses {node.payload.name!r}, {what}: pass it as an argument"
            )
