import numpy as np
import pytest
from scores import random_tunes, write_abc

import evaluation.scores.sampling
from manymodes.experiment.records import Row
from melodygan.compare import COMPARISON, main
from melodygan.config import MelodyConfig
from melodygan.data.corpus import Split
from melodygan.data.encoding import Note, Tune
from melodygan.metrics.judging import CONTROLS, Judged, judge


def walks(count, seed):
    """Compose tunes that go up and down the scale in quarters and eighths, as people sing."""
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    rng = np.random.default_rng(seed)
    tunes = []
    for number in range(count):
        size = int(rng.integers(20, 40))
        places = np.clip(np.cumsum(rng.integers(-1, 2, size)) + 4, 0, 7)
        lengths = rng.choice([2, 4], size, p=[0.3, 0.7])
        notes = tuple(Note(scale[place], int(steps)) for place, steps in zip(places, lengths, strict=True))
        tunes.append(Tune(notes, f"walk {number}"))
    return tuple(tunes)


# --- what is measured


@pytest.fixture(scope="module")
def sides():
    return Split(walks(120, 0), walks(20, 1), walks(60, 2))


@pytest.fixture(scope="module")
def judged(sides):
    """Judge every control of walks."""
    found = {name: control(sides, 60, 0) for name, control in CONTROLS.items()}
    return {name: judge(one, sides.train, 0) for name, one in found.items()}


def test_random_notes_score_far_under_real_ones(judged):
    scores = {name: found["measures"]["score"] for name, found in judged.items()}
    assert scores["real"] > 0.9
    assert scores["random"] < 0.6 * scores["real"]


def test_a_replay_is_close_and_is_called_copying(judged):
    assert judged["replay"]["measures"]["score"] > 0.9
    assert {name: found["measures"]["copying"] for name, found in judged.items()} == {
        "real": False,
        "replay": True,
        "random": False,
    }
    assert judged["replay"]["verdict"]["copying"].startswith("copying")


def test_one_tune_again_and_again_is_called_collapsed(sides):
    measures = judge(Judged([sides.test[0].notes] * 40, sides.test), sides.train, 0)["measures"]
    assert measures["collapsed"]
    assert measures["distinct"] == 1 / 40
    assert measures["spread_used_pitch"] == measures["spread_least"] == 0
    assert measures["used_pitch"][1] == 0


def test_the_halves_of_the_held_out_tunes_share_none(sides):
    one = CONTROLS["real"](sides, 7, 3)
    tunes = {tune.notes for tune in sides.test}
    halves = set(one.tunes), {tune.notes for tune in one.originals}
    assert halves[0] | halves[1] == tunes
    assert not halves[0] & halves[1]
    assert len(one.tunes) == 30


def test_a_replay_has_training_tunes_each_once(sides):
    tunes = CONTROLS["replay"](sides, 50, 0).tunes
    assert len(set(tunes)) == 50
    assert set(tunes) <= {tune.notes for tune in sides.train}
    assert len(CONTROLS["replay"](sides, 1000, 0).tunes) == 120


def test_random_notes_are_uniform_over_what_training_tunes_have(sides):
    tunes = CONTROLS["random"](sides, 400, 0).tunes
    notes = [note for tune in tunes for note in tune]
    pitches, counts = np.unique([note.pitch for note in notes], return_counts=True)
    assert pitches.tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    assert counts.min() > 0.9 * counts.mean()
    lengths = [note.steps for note in notes]
    assert set(lengths) == {2, 4}
    assert np.mean(np.array(lengths) == 2) == pytest.approx(0.5, abs=0.02)
    assert {len(tune) for tune in tunes} <= {len(tune.notes) for tune in sides.train}


# --- the comparison


@pytest.fixture
def few_draws(monkeypatch):
    """Draw a few samples only: most of the time of a comparison goes there."""
    for draws in ("RESAMPLES", "SPLITS"):
        monkeypatch.setattr(evaluation.scores.sampling, draws, 8)


@pytest.mark.filterwarnings("ignore:Even though the:UserWarning")
def test_a_model_is_compared_with_real_tunes(at_prompt, tmp_path, tune_file, few_draws, eager, monkeypatch):
    small = MelodyConfig(wgan=True, penalty="none", units=2, batch_size=4, updates_per_epoch=2)
    rows = (COMPARISON.rows[0], Row("small", "small WGAN", small), *COMPARISON.rows[-2:])
    monkeypatch.setattr(type(COMPARISON), "rows", rows)
    arguments = ("--work", tmp_path / "work", "--corpus", tune_file, "--epochs", 1, "--count", 6, "--jobs", 1)
    code, text, errors = at_prompt(main, *arguments, "--out", tmp_path)
    assert (code, errors) == (0, "")
    written = (tmp_path / "melody.md").read_text(encoding="utf-8")
    if "small, seed 0: left out" not in text:  # after one epoch it may compose nothing usable
        assert "| small WGAN |" in written
    assert "| random notes |" in written
    assert "40 tunes, fingerprint" in written
    assert {path.name for path in (tmp_path / "melody").glob("*.png")} == {
        "scores.png", "used-pitch.png", "total-used-note.png", "total-pitch-class-histogram.png",
        "note-length-hist.png", "pitch-transitions.png", "length-transitions.png",
    }  # fmt: skip


def test_too_small_a_corpus_is_refused(at_prompt, tmp_path):
    write_abc(tmp_path / "few.abc", random_tunes(8))
    arguments = ("--corpus", tmp_path / "few.abc", "--work", tmp_path / "work", "--out", tmp_path / "results")
    code, _, errors = at_prompt(main, *arguments)
    assert code == 2
    assert "too few to hold any out: add more" in errors


def test_every_row_is_a_valid_configuration():
    configs = {row.name: row.config.check() for row in COMPARISON.rows if row.config}
    assert [row.name for row in COMPARISON.rows if not row.config] == list(CONTROLS)
    assert {
        name: config.penalty for name, config in configs.items() if config.as_reported or config.lstm
    } == dict.fromkeys([*(name for name in configs if name.startswith("as-reported")), "lstm"], "none")
    assert configs["wgan-noise-l2"].name == "melodygan-wgan-noise-l2"
    assert COMPARISON.examples(configs["gan"]) == 64
