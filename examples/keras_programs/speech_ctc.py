"""Spoken digits written down: a network that is never told where in the sound each digit is.

One to four recordings in a row are one utterance. Spectrograms are made in the graph; convolutions and a
GRU in both directions read them, over any length; CTC (Graves et al. 2006) adds up all ways to align them
with the digits.

The recordings are those of the Free Spoken Digit Dataset (CC BY-SA 4.0), as ``fsdd.npz``: in the folder
that WATERHORSE_DATA names, or in ``../shared/data``. Without them, each digit is a chord of two tones.

    python examples/keras_programs/speech_ctc.py
    python examples/keras_programs/speech_ctc.py --data tones
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers, ops

RATE = 8000
STEP = 128  # samples from one spectrum to the next
SIZE = 16  # of batches
Clips = tuple[list[np.ndarray], np.ndarray]


# -- data ----------------------------------------------------------------------------------------


def load(where: str | None, verbose: int) -> tuple[Clips, Clips]:
    """Clips (float32, 8 kHz, at most 1) and their digits, for training and for testing."""
    if where == "tones":
        return tones(300, seed=0), tones(100, seed=1)
    beside = Path(__file__).parents[3] / "shared" / "data"
    folders = [Path(f) for f in (where, os.environ.get("WATERHORSE_DATA"), beside) if f]
    path = next((f / "fsdd.npz" for f in folders if (f / "fsdd.npz").is_file()), None)
    if path is None:
        if where:
            raise SystemExit(f"there is no fsdd.npz in {where}")
        if verbose:
            print("fsdd.npz is not at hand: tones in place of recordings.")
        return load("tones", verbose)
    with np.load(path) as z:
        audio, length, labels, test = z["audio"], z["length"], z["label"], z["index"] < 5
    clips = np.split(audio.astype("float32"), np.cumsum(length)[:-1])
    clips = [c / np.abs(c).max() for c in clips]
    parts = [([clips[i] for i in np.flatnonzero(s)], labels[s]) for s in (~test, test)]
    return parts[0], parts[1]


def tones(count: int, seed: int) -> Clips:
    """A digit as a telephone says it: two tones at once, a little out of tune, in noise."""
    random = np.random.default_rng(seed)
    low, high = [941, 697, 697, 697, 770, 770, 770, 852, 852, 852], [1336, *[1209, 1336, 1477] * 3]
    labels, clips = random.integers(0, 10, count), []
    for digit in labels:
        time = np.arange(random.integers(1200, 2400)) / RATE
        waves = [np.sin(2 * np.pi * f[digit] * random.normal(1, 0.01) * time) for f in (low, high)]
        sound = 0.4 * sum(waves) + 0.05 * random.normal(size=len(time))
        clips.append((sound * np.hanning(len(time))).astype("float32"))
    return clips, labels


class Utterances(keras.utils.PyDataset):
    """Batches of audio [batch, time], and its digits as numbers: clips in a row, with short pauses.

    The same every time, or with ``fresh`` drawn anew in each epoch.
    """

    def __init__(
        self,
        clips: Clips,
        lookup: Any,
        batches: int,
        longest: int = 4,
        fresh: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(workers=1)
        self.clips, self.lookup, self.batches, self.longest = clips, lookup, batches, longest
        self.fresh, self.seed, self.epoch = fresh, seed, 0

    def __len__(self) -> int:
        return self.batches

    def on_epoch_end(self) -> None:
        self.epoch += self.fresh

    def texts(self, index: int) -> tuple[list[np.ndarray], list[str]]:
        """Sounds of different lengths, and what is said in them: "407"."""
        random = np.random.default_rng([self.seed, self.epoch, index])
        sounds, texts = [], []
        for _ in range(SIZE):
            chosen = random.integers(0, len(self.clips[0]), random.integers(1, self.longest + 1))
            parts = []
            for i in chosen:
                parts += [self.clips[0][i], np.zeros(random.integers(0, RATE // 8), "float32")]
            sounds.append(np.concatenate(parts))
            texts.append("".join(str(self.clips[1][i]) for i in chosen))
        return sounds, texts

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sounds, texts = self.texts(index)
        audio = keras.utils.pad_sequences(sounds, dtype="float32", padding="post")
        digits = [np.asarray(self.lookup(np.array(list(t), object))) for t in texts]
        return audio, keras.utils.pad_sequences(digits, maxlen=self.longest, padding="post")


# -- model ---------------------------------------------------------------------------------------


def network(classes: int, units: int) -> Any:
    """Sound [batch, time] to logits [batch, frames, classes]; class 0 is the blank."""
    audio = keras.Input(shape=(None,), name="audio")
    x = layers.MelSpectrogram(
        fft_length=256, sequence_stride=STEP, sampling_rate=RATE, num_mel_bins=40, power_to_db=False,
    )(audio)  # fmt: skip
    x = layers.Permute((2, 1))(ops.log(x + 1e-3))
    x = layers.BatchNormalization()(x)
    x = layers.Conv1D(units, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv1D(units, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Bidirectional(layers.GRU(units, return_sequences=True))(x)
    return keras.Model(audio, layers.Dense(classes, name="logits")(x), name="speech")


# -- what it says --------------------------------------------------------------------------------


def decoded(logits: np.ndarray, characters: list[str], strategy: str = "greedy") -> list[str]:
    """Logits [batch, frames, classes] as texts."""
    lengths = np.full(len(logits), logits.shape[1])
    width = {} if strategy == "greedy" else {"beam_width": 10}
    paths, _ = ops.ctc_decode(logits, lengths, strategy=strategy, **width)
    return ["".join(characters[i] for i in row if i >= 0) for row in np.asarray(paths)[0]]


def edit_distance(a: str, b: str) -> int:
    """How many characters must be put in, taken out or changed (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, above = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (x != y)))
    return row[-1]


