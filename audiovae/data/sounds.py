"""The training data: folk tunes and drum grooves played by real instruments, or any folder of recordings.

Sounds are cut into chunks of one second, made equally loud at their peaks. Playing the corpus takes a minute; the
result is kept in the user's cache directory.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from audiovae.data.chunks import CHUNK, CORPUS, HOP, RATE_HZ, normalise
from audiovae.data.recordings import deal, read_recordings
from audiovae.data.rendering import DRUMS, INSTRUMENTS, KITS, PROGRAMS, play_instrument
from drumvae.data.grooves import load_grooves
from manymodes.cli import UserError
from manymodes.files import Skipped, cache_file, in_columns, new_folder, new_run_folder, skipped_lines, write_cache
from manymodes.music.audio import write_audio
from manymodes.music.soundfont import soundfont_file
from melodygan.data.corpus import load_corpus, split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from audiovae.data.recordings import Recording
    from drumvae.data.kit import Bars
    from melodygan.data.corpus import Tune

SPLITS = ("train", "validation", "test")

_MAKER_VERSION = 1  # of the sounds in the cache: counts changes to how they are played
_CHUNKS = 400  # an instrument, of the corpus
_LEVELS = 2**15 - 1  # sounds are kept with 16 bits, as in a WAV file
_SKIPPED_SHOWN = 40


class SoundChunks(NamedTuple):
    """Chunks of sound.

    Attributes:
        chunks: float32 [n, 22050], the largest sample of each ±0.891: −1 dB.
        instruments: int64 [n], the number of the instrument.
        gains: float32 [n]; chunks × gains are the sounds as they were.
        origins: int64 [n], the number of the tune, groove or file that a chunk was cut from.
    """

    chunks: np.ndarray
    instruments: np.ndarray
    gains: np.ndarray
    origins: np.ndarray


@dataclass(frozen=True, eq=False)
class Sounds:
    """The chunks of three splits.

    Attributes:
        source: the folder, or "corpus".
        names: of the instruments.
        origins: names of the tunes, grooves or files; none is in two splits.
        skipped: files that are not used; ``silent``: the number of silent chunks, which are left out.
        seed: of the split, and of the choice of passages.
    """

    source: str
    names: tuple[str, ...]
    origins: tuple[str, ...]
    train: SoundChunks
    validation: SoundChunks
    test: SoundChunks
    skipped: tuple[Skipped, ...]
    silent: int
    seed: int

    @functools.cached_property
    def fingerprint(self) -> str:
        """The sha256 of the names and the three splits, in hex."""
        digest = hashlib.sha256(json.dumps(self.names).encode())
        for side in (self.train, self.validation, self.test):
            for array in (_to_pcm(side.chunks).astype("<i2"), side.instruments.astype("<i8"), side.gains.astype("<f4")):
                digest.update(array.tobytes())
        return digest.hexdigest()

    def table(self) -> str:
        """Return what was read and skipped as lines for the terminal; 40 skipped files are named."""
        sides = (self.train, self.validation, self.test)
        counts = [np.bincount(side.instruments, minlength=len(self.names)) for side in sides]
        rows = [
            ("instrument", "training", "validation", "test"),
            *((name, *(f"{count:,}" for count in row)) for name, *row in zip(self.names, *counts, strict=True)),
            ("all", *(f"{len(side.chunks):,}" for side in sides)),
        ]
        lines = [
            f"chunks of {self.source}, one second each, seed {self.seed}, fingerprint {self.fingerprint[:12]}",
            *in_columns(rows),
            f"from {len(self.origins):,} tunes, grooves or files; silent chunks left out: {self.silent:,}",
            *skipped_lines(self.skipped, _SKIPPED_SHOWN),
        ]
        return "\n".join(lines)


def load_sounds(source: str | Path = CORPUS, *, seed: int = 0, chunks: int | None = None, hop: int = HOP) -> Sounds:
    """Play the corpus, or read a folder of recordings, and cut it into chunks of one second.

    Args:
        source: "corpus", or a folder of WAV, FLAC, OGG and MP3 files of any rate and number of channels, searched
            recursively without hidden files and folders. Its sub-folders are the instruments; files beside them belong
            to one with the name of the folder. A folder named "corpus" is ``./corpus``.
        seed: of the split; of the corpus, also of the passages.
        chunks: of each instrument, at least 10; by default 400 of the corpus, and all of a folder. 80 % are for
            training, half of the others for validation and half for tests.
        hop: samples from one chunk of a recording to the next, 1 to 22,050; the corpus has no overlaps.

    Raises:
        UserError: the folder does not exist, cannot be read, or has too few sounds for three splits.
    """
    if source == CORPUS:
        return _corpus(seed, chunks or _CHUNKS)
    return _recordings(source, seed, chunks, hop)


def _sizes(chunks: int) -> tuple[int, int, int]:
    """Return the number of an instrument's chunks in each split."""
    small = chunks // 10
    return chunks - 2 * small, small, small


