"""``wh.lora``: fine-tune an imported model by low-rank adapters, and keep these in a file of their own."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ..compiler.ir import Array
from ..compiler.lora import Adapter, Options
from ..compiler.random import next_seed
from ..errors import ArgumentError, FileFormatError
from .adapted import AdaptedModel
from .files import replacing
from .saving import tensors_of

FORMAT = 1
_KEY = "waterhorse.lora"


def add(
    model: Any,
    rank: int = 8,
    targets: str | Sequence[str] = "*",
    alpha: float | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    also: str | Sequence[str] = (),
) -> list[str]:
    """Freeze a model's weights, and give some of them trainable low-rank changes.

    A weight W becomes ``W + alpha / rank * B A`` (Hu et al. 2021). The factors are the variables
    ``<weight>/lora_a`` and ``<weight>/lora_b``. B is zero at first, so that the model computes what it
    did. Call it before ``fit``; ``compile`` may come before or after.

    Args:
        model: from ``wh.load_onnx``.
        rank: rows of A, columns of B.
        targets: patterns (``*``, ``?``, ``[...]``) for names of weights of MatMul, Gemm, Conv,
            ConvTranspose and Gather (embeddings).
        alpha: default ``rank``, so that the factor is 1.
        dropout: of what A is given, in training.
        seed: of the initial A (uniform as by He et al. 2015) and of the dropout.
        also: patterns for variables that stay trainable beside the factors, such as ``"*bias"``.

    Returns the names of the weights. Raises ``ArgumentError`` where the model is none of ``load_onnx``,
    where a pattern matches nothing that can have an adapter, and where the rank is more than a weight's.
    """
    adaptable = _checked(model)
    options = _options(rank, alpha, dropout, seed)
    uses = adaptable.weight_uses()
    names = _targets(adaptable, uses, targets)
    trained = _also(adaptable, names, also)
    first = next_seed() if options.seed is None else options.seed
    made = [
        adaptable.adapter_for(
            n, uses[n], Options(options.rank, options.alpha, options.dropout, first + i)
        )
        for i, n in enumerate(names)
    ]
    adaptable.adapt(made, trained)
    return names


def _checked(model: Any) -> AdaptedModel:
    if not isinstance(model, AdaptedModel):
        raise ArgumentError(
            f"adapters are for models from wh.load_onnx, not for a {type(model).__name__}: export the "
            "model, and load the file"
        )
    if model.recipe is not None and model.compilation is None:
        raise ArgumentError(
            f"model {model.name!r} trains by its file's own algorithm, which knows no adapters: call "
            "compile first"
        )
    return model


def _options(rank: Any, alpha: Any, dropout: Any, seed: Any) -> Options:
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or rank < 1:
        raise ArgumentError(f"rank={rank!r}: expected a whole number of at least 1")
    alpha = float(rank if alpha is None else alpha)
    if not math.isfinite(alpha) or alpha == 0:
        raise ArgumentError(f"alpha={alpha}: expected a number other than 0")
    if not 0 <= dropout < 1:
        raise ArgumentError(f"dropout={dropout}: expected a number from 0 to less than 1")
    if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
        raise ArgumentError(f"seed={seed!r}: expected a whole number of at least 0")
    return Options(int(rank), alpha, float(dropout), None if seed is None else int(seed))


def _patterns(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else [*given]


def _targets(model: AdaptedModel, uses: Any, targets: str | Sequence[str]) -> list[str]:
    """The weights that the patterns name. What has no adapter yet and can have none is an error by name."""
    obstacles = {n: model.obstacle(n, uses[n]) for n in model.state}
    found: dict[str, None] = {}
    if not _patterns(targets):
        raise ArgumentError("targets is empty: expected patterns for names of weights")
    for pattern in _patterns(targets):
        matched = [n for n in model.state if n == pattern or fnmatchcase(n, pattern)]
        usable = [n for n in matched if not obstacles[n]]
        if not matched:
            listed = [n for n, why in obstacles.items() if not why]
            raise ArgumentError(
                f"targets: no weight of model {model.name!r} matches {pattern!r}; it has {_some(listed)}"
            )
        if not usable:
            raise ArgumentError(
                f"targets: {pattern!r} matches {_some(matched)}, which can have no adapter: "
                f"{obstacles[matched[0]]}"
            )
        found |= dict.fromkeys(usable)
    taken = [n for n in found if n in model.adapters]
    if taken:
        raise ArgumentError(f"the weight {taken[0]!r} has an adapter: merge or remove it first")
    return [*found]


def _also(model: AdaptedModel, names: Sequence[str], also: str | Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in _patterns(also):
        matched = [n for n in model.state if n == pattern or fnmatchcase(n, pattern)]
        if not matched:
            raise ArgumentError(f"also: no variable of model {model.name!r} matches {pattern!r}")
        found |= dict.fromkeys(n for n in matched if n not in names)
    return [*found]


def _some(names: Iterable[str]) -> str:
    listed = [*names]
    return ", ".join(map(repr, listed[:6])) + (", ..." if len(listed) > 6 else "")


# -- with and without -------------------------------------------------------------------------------


def merge(model: Any) -> None:
    """Add the changes to the weights, and remove the adapters: the model computes what it did.

    Raises ``ArgumentError`` where there is no adapter.
    """
    adapted = _with_adapters(model)
    for name, adapter in adapted.adapters.items():
        variable = adapted.state[name]
        variable.assign(adapter.merged(variable.value))
    adapted.without_adapters()


def remove(model: Any) -> None:
    """Drop the adapters and their changes: the model is what it was before ``add``.

    Raises ``ArgumentError`` where there is no adapter.
    """
    _with_adapters(model).without_adapters()


def _with_adapters(model: Any) -> AdaptedModel:
    if not isinstance(model, AdaptedModel) or not model.adapters:
        raise ArgumentError(f"model {getattr(model, 'name', model)!r} has no adapters")
    return model


# -- files ------------------------------------------------------------------------------------------


def save(model: Any, filepath: str | os.PathLike[str]) -> None:
    """Write the factors alone, as safetensors; rank, alpha and shapes are in the file's metadata.

    Raises ``ArgumentError`` where there is no adapter.
    """
    adapted = _with_adapters(model)
    arrays: dict[str, Array] = {}
    targets: dict[str, Any] = {}
    for name, adapter in adapted.adapters.items():
        arrays |= {adapter.a.path: adapter.a.numpy(), adapter.b.path: adapter.b.numpy()}
        options = adapter.options
        targets[name] = {
            "rank": options.rank, "alpha": options.alpha, "dropout": options.dropout,
            "shape": list(adapter.shape),
        }  # fmt: skip
    content = {"format": FORMAT, "model": adapted.name, "targets": targets}
    with replacing(filepath) as temporary:
        save_file(arrays, str(temporary), {_KEY: json.dumps(content)})


def load(model: Any, filepath: str | os.PathLike[str]) -> list[str]:
    """Give a model the adapters of a file that ``save`` wrote; all or, with an error, none.

    A model without adapters gets them, as by ``add``. One that has them for the same weights, of the same
    ranks, gets the values. Returns the names of the weights. Raises ``FileFormatError`` where the file is
    no adapter, or does not fit the model; ``ArgumentError`` where the model has other adapters.
    """
    adaptable = _checked(model)
    label = os.fspath(filepath)
    metadata, arrays = tensors_of(label, "no file of adapters, or damaged")
    targets = _described(label, metadata)
    known = bool(adaptable.adapters)
    made = adaptable.adapters if known else _made(adaptable, label, targets)
    same = {n: (a.options.rank, a.options.alpha) for n, a in made.items()}
    if same != {n: (t["rank"], t["alpha"]) for n, t in targets.items()}:
        raise ArgumentError(
            f"model {adaptable.name!r} has other adapters than {label}: remove or merge them first"
        )
    values = _values(label, made, arrays)
    if not known:
        adaptable.adapt(made.values())
    for adapter, (a, b) in zip(made.values(), values, strict=True):
        adapter.a.assign(a)
        adapter.b.assign(b)
    return [*made]


def _described(label: str, metadata: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the metadata says of each weight. Raises ``FileFormatError`` where it makes no sense."""
    try:
        content = json.loads(metadata[_KEY])
        if content["format"] != FORMAT:
            raise FileFormatError(
                f"{label} has format {content['format']}; this version reads {FORMAT}"
            )
        found = {
            str(n): {"rank": int(t["rank"]), "alpha": float(t["alpha"]),
                     "dropout": float(t["dropout"]), "shape": tuple(int(d) for d in t["shape"])}
            for n, t in content["targets"].items()
        }  # fmt: skip
        for t in found.values():
            _options(t["rank"], t["alpha"], t["dropout"], None)
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(f"{label} is no file of adapters: {error}") from error
    return found


