"""Which files a folder has, in which order and with which labels: the same as Keras finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError, DatasetError
from ..data import Dataset
from ..data.dataset import from_examples
from ..utils.messages import say

_MODES = ("int", "categorical", "binary", None)


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments that the three functions share, under their names in Keras."""

    directory: Any
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool
    suffixes: tuple[str, ...]

    def check(self) -> None:
        """Raises ``ArgumentError`` for arguments that make no sense, alone or together."""
        if self.labels not in ("inferred", None) and not isinstance(self.labels, (list, tuple)):
            raise ArgumentError(
                f"labels={self.labels!r}: expected 'inferred' (from the folders), None, or a list with "
                "the class number of each file, in the order of their sorted paths"
            )
        if self.class_names and (self.labels != "inferred" or self.label_mode is None):
            raise ArgumentError("class_names goes with labels='inferred' and a label_mode only")
        if self.label_mode not in _MODES:
            raise ArgumentError(f"label_mode={self.label_mode!r}: expected one of {_MODES}")
        if self.subset not in ("training", "validation", "both", None):
            raise ArgumentError(
                f"subset={self.subset!r}: expected 'training', 'validation' or 'both'"
            )
        if self.validation_split and not 0 < self.validation_split < 1:
            raise ArgumentError(f"validation_split={self.validation_split}: expected 0 to 1")
        if bool(self.validation_split) != bool(self.subset):
            raise ArgumentError("validation_split and subset go together: give both, or neither")
        if self.validation_split and self.shuffle and self.seed is None:
            raise ArgumentError(
                "validation_split of shuffled files needs a seed: without, the training and the "
                "validation part could have files in common"
            )


@dataclass(frozen=True, slots=True)
class Files:
    """Paths, their class numbers (None without labels) and the names of the classes."""

    paths: list[str]
    labels: list[int] | None
    class_names: list[str] | None


def found(request: Request, seed: int) -> Files:
    """All files of the folder, shuffled by ``seed`` where that is asked for.

    Folders by name, within them sub-folders and files by name; Keras' order, and its permutation.
    """
    if not Path(request.directory).is_dir():
        raise DatasetError(f"{request.directory} is no folder")
    unlabelled = request.labels is None or request.label_mode is None
    inferred = request.labels == "inferred" and not unlabelled
    names = _class_folders(request) if inferred else [""]
    paths: list[str] = []
    labels: list[int] = []
    for number, name in enumerate(names):
        inside = _listed(os.path.join(request.directory, name), request)  # noqa: PTH118
        paths += inside
        labels += [number] * len(inside)
    classes: list[str] | None = list(names)
    if unlabelled:
        classes = None
    elif not inferred:
        given: Any = request.labels
        labels = list(given)
        if len(labels) != len(paths):
            raise ArgumentError(
                f"labels has {len(labels)} entries; {request.directory} has {len(paths)} files"
            )
        classes = [str(label) for label in sorted(set(labels))]
    if request.verbose:
        said = "" if classes is None else f" belonging to {len(classes)} classes"
        say(f"Found {len(paths)} files{said}.")
    if request.label_mode == "binary" and classes is not None and len(classes) != 2:
        raise ArgumentError(f"label_mode='binary' needs two classes; found {classes}")
    if request.shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths, labels = [paths[i] for i in order], [labels[i] for i in order]
    return Files(paths, None if unlabelled else labels, classes)


def _class_folders(request: Request) -> list[str]:
    with os.scandir(request.directory) as entries:
        names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    if request.class_names is None:
        return names
    missing = sorted(set(request.class_names) - set(names))
    if missing:
        raise ArgumentError(
            f"class_names has {missing[0]!r}, which is no folder in {request.directory}; there are "
            f"{names}"
        )
    return list(request.class_names)


def _listed(folder: str, request: Request) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=request.follow_links), key=lambda step: step[0])
    return [
        os.path.join(root, name)  # noqa: PTH118  # spelled as Keras spells file_paths
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(request.suffixes)
    ]


def _part(files: Files, fraction: float, subset: str) -> Files:
    held = int(fraction * len(files.paths))
    cut = len(files.paths) - held
    rows = slice(0, cut) if subset == "training" else slice(cut, None)
    said = "training" if subset == "training" else "validation"
    say(f"Using {cut if subset == 'training' else held} files for {said}.")
    labels = None if files.labels is None else files.labels[rows]
    return Files(files.paths[rows], labels, files.class_names)


def read(
    request: Request,
    load: Callable[[str], Any],
    batched: Callable[[Dataset], Dataset],
    threads: int,
) -> Any:
    """The data set (or two of them, for ``subset="both"``) of what ``load`` makes of each path."""
    request.check()
    seed = int(np.random.randint(10**6)) if request.seed is None else request.seed
    files = found(request, seed)
    if request.subset == "both":
        parts = [
            (s, _part(files, request.validation_split or 0, s)) for s in ("training", "validation")
        ]
    elif request.subset is not None:
        parts = [(request.subset, _part(files, request.validation_split or 0, request.subset))]
    else:
        parts = [("all", files)]
    sets = []
    for subset, part in parts:
        if not part.paths:
            raise DatasetError(
                f"{request.directory} has no files for the subset {subset!r}; names may end in "
                f"{', '.join(request.suffixes)}"
            )
        # as in Keras, the validation part of two is not shuffled again in each pass
        again = request.shuffle and not (request.subset == "both" and subset == "validation")
        sets.append(batched(_examples(request, part, load, seed if again else None, threads)))
    return sets if request.subset == "both" else sets[0]


def _examples(
    request: Request, files: Files, load: Callable[[str], Any], seed: int | None, threads: int
) -> Dataset:
    encode = _encoder(request.label_mode, len(files.class_names or ()))

    def example(i: int) -> Any:
        value = load(files.paths[i])
        return value if files.labels is None else (value, encode(files.labels[i]))

    return from_examples(
        len(files.paths), example, seed, threads,
        class_names=files.class_names, file_paths=files.paths,
    )  # fmt: skip


def _encoder(mode: str | None, classes: int) -> Callable[[int], Any]:
    if mode == "binary":
        return lambda label: np.array([label], np.float32)
    if mode == "categorical":
        return lambda label: np.eye(classes, dtype=np.float32)[label]
    return np.int32
