"""Print how much of Keras' vocabulary there is; with --write, docs/keras.md.

python scripts/keras_coverage.py [--write]
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import waterhorse as wh

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.goldens.vocabulary_evidence import behaviour, evidence  # noqa: E402

PAGE = ROOT / "docs" / "keras.md"
VOCABULARY = json.loads((ROOT / "tests/goldens/keras_vocabulary.json").read_text(encoding="utf-8"))


INTRODUCTION = """# Keras' vocabulary

`import waterhorse as keras` is enough for ordinary Keras programs. This page says which names of Keras
3.15.1 there are, and how it is known that they mean the same:

* *compared*: run with the same inputs, weights and arguments as Keras 3.15.1 (`tests/goldens` has its
  results); outputs and gradients agree to 1e-5, or the test states the exception and its reason.
* *tested*: by tests of our own, against NumPy or values worked out by hand.

Signatures are compared name by name, with their order and defaults. What Keras has and Waterhorse has not
raises `NotImplementedError` with what to use instead.

## Different on purpose

* There is one backend. Models are ONNX graphs; there is no `run_eagerly`, since a layer called at the
  prompt computes at once, and `summary` and `plot_model` show a model's graph.
* Gradients of anything: `wh.grad`, `wh.value_and_grad`, `wh.jvp`. A `train_step` is Python over tensors
  and is compiled like everything else; it may use several models and optimizers.
* `model.save` writes [a file of our own](files.md) that holds no code. Keras' `.keras` and `.h5` files are
  read. `export` writes ONNX alone.
* Layers that read text (`TextVectorization`, `StringLookup`) compute on the host where they are given
  strings.
* Random numbers have Keras' distributions, not its streams: no two backends of Keras draw the same, either.
* A mistyped or unknown argument is an error.

## How much there is
"""

# why arguments differ where they do
REASONS = {
    r"optimizers\.[A-Z]\w+": "what all optimizers share (`weight_decay` to `name`) is given by name",
    r"metrics\.Metric:add_weight": "without an initializer: zeros",
    r"layers\.InputLayer": "has nothing to train",
    r"Variable": "`name` is given by name; nothing that is for several devices",
    r"KerasTensor": "the class of symbolic tensors; `wh.Input` makes them",
    r"Model:export": '`format` is "onnx"; the signature is that of the model\'s inputs',
    r"Sequential:(add|pop)": "no `rebuild`: the model always is what its layers are",
    r"utils\.plot_model": "writes SVG, without Graphviz",
    r"saving\.save_model": "no `zipped`: one kind of file",
    r"tree\.assert_same_structure": "no `check_types`: in Keras it does nothing",
    r"Function": "a traced function; a graph of layers is `wh.Model(inputs, outputs)`",
    r"name_scope": "the name alone",
}
# members that are not there, and what to use
MEMBERS = {
    "Model:make_train_function": "`train_step`; it is compiled by itself",
    "Model:make_test_function": "`test_step`; it is compiled by itself",
    "Model:make_predict_function": "`predict_step`; it is compiled by itself",
    "Model:run_eagerly": "call the model on arrays to see values",
    "Model:jit_compile": "nothing: every graph is optimised by ONNX Runtime",
    "layers.Layer:symbolic_call": "call the layer on `wh.Input`",
    "layers.Layer:save_own_variables": "`get_weights`",
    "layers.Layer:load_own_variables": "`set_weights`",
    "layers.Layer:add_variable": "`add_weight`",
    "layers.Layer:input_dtype": "`compute_dtype`",
    "layers.Layer:metrics_variables": "`metric.variables` of `metrics`",
}


@dataclass(frozen=True)
class Entry:
    """What is known of one name."""

    path: str
    mark: str
    state: str
    """"present", or "absent" (with advice), or "unknown" (there is nothing, not even advice)."""
    checked: str
    """"Keras", "test" or ""."""
    differences: tuple[str, ...]
    note: str = ""


@functools.cache
def _samples() -> dict[str, Any]:
    """Objects to look at for members that constructors set."""
    x = wh.Input((1,))
    return {
        "Model": wh.Model(x, wh.layers.Dense(1)(x)), "layers.Layer": wh.layers.Dense(1),
        "metrics.Metric": wh.metrics.Mean(), "callbacks.Callback": wh.callbacks.Callback(),
        "optimizers.Optimizer": wh.optimizers.SGD(), "Variable": wh.Variable(0.0),
        "utils.PyDataset": wh.utils.PyDataset(),
    }  # fmt: skip


def ours(path: str) -> Any:
    """What we have at Keras' path. Raises ``AttributeError``, or ``NotImplementedError`` with advice."""
    where, _, member = path.partition(":")
    value: Any = wh
    for part in where.split("."):
        value = getattr(value, part)
    if not member:
        return value
    if not hasattr(value, member):
        if member not in {n for c in value.__mro__ for n in getattr(c, "__annotations__", ())}:
            getattr(_samples()[where], member)
        return None
    return getattr(value, member)


