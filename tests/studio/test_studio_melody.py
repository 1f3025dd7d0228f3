import pytest
from studiomodels import SCALE, tune_file

from manymodes.cli import UserError
from manymodes.music.score import Score, signature
from manymodes_studio import melody
from manymodes_studio.melody import Composed
from melodygan.data.encoding import Note
from melodygan.data.form import METERS, read_key

OPTIONS = {"key": "G major", "meter": "4/4", "bars": 4, "temperature": 1.0, "seed": 3}
AS_GIVEN = {**OPTIONS, "key": None, "meter": None}


@pytest.fixture
def model(models):
    return models.loaded["melody-lstm"]


def length(composed):
    return sum(steps for _, steps in composed.score.notes)


def test_a_variation_has_the_form_of_its_melody(model):
    composed = melody.compose(model, **OPTIONS, tempo=90, instrument=melody.INSTRUMENTS["violin"])
    score = composed.score
    assert (score.meter, score.fifths, score.mode, score.tempo, score.program) == ("4/4", 1, "major", 90, 40)
    assert composed.shift in {-5, 7}
    assert melody.described(composed)[:2] == ("4 bars of 4/4", "G major")
    varied = melody.vary(model, composed, temperature=1.0, seed=9)
    assert varied.score.notes != score.notes
    assert length(varied) == length(composed) == 4 * METERS["4/4"]
    assert (varied.score.meter, varied.score.mode, varied.shift) == ("4/4", "major", composed.shift)


def test_every_key_has_its_name():
    for name in melody.KEYS:
        key = read_key(name)
        assert key.fifths == signature(key.shift % 12, "major")
        score = Score((Note(60, 4), Note(64, 4)), "title", fifths=key.fifths, mode=key.mode)
        assert name in melody.described(Composed(score, key.shift, 0))


def test_a_tune_is_continued_in_its_key(model, tmp_path):
    file = tune_file(tmp_path / "Größe.mid", (62, 64, 66, 67, 69, 71, 73, 74), fifths=2)
    composed = melody.continue_file(model, file, **AS_GIVEN)
    assert [pitch for pitch, _ in composed.score.notes][:8] == [62, 64, 66, 67, 69, 71, 73, 74]
    assert length(composed) == (2 + 4) * METERS["4/4"]
    assert composed.score.fifths == 2


def test_a_long_tune_is_refused(model, tmp_path):
    with pytest.raises(UserError, match="80 bars: give one of at most 64"):
        melody.continue_file(model, tune_file(tmp_path / "long.mid", SCALE * 40), **AS_GIVEN)
