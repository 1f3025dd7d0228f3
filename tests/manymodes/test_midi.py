import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manymodes.cli import UserError
from manymodes.music.midi import TICKS_PER_QUARTER, VELOCITY, instrument_program, write_melody

# Lengths that MIDI holds exactly: sixteenths and triplets of eighths.
lengths = st.integers(1, 32).map(lambda n: n / 4) | st.integers(1, 12).map(lambda n: n / 3)
melodies = st.lists(st.tuples(st.none() | st.integers(0, 127), lengths), max_size=30)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("midi") / "melody.mid"


def with_onsets(melody):
    """Return (pitch, onset, end) of the notes in ticks, and the end of the whole."""
    now, notes = 0, []
    for pitch, quarters in melody:
        end = now + round(quarters * TICKS_PER_QUARTER)
        if pitch is not None:
            notes.append((pitch, now, end))
        now = end
    return notes, now


def notes_of(track):
    """Return (pitch, onset, end) of the notes in ticks, and the end of the track."""
    now, sounding, notes = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.velocity == VELOCITY
            sounding[message.note] = now
        elif message.type == "note_off":
            notes.append((message.note, sounding.pop(message.note), now))
    assert not sounding
    return notes, now


@settings(derandomize=True, max_examples=60)
@given(melodies, st.floats(20, 300), st.integers(0, 127), st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2)]))
def test_mido_reads_the_melody_back(file, melody, tempo, program, meter):
    write_melody(file, melody, tempo=tempo, program=program, meter=meter)
    midi = mido.MidiFile(file)
    assert (midi.type, len(midi.tracks), midi.ticks_per_beat) == (0, 1, TICKS_PER_QUARTER)
    (track,) = midi.tracks
    assert notes_of(track) == with_onsets(melody)
    messages = {message.type: message for message in track}
    assert mido.tempo2bpm(messages["set_tempo"].tempo) == pytest.approx(tempo, rel=1e-4)
    assert (messages["time_signature"].numerator, messages["time_signature"].denominator) == meter
    assert messages["program_change"].program == program
    first = file.read_bytes()
    write_melody(file, iter(melody), tempo=tempo, program=program, meter=meter)
    assert file.read_bytes() == first


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("127", 127),
        ("piano", 0),
        ("VIOLIN", 40),
        (" viola ", 41),
        ("flute", 73),  # its own name, before the first that contains it
        ("sitar", 104),
    ],
)
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
