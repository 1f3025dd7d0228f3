"""Reading whatever is in a folder, and reading it right."""

import os

import mido
import numpy as np
import pretty_midi
import pytest
from midifiles import mutated, write_midi

from evaluation.features.catalogue import feature_table
from evaluation.reading.folders import read_folder, read_some
from evaluation.reading.midi import UnreadableMidiError, load
from evaluation.reading.notes import Notes, bar_grid
from manymodes.cli import UserError


def test_agrees_with_pretty_midi_on_real_tunes(tune_folder):
    for piece in read_folder(tune_folder, jobs=1).pieces[::12]:
        oracle = pretty_midi.PrettyMIDI(str(tune_folder / piece.name.split("/")[1]))
        notes = sorted(
            (n.start, n.pitch, n.end - n.start, n.velocity) for part in oracle.instruments for n in part.notes
        )
        start, pitch, length, velocity = (np.array(column) for column in zip(*notes, strict=True))
        assert piece.onset_seconds == pytest.approx(start, abs=1e-5)
        assert piece.duration_seconds == pytest.approx(length, abs=1e-5)
        assert piece.pitch.tolist() == pitch.tolist()
        assert piece.velocity.tolist() == velocity.tolist()
        # a down-beat stands at each bar start
        beats = [oracle.time_to_tick(time) / oracle.resolution for time in oracle.get_downbeats()]
        assert piece.bar_starts[: len(beats)] == pytest.approx(np.array(beats)[: len(piece.bar_starts)], abs=0.01)


def test_every_file_is_read_or_listed(tmp_path):
    notes = [(0.0, 1.0, 60), (1.0, 1.0, 62)]
    write_midi(tmp_path / "a.mid", notes)
    write_midi(tmp_path / "deep" / "down" / "B.MIDI", notes)
    write_midi(tmp_path / "silent.mid", [])
    whole = (tmp_path / "a.mid").read_bytes()
    (tmp_path / "cut.mid").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "text.mid").write_text("not MIDI at all, but long enough to have a header")
    (tmp_path / "huge.mid").write_bytes(whole)
    os.truncate(tmp_path / "huge.mid", 40_000_000)
    (tmp_path / "notes.txt").write_text("no MIDI file, and no business of ours")
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "nowhere")
    (tmp_path / os.fsdecode(b"caf\xe9.mid")).write_bytes(whole)
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "zero.mid").symlink_to("/dev/zero")
    result = read_folder(tmp_path, jobs=1, label="set")
    reasons = {skipped.path: skipped.reason for skipped in result.skipped}
    for name, reason in (
        *(("silent", "no notes"), ("empty", "empty file"), ("text", "not a MIDI file"), ("huge", "40 MB")),
        *(("dangling", "No such file"), ("pipe", "not a regular file"), ("zero", "not a regular file")),
    ):
        assert reason in reasons.pop(f"set/{name}.mid")
    # a file that is cut off is either
    everything = sorted([*reasons, *(piece.name for piece in result.pieces)])
    assert everything == ["set/a.mid", "set/caf\ufffd.mid", "set/cut.mid", "set/deep/down/B.MIDI"]
    assert reasons.keys() <= {"set/cut.mid"}


def test_tempo_metre_and_tracks_are_read_from_the_whole_file(tmp_path):
    def read(notes, **options):
        return load(write_midi(tmp_path / "a.mid", notes, **options), "a")

    two = [(0.0, 1.0, 60), (1.0, 5.5, 62)]
    piece = read(two, meter=(3, 4), tempo=400_000)
    assert piece.bar_starts.tolist() == [0, 3, 6, 9]
    assert piece.onset_seconds == pytest.approx([0, 0.4])
    signature = mido.MetaMessage("time_signature", numerator=2, denominator=4)
    changes = [(1, signature), (1, mido.MetaMessage("set_tempo", tempo=800_000))]
    piece = read(two, meter=(3, 4), tempo=400_000, meta=changes)
    assert piece.bar_starts.tolist() == [0, 1, 3, 5, 7]
    assert piece.duration_seconds == pytest.approx([0.4, 5.5 * 0.8])
    piece = read([(2.0, 1.0, 70), (0.0, 1.0, 64), (0.0, 1.0, 60)], tracks=2, ticks=96)
    assert piece.pitch.tolist() == [60, 64, 70]
    assert piece.track.tolist() == [0, 1, 0]
    assert read([(0.0, 1.0, 35), (1.0, 1.0, 38)], channel=9).drums_only
    # damaged signatures and tempi do no harm
    piece = read([(0.0, 1.0, 60)], tempo=0, meter=(0, 4))
    assert (piece.bar_starts.tolist(), piece.duration_seconds.tolist()) == ([0, 4], [0])
    # a note struck twice ends first in, first out
    piece = read([(0.0, 1.0, 60), (0.5, 1.5, 60)])
    assert (piece.onset.tolist(), piece.duration.tolist()) == ([0, 0.5], [1, 1.5])
    with pytest.raises(UnreadableMidiError, match="more than 10,000 bars"):
        read([(500_000.0, 1.0, 60)])


def test_folders_that_hold_nothing_are_named(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_some(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no \.mid or \.midi files"):
        read_some(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(UserError, match=r"the only MIDI file is not readable.*empty file"):
        read_some(tmp_path)
    (tmp_path / "b.mid").write_bytes(b"")
    with pytest.raises(UserError, match=r"none of 2 MIDI files is readable.*empty file"):
        read_some(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        read_folder(tmp_path / "a.mid")


def test_bar_grid_through_changes_of_metre():
    assert bar_grid([(0, 4, 4)], 0).tolist() == [0, 4]
    assert bar_grid([(0, 3, 4)], 6).tolist() == [0, 3, 6]
    assert bar_grid([(0, 6, 8), (6, 2, 4)], 9).tolist() == [0, 3, 6, 8, 10]
    # a change inside a bar cuts it short, and one after the end does not matter
    assert bar_grid([(0, 4, 4), (2, 3, 4), (50, 2, 4)], 5).tolist() == [0, 2, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [1], [60]), "2 onsets, 1 durations"),
        (([0], [-1], [60]), "not negative"),
        (([np.nan], [1], [60]), "finite"),
        (([0], [1], [128]), "0 to 127"),
    ],
)
def test_notes_from_arrays_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Notes.from_quarters(*arguments)


def test_damaged_files_are_read_or_listed(tune_folder, tmp_path):
    """EVALUATION_FUZZ=5000 sets how many are tried."""
    count = int(os.environ.get("EVALUATION_FUZZ", "300"))
    rng = np.random.default_rng(0)
    sources = [path.read_bytes() for path in sorted(tune_folder.glob("*.mid"))]
    for number in range(count):
        (tmp_path / f"{number:05d}.mid").write_bytes(mutated(sources[number % len(sources)], rng))
    result = read_folder(tmp_path, jobs=2, label="fuzz")
    names = [piece.name for piece in result.pieces] + [skipped.path for skipped in result.skipped]
    assert sorted(names) == [f"fuzz/{number:05d}.mid" for number in range(count)]
    assert all(skipped.reason for skipped in result.skipped)
    table = feature_table(result.pieces)
    assert not any(np.isinf(values).any() for values in table.values())
