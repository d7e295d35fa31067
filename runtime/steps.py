"""The compiled steps of a model, one per kind and per structure of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiler import tree
from ..compiler.infer import Dim
from ..compiler.ir import Array, Tensor
from ..compiler.program import Program, TensorSpec, free_names, rebuild_results, trace
from ..errors import ArgumentError, DataError, ShapeError
from . import placement
from .data import NO_TARGETS, Batch, Source, Structure
from .hosted import prepared
from .step import Bound, Step
from .utils import pack_x_y_sample_weight

if TYPE_CHECKING:
    from .model import Model


class Steps:
    """Compiled steps by kind ("train", "test", "predict"). Shapes that vary become dynamic dims."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._steps: dict[Any, tuple[list[TensorSpec], Step]] = {}

    def clear(self) -> None:
        """Forget all: the model was compiled anew."""
        self._steps = {}

    def last(self, kind: str) -> tuple[Structure, list[TensorSpec]] | None:
        """Structure and types of the data that the newest step of this kind was made for."""
        found = [(k[1], specs) for k, (specs, _) in self._steps.items() if k[0] == kind]
        return found[-1] if found else None

    def newest(self, kind: str) -> Step | None:
        """The newest step of this kind."""
        found = [step for key, (_, step) in self._steps.items() if key[0] == kind]
        return found[-1] if found else None

    def bound(self, kind: str, source: Source, batch: Batch) -> Bound:
        """Buffers of the step of this kind for a batch of ``source``."""
        example = [
            np.empty((1, *shape[1:]), array.dtype)
            for shape, array in zip(batch.shapes, source.example(), strict=True)
        ]
        return self.get(kind, source.structure, example).bind(batch.shapes)

    def once(self, kind: str, x: Any) -> Any:
        """The results of one run on ``x``, which is not cut into batches."""
        arrays = tree.map_leaves(np.asarray, x)
        structure = Structure(tree.flatten(arrays)[1], NO_TARGETS, False)
        flat = tree.leaves(arrays)
        step = self.get(kind, structure, flat)
        return rebuild_results(step.program.structure, step(flat))

    def get(self, kind: str, structure: Structure, example: Sequence[Array]) -> Step:
        """The step that takes arrays like ``example``, compiled if need be."""
        key = (kind, structure, str(placement.current()))
        known = self._steps.get(key)
        if known is not None and all(_takes(s, a) for s, a in zip(known[0], example, strict=True)):
            return known[1]
        specs = input_specs(self._model, structure, example)
        if known is not None:
            specs = [_relaxed(a, b) for a, b in zip(known[0], specs, strict=True)]
        program = traced(self._model, kind, structure, specs, host=True)
        nesting = program.structure[0]
        if kind != "predict" and (nesting is None or nesting[0] is not dict):
            raise ArgumentError(
                f"{kind}_step of model {self._model.name!r} gave {tree.describe(nesting)}; expected a "
                "dict of logs, such as {'loss': loss}"
            )
        step = prepared(program, placement.current())
        self._steps[key] = specs, step
        return step


def traced(
    model: Model, kind: str, structure: Structure, specs: Sequence[TensorSpec], host: bool = False
) -> Program:
    """Trace ``model.<kind>_step`` on tensors of these types; see ``trace`` for ``host``."""

    def step(data: Any) -> Any:
        return getattr(model, f"{kind}_step")(data)

    names = None
    if kind == "predict":
        names = model.output_names
    program = trace(step, specs, rebuilder(structure), host=host)
    if names is not None and len(names) == len(program.outputs):
        names = free_names(names, program.inputs)
        program = Program(
            program.inputs, dict(zip(names, program.outputs.values(), strict=True)),
            program.structure, program.reads, program.writes, program.hosted,
        )  # fmt: skip
    return program


