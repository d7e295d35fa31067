"""Equations of EinsumDense: which letter has which size, and when they are a product of matrices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import op
from ..ir import Tensor

_LETTERS = "[a-zA-Z]+"
_FORMS = (
    f"(?P<x>{_LETTERS}),(?P<w>{_LETTERS})->(?P<y>{_LETTERS})",
    rf"\.\.\.(?P<x>{_LETTERS}),(?P<w>{_LETTERS})->\.\.\.(?P<y>{_LETTERS})",
    rf"(?P<x>{_LETTERS})\.\.\.,(?P<w>{_LETTERS})->(?P<y>{_LETTERS})\.\.\.",
)


@dataclass(frozen=True)
class Equation:
    """Letters of input, kernel and output, and where an ellipsis stands: "", "left" or "right"."""

    input: str
    kernel: str
    output: str
    ellipsis: str

    @classmethod
    def parsed(cls, text: str) -> Equation:
        """Raises ``ArgumentError`` for anything but "X,Y->Z", "...X,Y->...Z" and "X...,Y->Z..."."""
        places = zip(("", "left", "right"), _FORMS, strict=True)
        for ellipsis, form in places:
            found = re.fullmatch(form, text.replace(" ", ""))
            if found:
                return cls(found["x"], found["w"], found["y"], ellipsis)._checked(text)
        raise ArgumentError(
            f"EinsumDense(equation={text!r}): expected 'X,Y->Z', '...X,Y->...Z' or 'X...,Y->Z...' "
            "with letters for X (input), Y (kernel) and Z (output)"
        )

    def _checked(self, text: str) -> Equation:
        for letter in self.kernel:
            if letter not in self.input + self.output:
                raise ArgumentError(
                    f"EinsumDense(equation={text!r}): letter {letter!r} of the kernel is none of "
                    "the input's or output's, so that its size is unknown"
                )
        for letter in self.output:
            if letter not in self.input + self.kernel:
                raise ArgumentError(
                    f"EinsumDense(equation={text!r}): letter {letter!r} of the output comes from "
                    "neither the input nor the kernel"
                )
        return self

    def sizes(
        self, owner: str, input_shape: Sequence[Any], output: Sequence[Any]
    ) -> dict[str, Any]:
        """The size of each letter (None: dynamic), from the input's shape and the partial output's.

        Raises ``ShapeError`` where they contradict each other, or leave a dim of the kernel open.
        """
        hidden = len(input_shape) - len(self.input)
        if hidden < 0 or (hidden and not self.ellipsis):
            raise ShapeError(
                f"layer {owner!r} takes {len(self.input)} axes ({self.input}); got an input of "
                f"shape {tuple(input_shape)}"
            )
        at = hidden if self.ellipsis == "left" else 0
        found = dict(zip(self.input, input_shape[at : at + len(self.input)], strict=True))
        # the batch comes first in the output and is not given; an ellipsis may stand for it
        letters = self.output if self.ellipsis == "left" and hidden else self.output[1:]
        if len(letters) != len(output):
            raise ShapeError(
                f"layer {owner!r}: output_shape={tuple(output)}; expected {len(letters)} sizes, for "
                f"{letters}"
            )
        for letter, size in zip(letters, output, strict=True):
            known = found.get(letter)
            if size is not None and known is not None and size != known:
                raise ShapeError(
                    f"layer {owner!r}: output_shape says {size} for {letter!r}, which is {known} in "
                    f"the input of shape {tuple(input_shape)}"
                )
            found[letter] = known if size is None else size
        for letter in self.kernel:
            if not isinstance(found.get(letter), int):
                raise ShapeError(
                    f"layer {owner!r} needs to know the size of {letter!r} when it is built: give it "
                    "in output_shape"
                )
        return found

    def bias_shape(self, axes: str, sizes: Mapping[str, Any], rank: int) -> tuple[int, ...]:
        """From the first of the bias' letters on, with 1 for those that it has not."""
        missing = set(axes) - set(self.output)
        if missing or not axes:
            raise ArgumentError(
                f"bias_axes={axes!r}: expected letters of the output {self.output!r}"
            )
        letters = self.output[min(self.output.index(c) for c in axes) :]
        for letter in axes:
            if not isinstance(sizes.get(letter), int):
                raise ShapeError(f"bias_axes={axes!r}: the size of {letter!r} is dynamic")
        hidden = rank - len(self.input) if self.ellipsis == "right" else 0
        return (*(sizes[c] if c in axes else 1 for c in letters), *[1] * hidden)

    def kernel_axes(self) -> tuple[list[int], list[int]]:
        """The kernel's axes that are summed over, and those that the output has."""
        outputs = [i for i, c in enumerate(self.kernel) if c in self.output]
        return [i for i in range(len(self.kernel)) if i not in outputs], outputs

    @property
    def contracted(self) -> str:
        """The letters summed over if the equation is a product of matrices, else "".

        It is one where these come last in the input and first in the kernel.
        """
        for n in range(1, len(self.input) + 1):
            free, summed = self.input[:-n], self.input[-n:]
            added = self.kernel[n:]
            if (
                self.ellipsis != "right"
                and self.kernel[:n] == summed
                and self.output == free + added
                and added
                and len(set(self.input + added)) == len(self.input + added)
            ):
                return summed
        return ""

    def spelled(self, rank: int) -> tuple[str, str]:
        """Letters of all axes of an input of this rank, and of its output; digits for the ellipsis."""
        hidden = "".join(map(str, range(rank - len(self.input))))
        left, right = (hidden, "") if self.ellipsis == "left" else ("", hidden)
        return left + self.input + right, left + self.output + right


def arranged(x: Tensor, source: str, target: str) -> Tensor:
    """``x`` with an axis for each letter of ``target``: of size 1 for those that ``source`` has not.

    Letters of ``source`` that ``target`` has not must be of size 1.
    """
    dropped = [i for i, c in enumerate(source) if c not in target]
    kept = [c for c in source if c in target]
    wanted = [c for c in target if c in kept]
    x = op.Squeeze(x, dropped) if dropped else x
    x = x if kept == wanted else op.Transpose(x, perm=tuple(kept.index(c) for c in wanted))
    added = [i for i, c in enumerate(target) if c not in kept]
    result: Tensor = op.Unsqueeze(x, added) if added else x
    return result