Parameter = tuple[str, str, Any]
REQUIRED = inspect.Parameter.empty


def parameters(signature: str) -> list[Parameter]:
    """Kind, name and default of the arguments in a signature's text."""
    function: Any = ast.parse(f"def f{signature}: pass").body[0]
    args, found = function.args, []
    plain = [*args.posonlyargs, *args.args]
    defaults = [REQUIRED] * (len(plain) - len(args.defaults)) + [
        *map(ast.literal_eval, args.defaults)
    ]
    found += [("either", a.arg, d) for a, d in zip(plain, defaults, strict=True)]
    for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found.append(("name", a.arg, REQUIRED if d is None else ast.literal_eval(d)))
    for rest, kind in ((args.vararg, "*"), (args.kwarg, "**")):
        if rest:
            found.append((kind, rest.arg, REQUIRED))
    return found


KINDS = {"POSITIONAL_OR_KEYWORD": "either", "POSITIONAL_ONLY": "either", "KEYWORD_ONLY": "name",
         "VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}  # fmt: skip


def differences(path: str, value: Any, signature: str) -> list[str]:
    """Why a call that Keras takes might mean something else here; nothing where none does."""
    member = ":" in path
    found = [
        (KINDS[p.kind.name], n, p.default)
        for n, p in inspect.signature(value).parameters.items()
        if not (member and n in ("self", "cls"))
    ]
    theirs = parameters(signature)
    names = {n: (kind, default) for kind, n, default in found}
    kinds = {kind for kind, _, _ in found}
    places = [n for kind, n, _ in found if kind == "either"]
    wrong = []
    for i, (kind, n, default) in enumerate(theirs):
        if kind in ("*", "**"):
            continue
        if n not in names:
            free = "*" in kinds and (kind == "either" or "**" in kinds)
            wrong += [] if free else [f"no `{n}`"]
        elif kind == "either" and (names[n][0] == "name" or places.index(n) != i):
            wrong.append(
                f"`{n}` by name only" if names[n][0] == "name" else f"`{n}` at another place"
            )
        elif default is not REQUIRED and not same(names[n][1], default):
            wrong.append(f"`{n}={names[n][1]!r}` instead of `{default!r}`")
    known = {n for _, n, _ in theirs}
    if not any(kind in "**" for kind, _, _ in theirs):
        wrong += [
            f"needs `{n}`"
            for kind, n, d in found
            if n not in known and d is REQUIRED and kind in ("either", "name")
        ]
    if path.startswith("layers.") and any(k == "**" for k, _, _ in theirs) and "**" not in kinds:
        wrong += [
            f"no `{n}`"
            for n in ("name", "dtype", "trainable")
            if inspect.isclass(value) and n not in names
        ]
    return wrong


def same(a: Any, b: Any) -> bool:
    """Whether two defaults mean the same: 2 is (2, 2), "Zeros" is "zeros"."""
    if isinstance(a, str) and isinstance(b, str):
        return a.lower() == b.lower()
    if isinstance(a, (tuple, list)) != isinstance(b, (tuple, list)):
        one, several = (b, a) if isinstance(a, (tuple, list)) else (a, b)
        return one is not REQUIRED and bool(several) and all(same(one, x) for x in several)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) or (a is None and b is None)


def entry(path: str, facts: dict[str, Any]) -> Entry:
    """What there is of one name, and of the other places that it has in Keras."""
    try:
        value = ours(path)
        elsewhere = [p for p in facts["also"] if not _present(p)]
        wrong = [f"not at `{p}`" for p in elsewhere]
    except NotImplementedError as error:
        return Entry(path, facts["mark"], "absent", "", (), str(error))
    except AttributeError as error:
        return Entry(path, facts["mark"], "unknown", "", (), str(error))
    if facts["signature"] and callable(value):
        wrong += differences(path, value, facts["signature"])
    checked, file = evidence(path, tuple(facts["also"]))
    return Entry(path, facts["mark"], "present", checked, tuple(wrong), file)


