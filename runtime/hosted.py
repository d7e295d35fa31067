"""Steps whose inputs the host has to work on first: text becomes numbers, which bindings can feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..compiler.ir import Array, Key, toposort
from ..compiler.program import Program
from .device import Device
from .step import Bound, Step


def prepared(program: Program, device: Device) -> Step:
    """The step of ``program``, with what it leaves to the host."""
    text = any(t.dtype == object for t in program.inputs.values())
    return HostedStep(program, device) if program.hosted or text else Step(program, device)


class HostedStep(Step):
    """A step that is fed with what the host makes of its inputs.

    Strings that the graph itself uses are fed, too; such a step cannot be bound, and is slower.
    """

    def __init__(self, program: Program, device: Device) -> None:
        self.outer = program
        order = toposort([*program.outputs.values(), *program.writes.values()])
        fed = {n: t for n, t in program.inputs.items() if t.dtype != object or t.node in order}
        fed |= {
            c.result.node.payload.name: c.result for c in program.hosted if c.result.node in order
        }
        super().__init__(replace(program, inputs=fed, hosted=()), device)

    def bind(self, shapes: Sequence[tuple[int, ...]]) -> Bound:
        return HostedBound(self, tuple(shapes))

    def fed(self, arrays: Sequence[Array]) -> Bound:
        """Buffers with what the host makes of ``arrays``, ready to be run."""
        outer = self.outer
        values: dict[Key, Array] = {
            t.key: a for t, a in zip(outer.inputs.values(), arrays, strict=True)
        }
        for call in outer.hosted:
            values[call.result.key] = call.function(*(values[x.key] for x in call.inputs))
        found = [values[t.key] for t in self.program.inputs.values()]
        bound = super().bind([a.shape for a in found])
        for buffer, array in zip(bound.inputs, found, strict=True):
            np.copyto(buffer, array)
        return bound


class HostedBound(Bound):
    """Buffers for what a hosted step is given; those of the graph are found when it runs."""

    def __init__(self, step: HostedStep, shapes: tuple[tuple[int, ...], ...]) -> None:
        self.step: Any = step
        self.shapes = shapes
        self.size = shapes[0][0] if shapes and shapes[0] else 0
        types = step.outer.inputs.values()
        self.inputs = [np.zeros(s, t.dtype) for t, s in zip(types, shapes, strict=True)]
        self.outputs: dict[str, Array] = {}

    def run(self) -> None:
        bound = self.step.fed(self.inputs)
        bound.run()
        self.outputs = bound.outputs