def rebuilder(
    structure: Structure,
) -> Callable[[list[Tensor]], tuple[tuple[Any, ...], dict[str, Any]]]:
    """From flat tensors to x, (x, y) or (x, y, sample_weight): what a step takes."""

    def rebuild(tensors: list[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        feed = iter(tensors)
        x = tree.unflatten(structure.x, feed)
        y = None if structure.y == NO_TARGETS else tree.unflatten(structure.y, feed)
        weights = structure.weights(feed)
        given = pack_x_y_sample_weight(x, y) if weights is None else (x, y, weights)
        return (given,), {}

    return rebuild


def input_specs(model: Model, structure: Structure, example: Sequence[Array]) -> list[TensorSpec]:
    """Types of x, y and weights, flat. The model's own inputs decide about x."""
    count = len(tree.leaves(tree.unflatten(structure.x, iter(example))))
    rest = list(example[count:])
    specs = _x_specs(model, structure, example[:count])
    cut = len(rest) - structure.weight_count
    targets = rest[:cut]
    weights = [
        TensorSpec(
            ("batch", *a.shape[1:]), "float32", f"sample_weight_{i}" if i else "sample_weight"
        )
        for i, a in enumerate(rest[cut:])
    ]
    names = ["y"] if len(targets) == 1 else [f"y_{i}" for i in range(len(targets))]
    specs += [
        TensorSpec(("batch", *a.shape[1:]), _target_dtype(a), n)
        for a, n in zip(targets, names, strict=True)
    ]
    return specs + weights


def _x_specs(model: Model, structure: Structure, arrays: Sequence[Array]) -> list[TensorSpec]:
    declared = tree.leaves(model.input_specs) if model.input_specs is not None else []
    if len(declared) == len(arrays) and model.is_functional_like:
        for spec, array in zip(_by_name(declared, structure), arrays, strict=True):
            _check_input(model.name, spec, array)
        return [
            s if a.ndim == len(s.shape) else TensorSpec(("batch", *a.shape[1:]), s.dtype, s.name)
            for s, a in zip(_by_name(declared, structure), arrays, strict=True)
        ]
    names = [s.name for s in declared] if len(declared) == len(arrays) else _names(structure)
    return [
        TensorSpec(("batch", *a.shape[1:]), _input_dtype(a), n)
        for a, n in zip(arrays, names, strict=True)
    ]


def _by_name(declared: list[TensorSpec], structure: Structure) -> list[TensorSpec]:
    """A dict of inputs is matched by name, whatever its order."""
    keys = structure.x[1] if structure.x is not None and structure.x[0] is dict else None
    named = {s.name: s for s in declared}
    if keys is not None and set(keys) == set(named):
        return [named[k] for k in keys]
    return declared


def _names(structure: Structure) -> list[str]:
    if structure.x is not None and structure.x[0] is dict:
        return [str(k) for k in structure.x[1]]
    count = 1 if structure.x is None else len(structure.x[2])
    return ["input"] if count == 1 else [f"input_{i}" for i in range(count)]


def _check_input(model: str, spec: TensorSpec, array: Array) -> None:
    text = spec.dtype == object
    if array.dtype.kind not in ("UOT" if text else "fiub"):
        kind = "strings" if text else f"numbers ({spec.dtype.name})"
        raise DataError(f"input {spec.name!r} has dtype {array.dtype}; expected {kind}")
    # a last dim of 1 may be missing, or be there too much: the model mends that
    one = array.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1
    one |= array.ndim == len(spec.shape) + 1 and array.shape[-1] == 1
    same = (one or array.ndim == len(spec.shape)) and all(
        not isinstance(w, int) or w == d
        for w, d in zip(spec.shape[1:], array.shape[1:], strict=False)
    )
    if not same:
        wanted = tuple(d if isinstance(d, int) else None for d in spec.shape)
        raise ShapeError(
            f"model {model!r} takes {wanted} as its input {spec.name!r}; got data of shape "
            f"{(None, *array.shape[1:])} (None is the number of examples)"
        )


def _input_dtype(array: Array) -> str:
    if array.dtype.kind in "UOT":  # objects are strings: the data has seen to it
        return "string"
    if array.dtype.kind not in "fiub":
        raise DataError(f"x has dtype {array.dtype}; expected numbers")
    return "float32" if array.dtype.kind == "f" else "int64" if array.dtype.kind in "iu" else "bool"


def _target_dtype(array: Array) -> str:
    if array.dtype.kind not in "fiub":
        raise DataError(f"y has dtype {array.dtype}; expected numbers (encode text labels first)")
    return "float32" if array.dtype.kind in "fb" else "int64"


def _takes(spec: TensorSpec, array: Array) -> bool:
    if (spec.dtype.kind == "O") != (array.dtype.kind in "UOT"):  # text is for text alone
        return False
    return len(spec.shape) == array.ndim and all(
        not isinstance(w, int) or w == d for w, d in zip(spec.shape, array.shape, strict=True)
    )


def _relaxed(old: TensorSpec, new: TensorSpec) -> TensorSpec:
    """A spec that takes both: dims that differ become dynamic."""
    if len(old.shape) != len(new.shape) or (old.dtype.kind == "O") != (new.dtype.kind == "O"):
        return new
    dims: list[Dim] = [
        a if a == b else f"{new.name}_dim_{i}"
        for i, (a, b) in enumerate(zip(old.shape, new.shape, strict=True))
    ]
    return TensorSpec(dims, np.result_type(old.dtype, new.dtype), new.name)
