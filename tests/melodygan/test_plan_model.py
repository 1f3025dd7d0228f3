"""Composed plans: in the form and length of songs, with returns as songs have them."""

import numpy as np
import pytest

from melodygan.data.encoding import Note, Tune
from melodygan.data.form import Form
from melodygan.data.grid import BEAT, LENGTH, layout, to_grid, to_rows
from melodygan.data.plan_model import PlanModel

A = [Note(60, 4), Note(62, 4), Note(64, 4), Note(65, 4)]
B = [Note(67, 8), Note(65, 4), Note(64, 4)]
C = [Note(72, 4), Note(71, 2), Note(69, 2), Note(67, 8)]


def plan(*bars):
    return to_grid(Tune(tuple(note for bar in bars for note in bar), meter="4/4")).plan


def test_a_model_of_one_form_composes_it():
    song = plan(A, B, A, B, C, B, A, B)
    model = PlanModel([song] * 10)
    assert model.compose([song], 3, np.random.default_rng(0)) == [song] * 3


def test_composed_plans_keep_to_their_tune_and_return_from_what_is_there():
    songs = [plan(A, B, A, B, C, C, A, B), plan(A, A, B, A), plan(A, B, C, A, B, C), plan(A, B, A, C)]
    composed = PlanModel(songs * 3).compose(songs, 40, np.random.default_rng(1))
    assert {(one.form, one.lead, one.cells) for one in composed} <= {(one.form, one.lead, one.cells) for one in songs}
    for one in composed:
        for beat, distance in enumerate(one.returns):
            assert 0 <= distance <= max(beat * BEAT[one.form.meter] - one.lead, 0)
    spelled = layout(to_rows(composed))
    assert (spelled.source <= np.arange(LENGTH)).all()
    # returns are as frequent as in the songs
    share = np.mean([np.count_nonzero(one.returns) / one.cells for one in composed])
    known = np.mean([np.count_nonzero(one.returns) / one.cells for one in songs])
    assert share == pytest.approx(known, rel=0.5)


def test_a_metre_that_no_plan_has_is_all_new():
    model = PlanModel([plan(A, B, A, B)])
    other = plan(A, B)._replace(form=Form("6/8", "major"))
    assert set(model.compose([other], 1, np.random.default_rng(0))[0].returns) == {0}
