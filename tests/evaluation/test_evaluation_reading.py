"""Reading whatever is in a folder, and reading it right."""

from __future__ import annotations

import dataclasses
import os
import sys
import textwrap

import mido
import numpy as np
import pretty_midi
import pytest
from midifiles import write_midi

from evaluation.reading.folders import Skipped, read_folder, read_guarded, read_some
from evaluation.reading.midi import as_notes, load
from evaluation.reading.notes import Notes, bar_grid
from manymodes.cli import UserError


def test_agrees_with_pretty_midi_on_real_tunes(tune_folder):
    for piece in read_folder(tune_folder, jobs=1).pieces[::7]:
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
    found = read_folder(tmp_path, jobs=1, label="set")
    reasons = {skipped.path: skipped.reason for skipped in found.skipped}
    assert {piece.name for piece in found.pieces} | set(reasons) == {
        f"set/{name}"
        for name in (
            *("a.mid", "deep/down/B.MIDI", "silent.mid", "cut.mid", "empty.mid", "text.mid", "huge.mid"),
            "dangling.mid",
        )
    }
    assert {"set/a.mid", "set/deep/down/B.MIDI"} <= {piece.name for piece in found.pieces}
    assert reasons["set/silent.mid"] == "no notes"
    assert reasons["set/empty.mid"] == "empty file"
    assert "not readable as MIDI" in reasons["set/text.mid"]
    assert "40 MB" in reasons["set/huge.mid"]
    assert "No such file" in reasons["set/dangling.mid"]


def test_names_that_are_not_utf8_can_be_written(tmp_path):
    whole = write_midi(tmp_path / "a.mid", [(0.0, 1.0, 60)]).read_bytes()
    (tmp_path / os.fsdecode(b"caf\xe9.mid")).write_bytes(whole)
    assert [piece.name for piece in read_folder(tmp_path, jobs=1, label="set").pieces] == [
        "set/a.mid",
        "set/caf\ufffd.mid",
    ]


def test_damaged_signatures_and_tempi_do_no_harm(tmp_path):
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=0))
    track.append(mido.MetaMessage("time_signature", numerator=0, denominator=4))
    track.append(mido.Message("note_on", note=60, velocity=64))
    track.append(mido.Message("note_off", note=60, time=480))
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    (piece,) = read_folder(tmp_path, jobs=1).pieces
    assert piece.bar_starts.tolist() == [0, 4]
    assert piece.duration_seconds.tolist() == [0]


def test_files_read_together_are_as_files_read_alone(tmp_path):
    paths = [
        write_midi(tmp_path / "a.mid", [(0.0, 1.0, 60), (1.0, 5.5, 62)], meter=(3, 4), tempo=400_000),
        write_midi(tmp_path / "b.mid", [(2.0, 1.0, 70), (0.0, 1.0, 64), (0.0, 1.0, 60)], tracks=2, ticks=96),
        write_midi(tmp_path / "c.mid", [(500_000.0, 1.0, 60)]),
        write_midi(tmp_path / "d.mid", [(0.0, 1.0, 35), (1.0, 1.0, 38)], channel=9),
    ]
    file = mido.MidiFile(paths[0])
    file.tracks[1].insert(2, mido.MetaMessage("set_tempo", tempo=800_000))
    file.tracks[1].insert(2, mido.MetaMessage("time_signature", numerator=2, denominator=4))
    file.save(tmp_path / "e.mid")
    paths.append(tmp_path / "e.mid")
    together = as_notes([load(path, path.name) for path in paths])
    assert "more than 50,000 bars" in together.pop(2)
    del paths[2]
    for path, piece in zip(paths, together, strict=True):
        (alone,) = as_notes([load(path, path.name)])
        for field in dataclasses.fields(Notes):
            assert np.array_equal(getattr(piece, field.name), getattr(alone, field.name)), (path.name, field.name)
    a, b, d, e = together
    assert a.bar_starts.tolist() == [0, 3, 6, 9]
    assert a.onset_seconds == pytest.approx([0, 0.4])
    assert b.pitch.tolist() == [60, 64, 70]
    assert b.track.tolist() == [0, 1, 0]
    assert d.drums_only
    assert e.bar_starts.tolist() == [0, 1, 3, 5, 7]
    assert e.duration_seconds == pytest.approx([0.4, 5.5 * 0.8])
    assert as_notes([]) == []


def test_a_note_struck_twice_ends_first_in_first_out(tmp_path):
    file = mido.MidiFile(ticks_per_beat=480)
    events = [("note_on", 0), ("note_on", 240), ("note_off", 240), ("note_off", 480)]
    file.tracks.append(mido.MidiTrack(mido.Message(kind, note=60, velocity=64, time=time) for kind, time in events))
    file.save(tmp_path / "a.mid")
    (piece,) = read_folder(tmp_path, jobs=1).pieces
    assert piece.onset.tolist() == [0, 0.5]
    assert piece.duration.tolist() == [1, 1.5]


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


UNRULY = textwrap.dedent("""
    import os, sys, time
    from evaluation.reading import midi
    real = midi.load
    def load(path, name):
        if "crash" in name:
            os.abort()
        if "hang" in name:
            time.sleep(60)
        if "exit" in name:
            os._exit(3)
        return real(path, name)
    midi.load = load
    midi.main()
""")


def test_a_parser_that_dies_or_hangs_costs_one_file_each(tmp_path):
    names = ["a", "crash1", "b", "hang", "c", "crash2", "exit", "d"]
    for name in names:
        write_midi(tmp_path / f"{name}.mid", [(0.0, 1.0, 60)])
    named = [(str(tmp_path / f"{name}.mid"), name) for name in names]
    results = read_guarded(named, 2.0, [sys.executable, "-c", UNRULY])
    assert [r.name for r in results if isinstance(r, Notes)] == ["a", "b", "c", "d"]
    reasons = {r.path: r.reason for r in results if isinstance(r, Skipped)}
    assert "SIGABRT" in reasons["crash1"]
    assert "SIGABRT" in reasons["crash2"]
    assert "exit code 3" in reasons["exit"]
    assert "no answer" in reasons["hang"]


def test_a_parser_that_cannot_start_is_an_error_and_not_a_skipped_file(tmp_path):
    with pytest.raises(RuntimeError, match=r"did not start.*broken"):
        read_guarded([("a.mid", "a")], 2.0, [sys.executable, "-c", "raise SystemExit('broken')"])


def test_pieces_come_in_the_order_of_their_paths_for_any_number_of_jobs(tune_folder):
    one, two = (read_folder(tune_folder, jobs=jobs) for jobs in (1, 2))
    assert [p.name for p in one.pieces] == [p.name for p in two.pieces] == sorted(p.name for p in one.pieces)


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
