"""A compiled program: an ONNX Runtime session and prepared bindings of its state and inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from ..compiler import lower
from ..compiler.ir import Array, Tensor
from ..compiler.program import Program
from ..compiler.scope import Site
from ..compiler.state import Variable
from ..errors import RunError
from .device import Device
from .session import create
from .state import PARITIES, DeviceStorage, on_device


class Step:
    """One graph that reads variables and writes them back.

    ``bind`` prepares buffers for given input shapes; ``Bound.run`` is then all that a training loop
    does per step: one call into ONNX Runtime and one swap.
    """

    def __init__(self, program: Program, device: Device) -> None:
        self.program = program
        self.device = device
        self.state = dict(
            zip(lower.state_names([v.path for v in program.variables]), program.variables,
                strict=True)
        )  # fmt: skip
        lowered = lowered_program(program, self.state)
        self.model = lowered.model
        self.sites = lowered.sites
        self.session = create(self.model.SerializeToString(), device=device)
        self.results = list(program.outputs)
        self._stores: list[DeviceStorage] = []
        self._pinned: list[Variable] = []
        self._bound: dict[tuple[tuple[int, ...], ...], Bound] = {}

    def storages(self) -> dict[str, DeviceStorage]:
        """Each state name's storage on this step's device."""
        return {n: on_device(v, self.device) for n, v in self.state.items()}

    def bind(self, shapes: Sequence[tuple[int, ...]]) -> Bound:
        """Buffers for inputs of these shapes, made once per combination."""
        key = tuple(shapes)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = Bound(self, key)
        return bound

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        """Run once on ``arrays``; returns copies of the results."""
        bound = self.bind([a.shape for a in arrays])
        for target, array in zip(bound.inputs, arrays, strict=True):
            np.copyto(target, array)
        return bound.run()


def lowered_program(program: Program, state: Mapping[str, Variable]) -> lower.Lowered:
    """Lower with variables as inputs named like their state and ``next/<state>`` outputs."""
    reads = {n: program.reads[v] for n, v in state.items() if v in program.reads}
    writes = {f"next/{n}": program.writes[v] for n, v in state.items() if v in program.writes}
    return lower.lower({**program.inputs, **reads}, {**program.outputs, **writes})


class Bound:
    """A step with its input buffers: write into ``inputs``, then ``run``."""

    def __init__(self, step: Step, shapes: tuple[tuple[int, ...], ...]) -> None:
        self._step = step
        stores = step.storages()
        program = step.program
        self._reads = {n: s for n, s in stores.items() if step.state[n] in program.reads}
        self._writes = {n: s for n, s in stores.items() if step.state[n] in program.writes}
        self._slots = np.array([s.slot for s in stores.values()], np.intp)
        self._written = np.array([s.slot for s in self._writes.values()], np.intp)
        self._bindings: dict[bytes, ort.IOBinding] = {}
        # An input that nothing uses is still an input of the graph; ONNX Runtime wants it bound.
        specs = list(program.inputs.items())
        self.inputs = [
            np.zeros(shape, t.dtype) for (_, t), shape in zip(specs, shapes, strict=True)
        ]
        self._values = {
            n: ort.OrtValue.ortvalue_from_numpy(a)
            for (n, _), a in zip(specs, self.inputs, strict=True)
        }
        self._clock = -1
        self._next: ort.IOBinding | None = None

    def _binding(self) -> ort.IOBinding:
        """The binding that reads the current buffers and writes the others."""
        parities = PARITIES.bits[self._slots].tobytes()
        binding = self._bindings.get(parities)
        if binding is None:
            binding = self._bindings[parities] = self._prepared()
        return binding

    def _prepared(self) -> ort.IOBinding:
        binding = self._step.session.io_binding()
        for name, value in self._values.items():
            binding.bind_ortvalue_input(name, value)
        for name, store in self._reads.items():
            binding.bind_ortvalue_input(name, store.current)
        for name, store in self._writes.items():
            other = 1 - int(PARITIES.bits[store.slot])
            binding.bind_ortvalue_output(f"next/{name}", store.buffer(other))
        for name in self._step.results:
            binding.bind_output(name, "cpu")
        return binding

    def run(self) -> list[Array]:
        """Run once on what is in ``inputs``; returns the results (new arrays)."""
        binding = self._binding()
        session = self._step.session
        try:
            session.run_with_iobinding(binding)
        except Exception as error:  # onnxruntime's exceptions share no base but this
            raise translated(error, self._step.sites) from error
        if len(self._written):
            PARITIES.swap(self._written)
        if not self._step.results:
            return []
        count = len(self._step.results)
        # next/ outputs were bound first; the results are the last ones
        return [np.array(v.numpy()) for v in binding.get_outputs()[-count:]]


def translated(error: Exception, sites: Mapping[str, Site]) -> RunError:
    """ONNX Runtime's failure with the user's line instead of a node's name alone."""
    text = str(error)
    found = re.search(r"Name:'([^']*)'", text) or re.search(r"node[^(]*\(([^)]*)\)", text, re.I)
    name = found.group(1) if found else ""
    site = sites.get(name)
    reason = text.rsplit("Status Message: ", 1)[-1].strip()
    where = f" [at {site}]" if site else ""
    return RunError(f"ONNX Runtime failed in {name or 'the graph'}: {reason}{where}")


def run_once(model: bytes, feeds: Mapping[str, Any], device: Device) -> list[Array]:
    """Run a graph that is needed once."""
    result: list[Array] = create(model, device=device).run(None, dict(feeds))
    return result


def tensors_of(program: Program) -> list[Tensor]:
    """All that a program computes, for checks."""
    return [*program.outputs.values(), *program.writes.values()]
