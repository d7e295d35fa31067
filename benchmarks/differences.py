"""Gradients that ``wh.differentiate`` writes, against differences of the original file.

The original runs in ONNX Runtime with its parameters turned into inputs, so that nothing of ours takes
part in the expectation. For a direction ``u`` of the parameters and cotangents ``v`` of the outputs,
``<v, f(p + s u) - f(p - s u)> / 2s`` must equal ``<g, u>``. Each parameter is moved in proportion to its
size. The step ``s`` is chosen where neighbouring ones agree best with *each other*, which is where kinks
and rounding disturb least, and is found without a look at what is to be checked.

ONNX Runtime has no double kernels for convolutions. So the original is run by ``onnx.reference`` in
float64 (``double.py``); only where each parameter of a large model is checked alone, in float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from double import evaluator
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
THREADS = 2
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """A session on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = THREADS
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def values_of(model: onnx.ModelProto) -> dict[str, Array]:
    """All floating-point tensors of the main graph that have a value in the file."""
    found = {
        t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type in FLOATS
    }
    integers = {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.INT64}
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if value is None or value.data_type not in FLOATS:
            continue
        if node.op_type == "Constant":
            found[node.output[0]] = numpy_helper.to_array(value)
        elif node.op_type == "ConstantOfShape" and node.input[0] in integers:
            shape = numpy_helper.to_array(integers[node.input[0]])
            fill = numpy_helper.to_array(value)
            found[node.output[0]] = np.full(shape, fill[0], fill.dtype)
    return found


def opened(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """The model with what its file says of these tensors replaced by inputs of the same names."""
    values, wanted = values_of(model), set(names)
    missing = wanted - set(values)
    if missing:
        raise ValueError(f"These tensors have no value in the model: {sorted(missing)}")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for items in (graph.initializer, graph.input):
        kept = [i for i in items if i.name not in wanted]
        del items[:]
        items.extend(kept)
    nodes = [n for n in graph.node if wanted.isdisjoint(n.output)]
    del graph.node[:]
    graph.node.extend(nodes)
    for name in sorted(wanted):
        kind = helper.np_dtype_to_tensor_dtype(values[name].dtype)
        graph.input.append(helper.make_tensor_value_info(name, kind, values[name].shape))
    result.ir_version = max(result.ir_version, 4)  # before, every initializer had to be an input
    return result


def widened(model: onnx.ModelProto, dtype: Any) -> onnx.ModelProto:
    """The model with all that is narrower than ``dtype`` in ``dtype``."""
    wide = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    order = [TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE]
    narrow = order[: order.index(wide)]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    attributes = [a for node in graph.node for a in node.attribute]
    for tensor in (*graph.initializer, *(a.t for a in attributes)):
        if tensor.data_type in narrow:
            array = numpy_helper.to_array(tensor).astype(dtype)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in narrow:
            value.type.tensor_type.elem_type = wide
    for attribute in attributes:
        if attribute.name == "to" and attribute.i in narrow:
            attribute.i = wide
    zero = numpy_helper.from_array(np.zeros(1, dtype))
    for node in graph.node:
        if node.op_type == "ConstantOfShape" and not node.attribute:
            node.attribute.append(helper.make_attribute("value", zero))
    return result


class Single:
    """The original in ONNX Runtime, in float32: fast, and exact to about 1e-7 of what it adds up."""

    window = 3
    steps = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)

    def __init__(self, model: onnx.ModelProto, parameters: Sequence[str]) -> None:
        self._session = session(opened(widened(model, np.float32), parameters))
        self._types = {i.name: i.type for i in self._session.get_inputs()}
        self.outputs = [o.name for o in self._session.get_outputs() if o.type in _DTYPES]

    def run(self, feeds: Arrays) -> list[Array]:
        """The floating-point outputs."""
        given = {n: _as(feeds[n], kind) for n, kind in self._types.items()}
        found: list[Array] = self._session.run(self.outputs, given)
        return found


class Double:
    """The original in ``onnx.reference``, in float64: slow, but steps can be too small to meet kinks."""

    window = 2
    steps = (1e-6, 1e-7)

    def __init__(self, model: onnx.ModelProto, parameters: Sequence[str]) -> None:
        wide = opened(widened(model, np.float64), parameters)
        self._evaluator = evaluator(wide)
        stored = {t.name for t in wide.graph.initializer}
        self._names = [i.name for i in wide.graph.input if i.name not in stored]
        kinds = {o.name: o.type.tensor_type.elem_type for o in wide.graph.output}
        self.outputs = [n for n, kind in kinds.items() if kind == TensorProto.DOUBLE]

    def run(self, feeds: Arrays) -> list[Array]:
        """The floating-point outputs."""
        given = {n: np.asarray(feeds[n]) for n in self._names}
        wide = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in given.items()}
        with np.errstate(all="ignore"):
            found: list[Array] = self._evaluator.run(self.outputs, wide)
        return found


