import pytest
from studiomodels import SCALE, tune_file

from manymodes.cli import UserError
from manymodes.music.score import Score, signature
from manymodes_studio import melody
from manymodes_studio.melody import Composed
from melodygan.data.encoding import Note
from melodygan.data.form import METERS, read_key

OPTIONS = {"key": "G major", "meter": "4/4", "bars": 4, "temperature": 1.0, "seed": 3}


@pytest.fixture
def model(models):
    return models.loaded["melody-lstm"]


def length(composed):
    return sum(steps for _, steps in composed.score.notes)


def test_a_melody_has_the_key_the_metre_and_the_bars_that_were_asked_for(model):
    composed = melody.compose(model, **OPTIONS, tempo=90, instrument="violin")
    assert length(composed) == 4 * METERS["4/4"]
    assert (composed.score.meter, composed.score.fifths, composed.score.mode) == ("4/4", 1, "major")
    assert (composed.score.tempo, composed.score.program) == (90, 40)
    assert composed.shift in {-5, 7}
    assert "G major" in melody.described(composed)


def test_the_seed_brings_a_melody_back(model):
    composed = melody.compose(model, **OPTIONS)
    assert melody.compose(model, **OPTIONS) == composed
    assert melody.compose(model, **{**OPTIONS, "seed": 4}).score.notes != composed.score.notes


def test_every_key_has_its_name():
    for name in melody.KEYS:
        key = read_key(name)
        assert key.fifths == signature(key.shift % 12, "major")
        score = Score((Note(60, 4), Note(64, 4)), "title", fifths=key.fifths, mode=key.mode)
        assert name in melody.described(Composed(score, key.shift, 0))


def test_an_unknown_metre_is_refused(model):
    with pytest.raises(UserError, match="never heard a tune in 6/8"):
        melody.compose(model, **{**OPTIONS, "meter": "6/8"})


def test_a_variation_keeps_most_bars(model):
    composed = melody.compose(model, **{**OPTIONS, "bars": 8})
    varied = melody.vary(model, composed, temperature=1.0, seed=9)
    bar = METERS["4/4"]
    first, second = (
        [(pitch, step) for pitch, steps in one.score.notes for step in range(steps)] for one in (composed, varied)
    )
    same = [first[begin : begin + bar] == second[begin : begin + bar] for begin in range(0, 8 * bar, bar)]
    assert first != second
    assert length(varied) == length(composed)
    assert sum(same) >= 4
    assert (varied.score.meter, varied.score.mode, varied.shift) == ("4/4", "major", composed.shift)


def test_a_tune_is_continued_in_its_key(model, tmp_path):
    file = tune_file(tmp_path / "Größe.mid", (62, 64, 66, 67, 69, 71, 73, 74))
    composed = melody.continue_file(model, file, **{**OPTIONS, "key": None, "meter": None})
    assert [pitch for pitch, _ in composed.score.notes][:8] == [62, 64, 66, 67, 69, 71, 73, 74]
    assert length(composed) == (2 + 4) * METERS["4/4"]
    assert composed.score.fifths == 2


def test_unusable_tunes_are_refused(model, tmp_path):
    file = tune_file(tmp_path / "long.mid", SCALE * 40)
    with pytest.raises(UserError, match="80 bars: give one of at most 64"):
        melody.continue_file(model, file, **{**OPTIONS, "key": None, "meter": None})
    file.write_bytes(b"no MIDI")
    with pytest.raises(UserError, match="no usable tune"):
        melody.continue_file(model, file, **{**OPTIONS, "key": None, "meter": None})


def test_each_format_has_its_files(tmp_path):
    notes = tuple(Note(60 + step % 5, 2) for step in range(900))
    made = melody.write(tmp_path / "tune", Score(notes, "t"), ("midi", "svg"))
    assert [file.name for file in made["midi"]] == ["tune.mid"]
    assert [file.name for file in made["svg"]][:2] == ["tune.svg", "tune-2.svg"]
    assert len(made["svg"]) == len(list(tmp_path.glob("*.svg")))
