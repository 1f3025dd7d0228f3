import itertools

import pretty_midi
import pytest
import symusic
from anyscore import scores
from hypothesis import given, settings
from hypothesis import strategies as st

from manymodes.cli import UserError
from manymodes.music.midi import instrument_program, velocity, write_melody


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("midi") / "melody.mid"


@settings(derandomize=True, max_examples=80)
@given(scores(), st.text(max_size=20), st.floats(20, 300))
def test_symusic_reads_all_of_a_score(file, score, title, tempo):
    score = score._replace(title=title, tempo=tempo)
    write_melody(file, score)
    read = symusic.Score(file)
    (track,) = read.tracks
    step = read.ticks_per_quarter // 4
    places = itertools.accumulate((steps for _, steps in score.notes), initial=0)
    expected = [(place, *note) for place, note in zip(places, score.notes, strict=False) if note[0] is not None]
    assert sorted((note.time / step, note.pitch, note.duration / step) for note in track.notes) == expected
    assert track.program == score.program
    (key,) = read.key_signatures
    assert (key.key, key.tonality) == (score.fifths, int(score.mode == "minor"))
    assert read.tempos[0].qpm == pytest.approx(score.tempo, rel=1e-4)
    *upbeat, meter = read.time_signatures
    assert f"{meter.numerator}/{meter.denominator}" == score.meter
    assert meter.time == score.upbeat * step
    assert [16 * sign.numerator / sign.denominator for sign in upbeat] == [score.upbeat] * bool(score.upbeat)
    first = file.read_bytes()
    write_melody(file, score)
    assert file.read_bytes() == first


def test_bars_and_beats_are_heard():
    assert [velocity(place, "3/4") for place in range(12)] == [96, 80, 80, 80, *[88, 80, 80, 80] * 2]
    assert [velocity(place, "6/8") for place in (0, 2, 6, 12)] == [96, 80, 88, 96]


@pytest.mark.parametrize(("name", "program"), [("127", 127), ("piano", 0), (" VIOLIN ", 40)])
def test_instruments(name, program):
    assert instrument_program(name) == program


def test_every_instrument_is_found_by_its_own_name():
    names = [pretty_midi.program_to_instrument_name(program) for program in range(128)]
    assert [instrument_program(name) for name in names] == list(range(128))


@pytest.mark.parametrize("name", ["128", "-1", "1.5", "   ", "zzzz", "²", "violinn"])
def test_an_unknown_instrument_is_refused_with_similar_ones(name):
    with pytest.raises(UserError, match="not a General MIDI instrument or a number from 0 to 127") as error:
        instrument_program(name)
    assert ("did you mean violin" in str(error.value)) == (name == "violinn")