def _present(path: str) -> bool:
    try:
        ours(path)
    except (AttributeError, NotImplementedError):
        return False
    return True


@functools.cache
def table() -> dict[str, list[Entry]]:
    """All names by group."""
    return {
        group["title"]: [entry(path, facts) for path, facts in group["names"].items()]
        for group in VOCABULARY["groups"]
    }


MARKS = {"M": "must", "S": "should", "C": "could"}


def behaviours() -> list[Entry]:
    """What has no name of its own."""
    found = []
    for mark, title in VOCABULARY["behaviours"]:
        checked, file = behaviour(title)
        found.append(Entry(title, mark, "present" if checked else "absent", checked, (), file))
    return found


def page() -> str:
    """The whole page."""
    entries = [e for group in table().values() for e in group]
    parts = [
        "<!-- Written by scripts/keras_coverage.py --write. tests/test_keras_coverage.py compares. -->",
        INTRODUCTION, _summary([*entries, *behaviours()]), "## By group", "", _groups(),
        "## Without a name of its own", "", _behaviours(), "## Arguments that differ", "",
        _differing(entries), "## What is not there", "", _absent(entries),
    ]  # fmt: skip
    return "\n".join(parts)


def _summary(entries: list[Entry]) -> str:
    rows = [
        "| | names | present | compared with Keras' values | tested otherwise | absent |",
        "|---|---|---|---|---|---|",
    ]
    for mark, label in MARKS.items():
        some = [e for e in entries if e.mark == mark]
        rows.append(f"| {label} | {len(some)} | {_counts(some)} |")
    return "\n".join([*rows, ""])


def _counts(entries: list[Entry]) -> str:
    present = [e for e in entries if e.state == "present"]
    by = {kind: sum(e.checked == kind for e in present) for kind in ("Keras", "test")}
    return f"{len(present)} | {by['Keras']} | {by['test']} | {len(entries) - len(present)}"


def _groups() -> str:
    rows = [
        "| | must | should | could | present | compared | tested | absent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for title, entries in table().items():
        shares = [_share([e for e in entries if e.mark == mark]) for mark in MARKS]
        rows.append(f"| {title} | {' | '.join(shares)} | {_counts(entries)} |")
    return "\n".join([*rows, ""])


def _share(entries: list[Entry]) -> str:
    there = sum(e.state == "present" for e in entries)
    if not entries:
        return ""
    return f"{there}" if there == len(entries) else f"{there} of {len(entries)}"


def _behaviours() -> str:
    how = {"Keras": "compared with Keras", "test": "tested", "": "absent"}
    rows = [f"| {MARKS[e.mark]} | {e.path} | {how[e.checked]} |" for e in behaviours()]
    return "\n".join(["| | | |", "|---|---|---|", *rows, ""])


def reason(path: str) -> str:
    """Why arguments differ; "" where nobody meant them to."""
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, path)), "")


def _differing(entries: list[Entry]) -> str:
    by_reason: dict[str, list[str]] = {}
    for e in entries:
        if e.differences:
            by_reason.setdefault(reason(e.path) or "; ".join(e.differences), []).append(e.path)
    rows = [
        f"| {', '.join(f'`{_shown(p)}`' for p in paths)} | {why} |"
        for why, paths in by_reason.items()
    ]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


def _absent(entries: list[Entry]) -> str:
    by_advice: dict[str, list[Entry]] = {}
    for e in entries:
        if e.state != "present":
            by_advice.setdefault(advice(e), []).append(e)
    rows = [
        f"| {', '.join(f'`{_shown(e.path)}`' for e in some)} | {text.replace('|', chr(92) + '|')} |"
        for text, some in by_advice.items()
    ]
    return "\n".join(["| | use instead |", "|---|---|", *rows, ""])


def advice(e: Entry) -> str:
    """What to use instead of an absent name: its error's words, without the name."""
    if e.state == "unknown":
        return MEMBERS.get(e.path, "")
    name = re.split(r"[.:]", e.path)[-1]
    text = re.sub(
        rf"^(wh\.|waterhorse has no )[\w.]*{name}( is not there( yet)?)?[:;, ]*(use )?", "", e.note
    )
    return text or e.note


def _shown(path: str) -> str:
    return (
        path.replace(":", ".").removeprefix("layers.Layer.")
        if path.startswith("layers.Layer:")
        else path.replace(":", ".")
    )


def main() -> None:
    """Print the page, or write it."""
    text = page()
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
