"""What runs models: ONNX Runtime, and the reference implementation in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from .cases import Array, Case
from .widen import NARROW, widened

Run = Callable[[Mapping[str, Array]], dict[str, Array]]
SEED = 20


def session(model: onnx.ModelProto) -> Run:
    """The model on ONNX Runtime. Each run has a session of its own where it draws random numbers."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = model.SerializeToString()
    names = [o.name for o in model.graph.output]
    taken = {i.name for i in model.graph.input}

    def start() -> ort.InferenceSession:
        ort.set_seed(SEED)
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    first = start()
    draws = any(n.op_type in DRAWING for n in model.graph.node)

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        used = start() if draws else first
        given = {
            n: np.ascontiguousarray(a).reshape(a.shape) for n, a in feeds.items() if n in taken
        }
        found = used.run(None, given)
        return {n: np.asarray(a) for n, a in zip(names, found, strict=True)}

    return run


DRAWING = frozenset({
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
})  # fmt: skip


def reference(model: onnx.ModelProto) -> Run:
    """The model in ``onnx.reference``."""
    evaluator = ReferenceEvaluator(model)
    names = [o.name for o in model.graph.output]

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(all="ignore"):
            found = evaluator.run(None, dict(feeds))
        return {n: np.asarray(a) for n, a in zip(names, found, strict=True)}

    return run


@dataclass(frozen=True)
class Engine:
    """Something that computes the case's function, for differences.

    Args:
        steps: a larger and a smaller one.
        tolerance: to which differences and gradients, computed in float32, must agree.
    """

    name: str
    build: Callable[[Case, onnx.ModelProto], Run]
    dtype: type
    steps: tuple[float, float]
    tolerance: float


def _double(case: Case, own: onnx.ModelProto) -> Run:
    return reference(case.widened(TensorProto.DOUBLE).model)


def _runtime_double(case: Case, own: onnx.ModelProto) -> Run:
    return session(case.widened(TensorProto.DOUBLE).model)


def _runtime_single(case: Case, own: onnx.ModelProto) -> Run:
    return session(case.widened(TensorProto.FLOAT).model)


def _own_double(case: Case, own: onnx.ModelProto) -> Run:
    return reference(widened(own, TensorProto.DOUBLE))


def _own_single(case: Case, own: onnx.ModelProto) -> Run:
    return session(widened(own, TensorProto.FLOAT))


ENGINES = (
    Engine("reference64", _double, np.float64, (1e-4, 1e-5), 2e-3),
    Engine("runtime64", _runtime_double, np.float64, (1e-4, 1e-5), 2e-3),
    Engine("runtime32", _runtime_single, np.float32, (2e-2, 4e-3), 2e-2),
    # differences of what was imported, whose values were compared with the expected ones
    Engine("own64", _own_double, np.float64, (1e-4, 1e-5), 2e-3),
    Engine("own32", _own_single, np.float32, (2e-2, 4e-3), 2e-2),
)


def with_plain_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose outputs Python can take: elements of less than 8 bits, and 8-bit floats, become float32."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for info in copy.graph.output:
        kind = info.type.tensor_type
        if kind.elem_type not in NARROW:
            continue
        inner = f"{info.name}/narrow"
        for node in copy.graph.node:
            for i, name in enumerate(node.output):
                if name == info.name:
                    node.output[i] = inner
            for i, name in enumerate(node.input):
                if name == info.name:
                    node.input[i] = inner
        copy.graph.node.append(helper.make_node("Cast", [inner], [info.name], to=TensorProto.FLOAT))
        kind.elem_type = TensorProto.FLOAT
    return copy
