import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manymodes.cli import UserError
from manymodes.music.midi import TICKS_PER_QUARTER, VELOCITY, instrument_program, write_melody

steady = settings(deadline=None, derandomize=True, max_examples=60)

# Lengths that MIDI holds exactly: sixteenths and triplets of eighths.
lengths = st.integers(1, 32).map(lambda n: n / 4) | st.integers(1, 12).map(lambda n: n / 3)
melodies = st.lists(st.tuples(st.none() | st.integers(0, 127), lengths), max_size=30)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("midi") / "melody.mid"


def expected_notes(melody):
    """Return (pitch, onset, end) in quarters, and the length of the whole."""
    now, found = 0.0, []
    for pitch, quarters in melody:
        if pitch is not None:
            found.append((pitch, now, now + quarters))
        now += quarters
    return found, now


def notes_of(track):
    """Return (pitch, onset, end) in ticks as the messages tell them, and the length of the track in ticks."""
    now, sounding, found = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.note not in sounding
            sounding[message.note] = now
        elif message.type == "note_off":
            found.append((message.note, sounding.pop(message.note), now))
    assert not sounding
    return found, now


@steady
@given(melodies)
def test_mido_reads_what_was_written(file, melody):
    write_melody(file, melody)
    midi = mido.MidiFile(file)
    assert (midi.type, len(midi.tracks), midi.ticks_per_beat) == (0, 1, TICKS_PER_QUARTER)
    notes, end = notes_of(midi.tracks[0])
    wanted, whole = expected_notes(melody)
    assert notes == [(pitch, round(a * 480), round(b * 480)) for pitch, a, b in wanted]
    assert end == round(whole * 480)
    assert midi.tracks[0][-1].type == "end_of_track"
    assert {m.velocity for m in midi.tracks[0] if m.type == "note_on"} <= {VELOCITY}


@steady
@given(melodies, st.floats(20, 300), st.integers(0, 127), st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2)]))
def test_pretty_midi_reads_what_was_written(file, melody, tempo, program, meter):
    write_melody(file, melody, tempo=tempo, program=program, meter=meter)
    midi = pretty_midi.PrettyMIDI(str(file))
    _, tempi = midi.get_tempo_changes()
    assert tempi == pytest.approx([tempo], rel=1e-5)
    assert [(m.numerator, m.denominator) for m in midi.time_signature_changes] == [meter]
    wanted, _ = expected_notes(melody)
    if not wanted:
        assert all(not instrument.notes for instrument in midi.instruments)
        return
    (instrument,) = midi.instruments
    assert instrument.program == program
    assert not instrument.is_drum
    assert [note.pitch for note in instrument.notes] == [pitch for pitch, _, _ in wanted]
    seconds = 60 / tempi[0]
    assert [n.start for n in instrument.notes] == pytest.approx([a * seconds for _, a, _ in wanted])
    assert [n.end for n in instrument.notes] == pytest.approx([b * seconds for _, _, b in wanted])


def test_the_same_melody_gives_the_same_bytes(tmp_path):
    melody = [(60, 1.0), (None, 0.25), (64, 0.75)]
    write_melody(tmp_path / "a.mid", melody, program=40)
    write_melody(tmp_path / "b.mid", iter(melody), program=40)
    write_melody(tmp_path / "c.mid", melody, program=41)
    a, b, c = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b != c


# --- instruments


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("0", 0),
        ("127", 127),
        ("Acoustic Grand Piano", 0),
        ("piano", 0),
        ("violin", 40),
        ("VIOLIN", 40),
        (" viola ", 41),
        ("flute", 73),  # its own name, before the first that contains it
        ("pan flute", 75),
        ("guitar", 24),
        ("sitar", 104),
        ("trumpet", 56),
        ("gunshot", 127),
    ],
)
def test_instruments(name, program):
    assert instrument_program(name) == program


def test_every_instrument_is_found_by_its_own_name():
    names = [pretty_midi.program_to_instrument_name(program) for program in range(128)]
    assert [instrument_program(name) for name in names] == list(range(128))


@pytest.mark.parametrize("name", ["128", "-1", "1.5", "", "   ", "kazoophone", "²"])
def test_no_instrument(name):
    with pytest.raises(UserError, match="not a General MIDI instrument or a number from 0 to 127"):
        instrument_program(name)


def test_a_misspelt_instrument_gets_a_hint():
    with pytest.raises(UserError, match="did you mean violin"):
        instrument_program("violinn")
    with pytest.raises(UserError) as nothing_close:
        instrument_program("zzzz")
    assert "did you mean" not in str(nothing_close.value)
