from dataclasses import replace
from unittest.mock import Mock

import keras
import numpy as np
import pytest
from scores import random_tunes
from smallmodels import small_gan

from melodygan.data.encoding import Note, StepVocabulary, Tune
from melodygan.data.form import Form, number_of
from melodygan.models import discriminator as discriminator_module
from melodygan.models.choosing import NOTES, Choosing, as_rows
from melodygan.models.discriminator import Discriminator, recurrences
from melodygan.models.lstm import MelodyLSTM

TUNES = random_tunes(60)


@pytest.fixture
def discriminator():
    keras.utils.set_random_seed(1)
    return Discriminator(8)


def odds(model, tunes):
    return model.log_odds(as_rows(tunes)).numpy()[:, 0]


def test_a_tune_is_read_note_by_note_from_its_bar_line():
    tune = Tune((Note(60, 2), Note(None, 1), Note(67, 4)), key="A minor", meter="3/4", pickup_steps=2)
    (rows,) = as_rows([tune])
    form = number_of(Form("3/4", "minor"))
    assert rows[:4].tolist() == [[60, 2, 10, form], [0, 1, 12, form], [67, 4, 13, form], [0, 0, 0, 0]]
    assert not rows[4:].any()


def test_of_a_long_tune_its_last_notes_are_read():
    (rows,) = as_rows([Tune(tuple(Note(40 + n % 50, 4) for n in range(NOTES + 3)))])
    assert rows[[0, -1]].tolist() == [[43, 4, 12, 0], [40 + (NOTES + 2) % 50, 4, 4 * (NOTES + 2), 0]]


def test_it_hears_what_returns_after_one_two_and_four_bars():
    bars = [(60, 62, 64), (60, 62, None), (67, 62, 64), (60, 62, 64), (60, 69, 71)]
    lengths = [(4, 4, 4), (4, 2, 6), (4, 4, 4), (4, 4, 4), (2, 6, 4)]
    notes = [
        Note(*note) for pitches, steps in zip(bars, lengths, strict=True) for note in zip(pitches, steps, strict=True)
    ]
    rows = as_rows([Tune(tuple(notes), key="C major", meter="3/4")])[:, : len(notes)]
    after_one, after_two, after_four = (found.numpy()[0].tolist() for found in recurrences(*np.moveaxis(rows, -1, 0)))
    assert after_one == [0, 0, 0, 3, 2, 0, 1, 2, 0, 1, 3, 3, 2, 0, 1]
    assert after_two == [0, 0, 0, 0, 0, 0, 1, 3, 3, 3, 2, 0, 1, 0, 1]
    assert after_four == [0] * 12 + [2, 0, 1]


def test_the_odds_of_a_tune_are_even_until_they_are_its_own(discriminator):
    assert odds(discriminator, TUNES[:3]).tolist() == [0, 0, 0]
    discriminator.logits.kernel.assign(keras.random.normal(discriminator.logits.kernel.shape, seed=1))
    together = odds(discriminator, TUNES[:8])
    assert len(set(together.round(6))) == 8
    np.testing.assert_allclose([odds(discriminator, [tune])[0] for tune in TUNES[:8]], together, atol=1e-5)


def stuck(tunes):
    """Return tunes that stay on one pitch."""
    return [replace(tune, notes=tuple(note._replace(pitch=note.pitch and 60) for note in tune.notes)) for tune in tunes]


def test_it_learns_what_gives_tunes_away(discriminator, monkeypatch):
    monkeypatch.setattr(discriminator_module, "_EPOCHS", 60)  # a batch each
    discriminator.learn(TUNES[:30], stuck(TUNES[20:60]), TUNES[30:40], seed=0)
    assert odds(discriminator, TUNES[40:]).min() > odds(discriminator, stuck(TUNES[:20])).max()


def test_where_nothing_gives_tunes_away_it_says_little(discriminator):
    discriminator.learn(TUNES[:20], TUNES[20:50], TUNES[50:], seed=0)
    assert np.abs(odds(discriminator, TUNES)).mean() < 0.5


@pytest.fixture(params=["lstm", "gan"])
def composer(request):
    if request.param == "gan":
        return small_gan(discriminator_units=8)
    model = MelodyLSTM(StepVocabulary.from_tunes(TUNES), units=8, discriminator_units=8)
    model.build()
    return model


def many_notes(tunes):
    return 1e3 * np.array([len(tune.notes) for tune in tunes])


def test_what_is_composed_is_the_likeliest_candidate_if_the_odds_are_clear(composer, monkeypatch):
    composer.chooser.logits.kernel.assign(keras.ops.ones_like(composer.chooser.logits.kernel))
    monkeypatch.setattr(composer, "log_odds", many_notes)
    candidates = composer.candidates(3, seed=1, bars=4, ending="free")
    assert {len(those) for those in candidates} == {16}
    most = [max(len(tune.notes) for tune in those) for those in candidates]
    assert [len(tune.notes) for tune in composer.compose(3, seed=1, bars=4, ending="free")] == most


def test_one_that_has_learned_nothing_is_not_asked(composer, monkeypatch):
    candidates = Mock(return_value=[TUNES[:2]])
    monkeypatch.setattr(composer, "candidates", candidates)
    assert composer.compose(1, seed=1)[0] in TUNES[:2]
    candidates.assert_called_once_with(1, seed=1, several=False)


class Offering(Choosing):
    """Composes the same two tunes always, the second with odds of 3."""

    def candidates(self, count, *, seed, several):
        return [TUNES[:2]] * count

    def log_odds(self, tunes):
        return np.log([1.0, 3.0])


def test_each_candidate_is_as_frequent_as_its_odds_say():
    share = np.mean([tune is TUNES[1] for tune in Offering().compose(2000, seed=0)])
    assert abs(share - 0.75) < 0.04
