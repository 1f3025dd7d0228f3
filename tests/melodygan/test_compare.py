import numpy as np
import pytest
from comparisons import compared
from scores import walking_tunes

import evaluation.scores.sampling
from manymodes.experiment.records import Row
from melodygan.compare import COMPARISON, main
from melodygan.config import MelodyConfig
from melodygan.data.corpus import Split
from melodygan.data.encoding import Note, Tune
from melodygan.metrics.held_out import BASELINES, Compared, measured

SPLIT = Split(walking_tunes(120, 0), walking_tunes(20, 1), walking_tunes(60, 2))


@pytest.fixture
def few_samples(monkeypatch):
    """Resample a few times only, which takes most of the time of a comparison."""
    for name in ("RESAMPLES", "SPLITS"):
        monkeypatch.setattr(evaluation.scores.sampling, name, 8)


def test_the_baselines_have_the_scores_that_they_should(few_samples):
    rows = {name: measured(baseline(SPLIT, 60, 0), SPLIT.train, 0) for name, baseline in BASELINES.items()}
    scores = {name: row["measures"]["score"] for name, row in rows.items()}
    assert min(scores["real"], scores["replay"]) > 0.9
    assert scores["random"] < 0.6 * scores["real"]
    told = {name: row["measures"]["told_by_features"] for name, row in rows.items()}
    assert max(told["real"], told["replay"]) < 0.7
    assert told["random"] > 0.95
    copying = {name: row["measures"]["copying"] for name, row in rows.items()}
    assert copying == {"real": False, "replay": True, "random": False}
    assert rows["replay"]["verdict"]["copying"].startswith("copying")


def test_one_tune_again_and_again_has_collapsed(few_samples):
    measures = measured(Compared([SPLIT.test[0]] * 40, SPLIT.test), SPLIT.train, 0)["measures"]
    assert measures["collapsed"]
    assert measures["distinct"] == 1 / 40
    assert measures["spread_used_pitch"] == measures["spread_least"] == 0
    assert measures["used_pitch"][1] == 0


def test_random_notes_are_uniform_over_those_of_training_tunes():
    tunes = BASELINES["random"](SPLIT, 400, 0).tunes
    pitches, counts = np.unique([note.pitch for tune in tunes for note in tune.notes], return_counts=True)
    assert pitches.tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    assert counts.min() > 0.9 * counts.mean()
    lengths = [note.steps for tune in tunes for note in tune.notes]
    assert set(lengths) == {2, 4}
    assert np.mean(np.array(lengths) == 2) == pytest.approx(0.5, abs=0.02)


@pytest.mark.filterwarnings("ignore:Even though the:UserWarning")
@pytest.mark.slow
def test_a_model_is_compared_with_real_tunes(completed, tmp_path, tune_file, few_samples, small_networks, monkeypatch):
    small = MelodyConfig(wgan=True, penalty="none", units=2, batch_size=4, updates_per_epoch=1)
    rows = (COMPARISON.rows[0], Row("small", "small WGAN", small), COMPARISON.rows[-1])
    monkeypatch.setattr(type(COMPARISON), "rows", rows)
    options = ("--corpus", tune_file, "--epochs", 1, "--count", 6)
    text, written, pictures = compared(completed, main, tmp_path, "melody", *options)
    if "small, seed 0: left out" not in text:  # after one epoch it may compose nothing usable
        assert "| small WGAN |" in written
    assert "| random notes |" in written
    assert len(pictures) == 7


def test_every_row_is_a_valid_configuration():
    configs = {row.name: row.config.check() for row in COMPARISON.rows if row.config}
    assert [row.name for row in COMPARISON.rows if not row.config] == list(BASELINES)
    assert configs["wgan-noise-l2"].name == "melodygan-wgan-noise-l2"
    assert COMPARISON.examples(configs["gan"]) == 64


def test_endings_are_counted_where_key_and_metre_are_known():
    line = (Note(60, 8), Note(64, 4), Note(62, 4)) * 4
    closed, upbeat = (*line, Note(60, 16)), (Note(67, 4), *line, Note(60, 12))
    tunes = [
        Tune(closed, key="C major", meter="4/4"),
        Tune(upbeat, key="C major", meter="4/4", pickup_steps=4),  # its last bar and the upbeat are one
        Tune(closed, key="A minor", meter="4/4"),
        Tune((*closed, Note(69, 4)), key="A minor", meter="4/4"),
        Tune(line),
    ]
    measures = measured(Compared(tunes, SPLIT.test), SPLIT.train, 0)["measures"]
    assert [measures[name] for name in ("tonic_major", "tonic_minor", "whole_bar")] == [1, 0.5, 0.75]
    assert measures["on_beat"] == 1
