"""One random direction per case: ``<v, J u>`` by central differences against ``<J^T v, u>``.

Three engines, because ONNX Runtime's CPU provider has no double kernel for every operator:

``double``     everything in float64 on ONNX Runtime
``linear``     float32 on ONNX Runtime with a step of 0.5: exact for what is (bi)linear, as Conv is
``single``     float32 on ONNX Runtime with a step of 0.005, where nothing knows the operator better
``reference``  float64 in ``onnx.reference``; ONNX Runtime in float32 must give the same gradient
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx.reference import ReferenceEvaluator

from waterhorse.compiler import autodiff, ir, lower
from waterhorse.compiler.infer import TensorType
from waterhorse.compiler.verify import verify

Array = np.ndarray[Any, Any]
STEPS = {"double": 1e-5, "linear": 0.5, "single": 5e-3, "reference": 1e-5}
SINGLE = {"linear": 2e-5, "single": 3e-4}  # float32, and its tolerance


@dataclass(frozen=True)
class Case:
    """A function that uses ``op``, at a point. Floating-point inputs are differentiated by."""

    op: str
    build: Callable[..., Any]
    inputs: tuple[Array, ...]
    label: str = ""
    dims: tuple[Any, ...] | None = None
    engine: str = "double"
    smooth: bool = True
    fixed: frozenset[int] = frozenset()
    tolerance: float = 1e-6

    def __str__(self) -> str:
        return f"{self.op}-{self.label}" if self.label else self.op


def case(op: str, build: Callable[..., Any], *inputs: Any, **options: Any) -> Case:
    """A ``Case`` with its inputs as arrays. ``dims`` declares symbolic shapes (None: as they are)."""
    if "fixed" in options:
        options["fixed"] = frozenset(options["fixed"])
    return Case(op, build, tuple(np.asarray(x) for x in inputs), **options)


@dataclass(frozen=True)
class Graphs:
    """The function and its gradient, lowered, with the feeds that they take."""

    forward: onnx.ModelProto
    gradient: onnx.ModelProto
    wrt: tuple[str, ...]


def names(count: int) -> list[str]:
    return [f"x{i}" for i in range(count)]


def as_tuple(value: Any) -> tuple[ir.Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


def differentiated(case: Case) -> list[int]:
    """Positions of the inputs that the case differentiates by."""
    return [i for i, x in enumerate(case.inputs) if x.dtype.kind == "f" and i not in case.fixed]


def arguments(case: Case, dtype: Any) -> list[ir.Tensor]:
    """Symbolic inputs with the declared dims."""
    shapes = case.dims or (None,) * len(case.inputs)
    return [
        ir.argument(n, TensorType(np.dtype(dtype) if x.dtype.kind == "f" else x.dtype,
                                  x.shape if s is None else tuple(s)))
        for n, x, s in zip(names(len(case.inputs)), case.inputs, shapes, strict=True)
    ]  # fmt: skip


def graphs(case: Case, dtype: Any) -> Graphs:
    """Lower the function and its vector-Jacobian product; both verified and checked."""
    xs = arguments(case, dtype)
    ys = [y for y in as_tuple(case.build(*xs)) if y.dtype == np.dtype(dtype)]
    assert case.op in {"", *(n.op for n in ir.toposort(ys))}, f"the case does not use {case.op}"
    vs = [ir.argument(f"v{i}", y.type) for i, y in enumerate(ys)]
    wrt = differentiated(case)
    dxs = autodiff.vector_jacobian(ys, vs, [xs[i] for i in wrt])
    for i, dx in zip(wrt, dxs, strict=True):
        assert dx.type == xs[i].type, f"gradient {dx.type} for {xs[i].type}"
    verify([*ys, *dxs])
    inputs = dict(zip(names(len(xs)), xs, strict=True))
    forward = lower.lower(inputs, {f"y{i}": y for i, y in enumerate(ys)}).model
    cotangents = {f"v{i}": v for i, v in enumerate(vs)}
    targets = {f"d{i}": dx for i, dx in zip(wrt, dxs, strict=True)}
    gradient = lower.lower({**inputs, **cotangents}, targets).model
    for model in (forward, gradient):
        onnx.checker.check_model(model, full_check=True)
    return Graphs(forward, gradient, tuple(f"x{i}" for i in wrt))


Runner = Callable[[onnx.ModelProto, Mapping[str, Array]], list[Array]]


def run(model: onnx.ModelProto, feeds: Mapping[str, Array], optimise: bool = True) -> list[Array]:
    """Run on ONNX Runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    used = {i.name for i in session.get_inputs()}
    found: list[Array] = session.run(None, {k: v for k, v in feeds.items() if k in used})
    return found


