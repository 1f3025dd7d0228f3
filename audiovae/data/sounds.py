"""Where sounds come from: folk tunes and drum grooves played by real instruments, or any folder of recordings.

`load_sounds` gives chunks of one second, equally loud at their peaks, with the factors that undo that; `write_sounds`
writes some of them as WAV files. Playing the corpus takes a minute; the result is kept in the user's cache directory.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from audiovae.data.chunks import CHUNK, CORPUS, FEWEST_CHUNKS, HOP, RATE_HZ, normalise
from audiovae.data.recordings import deal, read_recordings
from audiovae.data.rendering import DRUMS, INSTRUMENTS, KITS, PROGRAMS, play_instrument
from drumvae.data.grooves import load_grooves
from manymodes.cli import UserError
from manymodes.files import (
    Skipped,
    cache_folder,
    in_columns,
    new_folder,
    new_run_folder,
    replacing_file,
    skipped_lines,
)
from manymodes.music.audio import write_audio
from manymodes.music.soundfont import soundfont_file
from melodygan.data.corpus import load_corpus, split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from audiovae.data.recordings import Recording
    from drumvae.data.grooves import Bars
    from melodygan.data.corpus import Tune

__all__ = ["SPLITS", "SoundChunks", "Sounds", "load_sounds", "write_sounds"]

SPLITS = ("train", "validation", "test")

_MAKER_VERSION = 1  # of the sounds in the cache: another one where they would be others
_CHUNKS = 400  # an instrument, of the corpus
_LEVELS = 2**15 - 1  # sounds are kept with 16 bits, as in a WAV file


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
    """What `load_sounds` found.

    Attributes:
        source: the folder asked for, or "corpus".
        names: of the instruments.
        origins: names of the tunes, grooves or files; none is in two splits.
        train: chunks for training.
        validation: chunks for validation.
        test: chunks for tests.
        skipped: files that are not used.
        silent: chunks that are left out, for there is little or nothing in them.
        seed: that of the split, and of what is played.
        rate_hz: samples a second.
        fingerprint: sha256 of the names and the three splits, in hex.
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
    rate_hz: int
    fingerprint: str

    def table(self, limit: int = 40) -> str:
        """Return what was read and skipped as lines for the terminal.

        Args:
            limit: number of skipped files that are named; the others are counted.
        """
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
            *skipped_lines(self.skipped, limit),
        ]
        return "\n".join(lines)


def load_sounds(
    source: str | Path = CORPUS,
    *,
    seed: int = 0,
    chunks: int | None = None,
    hop: int = HOP,
    progress: bool = True,
) -> Sounds:
    """Play the corpus, or read a folder of recordings, and cut it into chunks of one second.

    Args:
        source: "corpus", or a folder of WAV, FLAC, OGG and MP3 files of any rate and number of channels, searched
            recursively, hidden ones left out. Its sub-folders are the instruments; files beside them belong to one
            that is called as the folder is. For a folder of the name "corpus" write ``./corpus``.
        seed: another number, another split; and of the corpus, other passages.
        chunks: of each instrument, at least 10; by default 400 of the corpus, and all that a folder has. Of these
            80 % are for training, half of the others for validation and half for tests.
        hop: samples from one chunk of a recording to the next, 1 to 22,050; the corpus has no overlaps.
        progress: show a bar, if the terminal can.

    Returns:
        The sounds, with chunks in every split.

    Raises:
        UserError: there is no such folder, it cannot be read, or it has no sounds for three splits.
        ValueError: there are too few chunks.
    """
    if chunks is not None and chunks < FEWEST_CHUNKS:
        raise ValueError(f"{chunks} chunks an instrument are too few for three splits: ask for {FEWEST_CHUNKS} or more")
    if source == CORPUS:
        return _corpus(seed, chunks or _CHUNKS, progress)
    return _recordings(source, seed, chunks, hop, progress)


def _sizes(chunks: int) -> tuple[int, int, int]:
    """Return the number of an instrument's chunks in each split."""
    small = chunks // 10
    return chunks - 2 * small, small, small


# --- the corpus --------------------------------------------------------------------------------------------


