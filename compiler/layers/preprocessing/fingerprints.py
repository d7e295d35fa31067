"""Hashes of strings that are the same everywhere and for ever: FarmHash's Fingerprint64, and SipHash.

TensorFlow puts strings into buckets by these two, and so do Keras' layers. Both are plain arithmetic modulo
2 ** 64. FarmHash is by Geoff Pike (https://github.com/google/farmhash, ``farmhashna``), SipHash-2-4 by
Aumasson and Bernstein 2012.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
# FarmHash's primes "between 2 ** 63 and 2 ** 64"
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995  # the multiplier with which TensorFlow joins fingerprints


def _word(s: bytes, i: int) -> int:
    return int.from_bytes(s[i : i + 8], "little")


def _half(s: bytes, i: int) -> int:
    return int.from_bytes(s[i : i + 4], "little")


def _rotated(v: int, bits: int) -> int:
    """To the right."""
    return ((v >> bits) | (v << (64 - bits))) & _MASK


def _mixed(v: int) -> int:
    return v ^ (v >> 47)


def _pair(u: int, v: int, factor: int) -> int:
    a = _mixed(((u ^ v) * factor) & _MASK)
    return (_mixed(((v ^ a) * factor) & _MASK) * factor) & _MASK


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64, which never changes."""
    size = len(s)
    if size <= 16:
        return _up_to_16(s, size)
    if size <= 32:
        return _up_to_32(s, size)
    return _up_to_64(s, size) if size <= 64 else _longer(s, size)


def _up_to_16(s: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    if size >= 8:
        a, b = (_word(s, 0) + _K2) & _MASK, _word(s, size - 8)
        c = (_rotated(b, 37) * factor + a) & _MASK
        d = ((_rotated(a, 25) + b) * factor) & _MASK
        return _pair(c, d, factor)
    if size >= 4:
        return _pair(size + (_half(s, 0) << 3), _half(s, size - 4), factor)
    if not size:
        return _K2
    first = s[0] + (s[size >> 1] << 8)
    return (_mixed((first * _K2 ^ (size + (s[-1] << 2)) * _K0) & _MASK) * _K2) & _MASK


def _up_to_32(s: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    a, b = (_word(s, 0) * _K1) & _MASK, _word(s, 8)
    c, d = (_word(s, size - 8) * factor) & _MASK, (_word(s, size - 16) * _K2) & _MASK
    u = (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK
    v = (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK
    return _pair(u, v, factor)


def _up_to_64(s: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    a, b = (_word(s, 0) * _K2) & _MASK, _word(s, 8)
    c, d = (_word(s, size - 8) * factor) & _MASK, (_word(s, size - 16) * _K2) & _MASK
    y = (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK
    z = _pair(y, (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK, factor)
    e, f = (_word(s, 16) * factor) & _MASK, _word(s, 24)
    g, h = (
        ((y + _word(s, size - 32)) * factor) & _MASK,
        ((z + _word(s, size - 24)) * factor) & _MASK,
    )
    u = (_rotated((e + f) & _MASK, 43) + _rotated(g, 30) + h) & _MASK
    v = (e + _rotated((f + a) & _MASK, 18) + g) & _MASK
    return _pair(u, v, factor)


def _weak(s: bytes, i: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes and two seeds as 16 bytes."""
    w, x, y, z = (_word(s, i + j) for j in (0, 8, 16, 24))
    a = (a + w) & _MASK
    b = _rotated((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotated(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _longer(s: bytes, size: int) -> int:
    """Blocks of 64 bytes, then the last 64."""
    seed = 81
    x, y = seed, (seed * _K1 + 113) & _MASK
    z = (_mixed((y * _K2 + 113) & _MASK) * _K2) & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(s, 0)) & _MASK
    end = (size - 1) // 64 * 64
    for i in (*range(0, end, 64), size - 64):
        last = i == size - 64 and i > end - 64
        factor = (_K1 + ((z & 0xFF) << 1)) & _MASK if last else _K1
        if last:
            w = ((w[0] + ((size - 1) & 63)) & _MASK, w[1])
            v = ((v[0] + w[0]) & _MASK, v[1])
            w = ((w[0] + v[0]) & _MASK, w[1])
        x = (_rotated((x + y + v[0] + _word(s, i + 8)) & _MASK, 37) * factor) & _MASK
        y = (_rotated((y + v[1] + _word(s, i + 48)) & _MASK, 42) * factor) & _MASK
        x ^= (w[1] * 9) & _MASK if last else w[1]
        y = (y + (v[0] * 9 if last else v[0]) + _word(s, i + 40)) & _MASK
        z = (_rotated((z + w[0]) & _MASK, 33) * factor) & _MASK
        v = _weak(s, i, (v[1] * factor) & _MASK, (x + w[0]) & _MASK)
        w = _weak(s, i + 32, (z + w[1]) & _MASK, (y + _word(s, i + 16)) & _MASK)
        z, x = x, z
    u = (_pair(v[0], w[0], factor) + _mixed(y) * _K0 + z) & _MASK
    return _pair(u, (_pair(v[1], w[1], factor) + x) & _MASK, factor)


def _left(v: int, bits: int) -> int:
    return ((v << bits) | (v >> (64 - bits))) & _MASK


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 with a key of two words of 64 bits."""
    k0, k1 = key[0] & _MASK, key[1] & _MASK
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
             k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)  # fmt: skip
    whole = len(s) // 8 * 8
    tail = int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56
    for word in (*(_word(s, i) for i in range(0, whole, 8)), tail):
        a, b, c, d = state
        a, b, c, d = _round(*_round(a, b, c, d ^ word))
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    a, b, c, d = _round(*_round(*_round(*_round(a, b, c ^ 0xFF, d))))
    return a ^ b ^ c ^ d


def _round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a, c = (a + b) & _MASK, (c + d) & _MASK
    b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
    a, c = (_left(a, 32) + d) & _MASK, (c + b) & _MASK
    b, d = _left(b, 17) ^ c, _left(d, 21) ^ a
    return a, b, _left(c, 32), d


def joined(first: int, second: int) -> int:
    """One fingerprint for two, as TensorFlow crosses features (``FingerprintCat64``)."""
    found = first ^ _CAT
    found ^= (_mixed((second * _CAT) & _MASK) * _CAT) & _MASK
    found = (found * _CAT) & _MASK
    return _mixed((_mixed(found) * _CAT) & _MASK)
