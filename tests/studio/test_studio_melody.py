import pytest
from studiomodels import SCALE, tune_file

from manymodes.cli import UserError
from manymodes.music.score import signature
from manymodes_studio import melody
from manymodes_studio.melody import Composed
from melodygan.data.encoding import Note
from melodygan.data.form import METERS, read_key

ASKED = {"key": "G major", "meter": "4/4", "bars": 4, "temperature": 1.0, "seed": 3}


@pytest.fixture
def model(models):
    return models.loaded["melody-lstm"]


def length(notes):
    return sum(note.steps for note in notes)


def test_a_melody_has_the_key_the_metre_and_the_bars_that_were_asked_for(model):
    composed = melody.compose(model, **ASKED)
    written = melody.score(composed, "title")
    assert length(composed.notes) == 4 * METERS["4/4"]
    assert (written.meter, written.fifths, written.mode) == ("4/4", 1, "major")
    heard = [pitch for pitch, _ in written.notes]
    assert heard == [None if note.pitch is None else note.pitch + composed.shift for note in composed.notes]
    assert composed.shift in {-5, 7}


def test_the_draw_brings_a_melody_back(model):
    composed = melody.compose(model, **ASKED)
    assert melody.compose(model, **ASKED) == composed
    assert melody.compose(model, **{**ASKED, "seed": 4}).notes != composed.notes


def test_every_key_can_be_written_down():
    notes = (Note(60, 4), Note(64, 4), Note(67, 4), Note(60, 4))
    for name in melody.KEYS:
        key = read_key(name)
        composed = Composed(notes, key.shift, "4/4", key.mode, 0)
        written = melody.score(composed, "title")
        assert written.fifths == signature(key.shift % 12, "major")
        assert name in melody.described(composed, written)


def test_a_metre_that_the_model_never_heard_is_a_message(model):
    with pytest.raises(UserError, match="never heard a tune in 6/8"):
        melody.compose(model, **{**ASKED, "meter": "6/8"})


def test_what_midi_cannot_write_is_a_message():
    with pytest.raises(UserError, match="higher or lower"):
        melody.score(Composed((Note(126, 4),), 5, "4/4", "major", 0), "title")


def test_a_variation_is_as_long_and_elsewhere_the_same(model):
    composed = melody.compose(model, **{**ASKED, "bars": 8})
    varied = melody.vary(model, composed, temperature=1.0, seed=9)
    bar = METERS["4/4"]
    steps = [
        [(note.pitch, step) for note in notes for step in range(note.steps)] for notes in (composed.notes, varied.notes)
    ]
    same = [steps[0][begin : begin + bar] == steps[1][begin : begin + bar] for begin in range(0, 8 * bar, bar)]
    assert varied.notes != composed.notes
    assert length(varied.notes) == length(composed.notes)
    assert sum(same) >= 4
    assert (varied.meter, varied.mode, varied.shift) == (composed.meter, composed.mode, composed.shift)


def test_a_tune_goes_on_from_its_own_notes(model, tmp_path):
    file = tune_file(tmp_path / "Größe.mid", (62, 64, 66, 67, 69, 71, 73, 74))
    composed = melody.continue_file(model, file, **{**ASKED, "key": None, "meter": None})
    written = melody.score(composed, "title")
    assert [pitch for pitch, _ in written.notes][:8] == [62, 64, 66, 67, 69, 71, 73, 74]
    assert length(composed.notes) == (2 + 4) * METERS["4/4"]
    assert written.fifths == 2


def test_a_tune_that_is_too_long_is_a_message(model, tmp_path):
    file = tune_file(tmp_path / "long.mid", SCALE * 40)
    with pytest.raises(UserError, match="80 bars: give one of at most 64"):
        melody.continue_file(model, file, **{**ASKED, "key": None, "meter": None})


@pytest.mark.parametrize("content", [b"no MIDI", b"MThd\x00\x00\x00\x06\x00\x00\x00\x00\x01\xe0"])
def test_a_file_without_a_tune_is_a_message(model, tmp_path, content):
    file = tmp_path / "bad.mid"
    file.write_bytes(content)
    with pytest.raises(UserError, match="no usable tune"):
        melody.continue_file(model, file, **{**ASKED, "key": None, "meter": None})


def test_each_format_has_its_files(tmp_path):
    notes = tuple(Note(60 + step % 5, 2) for step in range(900))
    made = melody.write(tmp_path / "tune", melody.score(Composed(notes, 0, "4/4", "major", 0), "t"), ("midi", "svg"))
    assert [file.name for file in made["midi"]] == ["tune.mid"]
    assert [file.name for file in made["svg"]][:2] == ["tune.svg", "tune-2.svg"]
    assert len(made["svg"]) == len(list(tmp_path.glob("*.svg")))
