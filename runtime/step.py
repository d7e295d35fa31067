"""A compiled program: an ONNX Runtime session and prepared bindings of its state and inputs."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from ..compiler import lower
from ..compiler.ir import Array, Shape, Tensor
from ..compiler.program import Program
from ..compiler.scope import Site
from ..compiler.state import Variable
from ..errors import RunError
from .device import Device
from .session import create
from .state import PARITIES, DeviceStorage, on_device

_KEPT = 16  # buffers for so many combinations of input shapes; ragged data has any number


class Step:
    """One graph that reads variables and writes them back.

    ``bind`` prepares buffers for given input shapes; ``Bound.run`` is then all that a training loop
    does per step: one call into ONNX Runtime and one swap.
    """

    def __init__(self, program: Program, device: Device) -> None:
        self.program = program
        self.device = device
        taken = [*program.inputs, *program.outputs]
        names = lower.state_names([v.path for v in program.variables], taken)
        self.state = dict(zip(names, program.variables, strict=True))
        lowered = lowered_program(program, self.state)
        self.model = lowered.model
        self.sites = lowered.sites
        self.session = create(self.model.SerializeToString(), device=device)
        self.results = list(program.outputs)
        self._bound: OrderedDict[tuple[tuple[int, ...], ...], Bound] = OrderedDict()

    def storages(self) -> dict[str, DeviceStorage]:
        """Each state name's storage on this step's device."""
        return {n: on_device(v, self.device) for n, v in self.state.items()}

    def bind(self, shapes: Sequence[tuple[int, ...]]) -> Bound:
        """Buffers for inputs of these shapes, made once per combination."""
        key = tuple(shapes)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = Bound(self, key)
            if len(self._bound) > _KEPT:
                self._bound.popitem(last=False)
        self._bound.move_to_end(key)
        return bound

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        """Run once on ``arrays``; returns copies of the results."""
        bound = self.bind([a.shape for a in arrays])
        for target, array in zip(bound.inputs, arrays, strict=True):
            np.copyto(target, array)
        bound.run()
        return [bound.outputs[name].copy() for name in self.results]


def lowered_program(program: Program, state: Mapping[str, Variable]) -> lower.Lowered:
    """Lower with variables as inputs named like their state and ``next/<state>`` outputs."""
    reads = {n: program.reads[v] for n, v in state.items() if v in program.reads}
    writes = {f"next/{n}": program.writes[v] for n, v in state.items() if v in program.writes}
    return lower.lower({**program.inputs, **reads}, {**program.outputs, **writes})


class Bound:
    """A step with its buffers: write into ``inputs``, ``run``, look at ``outputs``."""

    def __init__(self, step: Step, shapes: tuple[tuple[int, ...], ...]) -> None:
        self.step = step
        self.shapes = shapes
        self.size = shapes[0][0] if shapes and shapes[0] else 0
        stores = step.storages()
        program = step.program
        self._reads = {n: s for n, s in stores.items() if step.state[n] in program.reads}
        self._writes = {n: s for n, s in stores.items() if step.state[n] in program.writes}
        self._slots = np.array([s.slot for s in stores.values()], np.intp)
        self._written = np.array([s.slot for s in self._writes.values()], np.intp)
        self._bindings: dict[bytes, ort.IOBinding] = {}
        specs = list(program.inputs.items())
        self.inputs = [_buffer(shape, t.dtype) for (_, t), shape in zip(specs, shapes, strict=True)]
        self._fed = None
        if any(t.dtype.kind == "O" for _, t in specs):  # ONNX Runtime binds no strings
            self._fed = dict(zip(program.inputs, self.inputs, strict=True))
        # Host buffers: the CPU provider reads them in place, another one copies from them.
        self._feeds = {
            n: ort.OrtValue.ortvalue_from_numpy(a)
            for (n, _), a in zip(specs, self.inputs, strict=True)
            if self._fed is None
        }
        sizes = _dim_sizes([t for _, t in specs], shapes)
        self.outputs: dict[str, Array] = {}
        self._fixed: dict[str, ort.OrtValue] = {}
        self._dynamic: list[str] = []
        for name, tensor in program.outputs.items():
            shape = _resolved(tensor.shape, sizes)
            if shape is None or tensor.dtype == object:
                self._dynamic.append(name)
            else:
                self.outputs[name] = np.zeros(shape, tensor.dtype)
                self._fixed[name] = ort.OrtValue.ortvalue_from_numpy(self.outputs[name])

    def _binding(self) -> ort.IOBinding:
        """The binding that reads the current buffers and writes the others."""
        parities = PARITIES.bits[self._slots].tobytes()
        binding = self._bindings.get(parities)
        if binding is None:
            binding = self._bindings[parities] = self._prepared()
        return binding

    def _prepared(self) -> ort.IOBinding:
        binding = self.step.session.io_binding()
        for name, value in self._feeds.items():
            binding.bind_ortvalue_input(name, value)
        for name, store in self._reads.items():
            binding.bind_ortvalue_input(name, store.current)
        for name, store in self._writes.items():
            other = 1 - int(PARITIES.bits[store.slot])
            binding.bind_ortvalue_output(f"next/{name}", store.buffer(other))
        for name, value in self._fixed.items():
            binding.bind_ortvalue_output(name, value)
        for name in self._dynamic:
            binding.bind_output(name, "cpu")
        return binding

    def run(self) -> None:
        """Run once on what is in ``inputs``; ``outputs`` are overwritten by the next run."""
        if self._fed is not None:
            self._run_fed(self._fed)
            return
        binding = self._binding()
        try:
            self.step.session.run_with_iobinding(binding)
        except Exception as error:  # onnxruntime's exceptions share no base but this
            raise translated(error, self.step.sites) from error
        PARITIES.swap(self._written)
        if self._dynamic:
            # they were bound last
            found = binding.get_outputs()[-len(self._dynamic) :]
            for name, value in zip(self._dynamic, found, strict=True):
                self.outputs[name] = np.array(value.numpy())

    def _run_fed(self, inputs: Mapping[str, Array]) -> None:
        """Run with strings among the inputs: everything is handed over and back, nothing is bound."""
        feeds: dict[str, Any] = {**inputs, **{n: s.current for n, s in self._reads.items()}}
        names = [*self.step.program.outputs, *(f"next/{n}" for n in self._writes)]
        try:
            found = dict(zip(names, self.step.session.run(names, feeds), strict=True))
        except Exception as error:  # onnxruntime's exceptions share no base but this
            raise translated(error, self.step.sites) from error
        for name, store in self._writes.items():
            store.buffer(1 - int(PARITIES.bits[store.slot])).update_inplace(found[f"next/{name}"])
        PARITIES.swap(self._written)
        self.outputs.update((n, np.asarray(found[n])) for n in self.step.program.outputs)


def _buffer(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.full(shape, "", object) if dtype.kind == "O" else np.zeros(shape, dtype)


def _dim_sizes(tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """What the named dims of the inputs are this time; an ambiguous name counts as unknown."""
    sizes: dict[str, int] = {}
    clashing = set()
    for tensor, shape in zip(tensors, shapes, strict=True):
        for dim, size in zip(tensor.shape, shape, strict=True):
            if isinstance(dim, str) and sizes.setdefault(dim, size) != size:
                clashing.add(dim)
    return {d: s for d, s in sizes.items() if d not in clashing}


def _resolved(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    found = [d if isinstance(d, int) else sizes.get(d or "") for d in shape]
    return None if None in found else tuple(d for d in found if d is not None)


def translated(error: Exception, sites: Mapping[str, Site]) -> RunError:
    """ONNX Runtime's failure with the user's line instead of a node's name alone."""
    text = str(error)
    found = re.search(r"Name:'([^']*)'", text) or re.search(
        r"node[^(]*\(([^)]*)\)", text, re.IGNORECASE
    )
    name = found.group(1) if found else ""
    site = sites.get(name)
    reason = text.rsplit("Status Message: ", 1)[-1].strip()
    where = f" [at {site}]" if site else ""
    return RunError(f"ONNX Runtime failed in {name or 'the graph'}: {reason}{where}")