def _corpus(seed: int, chunks: int) -> Sounds:
    corpus = load_corpus()
    grooves = load_grooves(seed=seed)
    libraries = {name: version(name) for name in ("numpy", "scipy", "soxr")}
    soundfont = hashlib.sha256(soundfont_file().read_bytes()).hexdigest()
    key = [_MAKER_VERSION, corpus.fingerprint, grooves.fingerprint, soundfont, libraries, PROGRAMS, KITS, chunks, seed]
    cache = cache_file("sounds", key, ".npz")
    sounds = _read_cache(cache)
    if sounds is None:
        tunes = split(corpus.tunes, seed)
        sounds = _play(tunes, (grooves.train, grooves.validation, grooves.test), seed, chunks)
        _write_cache(cache, sounds)
    return sounds


def _play(tunes: Sequence[Sequence[Tune]], grooves: Sequence[Bars], seed: int, chunks: int) -> Sounds:
    """Play ``chunks`` seconds of each instrument, of the tunes and grooves of three splits."""
    steps = [*itertools.product(range(len(SPLITS)), INSTRUMENTS)]
    played = {
        (side, name): play_instrument(name, tunes[side], grooves[side], _sizes(chunks)[side], [seed, side])
        for side, name in tqdm(steps, "playing", leave=False, disable=None)
    }
    sides = []
    origins: list[str] = []
    for side, split_name in enumerate(SPLITS):
        parts = []
        for name in INSTRUMENTS:
            first = len(origins) + (len(tunes[side]) if name == DRUMS else 0)
            parts.append((played[side, name].chunks, played[side, name].origins + first))
        sides.append(_side(parts))
        origins += [tune.source for tune in tunes[side]]
        origins += [f"{split_name} groove {row}, {source}" for row, source in enumerate(grooves[side].sources)]
    silent = sum(part.silent for part in played.values())
    train, validation, test = sides
    return Sounds(CORPUS, INSTRUMENTS, tuple(origins), train, validation, test, (), silent, seed)


def _side(instruments: Sequence[tuple[np.ndarray, np.ndarray]]) -> SoundChunks:
    """Join the chunks of each instrument, as recorded, [n, 22050], and their origins, [n].

    Samples are rounded to 16 bits, as in the cache.
    """
    chunks, gains = normalise(np.concatenate([chunks for chunks, _ in instruments]))
    return SoundChunks(
        chunks=_from_pcm(_to_pcm(chunks)),
        instruments=np.repeat(np.arange(len(instruments)), [len(chunks) for chunks, _ in instruments]),
        gains=gains,
        origins=np.concatenate([origins for _, origins in instruments]).astype(np.int64),
    )


def _to_pcm(chunks: np.ndarray) -> np.ndarray:
    return np.rint(chunks * _LEVELS).astype(np.int16)


def _from_pcm(pcm: np.ndarray) -> np.ndarray:
    return pcm.astype(np.float32) / _LEVELS


