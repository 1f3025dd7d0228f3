"""Files of sound codes, the compact format of a VQ-VAE's encoding of a sound.

Integers are little-endian. A file has

    4 bytes        ``MMSC``
    1 byte         version of the format, 1
    4 bytes        K, the number of codes
    2 bytes        F, codes a chunk
    2 bytes        H, samples from the start of one chunk to the start of the next
    4 bytes        samples a second, 22,050
    4 bytes        S, samples of the whole sound
    8 bytes        fingerprint of the model
    2 N bytes      the gain of each decoded chunk, a 16-bit float; 0 for silence
    ⌈N F B / 8⌉    the codes, chunk by chunk, B = ⌈log₂ K⌉ bits each, the highest first; zeros up to a whole byte
    4 bytes        CRC-32 of everything before

N = 1 + ⌈(S − 22,050) / H⌉, at least 1, is the number of chunks (`audiovae.data.chunks.chunk_count`).
With K = 256, F = 172 and H = 21,794 that is 1.41 kbit a second.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from audiovae.data.chunks import CHUNK, RATE_HZ, chunk_count
from manymodes.cli import UserError, existing_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAGIC = b"MMSC"
"""The first bytes of every file."""

_VERSION = 1
_HEADER = struct.Struct("<4sBIHHII8s")
_LONGEST_SECONDS = 3600
_CHECKSUM = struct.Struct("<I")


class UnreadableCodesError(Exception):
    """The reason why a file of codes is unusable, as one line."""


class CodedSound(NamedTuple):
    """A sound as codes.

    Attributes:
        codes: int32 [N, F], from 0 to K − 1.
        gains: float32 [N], the factors of decoded chunks.
        length: S, samples of the sound.
        hop: H, samples from one chunk to the next.
        code_count: K.
        maker: fingerprint of the model that made the codes, 8 bytes.
    """

    codes: np.ndarray
    gains: np.ndarray
    length: int
    hop: int
    code_count: int
    maker: bytes


def fingerprint(weights: Iterable[np.ndarray]) -> bytes:
    """Return 8 bytes that differ from model to model: the beginning of the sha256 of all weights and their shapes."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()[:8]


def pack(sound: CodedSound) -> bytes:
    """Return the content of a file; gains are rounded to 16 bits."""
    frames = sound.codes.shape[1]
    header = _HEADER.pack(MAGIC, _VERSION, sound.code_count, frames, sound.hop, RATE_HZ, sound.length, sound.maker)
    largest = float(np.finfo(np.float16).max)
    gains = np.clip(sound.gains, 0, largest).astype("<f2").tobytes()
    shifts = np.arange(_bits(sound.code_count))[::-1]
    bits = (sound.codes.reshape(-1, 1) >> shifts & 1).astype(np.uint8)
    content = header + gains + np.packbits(bits).tobytes()
    return content + _CHECKSUM.pack(zlib.crc32(content))


def unpack(content: bytes) -> CodedSound:
    """Return what `pack` was given; raise an UnreadableCodesError for anything else, incomplete or damaged."""
    if content[: len(MAGIC)] != MAGIC:
        raise UnreadableCodesError("is not a file of sound codes")
    if len(content) <= _HEADER.size:
        raise UnreadableCodesError("is cut short")
    _, version, code_count, frames, hop, rate_hz, length, maker = _HEADER.unpack_from(content)
    if version != _VERSION:
        raise UnreadableCodesError(f"is of version {version}; this program reads only version {_VERSION}")
    possible = 1 <= hop <= CHUNK and frames >= 1 and code_count > 1 and length <= _LONGEST_SECONDS * RATE_HZ
    if rate_hz != RATE_HZ or not possible:
        raise UnreadableCodesError("is damaged")
    count, bits = chunk_count(length, hop), _bits(code_count)
    codes_begin = _HEADER.size + 2 * count
    codes_end = codes_begin - (-count * frames * bits // 8)
    if len(content) < codes_end + _CHECKSUM.size:
        raise UnreadableCodesError(f"is cut short: it has {len(content)} of {codes_end + _CHECKSUM.size} bytes")
    if content[codes_end:] != _CHECKSUM.pack(zlib.crc32(content[:codes_end])):
        raise UnreadableCodesError("is damaged")
    gains = np.frombuffer(content, "<f2", count, _HEADER.size).astype(np.float32)
    packed = np.frombuffer(content[codes_begin:codes_end], np.uint8)
    digits = np.unpackbits(packed, count=count * frames * bits).reshape(count, frames, bits)
    codes = digits.astype(np.int32) @ (1 << np.arange(bits, dtype=np.int32)[::-1])
    if not np.isfinite(gains).all() or gains.min() < 0 or codes.max() >= code_count:
        raise UnreadableCodesError("is damaged")
    return CodedSound(codes, gains, length, hop, code_count, maker)


def read_codes(path: str | Path) -> CodedSound:
    """Read a file of sound codes; raise a UserError if it is missing, unreadable, or something else."""
    file = existing_file(path, "the file of codes")
    try:
        return unpack(file.read_bytes())
    except UnreadableCodesError as error:
        raise UserError(f"{file} {error}: give a file written by audiovae.codec encode") from error
    except OSError as error:
        raise UserError(f"{file} cannot be opened ({error.strerror or error}): check its permissions") from error


def _bits(code_count: int) -> int:
    return (code_count - 1).bit_length()
