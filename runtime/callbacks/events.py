"""TensorBoard's event files, written without TensorFlow.

A file is a sequence of records (length, checksum of the length, data, checksum of the data), each an
``Event`` in protobuf's wire format. Sources: tensorflow/core/lib/io/record_writer.h for the records;
tensorboard/compat/proto/{event,summary,tensor,graph}.proto for the fields; RFC 3720 for CRC-32C.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...compiler.ir import Array
from ...errors import ExportError

_counter = itertools.count()
_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # tensorflow.DataType
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # tensorboard's DataClass
_BUCKETS = 30


# -- records ----------------------------------------------------------------------------------


def _table() -> list[int]:
    entries = []
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
        entries.append(entry)
    return entries


_CRC = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 (Castagnoli's polynomial)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    """The checksum as records have it: rotated, and moved by a constant."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """One record of a file."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


# -- protobuf's wire format -------------------------------------------------------------------


def varint(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first; negative ones as 64 bits."""
    value &= 0xFFFFFFFFFFFFFFFF
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def number(field: int, value: int) -> bytes:
    """An integer field."""
    return varint(field << 3) + varint(value)


def chunk(field: int, value: bytes | str) -> bytes:
    """A field of bytes, of text, or of a message."""
    content = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(content)) + content


def _tensor(kind: int, shape: Sequence[int], values: bytes) -> bytes:
    dims = b"".join(chunk(2, number(1, d)) for d in shape)
    return number(1, kind) + chunk(2, dims) + values


def _value(tag: str, plugin: str, kind: int, tensor: bytes) -> bytes:
    """A Summary with one Value, shown by a plugin of TensorBoard."""
    metadata = chunk(1, chunk(1, plugin)) + number(4, kind)
    return chunk(1, chunk(1, tag) + chunk(9, metadata) + chunk(8, tensor))


# -- summaries --------------------------------------------------------------------------------


def scalar(tag: str, value: float) -> bytes:
    """A point of a curve."""
    content = chunk(4, struct.pack("<f", value))
    return _value(tag, "scalars", _SCALAR, _tensor(_FLOAT, (), content))


def histogram(tag: str, values: Array) -> bytes:
    """How the values are distributed over 30 intervals of equal width (or one, if all are equal)."""
    flat = np.asarray(values, np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    rows = np.zeros((0, 3))
    if flat.size and flat.min() == flat.max():
        rows = np.array([[flat[0] - 0.5, flat[0] + 0.5, flat.size]])
    elif flat.size:
        counts, edges = np.histogram(flat, _BUCKETS)
        rows = np.stack([edges[:-1], edges[1:], counts], 1)
    content = chunk(4, rows.astype("<f8").tobytes())
    return _value(tag, "histograms", _TENSOR, _tensor(_DOUBLE, rows.shape, content))


def text(tag: str, content: str) -> bytes:
    """A text in Markdown."""
    return _value(tag, "text", _TENSOR, _tensor(_STRING, (), chunk(8, content)))


def image(tag: str, images: Array) -> bytes:
    """Grey images [count, height, width] of values from 0 (black) to 1 (white)."""
    _, height, width = images.shape
    strings: list[bytes | str] = [str(width), str(height), *(png(x) for x in images)]
    content = b"".join(chunk(8, s) for s in strings)
    return _value(tag, "images", _BLOBS, _tensor(_STRING, (len(strings),), content))


def png(values: Array) -> bytes:
    """A matrix from 0 to 1 as a grey image (ISO/IEC 15948)."""
    height, width = values.shape
    finite = np.nan_to_num(values, nan=0.0)
    pixels = np.clip(finite * 255.5, 0, 255).astype(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels], 1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)

    def part(kind: bytes, data: bytes) -> bytes:
        length, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
        return length + kind + data + check

    parts = part(b"IHDR", header), part(b"IDAT", zlib.compress(lines)), part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def graph(nodes: Iterable[tuple[str, str, Sequence[str]]]) -> bytes:
    """A GraphDef of nodes (name, operator, inputs), where an input is "node" or "node:output"."""
    made = [
        chunk(1, chunk(1, name) + chunk(2, op) + b"".join(chunk(3, i) for i in inputs))
        for name, op, inputs in nodes
    ]
    return b"".join(made) + chunk(4, number(1, 22))


# -- files ------------------------------------------------------------------------------------


class EventFile:
    """A new event file in ``directory``; it is open only while an event is written.

    Raises ``ExportError`` where it cannot be written.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        label = f"{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_counter)}.v2"
        self.path = Path(directory) / f"events.out.tfevents.{label}"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"cannot write {self.path}: {error.strerror}") from error
        self._write(chunk(3, "brain.Event:2"))

    def _write(self, what: bytes, step: int = 0) -> None:
        wall_time = varint(1 << 3 | 1) + struct.pack("<d", time.time())
        try:
            with self.path.open("ab") as file:
                file.write(record(wall_time + number(2, step) + what))
        except OSError as error:
            raise ExportError(f"cannot write {self.path}: {error.strerror}") from error

    def summary(self, step: int, content: bytes) -> None:
        """Add what ``scalar``, ``histogram``, ``text`` or ``image`` gave; they can be joined."""
        self._write(chunk(5, content), step)

    def graph(self, content: bytes) -> None:
        """Add what ``graph`` gave."""
        self._write(chunk(4, content))
