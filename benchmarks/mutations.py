"""Damage to models: by bytes, and by fields of the messages that they are made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

INTEGERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    13,
    16,
    22,
    64,
    127,
    255,
    2**31 - 1,
    -(2**31),
    2**40,
    2**63 - 1,
    -(2**63),
)
FLOATS = (0.0, -1.0, 1e-38, 1e38, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "x", "y", "w", "\0", "../w.bin", "/etc/hostname", "com.microsoft", "ai.onnx.ml", "Loop", "If",
         "Reshape", "Constant", "Concat", "value", "body", "axis", "to", "ünï", "a" * 300)  # fmt: skip
_WIDTH = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1), FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1), FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}  # fmt: skip


def mutated(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One of ``seeds``, damaged in one to four places."""
    data = rng.choice(seeds)
    if rng.random() < 0.25:
        for _ in range(rng.randint(1, 4)):
            data = rng.choice(BYTEWISE)(data, seeds, rng)
        return data
    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.randint(1, 4)):
        _damage(model, seeds, rng)
    return model.SerializeToString()


# -- bytes ------------------------------------------------------------------------------------------


def _cut(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    if not data:
        return data
    found = bytearray(data)
    found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def _overwrite(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data) + 1), rng.randint(1, 8)
    return data[:at] + rng.randbytes(size) + data[at + size :]


def _drop(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randint(1, 16) :]


def _repeat(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at : at + rng.randint(1, 64)] + data[at:]


def _splice(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _noise(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 200))


BYTEWISE: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    _cut, _flip, _flip, _flip, _overwrite, _drop, _repeat, _splice, _noise,
)  # fmt: skip


# -- messages ---------------------------------------------------------------------------------------


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if _repeated(field) else (value,):
                yield from _messages(inner)


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _damage(model: onnx.ModelProto, seeds: Sequence[bytes], rng: random.Random) -> None:
    message = rng.choice([*_messages(model)])
    present = [f for f, _ in message.ListFields()]
    fields = present if present and rng.random() < 0.8 else message.DESCRIPTOR.fields
    field = rng.choice([*fields])
    if _repeated(field):
        _damage_list(message, field, model, seeds, rng)
    elif rng.random() < 0.15:
        message.ClearField(field.name)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        donor = _donor(field.message_type, model, seeds, rng)
        if donor is not None:
            getattr(message, field.name).CopyFrom(donor)
    else:
        setattr(message, field.name, _scalar(field, model, rng))


def _damage_list(
    message: Message, field: Any, model: onnx.ModelProto, seeds: Sequence[bytes], rng: random.Random
) -> None:  # fmt: skip
    items = getattr(message, field.name)
    kept = [*items]
    plain = field.type != FieldDescriptor.TYPE_MESSAGE
    choice = rng.randrange(6)
    if choice == 0 and kept:
        del kept[rng.randrange(len(kept))]
    elif choice == 1 and kept:
        kept.insert(rng.randrange(len(kept) + 1), rng.choice(kept))
    elif choice == 2 and len(kept) > 1:
        i, j = rng.sample(range(len(kept)), 2)
        kept[i], kept[j] = kept[j], kept[i]
    elif choice == 3:
        kept = [] if rng.random() < 0.3 else kept * rng.choice((2, 2, 2, 50))
    else:
        new = _scalar(field, model, rng) if plain else _donor(field.message_type, model, seeds, rng)
        if new is not None:
            if kept and choice == 4:
                kept[rng.randrange(len(kept))] = new
            else:
                kept.insert(rng.randrange(len(kept) + 1), new)
    copies = kept if plain else [_copy(k) for k in kept]
    del items[:]
    items.extend(copies)


def _copy(message: Message) -> Message:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _donor(
    kind: Any, model: onnx.ModelProto, seeds: Sequence[bytes], rng: random.Random
) -> Message | None:
    """A message of a type, from this model or from another."""
    source: Message = model
    if rng.random() < 0.5:
        try:
            source = onnx.ModelProto.FromString(rng.choice(seeds))
        except DecodeError:
            return None
    found = [m for m in _messages(source) if m.DESCRIPTOR is kind and m.ByteSize() < 5000]
    return _copy(rng.choice(found)) if found else None


def _scalar(field: Any, model: onnx.ModelProto, rng: random.Random) -> Any:
    if field.type in _WIDTH:
        low, high = _WIDTH[field.type]
        value = rng.choice(INTEGERS) if rng.random() < 0.7 else rng.randint(-20, 40)
        return min(max(value, low), high)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return rng.choice([*field.enum_type.values_by_number])
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return rng.choice(FLOATS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (
            rng.randbytes(rng.randint(0, 12)) if rng.random() < 0.6 else rng.choice(TEXTS).encode()
        )
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(_names(model)) if rng.random() < 0.6 else rng.choice(TEXTS)
    raise TypeError(f"the field {field.full_name} has a type that ONNX does not use")


def _names(model: onnx.ModelProto) -> list[str]:
    """Names, operators and domains that occur."""
    found = [""]
    for message in _messages(model):
        if isinstance(message, onnx.NodeProto):
            found += [*message.input, *message.output, message.op_type, message.domain]
        elif isinstance(message, onnx.AttributeProto):
            found.append(message.name)
    return found
