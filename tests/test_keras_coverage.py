"""docs/keras.md says what there is of Keras' vocabulary; all that must and should be there is, and is checked."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import waterhorse as wh

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "keras_coverage.py"))
ENTRIES = {e.path: e for group in SCRIPT["table"]().values() for e in group}
# must or should, and not there: each with its reason
NOT_THERE = {
    "layers.TorchModuleWrapper": "runs PyTorch; its counterpart is wh.load_onnx(file), which is a layer",
}


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == page, "run: python scripts/keras_coverage.py --write"


def test_what_must_and_should_be_there_is_and_is_checked() -> None:
    needed = [e for e in ENTRIES.values() if e.mark in "MS"]
    assert {e.path for e in needed if e.state != "present"} == set(NOT_THERE)
    assert [e.path for e in needed if not e.checked and e.path not in NOT_THERE] == []


@pytest.mark.parametrize("found", SCRIPT["behaviours"](), ids=lambda e: e.path)
def test_what_has_no_name_is_tested(found: Any) -> None:
    assert found.checked or found.mark == "C", found.path


def test_arguments_are_those_of_keras() -> None:
    differing = {e.path: e.differences for e in ENTRIES.values() if e.differences}
    assert {p: found for p, found in differing.items() if not SCRIPT["reason"](p)} == {}


@pytest.mark.parametrize("path", [e.path for e in ENTRIES.values() if e.state != "present"])
def test_what_is_absent_says_what_to_use(path: str) -> None:
    found = ENTRIES[path]
    advice = SCRIPT["advice"](found)
    assert len(advice) > 10, found.note
    if ":" not in path:  # members are listed in the page alone
        with pytest.raises(NotImplementedError):
            SCRIPT["ours"](path)


def test_no_reason_and_no_member_is_left_over() -> None:
    needed = {SCRIPT["reason"](e.path) for e in ENTRIES.values() if e.differences}
    assert set(SCRIPT["REASONS"].values()) <= needed
    assert {path for path in SCRIPT["MEMBERS"] if ENTRIES[path].state == "present"} == set()


def test_the_comparison_sees_differences() -> None:
    def ours(x: Any, axis: int = -1, *, name: str | None = None) -> None: ...

    differences = SCRIPT["differences"]
    assert differences("ops.f", ours, "(x, axis=-1, name=None)") == ["`name` by name only"]
    assert differences("ops.f", ours, "(x, axis=0)") == ["`axis=-1` instead of `0`"]
    assert differences("ops.f", ours, "(x, y, axis=-1)") == ["no `y`", "`axis` at another place"]
    assert differences("ops.f", ours, "(axis=-1)") == ["`axis` at another place", "needs `x`"]
    assert differences("ops.f", ours, "(x, axis=-1)") == []
    assert (
        differences(
            "layers.Conv2D", wh.layers.Conv2D, "(filters, kernel_size, strides=(1, 1), **kwargs)"
        )
        == []
    )
    assert (
        SCRIPT["entry"]("ops.no_such", {"mark": "M", "signature": "()", "also": []}).state
        == "unknown"
    )
