"""Write docs/operators.md: every operator of ai.onnx, and how it differentiates.

python scripts/operators.py [FILE, default docs/operators.md]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from waterhorse.compiler import autodiff
from waterhorse.compiler.differentiability import KINDS, how, limits, operators, opsets
from waterhorse.compiler.importer.reader import HANDLERS, HIGHEST, LOWEST
from waterhorse.compiler.schema import OPSET

PAGE = Path(__file__).parent.parent / "docs" / "operators.md"
TITLES = {
    "rule": "Rules", "body": "By the body", "adapter": "Translated", "handler": "Worked out when read",
    "zero": "Zero", "none": "Nothing to differentiate", "unsupported": "Unsupported",
}  # fmt: skip
FAMILIES = {
    "elementwise": "Elementwise", "activation": "Activations", "linalg": "Matrices", "einsum": "Einsum",
    "reduction": "Reductions and sums", "shape": "Shapes", "indexing": "Indexing",
    "convolution": "Convolution", "deformable": "Deformable convolution", "pooling": "Pooling",
    "normalization": "Normalisation", "loss": "Losses", "recurrent": "Recurrent layers",
    "control": "Control flow", "resampling": "Resampling", "sampling": "Sampling of images",
    "regions": "Regions and blocks of images", "spectral": "Spectra", "quantization": "Quantisation",
}  # fmt: skip


def page() -> str:
    """The whole page."""
    kinds = {op: how(op).kind for op in operators()}
    by_kind = {kind: [op for op in kinds if kinds[op] == kind] for kind in KINDS}
    parts = [_head(by_kind)]
    for kind, ops in by_kind.items():
        if not ops:
            continue
        parts.append(f"## {TITLES[kind]}\n\n{_sentence(KINDS[kind])}\n")
        parts += _families(ops) if kind == "rule" else [_table(ops)]
    parts.append(_other_domains())
    return "\n".join(parts)


def _head(by_kind: dict[str, list[str]]) -> str:
    rows = [
        f"| [{TITLES[k]}](#{TITLES[k].lower().replace(' ', '-')}) | {len(ops)} | {KINDS[k]} |"
        for k, ops in by_kind.items() if ops
    ]  # fmt: skip
    total = sum(len(ops) for ops in by_kind.values())
    empty = [TITLES[k].lower() for k, ops in by_kind.items() if not ops]
    none = f"\nThere are none of the kind: {', '.join(empty)}.\n" if empty else ""
    return f"""<!-- Written by scripts/operators.py. Do not edit: tests/test_operators_page.py compares. -->
# Operators, and how they differentiate

All {total} operators that `ai.onnx` has between opset {LOWEST} and opset {HIGHEST}. Files of these opsets
are read; the column "opsets" says in which of them the operator exists. Gradients are made of standard
operators of opset {OPSET} alone.
`waterhorse inspect MODEL` says the same of the operators in one file.

| kind | operators | |
|---|---|---|
{chr(10).join(rows)}
{none}
In the notes dy is the gradient of the result y, and what they give is the gradient of the operand x (or
of several, in their order).
"""


def _families(ops: Iterable[str]) -> list[str]:
    found: dict[str, list[str]] = {}
    for op in ops:
        found.setdefault(_module(op), []).append(op)
    known = [f for f in FAMILIES if f in found]
    rest = sorted(set(found) - set(FAMILIES))
    return [f"### {FAMILIES.get(f, f.capitalize())}\n\n{_table(found[f])}" for f in [*known, *rest]]


def _module(op: str) -> str:
    """The part of ``gradients/`` that a rule is in."""
    path = autodiff.RULES[op].__module__.split(".")
    return path[path.index("gradients") + 1]


def _table(ops: Iterable[str]) -> str:
    rows = [f"| {op} | {_range(op)} | {_cell(_note(op))} |" for op in ops]
    return "\n".join(["| operator | opsets | |", "|---|---|---|", *rows, ""])


def _range(op: str) -> str:
    first, last = opsets(op)
    return str(first) if first == last else f"{first} to {last}"


def _note(op: str) -> str:
    kind, note = how(op)
    limit = limits(op)
    text = note if kind == "rule" or note.startswith("`") else _sentence(note)
    return text + (f" **An error** {limit}." if limit else "")


def _cell(note: str) -> str:
    """A docstring's line in a cell: its double backquotes are single ones in Markdown."""
    text = note.replace("``dy``", "dy").replace("``", "`").replace("|", "\\|")
    return text if text.endswith(".") or not text else text + "."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _other_domains() -> str:
    names = sorted(n.split("::") for n in HANDLERS if "::" in n)
    rows = [f"| {domain} | {op} | {_cell(how(op, domain).note)} |" for domain, op in names]
    return "\n".join([
        "## Other domains", "",
        "These are translated when a file is read. Any other operator of another domain is carried along",
        "as it is: it may come before what is trained, but not behind it.", "",
        "| domain | operator | |", "|---|---|---|", *rows, "",
    ])  # fmt: skip


def main() -> None:
    """Write the page."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
