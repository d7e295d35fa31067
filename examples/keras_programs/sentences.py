"""Sentences with the opinion that they express: the data of ``sentiment_lstm.py`` and ``transformer.py``.

10,605 sentences of movie reviews that people rated from -4 to 4 (Hutto and Gilbert 2014, MIT licence) lie
in the source archive of a Python package. To get it:

    pip download --no-deps --no-binary :all: vaderSentiment==3.3.2

Without it, toy sentences are made up. In a quarter of them "not" or the like turns the meaning around.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np

ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
MOVIES = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
Part = tuple[np.ndarray, np.ndarray]

GOOD = ["good", "great", "funny", "clever", "moving", "lovely", "gripping", "fresh"]
BAD = ["bad", "dull", "boring", "silly", "clumsy", "tired", "awful", "flat"]
SUBJECTS = ["The film", "This story", "The ending", "Her part", "The music", "Every scene"]
MANNERS = ["really", "rather", "quite", "simply", "after all"]
DENIALS = ["not", "never", "not at all", "hardly", "by no means"]
ENDS = ["", ", I think", ", as they say", "; we saw it twice", ", from start to end"]


def load(where: str | None = None, verbose: int = 1) -> tuple[Part, Part]:
    """Texts (strings [n]) and whether each is positive (float32 [n]), for training and for testing.

    ``where``: "toy", the archive, or its folder; by default ``WATERHORSE_DATA`` or the current folder, and
    toy sentences where neither has it.
    """
    if where == "toy":
        return toy(2000, seed=0), toy(500, seed=1)
    path = Path(where or os.environ.get("WATERHORSE_DATA", "."))
    path = path / ARCHIVE if path.is_dir() else path
    if path.is_file():
        return movies(path)
    if where:
        raise SystemExit(f"{path} is not there. To get it: see the docstring of sentences.py")
    if verbose:
        print(f"{ARCHIVE} is not at hand (sentences.py says how to get it): toy sentences.")
    return load("toy")


def movies(path: Path) -> tuple[Part, Part]:
    """Sentences whose rating is beyond 0.5 on either side; one in five is for testing."""
    with tarfile.open(path) as outer:
        inner = io.BytesIO(outer.extractfile(INNER).read())  # type: ignore[union-attr]  # it is a file
    with tarfile.open(fileobj=inner) as archive:
        table = archive.extractfile(MOVIES).read().decode("latin-1")  # type: ignore[union-attr]
    rows = [line.split("\t") for line in table.splitlines()]
    rated = [(text, float(score)) for _, score, text in rows if abs(float(score)) > 0.5]
    order = np.random.default_rng(0).permutation(len(rated))
    texts = np.array([rated[i][0] for i in order], object)
    labels = np.array([rated[i][1] > 0 for i in order], "float32")
    cut = len(texts) * 4 // 5
    return (texts[:cut], labels[:cut]), (texts[cut:], labels[cut:])


def toy(count: int, seed: int) -> Part:
    """Made-up sentences: "The ending was not at all dull, ..." is positive."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        good, denied = random.random() < 0.5, random.random() < 0.25
        manner = random.choice(DENIALS if denied else MANNERS)
        word = random.choice(GOOD if good else BAD)
        texts.append(f"{random.choice(SUBJECTS)} was {manner} {word}{random.choice(ENDS)}.")
        labels.append(good != denied)
    return np.array(texts, object), np.array(labels, "float32")
