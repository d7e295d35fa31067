"""``waterhorse classify``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ..errors import ArgumentError, DataError
from ..service.client import Classification, Client


def instances(file: Path, key: str | None) -> np.ndarray:
    """The array in ``file``; ``key`` chooses among several."""
    try:
        found = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    if isinstance(found, np.ndarray):
        if key is not None:
            raise ArgumentError(f"{file} holds one array without names: leave --key away")
        return found
    names = list(found.keys())
    if key is None and len(names) != 1:
        raise ArgumentError(f"{file} holds {names}: choose one with --key")
    if key is not None and key not in names:
        raise ArgumentError(f"{file} has no array {key!r}; it holds {names}")
    array: np.ndarray = found[key or names[0]]
    return array


def run(
    model: str, file: Path, address: str, top_k: int, version: str | None, key: str | None
) -> None:
    """Classify and print: a table on a terminal, tab-separated lines elsewhere."""
    with Client(address) as client:
        answers = client.classify(model, instances(file, key), top_k, version)
    if sys.stdout.isatty():
        _table(model, answers)
        return
    for i, answer in enumerate(answers):
        print(i, *(f"{r.label}\t{r.score:.6f}" for r in answer.ranked), sep="\t")


def _table(model: str, answers: list[Classification]) -> None:
    table = Table(title=model)
    table.add_column("instance", justify="right")
    table.add_column("class")
    table.add_column("score", justify="right")
    table.add_column("then")
    for i, answer in enumerate(answers):
        rest = "  ".join(f"{r.label} {r.score:.4f}" for r in answer.ranked[1:])
        table.add_row(str(i), answer.label, f"{answer.score:.4f}", rest)
    Console().print(table)
