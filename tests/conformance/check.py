"""One case: is what is imported the same function, and is its gradient that function's?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from waterhorse import _boot
from waterhorse.compiler import autodiff, importer, ir, lower
from waterhorse.errors import FileFormatError, GradientError, WaterhorseError

from .cases import Array, Case, nodes_of
from .differences import Differences, Gradient
from .engines import DRAWING, Run, session, with_plain_outputs
from .widen import NARROW

assert _boot.gradients  # importing it fills the table of rules

# Operands that say how, not what: no gradient is promised. (operator, position)
DECLARED = {
    ("Resize", 1): "the region of interest decides where to look",
    ("Resize", 2): "scales decide on the shape of the result",
    ("Upsample", 1): "scales decide on the shape of the result",
    ("Dropout", 1): "the ratio decides what is dropped",
    ("CastLike", 1): "only its type counts",
}
LOOSE = 1e-5  # of the largest element, where the case's own 1e-7 is below what float32 can do


@dataclass
class Result:
    """What came out for one case.

    ``kind``: "differentiable", "zero" (declared, and confirmed by differences), "discrete" (no float among
    inputs or among outputs), "text", "foreign" (not ai.onnx). ``forward``: "right", "loose" (beyond the
    case's own tolerance, within 1e-5 of the largest element), "random", "runtime" (onnxruntime differs from the case on the original
    file too), "wrong", "unsupported". ``gradient``: "right", "jittered" (the case's own point is not smooth; right beside it), "wrong",
    "unsupported", "" where there is none.
    """

    name: str
    op: str
    kind: str = ""
    forward: str = ""
    gradient: str = ""
    engine: str = ""
    reason: str = ""
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Loaded:
    """A case that was imported, with the model to run its forward pass."""

    case: Case
    graph: importer.Imported
    model: onnx.ModelProto
    values: Mapping[str, Array] = field(default_factory=dict)


def check(case: Case) -> Result:
    """Classify and check one case; what goes wrong is in the result."""
    result = Result(case.name, case.op, _kind(case))
    try:
        loaded = _loaded(case, result)
    except WaterhorseError as error:
        result.forward, result.reason = "unsupported", _short(error)
        result.gradient = "unsupported" if result.kind == "differentiable" else ""
        return result
    right = _forward(loaded, result)
    if result.kind != "differentiable":
        return result
    if right is None:
        result.gradient = "unsupported"
        return result
    try:
        _gradient(right, result)
    except GradientError as error:
        fails = "onnxruntime fails" in str(error)
        result.gradient, result.reason = "wrong" if fails else "unsupported", _short(error)
    return result


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _kind(case: Case) -> str:
    if any(case.element(n) == TensorProto.STRING for n in case.every()):
        return "text"
    if not (due(case) and case.floats([*case.expected])):
        return "discrete"
    return "differentiable"


def due(case: Case) -> list[str]:
    """Float inputs that gradients are due for."""
    nodes = [*nodes_of(case.model.graph)]
    outputs = {o.name for o in case.model.graph.output}
    uses = {
        n: {(d.op_type, i) for d in nodes for i, x in enumerate(d.input) if x == n}
        for n in case.feeds
    }
    return [
        n for n in case.floats([*case.feeds])
        if n in outputs or any(u not in DECLARED for u in uses[n])
    ]  # fmt: skip


# -- forward --------------------------------------------------------------------------------------


def _loaded(case: Case, result: Result) -> Loaded:
    """Import; where that takes integers that are known (axes, shapes), store them in the model."""
    odd = [n for n in case.feeds if case.element(n) in NARROW]
    if odd:  # types of less than 8 bits cannot be fed from Python
        case = case.frozen(odd)
    try:
        return _imported(case)
    except FileFormatError:
        whole = [n for n in case.feeds if n not in case.floats([*case.feeds])]
        if not whole:
            raise
        made = _imported(case.frozen(whole))
        result.notes.append("with its integer operands stored in the model")
        return made


def _imported(case: Case) -> Loaded:
    graph = importer.read(case.model, masters=False)
    return Loaded(case, graph, lower.lower(graph.inputs, graph.outputs, _stored(graph)).model)


def _stored(graph: importer.Imported) -> dict[str, tuple[ir.Tensor, Array]]:
    return {n: (w.leaf, w.value) for n, w in graph.weights.items()}


def _forward(loaded: Loaded, result: Result) -> Loaded | None:
    """Compare with what is expected. Returns what runs: maybe a copy of the case in float32."""
    case = loaded.case
    try:
        if any(case.element(n) == TensorProto.BFLOAT16 for n in case.every()):
            raise NotImplementedError("bfloat16 has no kernels")
        found = session(with_plain_outputs(loaded.model))(case.feeds)
    except Exception as error:  # onnxruntime's exceptions share no base
        wide = case.widened(TensorProto.FLOAT)
        if not case.floats(case.every()) or wide.model == case.model:
            result.forward, result.reason = "unsupported", f"onnxruntime: {_short(error)}"
            return None
        try:
            loaded = _imported(wide)
            found = session(with_plain_outputs(loaded.model))(wide.feeds)
        except Exception as second:
            result.forward, result.reason = "unsupported", f"onnxruntime: {_short(second)}"
            return None
        result.notes.append("in float32: onnxruntime has no kernel for the type")
        case = Case(wide.name, wide.model, wide.feeds, wide.expected, 2e-2, 2e-2)
    problem, loose = _compared(case, found)
    if problem and case.ops() & DRAWING:
        result.forward = "random" if _alike(case, found) else "wrong"
        result.reason = "" if result.forward == "random" else problem
    elif problem and _as_original(case, found):
        result.forward = "runtime"
        result.notes.append(f"onnxruntime gives the same for the original: {problem}")
    else:
        result.forward = "wrong" if problem else "loose" if loose else "right"
        result.reason = problem
    return None if result.forward == "wrong" else Loaded(case, loaded.graph, loaded.model, found)


def _as_original(case: Case, found: Mapping[str, Array]) -> bool:
    """Whether ONNX Runtime gives for the case's own model what it gives for ours."""
    try:
        original = session(case.model)(case.feeds)
    except Exception:  # it cannot run it
        return False
    return all(
        a.shape == found[n].shape and np.allclose(a, found[n], 1e-5, 1e-6, equal_nan=True)
        for n, a in original.items()
    )


def _alike(case: Case, found: Mapping[str, Array]) -> bool:
    return all(found[n].shape == e.shape for n, e in case.expected.items())


def _compared(case: Case, found: Mapping[str, Array]) -> tuple[str, bool]:
    """What is wrong, and whether it took more than the case's own tolerance to be right."""
    loose = False
    for name, expected in case.expected.items():
        got = found[name]
        if got.shape != expected.shape:
            return f"{name} has shape {got.shape}, expected {expected.shape}", loose
        if expected.dtype == object or expected.dtype.kind in "US":
            if got.astype(str).tolist() != expected.astype(str).tolist():
                return f"{name} is another text", loose
            continue
        a, b = got.astype(np.float64), expected.astype(np.float64)
        half = expected.dtype == np.float16 or case.element(name) in (
            TensorProto.FLOAT16, TensorProto.BFLOAT16)  # fmt: skip
        if not np.allclose(a, b, case.rtol, case.atol, equal_nan=True):
            loose = True
            largest = float(np.max(np.abs(b), initial=1, where=np.isfinite(b)))
            near = 1e-2 if half else LOOSE * largest
            if not np.allclose(a, b, max(case.rtol, 1e-2 if half else 0), near, equal_nan=True):
                worst = float(np.nanmax(np.abs(a - b), initial=0))
                return f"{name} differs by up to {worst:.3g}", loose
    return "", loose


# -- gradients ------------------------------------------------------------------------------------


def _built(loaded: Loaded, result: Result) -> Gradient:
    """The gradient graph."""
    wrt = due(loaded.case)
    graph = loaded.graph
    outputs = loaded.case.floats([*loaded.case.expected])
    ys = [graph.outputs[n] for n in outputs]
    vs = {
        f"cotangent/{n}": ir.argument(f"cotangent/{n}", y.type)
        for n, y in zip(outputs, ys, strict=True)
    }
    dxs = autodiff.vector_jacobian(
        ys, [*vs.values()], [graph.inputs[n] for n in wrt], connected=False
    )
    seeds = {v.node for v in vs.values()}
    zero = {n for n, dx in zip(wrt, dxs, strict=True) if not seeds & set(ir.toposort([dx]))}
    targets = {f"grad/{n}": dx for n, dx in zip(wrt, dxs, strict=True)}
    model = lower.lower({**graph.inputs, **vs}, targets, _stored(graph)).model
    return Gradient(_runnable(model, result), wrt, outputs, zero)


def _runnable(model: onnx.ModelProto, result: Result) -> Run:
    try:
        return session(model)
    except Exception as error:
        raise GradientError(f"onnxruntime refuses the gradient: {_short(error)}") from error


def _easier(loaded: Loaded, result: Result, error: GradientError) -> Loaded:
    """The same case in float32, or with its integers known, if that is what was missing."""
    if "onnxruntime refuses" in str(error):
        case = loaded.case.widened(TensorProto.FLOAT)
        note = "gradient in float32: onnxruntime has no kernel for the type"
    else:
        floats = loaded.case.floats([*loaded.case.feeds])
        case = loaded.case.frozen([n for n in loaded.case.feeds if n not in floats])
        note = "gradient with its integer operands stored in the model"
    if case.model == loaded.case.model:
        raise error
    made = _imported(case)
    result.notes.append(note)
    return Loaded(case, made.graph, made.model, loaded.values)


def _gradient(loaded: Loaded, result: Result) -> None:
    """Compare gradients with directional differences, by each input."""
    try:
        made = _built(loaded, result)
    except GradientError as error:
        loaded = _easier(loaded, result, error)
        made = _built(loaded, result)
    checks = Differences(loaded.case, loaded.model, loaded.values, made, result.forward)
    result.engine = checks.engine.name
    verdicts = {name: checks.verdict(name) for name in made.wrt}
    bad = [f"{n}: {v}" for n, v in verdicts.items() if v not in ("right", "jittered")]
    if bad:
        result.gradient, result.reason = "wrong", "; ".join(bad)[:400]
    elif {*made.wrt} == made.zero:
        result.kind, result.gradient = "zero", ""
    else:
        result.gradient = "jittered" if "jittered" in verdicts.values() else "right"