def _corpus(seed: int, chunks: int, progress: bool) -> Sounds:
    corpus = load_corpus(progress=progress)
    grooves = load_grooves(seed=seed)
    libraries = {name: version(name) for name in ("numpy", "scipy", "soxr")}
    soundfont = hashlib.sha256(soundfont_file().read_bytes()).hexdigest()
    key = [_MAKER_VERSION, corpus.fingerprint, grooves.fingerprint, soundfont, libraries, PROGRAMS, KITS, chunks, seed]
    cache = cache_folder() / f"sounds-{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.npz"
    sounds = _read_cache(cache)
    if sounds is None:
        tunes = split(corpus.tunes, seed)
        sounds = _play(tunes, (grooves.train, grooves.validation, grooves.test), seed, chunks, progress)
        _write_cache(cache, sounds)
    return sounds


def _play(tunes: Sequence[Sequence[Tune]], grooves: Sequence[Bars], seed: int, chunks: int, progress: bool) -> Sounds:
    """Play so many chunks of each instrument, of the tunes and grooves of three splits."""
    sides = []
    origins: list[str] = []
    silent = 0
    steps = itertools.product(range(len(SPLITS)), INSTRUMENTS)
    bar = tqdm(steps, "playing", len(SPLITS) * len(INSTRUMENTS), leave=False, disable=None if progress else True)
    played = {
        (side, name): play_instrument(name, tunes[side], grooves[side], _sizes(chunks)[side], [seed, side])
        for side, name in bar
    }
    for side in range(len(SPLITS)):
        first_groove = len(origins) + len(tunes[side])
        of_side = [
            part._replace(origins=part.origins + (first_groove if name == DRUMS else len(origins)))
            for name, part in ((name, played[side, name]) for name in INSTRUMENTS)
        ]
        sides.append(_side([(part.chunks, part.origins) for part in of_side]))
        silent += sum(part.silent for part in of_side)
        origins += [tune.source for tune in tunes[side]]
        origins += [f"{SPLITS[side]} groove {row}, {source}" for row, source in enumerate(grooves[side].sources)]
    return _sounds(CORPUS, INSTRUMENTS, sides, origins, seed=seed, silent=silent)


def _side(instruments: Sequence[tuple[np.ndarray, np.ndarray]]) -> SoundChunks:
    """Put together what each instrument has: chunks as they were, [n, 22050], and their origins, [n].

    Samples are rounded to 16 bits, so that those kept in the cache are the same.
    """
    chunks, gains = normalise(np.concatenate([chunks for chunks, _ in instruments]))
    return SoundChunks(
        chunks=_from_pcm(_to_pcm(chunks)),
        instruments=np.repeat(np.arange(len(instruments)), [len(chunks) for chunks, _ in instruments]),
        gains=gains,
        origins=np.concatenate([origins for _, origins in instruments]).astype(np.int64),
    )


def _sounds(
    source: str,
    names: Sequence[str],
    sides: Sequence[SoundChunks],
    origins: Sequence[str],
    *,
    seed: int,
    silent: int,
    skipped: Sequence[Skipped] = (),
) -> Sounds:
    digest = hashlib.sha256(json.dumps(names).encode())
    for side in sides:
        for array in (_to_pcm(side.chunks).astype("<i2"), side.instruments.astype("<i8"), side.gains.astype("<f4")):
            digest.update(array.tobytes())
    return Sounds(
        source=source,
        names=tuple(names),
        origins=tuple(origins),
        **dict(zip(SPLITS, sides, strict=True)),
        skipped=tuple(skipped),
        silent=silent,
        seed=seed,
        rate_hz=RATE_HZ,
        fingerprint=digest.hexdigest(),
    )


def _to_pcm(chunks: np.ndarray) -> np.ndarray:
    return np.rint(chunks * _LEVELS).astype(np.int16)


def _from_pcm(pcm: np.ndarray) -> np.ndarray:
    return pcm.astype(np.float32) / _LEVELS


# --- cache -------------------------------------------------------------------------------------------------


