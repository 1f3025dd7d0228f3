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


def sounding_steps(notes):
    return [pitch for pitch, steps in notes for _ in range(steps)]


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
    varied = melody.vary(model, composed, recompose=(2, 3), temperature=1.3, seed=5)
    before, after = (sounding_steps(one.score.notes) for one in (composed, varied))
    begin, end = (score.upbeat + bars * METERS["4/4"] for bars in (1, 3))
    assert before[:begin] == after[:begin]
    assert before[end:] == after[end:]
    assert before != after, "only the bars that are named are composed anew"


def test_what_a_model_cannot_do_is_relaxed_and_said(model):
    impossible = {**OPTIONS, "meter": "6/4", "bars": 31, "temperature": 0.7}
    composed = melody.compose(model, **impossible)
    assert composed.score.notes
    assert composed.remarks
    assert not melody.compose(model, **OPTIONS).remarks


def test_a_variation_takes_a_new_key_tempo_and_instrument(model):
    composed = melody.compose(model, **OPTIONS)
    varied = melody.vary(model, composed, key="E major", tempo=77, instrument="violin", temperature=1.0, seed=9)
    assert (varied.score.fifths, varied.score.tempo, varied.score.program) == (4, 77, 40)
    by = (varied.shift - composed.shift) % 12
    assert by == 9
    same = melody.vary(model, composed, temperature=1.0, seed=9)
    moved = {(new[0] - old[0]) % 12 for new, old in zip(varied.score.notes, same.score.notes, strict=True) if old[0]}
    assert moved == {9}
    other = melody.in_key(composed, "E minor")
    assert other.score == composed.score
    assert other.remarks


def test_every_key_has_its_name():
    for name in melody.KEYS:
        key = read_key(name)
        assert key.fifths == signature(key.shift % 12, "major")
        score = Score((Note(60, 4), Note(64, 4)), "title", fifths=key.fifths, mode=key.mode)
        assert name in melody.described(Composed(score, key.shift, 0))


def test_a_tune_is_continued_in_its_key(model, tmp_path):
    file = tune_file(tmp_path / "Größe.mid", (62, 64, 66, 67, 69, 71, 73, 74), fifths=2)
    assert melody.form_of_file(file) == ("D major", "4/4", 120)
    composed = melody.continue_file(model, file, **AS_GIVEN)
    assert [pitch for pitch, _ in composed.score.notes][:8] == [62, 64, 66, 67, 69, 71, 73, 74]
    assert length(composed) == (2 + 4) * METERS["4/4"]
    assert composed.score.fifths == 2
    with pytest.raises(UserError, match="80 bars: give one of at most 64"):
        melody.continue_file(model, tune_file(tmp_path / "long.mid", SCALE * 40), **AS_GIVEN)


def test_notes_that_are_written_out_begin_a_tune_and_never_name_a_file(model, tmp_path):
    composed = melody.continue_notes(model, "C4 D4:2 E4", **AS_GIVEN)
    assert [tuple(note) for note in composed.score.notes[:3]] == [(60, 4), (62, 8), (64, 4)]
    for text in (str(tune_file(tmp_path / "tune.mid")), "C4 " * 1000):
        with pytest.raises(UserError):
            melody.continue_notes(model, text, **AS_GIVEN)
