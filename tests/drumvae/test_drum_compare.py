import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from smalldrums import tiny

from drumvae import comparison_plots
from drumvae.compare import CEILING, CHANGES, COMPARISON, main
from drumvae.config import ANNEALING, HIERARCHIES, DrumConfig
from drumvae.data.grooves import load_grooves
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.metrics import diagnostics
from drumvae.metrics.baselines import BASELINES, Composed
from drumvae.metrics.tables import among, diversity, nats, result_of, tables
from manymodes.experiment.compare import LeftOutError
from manymodes.experiment.records import Record
from manymodes.experiment.tables import Cell

# TensorFlow warns that data sets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

ROWS, LOSSES = COMPARISON.rows, COMPARISON.losses
BY_NAME = {row.name: row for row in ROWS}
TRAINED = [row for row in ROWS if row.config is not None]
UNTRAINED = [row for row in ROWS if row.config is None]


@functools.cache
def grooves():
    """Make enough bars to distinguish good ones from bad ones."""
    return load_grooves(progress=False)


# --- rows


def test_neighbours_differ_in_one_setting_and_every_question_has_its_neighbours():
    answered = []
    for first, second in itertools.pairwise(row.config.to_json() for row in TRAINED):
        changed = [name for name in first if first[name] != second[name]]
        assert len(changed) == 1
        answered += changed
    assert set(answered) == set(CHANGES)
    assert {row.config.anneal for row in TRAINED} == set(ANNEALING)
    assert {row.config.hierarchy for row in TRAINED} == set(HIERARCHIES)
    assert BY_NAME["supervised"].config == DrumConfig()
    assert {row.name for row in UNTRAINED} == set(BASELINES)


# --- baselines


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


def test_one_style_alone_cannot_be_transferred():
    splits = {name: getattr(grooves(), name) for name in ("train", "validation", "test")}
    alone = replace(grooves(), styles=("rock",), **{name: bars[bars.styles == 0] for name, bars in splits.items()})
    found = {row: [record(row, **result_of(BASELINES[row.name](alone, 30, 0), alone)[0])] for row in UNTRAINED}
    assert "Bars transferred to another style" not in table_of(found)


# --- results


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


def test_the_result_of_a_row():
    real = grooves().test
    epoch = {"seconds": 2.0, "val_nats": 30.0, "kl_high_nats": 9.0, "kl_high_0": 0.5, "kl_high_1": 0.25, "kl_low_0": 1}
    known = {"kl_high_nats": 0.0000005, "active_high": 0, "high_dim": 4, "probe_high": 0.21, "probe_low": 0.9}
    composed = Composed(real.hits, real.styles, {**known, "probe_raw": 0.98})
    measured, verdict, figures = result_of(composed, grooves(), [epoch])
    assert verdict["latents"].startswith(
        "z_high holds 0.0000005 nats, 0 of 4 dimensions active; the style is predicted"
    )
    assert figures["epochs"] == [{"seconds": 2.0, "val_nats": 30.0, "high": [0.5, 0.25], "low": [1.0]}]
    for style, bars in enumerate(figures["bars"]):
        shown = np.stack([comparison_plots.unpacked(bar) for bar in bars])
        np.testing.assert_array_equal(shown, real.hits[real.styles == style][:2])
    assert measured["style_hit"] == measured["style_hit_real"]


def test_a_diverged_model_is_left_out():
    model = tiny()
    model.style_means.assign(model.style_means * np.nan)
    with pytest.raises(LeftOutError, match="diverged"):
        COMPARISON.evaluate(None, SimpleNamespace(model=model))


# --- tables

GOOD = {
    "kl_high_nats": 3.0, "kl_low_nats": 5.0, "active_high": 4, "high_dim": 4, "active_low": 12, "low_dim": 12,
    "mutual_information_high": 2.5, "mutual_information_low": 4.0, "mutual_information_ceiling": 5.3,
    "probe_high": 0.975, "probe_low": 0.8, "variance_ratio_high": 2.0, "variance_ratio_collapsed": 2.0,
    "hit_f1": 0.85, "elbo_nats": 30.0, "iwae_nats": 28.5, "gap_nats": 1.5, "gap_error": 0.1,
    "transfer_success": 0.95, "transfer_success_unchanged": 0.01, "transfer_onset_f1": 0.5,
    "transfer_onset_f1_random": 0.28, "transfer_step_f1": 0.8, "transfer_step_f1_random": 0.74,
    "swap_success": 0.9, "swap_onset_f1": 0.4,
}  # fmt: skip
COMPOSED = {
    "style_hit": 0.9, "style_hit_real": 0.98, "diversity": 20.0, "diversity_real": 21.0, "precision": 0.9,
    "precision_ceiling": 0.96, "recall": 0.8, "recall_ceiling": 0.98, "nearest_training": 9.5,
    "nearest_training_held_out": 9.75, "copies": 0.001, "copies_held_out": 0.0, "probe_raw": 0.985, "chance": 0.2,
    "hit_f1_pca16": 0.78, "hit_f1_mean_pattern": 0.46, "entropy_bound_nats": 27.0,
}  # fmt: skip


