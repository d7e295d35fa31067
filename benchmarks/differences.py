"""Gradients that ``wh.differentiate`` writes, against differences of the original file.

The original runs in ONNX Runtime with its parameters turned into inputs, so that nothing of ours takes
part in the expectation. For a direction ``u`` of the parameters and cotangents ``v`` of the outputs,
``<v, f(p + s u) - f(p - s u)> / 2s`` must equal ``<g, u>``. Each parameter is moved in proportion to its
size. ONNX Runtime has no double kernels for convolutions, so all is single precision: the step ``s`` is
chosen where two neighbouring ones agree best with *each other*, which averages over kinks and rounding
as well as can be done without looking at what is to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
STEPS = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4)
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


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float16 model in float32, since differences of float16 outputs show nothing."""
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for tensor in result.graph.initializer:
        if tensor.data_type == half:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    for value in (*result.graph.input, *result.graph.output, *result.graph.value_info):
        if value.type.tensor_type.elem_type == half:
            value.type.tensor_type.elem_type = single
    for node in result.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == half:
                attribute.i = single
            if attribute.t.data_type == half:
                wide = numpy_helper.to_array(attribute.t).astype(np.float32)
                attribute.t.CopyFrom(numpy_helper.from_array(wide))
    return result


def scattered(values: Arrays, rng: np.random.Generator) -> dict[str, Array]:
    """Parameters where the file has one number all over (a test model), made to differ.

    Matrices and kernels as He et al. 2015 have them, vectors within a third of what they were.
    """
    found = dict(values)
    for name, array in values.items():
        if array.size > 1 and np.ptp(array) == 0:
            noise = rng.normal(size=array.shape)
            fan_in = int(np.prod(array.shape[1:]))
            scaled = noise * np.sqrt(2 / fan_in) if array.ndim > 1 else array * np.exp(noise / 3)
            found[name] = scaled.astype(array.dtype)
    return found


def direction(values: Arrays, rng: np.random.Generator) -> dict[str, Array]:
    """A random direction, in proportion to the size of each array (of 1 where that is zero)."""
    return {n: rng.normal(size=a.shape) * (float(np.sqrt(np.mean(a.astype(np.float64) ** 2))) or 1.0)
            for n, a in values.items()}  # fmt: skip


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
        self, original: onnx.ModelProto, gradient: onnx.ModelProto, feeds: Arrays, seed: int = 0
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
        half = any(a.dtype == np.float16 for a in own.values())
        plain = widened(original) if half else original
        self.own = {n: own[n] for n in self.parameters}
        self.point = scattered(self.own, self.rng)
        self.point |= {n: feeds[n] for n in self.inputs}
        self.feeds = dict(feeds)
        self.original = session(opened(plain, self.parameters))
        self.gradient = session(opened(gradient, self.parameters))
        self.outputs = [
            o.name for o in self.original.get_outputs() if "float" in o.type or "double" in o.type
        ]
        self.cotangents = self._cotangents()

    def _cotangents(self) -> dict[str, Array]:
        found = zip(self.outputs, self.run({}), strict=True)
        return {n: np.asarray(self.rng.normal(size=a.shape)) for n, a in found}

    def run(self, moved: Arrays) -> list[Array]:
        """The original's outputs where some of the point is replaced."""
        kinds = {i.name: i.type for i in self.original.get_inputs()}
        feeds = {**self.feeds, **self.point, **moved}
        given = {n: _as(feeds[n], kinds[n]) for n in kinds}
        found: list[Array] = self.original.run(self.outputs, given)
        return found

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

    def slope(self, along: Arrays) -> tuple[float, float]:
        """The derivative along a direction by differences, and how sure that is."""
        estimates = []
        for step in STEPS:
            up, down = (
                self.run({n: self.point[n] + by * u for n, u in along.items()})
                for by in (step, -step)
            )
            rises = [np.sum(self.cotangents[n] * (a.astype(np.float64) - b))
                     for n, a, b in zip(self.outputs, up, down, strict=True)]  # fmt: skip
            estimates.append(float(np.sum(rises)) / (2 * step))
        apart = [abs(a - b) for a, b in pairwise(estimates)]
        best = int(np.argmin(apart))
        return estimates[best + 1], apart[best]

    def check(self, each: bool = True, directions: int = 2) -> Checked:
        """Compare: all parameters together along some directions; the inputs; and ``each`` alone.

        An error is relative to the root of the sum of squares of ``g u``, the deviation that the slope
        has over random directions: a slope near zero by chance makes no error look large. What matters
        less than a hundredth of all parameters together is compared with that hundredth.
        """
        found, gradients = Checked(), self.gradients()
        for name, array in gradients.items():
            if not np.isfinite(array).all():
                found.errors[name] = float("nan")
            elif not array.any():
                found.zero.append(name)
        whole = direction({n: self.point[n] for n in self.parameters}, self.rng)
        floor = 0.01 * _spread(gradients, whole)
        for i in range(directions):
            along = direction({n: self.point[n] for n in self.parameters}, self.rng)
            self._compare(found, f"all/{i}", gradients, along, 0.0)
        if self.inputs:
            along = direction({n: self.point[n] for n in self.inputs}, self.rng)
            self._compare(found, "inputs", gradients, along, floor)
        for name in (*self.parameters, *self.inputs) if each else ():
            along = direction({name: self.point[name]}, self.rng)
            self._compare(found, name, gradients, along, floor)
        return found

    def _compare(
        self, found: Checked, label: str, gradients: Arrays, along: Arrays, floor: float
    ) -> None:
        expected, _ = self.slope(along)
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