def error_rate(model: Any, data: Utterances, strategy: str = "greedy") -> tuple[float, list[Any]]:
    """Mistakes for each digit that was said; and what was said, and understood."""
    pairs = []
    for i in range(len(data)):
        audio, _ = data[i]
        heard = decoded(model.predict_on_batch(audio), data.lookup.get_vocabulary(), strategy)
        pairs += zip(data.texts(i)[1], heard, strict=True)
    return sum(edit_distance(*p) for p in pairs) / sum(len(said) for said, _ in pairs), pairs


class EditDistance(keras.callbacks.Callback):
    """Mistakes per digit in new utterances, every few epochs."""

    def __init__(self, data: Utterances, every: int = 2) -> None:
        super().__init__()
        self.data, self.every = data, every

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every == 0:
            rate, pairs = error_rate(self.model, self.data)
            some = ", ".join(f"{said}: {heard or '-'}" for said, heard in pairs[:6])
            print(f"  digit error rate {rate:.1%} ({some})")


def main(
    where: str | None = None, epochs: int = 8, batches: int = 100, units: int = 64, longest: int = 4,
    rate: float = 3e-3, verbose: int = 1, folder: str = ".",
) -> dict[str, Any]:  # fmt: skip
    """Train and export. Returns digit error rates on clips never heard: greedy, and by beam search."""
    keras.utils.set_random_seed(0)
    train, test = load(where, verbose)
    lookup = layers.StringLookup(vocabulary=[str(i) for i in range(10)], oov_token="")
    fresh = Utterances(train, lookup, batches, longest, fresh=True)
    fixed = Utterances(test, lookup, 10, longest, seed=1)
    model = network(lookup.vocabulary_size(), units)
    if verbose:
        model.summary()
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * batches)
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    model.compile(optimizer=optimizer, loss=keras.losses.CTC())
    watch = [EditDistance(fixed)] if verbose else []
    history = model.fit(
        fresh, epochs=epochs, validation_data=fixed, callbacks=watch, verbose=verbose
    )
    greedy, _ = error_rate(model, fixed)
    beam, _ = error_rate(model, fixed, "beam_search")
    path = Path(folder) / "speech.onnx"
    model.export(path, labels=["", *"0123456789"], example=fixed[0][0][:2])
    if verbose:
        print(f"digit error rate on clips never heard: greedy {greedy:.2%}, beam search {beam:.2%}")
    return {"greedy": greedy, "beam_search": beam, "history": history.history}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="tones, or the folder that has fsdd.npz")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--units", type=int, default=64)
    options = parser.parse_args()
    main(options.data, options.epochs, units=options.units)