def record(row, seed=0, **measures):
    """Make up a record; measures that are not given are those of a good model."""
    facts = {"updates": 100 + seed, "seconds": 240.0, "examples_per_second": 320.0, "epochs": 3, "judged_epoch": 2}
    losses = {name: float(number) for number, name in enumerate(LOSSES, start=1)}
    if row.config is None:
        return Record({"seed": seed}, {}, {**COMPOSED, **measures}, {}, {})
    made_with = {"seed": seed, "settings": row.config.to_json()}
    return Record(made_with, {"losses": losses, **facts}, {**COMPOSED, **GOOD, **measures}, {}, {})


def table_of(found):
    """Return the cells of each table by its title and the row's."""
    return {table.title: {row[0].text: row[1:] for row in table.rows} for table in tables(found, LOSSES, CHANGES)}


def test_the_tables_of_one_seed():
    real, model = BY_NAME[CEILING], BY_NAME["supervised"]
    texts = {
        (title, name): [cell.text for cell in cells]
        for title, rows in table_of({real: [record(real)], model: [record(model)]}).items()
        for name, cells in rows.items()
    }
    ours, ceiling = model.title, real.title
    assert texts == {
        ("What the latents hold", ours): [
            *("3", "4 of 4", "2.5", "5", "12 of 12", "4", "5.3", "97.5 %", "80.0 %", "98.5 %", "20 %", "2", "2"),
        ],
        ("What the latents hold", ceiling): [*["–"] * 9, "98.5 %", "20 %", "–", "–"],
        ("How well they model bars", ours): ["0.85", "0.78", "0.46", "28.5", "30", "27", "1.5", "0.1"],
        **{
            ("What they compose", name): [
                *("90.0 %", "98.0 %", "20", "21", "90 %", "96 %", "80 %", "98 %", "9.5", "9.75", "0.1 %", "0.0 %"),
            ]
            for name in (ours, ceiling)
        },
        ("Bars transferred to another style", ours): [
            *("95.0 %", "1.0 %", "0.5", "0.28", "0.8", "0.74", "90.0 %", "0.4"),
        ],
        ("How they were trained", ours): ["1", "2", "3", "4", "5", "100", "320", "240", "3", "2"],
    }


def test_bad_values_are_marked():
    chain = BY_NAME["chain"]
    collapsed = record(
        chain, kl_high_nats=0.0000005, active_high=0, probe_high=0.2, hit_f1=0.4, diversity=10.0, transfer_onset_f1=0.28
    )
    found = {chain: [collapsed]}
    marked = [cell.text for rows in table_of(found).values() for cells in rows.values() for cell in cells if cell.bad]
    assert marked == ["0 of 4", "20.0 %", "0.4", "10", "0.28"]
    good = {row: [record(row)] for row in ROWS}
    assert not any(cell.bad for rows in table_of(good).values() for cells in rows.values() for cell in cells)
    assert all(len(row) == len(table.headers) for table in tables(good, LOSSES, CHANGES) for row in table.rows)


def test_changes_are_between_neighbours_that_differ_in_one_setting():
    chain, cyclical, linear = (BY_NAME[name] for name in ("chain-cyclical", "cyclical", "linear"))
    found = {
        chain: [record(chain, seed, kl_high_nats=0.5, probe_high=0.2) for seed in (0, 1, 2)],
        # the first seed diverged
        cyclical: [record(cyclical, seed, kl_high_nats=float(seed), probe_high=0.5) for seed in (1, 2)],
    }
    ((title, cells),) = table_of(found)["What each change does"].items()
    assert title == "chain, cyclical → top-down, cyclical"
    assert (cells[0], cells[3]) == (Cell("+1", "+0.5 to +1.5"), Cell("+30.0"))
    del found[cyclical]
    assert "What each change does" not in table_of({**found, linear: [record(linear)]})


def test_nats_show_a_collapse():
    assert [nats(value) for value in (3.214, 0.0000005, 0.0, 1e-9)] == ["3.21", "0.0000005", "0", "0"]


# --- the command


def test_a_row_from_end_to_end(at_prompt, eager, small_networks, monkeypatch, tmp_path):
    small_networks(monkeypatch)
    monkeypatch.setattr(diagnostics, "COMPOSED", 20)
    monkeypatch.setattr(diagnostics, "SAMPLES", 2)
    small = replace(BY_NAME["free-bits"], config=DrumConfig(unsupervised=True, updates_per_epoch=2, batch_size=4))
    monkeypatch.setattr(type(COMPARISON), "rows", (BY_NAME[CEILING], small, BY_NAME["shuffled"]))
    places = ("--out", tmp_path / "results", "--work", tmp_path / "work")
    code, text, errors = at_prompt(main, "--grooves", "no/such/folder", *places)
    assert (code, text, errors.count("\n")) == (2, "", 1)
    code, text, errors = at_prompt(main, "--per-style", 10, "--count", 20, "--epochs", 1, "--jobs", 1, *places)
    assert (code, errors) == (0, "")
    assert "free-bits, seed 0: z_high holds" in text
    results = (tmp_path / "results" / "drums.md").read_text(encoding="utf-8")
    assert "| top-down, linear, free bits |" in results
    assert "styles, 5 styles, 40 bars to learn from and 10 to test with, fingerprint" in results
    pictures = {path.name for path in (tmp_path / "results" / "drums").glob("*.png")}
    assert pictures == {"collapse.png", "probes.png", "divergence.png", "course.png", "bars.png"}