def _read_cache(path: Path) -> Sounds | None:
    """Read sounds from the cache; None if the file does not exist or is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            sides = [SoundChunks(*(arrays[f"{side}_{field}"] for field in SoundChunks._fields)) for side in SPLITS]
            train, validation, test = (side._replace(chunks=_from_pcm(side.chunks)) for side in sides)
            silent, seed = arrays["silent_seed"].tolist()
            origins = tuple(arrays["origins"].tolist())
            return Sounds(CORPUS, INSTRUMENTS, origins, train, validation, test, (), silent, seed)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, sounds: Sounds) -> None:
    arrays = {"origins": np.array(sounds.origins), "silent_seed": np.array([sounds.silent, sounds.seed])}
    for name in SPLITS:
        side: SoundChunks = getattr(sounds, name)
        arrays |= {f"{name}_{field}": array for field, array in side._asdict().items()}
        arrays[f"{name}_chunks"] = _to_pcm(side.chunks)
    write_cache(path, "the sounds", lambda partial: np.savez(partial, allow_pickle=False, **arrays))


def _recordings(source: str | Path, seed: int, chunks: int | None, hop: int) -> Sounds:
    recordings, skipped = read_recordings(source, hop)
    dealt = deal(recordings, seed)
    if not all(dealt):
        raise UserError(_too_few(source, recordings, skipped))
    names = sorted({recording.instrument for recording in recordings})
    sides = []
    for side, files in enumerate(dealt):
        parts = []
        for name in names:
            own = [file for file in files if recordings[file].instrument == name]
            pool = np.concatenate([np.zeros((0, CHUNK), np.float32), *(recordings[file].chunks for file in own)])
            origins = np.repeat(np.array(own, np.int64), [len(recordings[file].chunks) for file in own])
            limit = _sizes(chunks)[side] if chunks else None
            rows = np.sort(np.random.default_rng(seed).permutation(len(pool))[:limit])
            parts.append((pool[rows], origins[rows]))
        sides.append(_side(parts))
    file_names = tuple(recording.name for recording in recordings)
    silent = sum(recording.silent for recording in recordings)
    train, validation, test = sides
    return Sounds(str(source), tuple(names), file_names, train, validation, test, tuple(skipped), silent, seed)


def _too_few(source: str | Path, recordings: Sequence[Recording], skipped: Sequence[Skipped]) -> str:
    usable = f"{len(recordings)} of its files can be used"
    if skipped:
        usable += f", not {skipped[0].name}: {skipped[0].reason}"
        usable += f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"{source} has too few sounds for training and tests ({usable}): give three files of an instrument"


def write_sounds(folder: Path, sounds: Sounds, *, count: int, command: str) -> tuple[Path, int]:
    """Write some chunks as WAV files, as loud as they were, with ``metadata.json``, in one step.

    The files are ``piano/000.wav`` and so on, the first training chunks of each instrument. The metadata has

    - ``source``, ``seed``, ``fingerprint``: as in `Sounds`; ``rate_hz``: samples a second;
    - ``command``: the command line; ``versions``: of the libraries that made the sounds;
    - ``instruments``: the ``name`` of each, and the number of its chunks in each split;
    - ``skipped``: ``name`` and ``reason`` of each file that was not used;
    - ``sounds``: ``file``, ``instrument``, ``origin`` and ``gain`` of each WAV file.

    Returns:
        the folder, ``folder-2``, ``folder-3`` … if it exists, and the number of files, at most ``count`` an instrument.

    Raises:
        UserError: the folder is a file, or cannot be made.
    """
    sizes = {name: np.bincount(getattr(sounds, name).instruments, minlength=len(sounds.names)) for name in SPLITS}
    metadata = {
        "source": sounds.source,
        "seed": sounds.seed,
        "rate_hz": RATE_HZ,
        "fingerprint": sounds.fingerprint,
        "command": command,
        "versions": {name: version(name) for name in ("manymodes", "numpy", "scipy", "soxr", "soundfile")},
        "instruments": [
            {"name": name, **{split_name: int(size[number]) for split_name, size in sizes.items()}}
            for number, name in enumerate(sounds.names)
        ],
        "skipped": [file._asdict() for file in sounds.skipped],
    }
    written = []
    folder = new_run_folder(folder)
    with new_folder(folder) as partial:
        for number, name in enumerate(sounds.names):
            for place, row in enumerate(np.flatnonzero(sounds.train.instruments == number)[:count]):
                file = f"{name}/{place:03d}.wav"
                gain = float(sounds.train.gains[row])
                write_audio(partial / file, sounds.train.chunks[row] * gain)
                origin = sounds.origins[sounds.train.origins[row]]
                written.append({"file": file, "instrument": name, "origin": origin, "gain": gain})
        text = json.dumps({**metadata, "sounds": written}, indent=1)
        (partial / "metadata.json").write_text(f"{text}\n", encoding="utf-8")
    return folder, len(written)
