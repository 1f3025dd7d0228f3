import numpy as np
import pytest
import soundfile
from music21 import converter

from manymodes import cli
from manymodes.music.audio import read_midi
from manymodes.music.formats import (
    RATE_HZ,
    SUFFIXES,
    add_format_option,
    played_notes,
    sound_of,
    write_score,
)
from manymodes.music.score import Score

TUNE = Score(((67, 4), (72, 6), (None, 2), (76, 4), (72, 12)), "a tune", "4/4", 4, tempo=90, program=73)


@pytest.fixture
def options():
    parser = cli.parser("a.verb", "A verb.", "  an example")
    add_format_option(parser, ("midi", "wav", "png"))
    return parser


# --- at the prompt


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("wav", ("wav",)),
        ("png,midi", ("midi", "png")),
        (" WAV , midi,wav", ("midi", "wav")),
        ("midi,wav,png", ("midi", "wav", "png")),
    ],
)
def test_a_list_of_formats(options, text, formats):
    assert options.parse_args(["--format", text]).format == formats


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "unknown format ''; choose from midi, wav, png"),
        ("midi,", "unknown format ''"),
        ("mid", "unknown format 'mid'; did you mean midi?"),
        ("svg", "unknown format 'svg'"),
        ("midi wav", "unknown format 'midi wav'"),
    ],
)
def test_another_is_refused_in_one_line(options, capsys, text, says):
    with pytest.raises(SystemExit) as caught:
        options.parse_args(["--format", text])
    errors = capsys.readouterr().err
    assert (caught.value.code, errors.count("\n")) == (2, 1)
    assert says in errors


# --- files


def test_every_format_has_the_same_notes(tmp_path, contents):
    write_score(tmp_path / "tune", TUNE, SUFFIXES)
    assert sorted(contents(tmp_path)) == sorted(f"tune{suffix}" for suffix in SUFFIXES.values())
    pitches = [67, 72, 76, 72]
    for suffix in (".mid", ".musicxml", ".abc"):
        score = converter.parse(tmp_path / f"tune{suffix}", forceSource=True)
        assert [note.pitch.midi for note in score.stripTies().flatten().notes] == pitches
    assert soundfile.info(tmp_path / "tune.wav").samplerate == RATE_HZ
    assert (tmp_path / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "tune.svg").read_text(encoding="utf-8").startswith("<svg")
    first = contents(tmp_path)
    write_score(tmp_path / "tune", TUNE, SUFFIXES)
    assert contents(tmp_path) == first


def test_further_pages_are_files_of_their_own(tmp_path):
    write_score(tmp_path / "long", Score(((60, 4), (64, 4), (67, 4), (72, 4)) * 100, "long"), ("svg", "png", "abc"))
    names = {file.name for file in tmp_path.iterdir()}
    assert {"long.abc", "long.svg", "long-2.svg", "long.png", "long-2.png"} <= names
    assert sum(name.endswith(".svg") for name in names) == sum(name.endswith(".png") for name in names)


# --- sound


def test_a_melody_is_played_as_its_midi_file_says(tmp_path):
    write_score(tmp_path / "tune", TUNE, ("midi",))
    for ours, theirs in zip(played_notes(TUNE), read_midi(tmp_path / "tune.mid"), strict=True):
        assert ours._replace(start_seconds=0, seconds=0) == theirs._replace(start_seconds=0, seconds=0)
        assert ours.start_seconds == pytest.approx(theirs.start_seconds, abs=1e-3)
        assert ours.seconds == pytest.approx(theirs.seconds, abs=1e-3)


def test_sound_is_in_tune_and_as_loud_as_there_is_room_for():
    note = Score(((69, 16),), "a")
    for program in (0, 19, 40, 73):
        assert np.abs(sound_of(played_notes(note._replace(program=program)))).max() == pytest.approx(0.9, abs=1e-5)
    second = sound_of(played_notes(note))[:RATE_HZ]
    spectrum = np.abs(np.fft.rfft(second * np.hanning(len(second))))
    assert 400 + np.argmax(spectrum[400:480]) == 440


def test_what_rings_on_for_too_long_is_faded_out():
    glockenspiel = played_notes(Score(((84, 4),), "", program=9))
    whole, cut = sound_of(glockenspiel, 60), sound_of(glockenspiel, 2)
    assert len(whole) > 5 * RATE_HZ
    assert len(cut) == round(2.5 * RATE_HZ)
    np.testing.assert_allclose(cut[: round(1.5 * RATE_HZ)], whole[: round(1.5 * RATE_HZ)], rtol=1e-5)
    assert abs(cut[-1]) < 1e-6
    fading = np.abs(cut[round(1.5 * RATE_HZ) :]) - np.abs(whole[round(1.5 * RATE_HZ) : len(cut)])
    assert fading.max() < 1e-6