def scattered(values: Arrays, rng: np.random.Generator) -> dict[str, Array]:
    """Parameters where the file has one number all over (a test model), made to differ.

    Matrices and kernels as He et al. 2015 have them, vectors around 0.2, at which 50 layers neither
    fade nor saturate the softmax.
    """
    found = dict(values)
    for name, array in values.items():
        if array.size > 1 and np.ptp(array) == 0:
            noise = rng.normal(size=array.shape)
            fan_in = int(np.prod(array.shape[1:]))
            scaled = noise * np.sqrt(2 / fan_in) if array.ndim > 1 else 0.2 * np.exp(noise / 3)
            found[name] = scaled.astype(array.dtype)
    return found


def direction(values: Arrays, rng: np.random.Generator) -> dict[str, Array]:
    """A random direction in proportion to each array's size (1 where it is zero).

    What is positive throughout, such as variances, moves in proportion to each element and so stays
    positive. Infinities, which masks are made of, stay where they are.
    """
    return {n: rng.normal(size=a.shape) * _reach(a.astype(np.float64)) for n, a in values.items()}


def _reach(array: Array) -> Array:
    if array.size > 1 and (array > 0).all() and np.isfinite(array).all():
        return array
    finite = np.isfinite(array)
    size = float(np.sqrt(np.mean(array[finite] ** 2))) if finite.any() else 0.0
    return np.where(finite, size or 1.0, 0.0)


@dataclass
class Checked:
    """``errors``: by parameter, input, or ``all``, relative to how large a slope may be expected."""

    errors: dict[str, float] = field(default_factory=dict)
    zero: list[str] = field(default_factory=list)

    def worst(self, names: Iterable[str]) -> float:
        """The largest error among these; NaN counts as largest."""
        found = [self.errors[n] for n in names if n in self.errors]
        return float(np.max(found)) if found else 0.0


