"""Real tunes, and the sets that are made from them."""

from __future__ import annotations

import re
from pathlib import Path

import mido
import numpy as np
import pytest
from music21 import converter, corpus

from evaluation.reading.reading import read_folder
from evaluation.scores import compare

SHARED = Path(__file__).resolve().parents[3] / "shared"


def write_midi(path, notes, *, tempo=500_000, meter=(4, 4), ticks=480, channel=0, tracks=1):
    """Write (onset, duration, pitch) in quarters as a MIDI file, with mido alone."""
    file = mido.MidiFile(type=1, ticks_per_beat=ticks)
    conductor = mido.MidiTrack()
    conductor.append(mido.MetaMessage("set_tempo", tempo=tempo))
    conductor.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    file.tracks.append(conductor)
    for part in range(tracks):
        events = []
        for onset, duration, pitch in notes[part::tracks]:
            events.append((round((onset + duration) * ticks), 0, pitch, 0))
            events.append((round(onset * ticks), 1, pitch, 64))
        track, now = mido.MidiTrack(), 0
        for tick, _, pitch, velocity in sorted(events):
            track.append(
                mido.Message("note_on", note=pitch, velocity=velocity, time=tick - now, channel=channel + part)
            )
            now = tick
        file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def write_pieces(folder, pieces):
    """Write pieces of one track at 120 quarters a minute, one file each, numbered."""
    for number, piece in enumerate(pieces):
        notes = list(zip(piece.onset.tolist(), piece.duration.tolist(), piece.pitch.tolist(), strict=True))
        write_midi(folder / f"{number:03d}.mid", notes, meter=piece.meter)
    return folder


@pytest.fixture(scope="module")
def fewer_draws():
    """Draw 40 halves a score and not 200: most of the time of a comparison goes there, and verdicts do not use them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "RESAMPLES", 40)
        yield


def write_abc(path, tune):
    """Write a tune in ABC as a MIDI file."""
    # music21's own reader: symusic's runs a program that fails where the path has a space
    score = converter.parseData(tune, format="abc").flatten()
    meter = score.getElementsByClass("TimeSignature").first()
    notes = [(float(note.offset), float(note.quarterLength), note.pitch.midi) for note in score.notes]
    write_midi(path, notes, meter=(meter.numerator, meter.denominator) if meter else (4, 4))


@pytest.fixture(scope="session")
def tune_folder(tmp_path_factory):
    """300 German folk songs that come with music21, as MIDI files."""
    folder = tmp_path_factory.mktemp("tunes")
    source = next(path for path in corpus.getComposer("essenFolksong") if path.name == "erk20.abc")
    text = source.read_text(encoding="latin-1")
    for number, tune in enumerate(re.split(r"(?m)^(?=X:)", text)[1:301]):
        write_abc(folder / f"{number:03d}.mid", tune)
    return folder


@pytest.fixture(scope="session")
def tunes(tune_folder):
    return read_folder(tune_folder, jobs=1, label="erk").pieces


@pytest.fixture(scope="session")
def held_and_org(tunes):
    """100 tunes to make sets from, and 200 others as originals."""
    order = np.random.default_rng(0).permutation(len(tunes))
    return [tunes[i] for i in order[:100]], [tunes[i] for i in order[100:]]


@pytest.fixture(scope="session")
def groove():
    """Recorded drumming, where it is at hand."""
    folder = SHARED / "groove"
    if not folder.is_dir():
        pytest.skip("needs the Groove MIDI data set beside the repository")
    return folder