def reference(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """Run in onnx.reference."""
    with np.errstate(all="ignore"):
        found: list[Array] = ReferenceEvaluator(model).run(None, dict(feeds))
    return [np.asarray(a) for a in found]


def feeds_of(arrays: Sequence[Array], dtype: Any, prefix: str = "x") -> dict[str, Array]:
    return {
        f"{prefix}{i}": a.astype(dtype) if a.dtype.kind == "f" else a for i, a in enumerate(arrays)
    }


def check(case: Case) -> None:
    """Check the gradient of ``case`` in one random direction. Raises ``AssertionError``."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    dtype = np.float32 if case.engine in SINGLE else np.float64
    step = STEPS[case.engine]
    runner: Runner = reference if case.engine == "reference" else run
    made = graphs(case, dtype)
    wrt = differentiated(case)
    feeds = feeds_of(case.inputs, dtype)
    directions = {f"x{i}": _random(rng, case.inputs[i].shape, dtype) for i in wrt}

    def moved(by: float) -> list[Array]:
        there = {n: np.asarray(a + by * directions[n], dtype) if n in directions else a
                 for n, a in feeds.items()}  # fmt: skip
        return runner(made.forward, there)

    up, down = moved(step), moved(-step)
    vs = [_random(rng, a.shape, dtype) for a in up]
    forward = [
        v.astype(np.float64) * (a.astype(np.float64) - b) / (2 * step)
        for v, a, b in zip(vs, up, down, strict=True)
    ]
    full = {**feeds, **feeds_of(vs, dtype, "v")}
    found = runner(made.gradient, full)
    for name, dx in zip(made.wrt, found, strict=True):
        assert dx.shape == feeds[name].shape, f"gradient of {name}: {dx.shape}"
        assert dx.dtype == dtype
    backward = [
        dx.astype(np.float64) * directions[n] for n, dx in zip(made.wrt, found, strict=True)
    ]
    _compare(case, forward, backward)
    if case.engine == "reference":
        single = graphs(case, np.float32).gradient
        small = {n: a.astype(np.float32) if a.dtype.kind == "f" else a for n, a in full.items()}
        _same(found, run(single, small), 2e-4)
        _same(found, run(single, small, optimise=False), 2e-4)
    else:
        slack = 1e-9 if case.engine == "double" else 1e-4
        _same(found, run(made.gradient, full, optimise=False), slack)


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.asarray(rng.normal(size=shape), dtype)


def _compare(case: Case, forward: Sequence[Array], backward: Sequence[Array]) -> None:
    expected = sum(float(a.sum()) for a in forward)
    got = sum(float(a.sum()) for a in backward)
    size = sum(float(np.abs(a).sum()) for a in (*forward, *backward))
    tolerance = max(case.tolerance, SINGLE.get(case.engine, 0.0))
    assert np.isfinite(size), "not finite"
    assert size > 0, "everything is zero: the case shows nothing"
    assert abs(expected - got) <= tolerance * size, f"differences {expected}, rule {got}"


def _same(a: Sequence[Array], b: Sequence[Array], tolerance: float) -> None:
    for p, q in zip(a, b, strict=True):
        assert p.shape == q.shape
        np.testing.assert_allclose(q, p, tolerance, tolerance * (1 + np.abs(p).max(initial=0)))


def second(case: Case) -> Case:
    """The gradient of ``case`` as a function of its inputs and cotangents: a case for ``check``."""
    dtype = np.float32 if case.engine in SINGLE else np.float64
    rng = np.random.default_rng(zlib.crc32(f"second {case}".encode()))
    feeds = feeds_of(case.inputs, dtype)
    forward = graphs(case, dtype).forward
    outputs = (reference if case.engine == "reference" else run)(forward, feeds)
    declared = as_tuple(case.build(*arguments(case, dtype)))
    shapes = [y.shape for y in declared if y.dtype == np.dtype(dtype)]
    count = len(case.inputs)
    wrt = differentiated(case)

    def build(*tensors: ir.Tensor) -> Any:
        xs, vs = tensors[:count], tensors[count:]
        ys = [y for y in as_tuple(case.build(*xs)) if y.dtype == vs[0].dtype]
        return tuple(autodiff.vector_jacobian(ys, vs, [xs[i] for i in wrt]))

    return replace(
        case,
        build=build,
        op="",
        inputs=(*case.inputs, *(_random(rng, a.shape, np.float64) for a in outputs)),
        dims=(*(case.dims or (None,) * count), *shapes),
        label=f"{case.label}-second",
        tolerance=max(case.tolerance, 1e-5),
    )