class Pair:
    """The original file and its gradient graph, both with parameters as inputs."""

    def __init__(
        self,
        original: onnx.ModelProto,
        gradient: onnx.ModelProto,
        feeds: Arrays,
        alone: type[Single | Double] = Single,
        seed: int = 0,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        grads = [
            o.name.removeprefix("grad/")
            for o in gradient.graph.output
            if o.name.startswith("grad/")
        ]
        own = values_of(original)
        self.parameters = [n for n in grads if n in own]
        self.inputs = [n for n in grads if n in feeds]
        unknown = set(grads) - {*self.parameters, *self.inputs}
        if unknown:
            raise ValueError(f"Gradients of what the file doesn't have: {sorted(unknown)}")
        self.own = {n: own[n] for n in self.parameters}
        self.point = scattered(self.own, self.rng)
        self.point |= {n: feeds[n] for n in self.inputs}
        self.feeds = dict(feeds)
        self.together: Single | Double = Double(original, self.parameters)
        self.alone = self.together if alone is Double else Single(original, self.parameters)
        kept = values_of(gradient)  # what no output depends on isn't there
        self.gradient = session(opened(gradient, [n for n in self.parameters if n in kept]))
        self.outputs = self.together.outputs
        self.cotangents = self._cotangents()

    def _cotangents(self) -> dict[str, Array]:
        found = zip(self.outputs, self.run({}, self.together), strict=True)
        return {n: np.asarray(self.rng.normal(size=a.shape)) for n, a in found}

    def run(self, moved: Arrays, oracle: Single | Double) -> list[Array]:
        """The original's outputs where some of the point is replaced."""
        return oracle.run({**self.feeds, **self.point, **moved})

    def gradients(self) -> dict[str, Array]:
        """What our graph gives at the point."""
        feeds = {**self.feeds, **self.point}
        feeds |= {f"cotangent/{n}": v for n, v in self.cotangents.items()}
        given = self._given(feeds)
        names = [*self.parameters, *self.inputs]
        found = self.gradient.run([f"grad/{n}" for n in names], given)
        return {n: a.astype(np.float64) for n, a in zip(names, found, strict=True)}

    def gradient_outputs(self, names: Sequence[str]) -> list[Array]:
        """The original outputs as our graph gives them, with the file's own parameters."""
        feeds = {**self.feeds, **self.own}
        feeds |= {f"cotangent/{n}": v for n, v in self.cotangents.items()}
        found: list[Array] = self.gradient.run(list(names), self._given(feeds))
        return found

    def _given(self, feeds: Arrays) -> dict[str, Array]:
        return {i.name: _as(feeds[i.name], i.type) for i in self.gradient.get_inputs()}

    def slope(self, along: Arrays, oracle: Single | Double) -> float:
        """The derivative along a direction by differences: the middle of those that agree best."""
        estimates: list[float] = []
        best, found = float("inf"), float("nan")
        for step in oracle.steps:
            estimates.append(self._rise(along, step, oracle) / (2 * step))
            window = estimates[-oracle.window :]
            if len(window) == oracle.window and np.ptp(window) < best:
                best, found = float(np.ptp(window)), float(np.median(window))
            if best <= 1e-4 * abs(found):
                break
        return found

    def _rise(self, along: Arrays, step: float, oracle: Single | Double) -> float:
        """How far the outputs, weighted by the cotangents, rise from one side to the other."""
        up, down = (
            self.run({n: self.point[n] + by * u for n, u in along.items()}, oracle)
            for by in (step, -step)
        )
        pairs = zip(self.outputs, up, down, strict=True)
        return sum(
            float(np.sum(self.cotangents[n] * (a.astype(np.float64) - b))) for n, a, b in pairs
        )

    def _movable(self, name: str) -> bool:
        """Whether the original still runs when a number is changed: not if indices are made of it."""
        try:
            self.run({name: self.point[name] * 1.1 + 0.01}, self.alone)
        except Exception:  # onnxruntime's exceptions share no base but Exception
            return False
        return True

    def check(self, *, each: bool = True, directions: int = 2) -> Checked:
        """Compare: all parameters together along some directions; the inputs; and ``each`` alone.

        An error is relative to the root of the sum of squares of ``g u``, the deviation that the slope
        has over random directions: a slope near zero by chance makes no error look large. What matters
        less than a hundredth of all parameters together is compared with that hundredth. Numbers that
        indices are made of can't be moved; their gradients must be zero.
        """
        found, gradients = Checked(), self.gradients()
        for name, array in gradients.items():
            if not np.isfinite(array).all():
                found.errors[name] = float("nan")
            elif not array.any():
                found.zero.append(name)
        stuck = [n for n in self.parameters if self.point[n].size == 1 and not self._movable(n)]
        found.errors |= {n: float("inf") for n in stuck if n not in found.zero}
        movable = [n for n in self.parameters if n not in stuck]
        floor = 0.01 * _spread(gradients, self._direction(movable))
        for i in range(directions):
            self._compare(found, f"all/{i}", gradients, movable, self.together, 0.0)
        if self.inputs:
            self._compare(found, "inputs", gradients, self.inputs, self.together, floor)
        for name in (*movable, *self.inputs) if each else ():
            self._compare(found, name, gradients, [name], self.alone, floor)
        return found

    def _direction(self, names: Sequence[str]) -> dict[str, Array]:
        return direction({n: self.point[n] for n in names}, self.rng)

    def _compare(
        self,
        found: Checked,
        label: str,
        gradients: Arrays,
        names: Sequence[str],
        oracle: Single | Double,
        floor: float,
    ) -> None:
        along = self._direction(names)
        expected = self.slope(along, oracle)
        got = sum(float(np.sum(gradients[n] * u)) for n, u in along.items())
        scale = max(_spread(gradients, along), floor)
        error = abs(expected - got) / scale if scale else abs(expected - got)
        found.errors[label] = float(np.maximum(found.errors.get(label, 0.0), error))


def _spread(gradients: Arrays, along: Arrays) -> float:
    return float(np.sqrt(sum(float(np.sum((gradients[n] * u) ** 2)) for n, u in along.items())))


def _as(value: Array, kind: str) -> Array:
    """In the type that a session's input has."""
    return np.asarray(value, _DTYPES.get(kind, np.asarray(value).dtype))


def relative(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest difference of two lists of outputs, each relative to the expected one's largest."""
    worst = 0.0
    for a, b in zip(found, expected, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return float("inf")
        if a.dtype.kind != "f":
            worst = max(worst, 0.0 if np.array_equal(a, b) else float("inf"))
            continue
        if not np.array_equal(np.isnan(a), np.isnan(b)):
            return float("inf")
        apart = np.nan_to_num(np.abs(a.astype(np.float64) - b))
        size = float(np.nanmax(np.abs(b.astype(np.float64)), initial=0.0))
        worst = max(worst, float(apart.max(initial=0.0)) / (size or 1.0))
    return worst
