"""Damaged files: each is read or listed, and none stops the run.

EVALUATION_FUZZ=5000 sets how many are tried; a few hundred by default.
"""

import os

import numpy as np

from evaluation.features.catalogue import feature_table
from evaluation.reading.folders import read_folder

COUNT = int(os.environ.get("EVALUATION_FUZZ", "300"))


def mutated(data, rng):
    """Damage a file: flip bits, overwrite, cut, repeat or insert bytes, or set a length to an extreme."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(data)))
        match int(rng.integers(6)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                del data[max(place, 1) :]
            case 3:
                data[place:place] = data[place : place + int(rng.integers(1, 64))]
            case 4:
                data[place:place] = rng.bytes(int(rng.integers(1, 16)))
            case 5:
                data[place : place + 4] = (b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff")[rng.integers(3)]
    return bytes(data)


def test_damaged_files_are_read_or_listed(tune_folder, tmp_path):
    rng = np.random.default_rng(0)
    sources = [path.read_bytes() for path in sorted(tune_folder.glob("*.mid"))]
    for number in range(COUNT):
        (tmp_path / f"{number:05d}.mid").write_bytes(mutated(sources[number % len(sources)], rng))
    result = read_folder(tmp_path, jobs=2, label="fuzz")
    names = [piece.name for piece in result.pieces] + [skipped.path for skipped in result.skipped]
    assert sorted(names) == [f"fuzz/{number:05d}.mid" for number in range(COUNT)]
    assert all(skipped.reason for skipped in result.skipped)
    table = feature_table(result.pieces)
    assert not any(np.isinf(values).any() for values in table.values())