def _read_cache(path: Path) -> Sounds | None:
    """Read what was played before; None if there is nothing, or if the file is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            sides = [
                SoundChunks(
                    _from_pcm(arrays[f"{side}_chunks"]),
                    *(arrays[f"{side}_{field}"] for field in SoundChunks._fields[1:]),
                )
                for side in SPLITS
            ]
            silent, seed = arrays["silent_seed"].tolist()
            return _sounds(CORPUS, INSTRUMENTS, sides, arrays["origins"].tolist(), silent=silent, seed=seed)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, sounds: Sounds) -> None:
    """Keep what was played; say so if that cannot be done."""
    arrays = {}
    for name in SPLITS:
        side: SoundChunks = getattr(sounds, name)
        arrays[f"{name}_chunks"] = _to_pcm(side.chunks)
        arrays |= {f"{name}_{field}": getattr(side, field) for field in SoundChunks._fields[1:]}
    arrays |= {"origins": np.array(sounds.origins), "silent_seed": np.array([sounds.silent, sounds.seed])}
    try:
        with replacing_file(path) as partial:
            np.savez(partial, allow_pickle=False, **arrays)
    except OSError as error:
        print(f"note: what was played cannot be kept in {path.parent}: {error.strerror or error}", file=sys.stderr)


# --- recordings --------------------------------------------------------------------------------------------


def _recordings(source: str | Path, seed: int, chunks: int | None, hop: int, progress: bool) -> Sounds:
    recordings, skipped = read_recordings(source, hop, progress=progress)
    dealt = deal(recordings, seed)
    if not all(dealt):
        raise UserError(_too_few(source, recordings, skipped))
    names = sorted({recording.instrument for recording in recordings})
    sides = []
    for side, files in enumerate(dealt):
        limit = _sizes(chunks)[side] if chunks else None
        of_names = [[file for file in files if recordings[file].instrument == name] for name in names]
        sides.append(_side([_some_chunks(recordings, of_name, limit, seed) for of_name in of_names]))
    origins = [recording.name for recording in recordings]
    silent = sum(recording.silent for recording in recordings)
    return _sounds(str(source), names, sides, origins, seed=seed, silent=silent, skipped=skipped)


def _some_chunks(
    recordings: Sequence[Recording], files: Sequence[int], limit: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return chunks of some files, [n, 22050], all of them or so many, and the number of the file each is from."""
    chunks = np.concatenate([np.zeros((0, CHUNK), np.float32), *(recordings[file].chunks for file in files)])
    origins = np.repeat(np.array(files, np.int64), [len(recordings[file].chunks) for file in files])
    rows = np.sort(np.random.default_rng(seed).permutation(len(chunks))[:limit])
    return chunks[rows], origins[rows]


def _too_few(source: str | Path, recordings: Sequence[Recording], skipped: Sequence[Skipped]) -> str:
    found = f"{len(recordings)} of its files can be used"
    if skipped:
        found += f", not {skipped[0].name}: {skipped[0].reason}"
        found += f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"{source} has too few sounds for training and tests ({found}): give three files of an instrument"


# --- writing -----------------------------------------------------------------------------------------------


def write_sounds(folder: Path, sounds: Sounds, *, count: int = 3, command: str = "") -> tuple[Path, int]:
    """Write some chunks as WAV files, as loud as they were, with ``metadata.json``, in one step.

    The files are ``piano/000.wav`` and so on, the first training chunks of each instrument. The metadata has

    - ``source``, ``seed``, ``rate_hz``, ``fingerprint``: as in `Sounds`;
    - ``command``: what was typed; ``versions``: of the libraries that made the sounds;
    - ``instruments``: the ``name`` of each, and the number of its chunks in each split;
    - ``skipped``: ``name`` and ``reason`` of each file that was not used;
    - ``sounds``: ``file``, ``instrument``, ``origin`` and ``gain`` of each WAV file.

    Args:
        folder: where to; if it exists, the first free one of ``folder-2``, ``folder-3`` ….
        sounds: what to write of.
        count: files an instrument, at most.
        command: noted in the metadata.

    Returns:
        the folder, and the number of files.

    Raises:
        UserError: the folder is a file, or cannot be made.
    """
    counts = {
        side: np.bincount(getattr(sounds, side).instruments, minlength=len(sounds.names)).tolist() for side in SPLITS
    }
    metadata = {
        "source": sounds.source,
        "seed": sounds.seed,
        "rate_hz": sounds.rate_hz,
        "fingerprint": sounds.fingerprint,
        "command": command,
        "versions": {name: version(name) for name in ("manymodes", "numpy", "scipy", "soxr", "soundfile")},
        "instruments": [
            {"name": name, **{side: counts[side][number] for side in SPLITS}}
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
                write_audio(partial / file, sounds.train.chunks[row] * gain, sounds.rate_hz)
                origin = sounds.origins[sounds.train.origins[row]]
                written.append({"file": file, "instrument": name, "origin": origin, "gain": gain})
        text = json.dumps({**metadata, "sounds": written}, indent=1)
        (partial / "metadata.json").write_text(f"{text}\n", encoding="utf-8")
    return folder, len(written)