def _made(model: AdaptedModel, label: str, targets: dict[str, Any]) -> dict[str, Adapter]:
    """New adapters as the file has them. Raises ``FileFormatError`` where they do not fit the model."""
    uses, made = model.weight_uses(), {}
    for name, t in targets.items():
        if name not in model.state:
            raise FileFormatError(f"{label} is for a weight {name!r}; the model has none")
        if model.state[name].shape != t["shape"]:
            raise FileFormatError(
                f"{label} is for a weight {name!r} of shape {t['shape']}; the model's has "
                f"{model.state[name].shape}"
            )
        try:
            options = Options(t["rank"], t["alpha"], t["dropout"], next_seed())
            made[name] = model.adapter_for(name, uses[name], options)
        except ArgumentError as error:
            raise FileFormatError(f"{label} does not fit the model: {error}") from error
    return made


def _values(
    label: str, made: dict[str, Adapter], arrays: dict[str, Array]
) -> list[tuple[Array, Array]]:
    """The factors from the file, checked."""
    found = []
    for adapter in made.values():
        pair = []
        for variable in (adapter.a, adapter.b):
            array = arrays.get(variable.path)
            if array is None or array.shape != variable.shape or array.dtype.kind not in "fV":
                got = "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
                raise FileFormatError(
                    f"{label}: {variable.path} needs shape {variable.shape}; the file has {got}"
                )
            pair.append(array.astype(variable.dtype))
        found.append((pair[0], pair[1]))
    return found


__all__ = ["add", "load", "merge", "remove", "save"]
