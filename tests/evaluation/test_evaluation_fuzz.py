"""Damaged files: each is read or listed, and none stops the run.

EVALUATION_FUZZ=5000 sets how many are tried; a few hundred by default.
"""

import os

import numpy as np

from evaluation.features.catalogue import feature_table
from evaluation.reading.folders import read_folder

COUNT = int(os.environ.get("EVALUATION_FUZZ", "300"))


def mutated(data, rng):
    """Damage a file: put other bytes, or extreme lengths, in the place of some, or cut it off."""
    data = bytearray(data)
    for place in rng.integers(1, len(data), rng.integers(1, 6)).tolist():
        extremes = (b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff")
        new = (*extremes, data[place : place + 64], rng.bytes(rng.integers(8)))[rng.integers(5)]
        data[place : place + int(rng.integers(8))] = new
    return bytes(data[: rng.integers(len(data))] if rng.random() < 0.2 else data)


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
