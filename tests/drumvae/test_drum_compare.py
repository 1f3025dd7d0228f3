import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
from comparisons import compared, marked, record
from smalldrums import use_little

from drumvae.compare import CEILING, COMPARISON, main
from drumvae.config import ANNEALING, HIERARCHIES, DrumConfig
from drumvae.data.grooves import load_grooves
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.metrics.baselines import BASELINES
from drumvae.metrics.tables import CHANGES, among, diversity, result_of, tables

# TensorFlow warns that data sets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

ROWS = COMPARISON.rows
BY_NAME = {row.name: row for row in ROWS}
TRAINED = [row for row in ROWS if row.config is not None]
UNTRAINED = [row for row in ROWS if row.config is None]


@functools.cache
def grooves():
    """Make enough bars to distinguish good ones from bad ones."""
    return load_grooves(progress=False)


def test_neighbours_differ_in_one_setting_and_every_question_has_its_neighbours():
    settings = itertools.pairwise(row.config.to_json() for row in TRAINED)
    changes = [[name for name in first if first[name] != second[name]] for first, second in settings]
    assert {len(changed) for changed in changes} == {1}
    assert set(itertools.chain(*changes)) == set(CHANGES)
    assert {row.config.anneal for row in TRAINED} == set(ANNEALING)
    assert {row.config.hierarchy for row in TRAINED} == set(HIERARCHIES)
    assert BY_NAME["supervised"].config == DrumConfig()
    assert {row.name for row in UNTRAINED} == set(BASELINES)


@pytest.fixture(scope="module")
def measures():
    """Return the measures of each baseline by its name."""
    return {name: result_of(make(grooves(), 250, 0), grooves())[0] for name, make in BASELINES.items()}


def test_only_all_measures_together_distinguish_real_bars(measures):
    real, replay, shuffled, pattern = (measures[name] for name in (CEILING, "replay", "shuffled", "mean-pattern"))
    assert all(one["style_hit"] > 0.9 for one in (real, replay, shuffled, pattern))
    for one in (replay, shuffled):
        assert one["diversity"] == pytest.approx(real["diversity_real"], rel=0.1)
        assert one["recall"] > 0.8
    assert (replay["copies"], replay["nearest_training"]) == (1, 0)
    assert shuffled["precision"] < real["precision"] - 0.1
    assert shuffled["nearest_training"] > real["nearest_training"] + 1
    assert pattern["diversity"] == pattern["recall"] == 0
    assert real["copies"] == 0
    for name in ("precision", "recall"):
        assert real[name] > 0.85
        assert real[f"{name}_ceiling"] == pytest.approx(real[name], abs=0.1)


def test_bars_by_rule_are_likeliest_under_their_rules(measures):
    assert measures[CEILING]["iwae_nats"] == measures["shuffled"]["entropy_bound_nats"]
    assert measures[CEILING]["gap_nats"] < 3 < measures["shuffled"]["gap_nats"] < measures["mean-pattern"]["gap_nats"]
    for one in (measures["shuffled"], measures["mean-pattern"]):
        assert one["iwae_nats"] == pytest.approx(one["entropy_bound_nats"] + one["gap_nats"])
        assert one["gap_error"] < one["gap_nats"] / 3


def test_transfer_needs_the_bar_and_the_style(measures):
    shuffled, replay, components = (measures[name] for name in ("shuffled", "replay", "components"))
    assert shuffled["transfer_onset_f1"] == pytest.approx(shuffled["transfer_onset_f1_random"], abs=0.03)
    for one in (replay, components):
        assert one["transfer_onset_f1"] > one["transfer_onset_f1_random"] + 0.1
        assert one["transfer_success"] > 0.7
    assert components["hit_f1"] == components["hit_f1_pca16"]
    assert components["chance"] < components["probe_low"] < components["probe_high"] < components["probe_raw"]


def test_bars_lie_only_among_those_of_their_style():
    real = grooves().test
    assert among(real.hits, real.styles, real) == {"precision": 1, "recall": 1}
    assert among(real.hits, (real.styles + 1) % 5, real)["precision"] < 0.5
    bar = Bars.of(real.hits[:1], real.hits[:1], 0 * real.hits[:1], tempo=100)
    assert among(real.hits, real.styles, replace(bar, styles=np.array([0]))) == {}


def test_diversity_is_within_styles():
    hits = np.zeros((4, STEPS, len(INSTRUMENTS)), bool)
    hits[2:] = True
    assert diversity(hits, np.array([0, 0, 1, 1])) == 0
    hits[1, :2, 0] = True
    assert diversity(hits, np.array([0, 0, 1, 1])) == 1
    assert diversity(hits[:3], np.array([0, 0, 1])) == 2  # of a style's only bar there is no distance
    assert np.isnan(diversity(hits[:1], np.array([0])))


COMPOSED = {"diversity": 20.0, "diversity_real": 21.0, "hit_f1_mean_pattern": 0.46}
GOOD = {
    "active_high": 4, "high_dim": 4, "low_dim": 12, "probe_high": 0.975, "probe_low": 0.8, "hit_f1": 0.85,
    "transfer_success": 0.95, "transfer_onset_f1": 0.5, "transfer_onset_f1_random": 0.28,
}  # fmt: skip


def records_of(row, **measures):
    """Make up the records of a row: some measures of a good model, with others instead."""
    return [record(row, {**COMPOSED, **(GOOD if row.config else {}), **measures})]


def test_bad_values_are_marked():
    chain = BY_NAME["chain"]
    bad = {"active_high": 0, "probe_high": 0.2, "hit_f1": 0.4, "diversity": 10.0}
    result = {chain: records_of(chain, **bad, transfer_onset_f1=0.28)}
    texts = [text for _, _, text in marked(tables(result))]
    assert texts == ["0 of 4", "20.0 %", "0.4", "10", "0.28"]
    assert marked(tables({row: records_of(row) for row in ROWS})) == []


@pytest.mark.slow
def test_a_row_from_end_to_end(completed, eager, monkeypatch, tmp_path):
    use_little(monkeypatch)
    small = replace(BY_NAME["free-bits"], config=DrumConfig(unsupervised=True, updates_per_epoch=2, batch_size=4))
    monkeypatch.setattr(type(COMPARISON), "rows", (BY_NAME[CEILING], small, BY_NAME["shuffled"]))
    options = ("--per-style", 10, "--count", 20, "--epochs", 1)
    text, written, pictures = compared(completed, main, tmp_path, "drums", *options)
    assert "free-bits, seed 0: z_high holds" in text
    assert "| top-down, linear, free bits |" in written
    assert "styles, 5 styles, 40 bars to learn from and 10 to test with, fingerprint" in written
    assert pictures == {"collapse.png", "probes.png", "divergence.png", "course.png", "bars.png"}
