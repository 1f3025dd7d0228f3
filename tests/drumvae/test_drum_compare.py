import functools
import itertools
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from breaking import Clock, breaking_off, press_ctrl_c
from smalldrums import tiny

from drumvae import compare, comparison_judging, comparison_page, comparison_training
from drumvae.beats import compose, draw_latents
from drumvae.comparison import CEILING, CHANGES, LOSSES, ROWS, Terms
from drumvae.comparison_judging import CONTROLS, Made, among, diversity, judge, pack, unpack
from drumvae.comparison_text import nats, particulars, tables
from drumvae.comparison_training import made_after_training
from drumvae.data.grooves import load_grooves
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.train import ANNEALING, HIERARCHIES
from manymodes.experiment import budget
from manymodes.experiment.cells import points, signed
from manymodes.experiment.compare import Record, Row, machine
from manymodes.experiment.rows import DivergedError
from manymodes.experiment.tables import Cell

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

BY_NAME = {row.name: row for row in ROWS}
UNTRAINED = [row for row in ROWS if row.arguments is None]
TRAINED = [row for row in ROWS if row.arguments is not None]
NO_TRAINING = ("components", "replay", "shuffled", "mean-pattern")
TINY = ("--updates-per-epoch=2", "--batch-size=4")
SMALL_ROWS = (
    BY_NAME[CEILING],
    Row("small-chain", "small chain", ("--hierarchy=chain", "--unsupervised", *TINY)),
    Row("small", "small", ("--unsupervised", *TINY)),
    *(BY_NAME[name] for name in NO_TRAINING),
)
SMALL = {row.name: row for row in SMALL_ROWS}
CELLS = STEPS * len(INSTRUMENTS)


@functools.cache
def few_grooves():
    """Make eight bars of each style to learn from, and two to measure with."""
    return load_grooves(per_style=10, progress=False)


@functools.cache
def grooves():
    """Make enough bars to tell good ones from bad ones."""
    return load_grooves(progress=False)


def terms(work, minutes=0.1, count=20, data="styles", fingerprint="f", per_style=10):
    return Terms(data, fingerprint, minutes, count, work, per_style)


@pytest.fixture
def few_weights(eager, small_networks, monkeypatch):
    """Train small networks update by update."""
    small_networks(monkeypatch)


@pytest.fixture
def analysed_at_once(monkeypatch):
    """Say of every model what is said of a good one: what is kept and what is made again does not depend on it."""
    monkeypatch.setattr(comparison_training, "analyse", lambda *_, **__: dict(GOOD))


@pytest.fixture
def no_pictures(monkeypatch):
    for name in ("_save_collapse", "_save_probes", "_save_divergence", "_save_course", "_save_bars"):
        monkeypatch.setattr(comparison_page, name, lambda *args: args[-1].write_bytes(b""))


@pytest.fixture
def run(at_prompt, tmp_path, few_weights, monkeypatch):
    """Run the verb with rows that train in no time; return what was printed."""
    monkeypatch.setattr(compare, "ROWS", SMALL_ROWS)

    def run_verb(*arguments, code=0):
        places = ("--out", tmp_path / "results", "--work", tmp_path / "work")
        few = ("--per-style", 10, "--count", 20, "--minutes", 0.0001)
        found, text, errors = at_prompt(compare.main, *places, *few, *arguments)
        assert (found, errors) == (code, ""), errors
        return text

    return run_verb


def dates(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


# --- the rows


def test_every_row_is_another_one():
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)
    assert {row.name for row in UNTRAINED} == set(CONTROLS)


def settings_of(row, tmp_path):
    return terms(tmp_path).training_settings(row, 3)


def test_neighbours_differ_in_one_thing_and_every_question_has_its_neighbours(tmp_path):
    answered = []
    for pair in itertools.pairwise(TRAINED):
        first, second = (settings_of(row, tmp_path) for row in pair)
        changed = [name for name in first if first[name] != second[name]]
        assert len(changed) == 1, pair
        answered += changed
    assert set(answered) == set(CHANGES)
    settings = [settings_of(row, tmp_path) for row in TRAINED]
    assert {found["anneal"] for found in settings} == set(ANNEALING)
    assert {found["hierarchy"] for found in settings} == set(HIERARCHIES)


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_a_row_is_what_its_title_says(row, tmp_path):
    settings = terms(tmp_path, data="some/grooves").settings(row, 3)
    words = row.title.split(", ")
    assert settings["hierarchy"] == words[0]
    assert settings["anneal"] == (words[1] if len(words) > 1 else "none")
    assert (settings["free_bits"] > 0) == ("free bits" in words)
    assert settings["unsupervised"] == ("styles told" not in words)
    assert (settings["seed"], settings["verb"]) == (3, "drumvae.compare")
    assert settings["grooves"].endswith("/some/grooves")


def test_all_cures_together_are_what_training_does_by_default(tmp_path):
    nothing_asked = Row("default", "default", ())
    assert settings_of(BY_NAME["supervised"], tmp_path) == settings_of(nothing_asked, tmp_path)


def test_where_grooves_lie_does_not_matter_but_which_they_are(tmp_path):
    row = BY_NAME["supervised"]
    made = terms(tmp_path).made_with(row, 0)
    assert terms(tmp_path, per_style=200).made_with(row, 0) == made
    here, elsewhere = (terms(tmp_path, data=folder).made_with(row, 0) for folder in ("here", "elsewhere"))
    assert here == elsewhere
    changed = [
        terms(tmp_path, fingerprint="another").made_with(row, 0),
        terms(tmp_path, minutes=5).made_with(row, 0),
        terms(tmp_path, count=21).made_with(row, 0),
        terms(tmp_path).made_with(row, 1),
        terms(tmp_path).made_with(BY_NAME["free-bits"], 0),
    ]
    assert made not in changed
    assert {"hierarchy", "anneal", "free_bits", "unsupervised", "batch_size"} <= made["settings"].keys()


# --- what needs no training


@pytest.fixture(scope="module")
def controls():
    """Judge what needs no training; return the measures by row."""
    return {name: judge(make(grooves(), 250, 0), grooves())["measures"] for name, make in CONTROLS.items()}


def test_only_all_measures_together_tell_real_bars_from_others(controls):
    real, replay, shuffled, pattern = (controls[name] for name in (CEILING, "replay", "shuffled", "mean-pattern"))
    for found in (real, replay, shuffled, pattern):
        assert found["style_hit"] > 0.9
    for found in (replay, shuffled):
        assert found["diversity"] == pytest.approx(real["diversity_real"], rel=0.1)
        assert found["recall"] > 0.8
    # what gives each of them away
    assert (replay["copies"], replay["nearest_training"]) == (1, 0)
    assert shuffled["precision"] < real["precision"] - 0.1
    assert shuffled["nearest_training"] > real["nearest_training"] + 1
    assert pattern["diversity"] == pattern["recall"] == 0
    assert real["copies"] == 0
    assert real["precision"] > 0.85
    assert real["recall"] > 0.85


def test_the_ceiling_is_what_training_bars_reach(controls):
    for name in ("precision", "recall"):
        ceilings = {found[f"{name}_ceiling"] for found in controls.values()}
        assert len(ceilings) == 1
        assert ceilings.pop() == pytest.approx(controls[CEILING][name], abs=0.1)


def test_bars_by_rule_are_known_best_by_their_rules(controls):
    assert controls[CEILING]["gap_nats"] == 0
    assert controls[CEILING]["iwae_nats"] == controls["shuffled"]["entropy_bound_nats"]
    assert 3 < controls["shuffled"]["gap_nats"] < controls["mean-pattern"]["gap_nats"]
    for name in ("shuffled", "mean-pattern"):
        found = controls[name]
        assert found["iwae_nats"] == pytest.approx(found["entropy_bound_nats"] + found["gap_nats"])
        assert found["gap_error"] < found["gap_nats"] / 3


def test_bars_that_become_any_bar_of_a_style_keep_no_more_than_luck(controls):
    shuffled, replay, components = (controls[name] for name in ("shuffled", "replay", "components"))
    assert shuffled["transfer_onset_f1"] == pytest.approx(shuffled["transfer_onset_f1_random"], abs=0.03)
    for found in (replay, components):
        assert found["transfer_onset_f1"] > found["transfer_onset_f1_random"] + 0.1
        assert found["transfer_success"] > 0.7
        assert found["transfer_success_unchanged"] < 0.1
    assert replay["transfer_success"] == 1


def test_principal_components_find_hits_again_and_have_the_style(controls):
    found = controls["components"]
    assert found["hit_f1"] == found["hit_f1_pca16"]
    assert found["chance"] < found["probe_low"] < found["probe_high"] < found["probe_raw"]
    assert found["style_hit"] > 0.7


def test_where_there_is_one_style_nothing_becomes_another():
    sides = {name: getattr(grooves(), name) for name in ("train", "validation", "test")}
    alone = replace(grooves(), styles=("rock",), **{name: bars[bars.styles == 0] for name, bars in sides.items()})
    found = {row: [record(row, **judge(CONTROLS[row.name](alone, 30, 0), alone)["measures"])] for row in UNTRAINED}
    assert "What becomes of bars that are given another style" not in table_of(found)
    assert texts(table_of(found)["What the latents hold"]["real bars (ceiling)"])[-4:-2] == ["100.0 %", "100 %"]


def test_a_replay_becomes_the_bar_that_has_most_in_common():
    bars = np.zeros((2, STEPS, len(INSTRUMENTS)), bool)
    bars[0, :4, 0] = bars[1, 8:12, 1] = True
    others = np.zeros((3, STEPS, len(INSTRUMENTS)), bool)
    others[0] = True  # has all hits, and many more
    others[1, :3, 0] = True
    others[2, 8:, 1] = True
    assert comparison_judging._most_alike(bars, others).tolist() == [1, 2]


def test_cells_by_themselves_are_as_likely_as_they_were_often():
    train = np.zeros((2, STEPS, len(INSTRUMENTS)), bool)
    train[:, 0, 0] = train[0, 1, 0] = True
    nothing, both = np.zeros((2, STEPS, len(INSTRUMENTS)), bool)
    both[:2, 0] = True
    found = comparison_judging._independent(train, np.stack([nothing, both]))
    never = (CELLS - 2) * np.log(3 / 4)
    assert found == pytest.approx([never + np.log(1 / 4) + np.log(1 / 2), never + np.log(3 / 4) + np.log(1 / 2)])


# --- what is measured


def bars_of(hits, styles):
    bars = Bars.of(hits, hits, 0 * hits, tempo=100)
    return Bars(bars.hits, bars.velocities, bars.offsets, bars.tempos, np.asarray(styles), bars.sources)


def test_bars_lie_among_those_of_their_style_alone():
    real = grooves().test
    assert among(real.hits, real.styles, real) == {"precision": 1, "recall": 1}
    mistaken = among(real.hits, (real.styles + 1) % 5, real)
    assert mistaken["precision"] < 0.5
    alone = bars_of(real.hits[:1], [0])
    assert among(real.hits, real.styles, alone) == {}


def test_diversity_is_within_styles():
    hits = np.zeros((4, STEPS, len(INSTRUMENTS)), bool)
    hits[2:] = True
    assert diversity(hits, np.array([0, 0, 1, 1])) == 0
    hits[1, :2, 0] = True
    assert diversity(hits, np.array([0, 0, 1, 1])) == 1
    # one bar of a style has no distance from others
    assert diversity(hits[:3], np.array([0, 0, 1])) == 2
    assert np.isnan(diversity(hits[:1], np.array([0])))


def test_hits_are_kept_as_they_are():
    bars = np.random.default_rng(0).random((5, STEPS, len(INSTRUMENTS))) < 0.3
    np.testing.assert_array_equal([unpack(pack(bar)) for bar in bars], bars)


def test_what_is_kept_of_a_row():
    real = grooves().test
    history = [
        {"seconds": 2.0, "val_nats": 30.0, "loss": 1.0, "kl_high_nats": 9.0, "kl_high_0": 0.5, "kl_high_1": 0.25,
         "kl_low_0": 1.0},
    ]  # fmt: skip
    measures = {
        "kl_high_nats": 0.0000005,
        "active_high": 0,
        "high_dim": 4,
        "probe_high": 0.21,
        "probe_low": 0.9,
        "probe_raw": 0.98,
    }
    found = judge(Made(real.hits, real.styles, measures, {}, history), grooves())
    assert found["verdict"]["latents"] == (
        "z_high holds 0.0000005 nats, 0 of 4 dimensions active; the style is read from z_high in 21 %, "
        "from z_low in 90 %, of the bars themselves in 98 %, by guessing in 20 %"
    )
    assert found["figures"]["epochs"] == [{"seconds": 2.0, "val_nats": 30.0, "high": [0.5, 0.25], "low": [1.0]}]
    for style, bars in enumerate(found["figures"]["bars"]):
        shown = np.stack([unpack(bar) for bar in bars])
        np.testing.assert_array_equal(shown, real.hits[real.styles == style][:2])
    assert found["measures"]["style_hit"] == found["measures"]["style_hit_real"]


# --- training


def test_a_model_is_trained_for_its_time_analysed_and_composes(few_weights, tmp_path):
    row = SMALL["small"]
    made = made_after_training(row, 0, terms(tmp_path), few_grooves(), clock=Clock())
    # one more update than seconds, as the first is not timed: of the fourth epoch there is one of two
    assert (made.facts["updates"], made.facts["seconds"], made.facts["epochs"]) == (7, 6.0, 4)
    assert made.facts["examples_per_second"] == 4
    assert made.facts["losses"].keys() == set(LOSSES)
    assert made.measures["train_seconds"] == 6
    assert {*GOOD} <= made.measures.keys() | {"train_seconds"}
    least = min(range(4), key=lambda epoch: made.history[epoch]["val_nats"])
    assert made.facts["judged_epoch"] == least + 1

    # the file composes the same, for it knows where styles are
    kept = keras.models.load_model(tmp_path / "small-seed-0" / "model.keras")
    assert getattr(kept, "optimizer", None) is None
    np.testing.assert_array_equal(made.styles, np.arange(20) % 5)
    latents = draw_latents(kept, np.eye(5)[made.styles], seed=0)
    np.testing.assert_array_equal(made.hits, compose(kept, latents, seed=0))
    assert (kept.style_deviations.numpy() != 1).all()


def test_a_model_whose_weights_are_no_numbers_has_diverged(tmp_path, monkeypatch):
    model = tiny(few_grooves().styles)
    model.style_means.assign(model.style_means * np.nan)
    monkeypatch.setattr(comparison_training, "train_for", lambda *_, **__: budget.Trained(model, {}, []))
    with pytest.raises(DivergedError):
        made_after_training(SMALL["small"], 0, terms(tmp_path), few_grooves())


# --- the tables


GOOD = {
    "kl_high_nats": 3.0,
    "kl_high_per_dimension": [0.5, 1.0, 0.75, 0.75],
    "kl_low_nats": 5.0,
    "active_high": 4,
    "high_dim": 4,
    "active_low": 12,
    "low_dim": 12,
    "mutual_information": 5.2,
    "mutual_information_high": 2.5,
    "mutual_information_low": 4.0,
    "mutual_information_ceiling": 5.3,
    "probe_high": 0.975,
    "probe_low": 0.8,
    "variance_ratio_high": 2.0,
    "variance_ratio_collapsed": 2.0,
    "hit_f1": 0.85,
    "elbo_nats": 30.0,
    "iwae_nats": 28.5,
    "gap_nats": 1.5,
    "gap_error": 0.1,
    "transfer_success": 0.95,
    "transfer_success_unchanged": 0.01,
    "transfer_onset_f1": 0.5,
    "transfer_onset_f1_random": 0.28,
    "transfer_step_f1": 0.8,
    "transfer_step_f1_random": 0.74,
    "swap_success": 0.9,
    "swap_onset_f1": 0.4,
}
COMPOSED = {
    "style_hit": 0.9,
    "style_hit_real": 0.98,
    "diversity": 20.0,
    "diversity_real": 21.0,
    "precision": 0.9,
    "precision_ceiling": 0.96,
    "recall": 0.8,
    "recall_ceiling": 0.98,
    "nearest_training": 9.5,
    "nearest_training_held_out": 9.75,
    "copies": 0.001,
    "copies_held_out": 0.0,
}
BOUNDS = {
    "probe_raw": 0.985,
    "chance": 0.2,
    "hit_f1_pca16": 0.78,
    "hit_f1_mean_pattern": 0.46,
    "entropy_bound_nats": 27.0,
}


def record(row, seed=0, **measures):
    """Make up a record; measures that are not given are those of a good model."""
    training = {
        "losses": {name: float(number) for number, name in enumerate(LOSSES, start=1)},
        "updates": 100 + seed,
        "seconds": 240.0,
        "examples_per_second": 320.0,
        "epochs": 3,
        "planned_epochs": 3,
        "judged_epoch": 2,
    }
    made_with = {"program": "drumvae.compare", "row": row.name, "seed": seed, "fingerprint": f"{seed}123456789abcdef"}
    untrained = row.arguments is None
    if not untrained:
        made_with["settings"] = Terms("styles", "f", 1.0, 20, None, 10).training_settings(row, seed)
    measured = {**BOUNDS, **COMPOSED, **({} if untrained else GOOD), **measures}
    facts = {} if untrained else training
    return Record(made_with, facts, measured, {}, {}, "a machine", {"python": "3"}, "2026-01-01")


def table_of(found):
    """Return the cells of each table by its title and the row's."""
    return {table.title: {row[0].text: row[1:] for row in table.rows} for table in tables(found)}


def texts(cells):
    return [cell.text for cell in cells]


def test_the_tables_of_one_seed():
    real, model = BY_NAME[CEILING], BY_NAME["supervised"]
    found = table_of({real: [record(real)], model: [record(model)]})
    title = "top-down, linear, free bits, styles told"
    latents = found["What the latents hold"]
    assert texts(latents[title]) == [
        *("3", "4 of 4", "2.5", "5", "12 of 12", "4", "5.3", "97.5 %", "80.0 %", "98.5 %", "20 %", "2", "2"),
    ]
    assert texts(latents["real bars (ceiling)"]) == [*["–"] * 9, "98.5 %", "20 %", "–", "–"]
    likelihood = found["How well they know bars"][title]
    assert texts(likelihood) == ["0.85", "0.78", "0.46", "28.5", "30", "27", "1.5", "0.1"]
    assert texts(found["What they compose"][title]) == [
        *("90.0 %", "98.0 %", "20", "21", "90 %", "96 %", "80 %", "98 %", "9.5", "9.75", "0.1 %", "0.0 %"),
    ]
    transfer = found["What becomes of bars that are given another style"]
    assert {name: texts(cells) for name, cells in transfer.items()} == {
        title: ["95.0 %", "1.0 %", "0.5", "0.28", "0.8", "0.74", "90.0 %", "0.4"]
    }
    training = found["How they were trained"]
    assert {name: texts(cells) for name, cells in training.items()} == {
        title: ["1", "2", "3", "4", "5", "100", "320", "240", "3", "2"]
    }
    assert not any(cell.bad for table in found.values() for cells in table.values() for cell in cells)


def test_what_has_collapsed_is_marked():
    chain = BY_NAME["chain"]
    collapsed = record(
        chain, kl_high_nats=0.0000005, active_high=0, probe_high=0.2, hit_f1=0.4, diversity=10.0, transfer_onset_f1=0.28
    )
    marked = [
        (title, cell.text)
        for title, rows in table_of({chain: [collapsed]}).items()
        for cells in rows.values()
        for cell in cells
        if cell.bad
    ]
    assert marked == [
        ("What the latents hold", "0 of 4"),
        ("What the latents hold", "20.0 %"),
        ("How well they know bars", "0.4"),
        ("What they compose", "10"),
        ("What becomes of bars that are given another style", "0.28"),
    ]


def test_the_tables_of_three_seeds():
    model = BY_NAME["linear"]
    kept = [record(model, seed, kl_high_nats=high, active_high=4 - seed) for seed, high in enumerate((1.0, 2.0, 6.0))]
    found = table_of({model: kept})
    assert found["What the latents hold"]["top-down, linear"][:2] == [
        Cell("3", "1 to 6"),
        Cell("3 of 4", "2 to 4", bad=True),
    ]
    assert found["How they were trained"]["top-down, linear"][5] == Cell("101", "100 to 102")


def test_changes_are_between_neighbours_that_differ_in_one_thing_seed_by_seed():
    chain, cyclical, linear = (BY_NAME[name] for name in ("chain-cyclical", "cyclical", "linear"))
    found = {
        BY_NAME[CEILING]: [record(BY_NAME[CEILING])],
        chain: [record(chain, seed, kl_high_nats=0.5, probe_high=0.2) for seed in (0, 1, 2)],
        # the first seed diverged
        cyclical: [record(cyclical, seed, kl_high_nats=float(seed), probe_high=0.5) for seed in (1, 2)],
    }
    changes = table_of(found)["What each change does"]
    assert changes.keys() == {"chain, cyclical → top-down, cyclical"}
    assert changes["chain, cyclical → top-down, cyclical"][0] == Cell("+1", "+0.5 to +1.5")
    assert changes["chain, cyclical → top-down, cyclical"][3] == Cell("+30.0")
    # another structure and another annealing
    del found[cyclical]
    assert "What each change does" not in table_of({**found, linear: [record(linear)]})


def test_every_row_has_a_cell_for_every_column():
    found = {row: [record(row)] for row in ROWS}
    for table in tables(found):
        assert {len(row) for row in table.rows} == {len(table.headers)}
    by_title = table_of(found)
    assert list(by_title["What they compose"]) == [row.title for row in ROWS]
    assert list(by_title["How they were trained"]) == [row.title for row in TRAINED]
    assert len(by_title["What each change does"]) == len(TRAINED) - 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.214, "3.21"), (0.0000005, "0.0000005"), (0.00004, "0.00004"), (0.0, "0"), (-9.999, "-10"), (1e-9, "0")],
)
def test_nats_that_have_collapsed_are_written_out(value, text):
    assert nats(value) == text


def test_differences_have_a_sign():
    assert [signed(nats)(value) for value in (1.5, -1.5, 0)] == ["+1.5", "-1.5", "0"]
    assert [points(value) for value in (0.123, -0.05, 0)] == ["+12.3", "-5.0", "+0.0"]


def test_particulars_name_the_grooves_of_every_seed_but_not_where_they_lie(tmp_path):
    found = {BY_NAME["linear"]: [record(BY_NAME["linear"], seed) for seed in range(2)]}
    about = particulars(found, terms(tmp_path, 4.0, 1000), "python -m drumvae.compare", few_grooves())
    assert about["Grooves"] == (
        "styles, 5 styles, 40 bars to learn from and 10 to measure with, fingerprint 0123456789ab, 1123456789ab"
    )
    assert about["Time"] == "4 minutes of updates a model; 1,000 bars composed by each"


# --- what is written


def test_the_page_and_the_text_name_every_row_and_need_nothing_beside_them(
    analysed_at_once, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    said = run()
    results = tmp_path / "results"
    text = (results / "drums.md").read_text(encoding="utf-8")
    page = (results / "drums" / "index.html").read_text(encoding="utf-8")
    for row in SMALL_ROWS:
        assert row.title in page
        assert f"| {row.title} |" in text
        assert f"{row.name}, seed 0:" in said
    assert "| small chain → small |" in text
    assert '<table class="latents">' in page
    assert "http" not in page
    assert not re.findall(r"<(?:link|script|iframe|object)\b|url\(|@import", page)
    assert re.findall(r'<img src="([^,]*)', page) == ["data:image/png;base64"] * 5
    pictures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert len(pictures) == 5
    for picture in pictures:
        assert (results / picture).read_bytes().startswith(b"\x89PNG")
    for said_of_it in ("python -m drumvae.compare", "--minutes", machine(), "tensorflow"):
        assert said_of_it in text
        assert said_of_it in page
    assert not list(results.rglob(".partial*"))
    assert not list((tmp_path / "work").rglob("checkpoints"))

    # drawn again from what was kept, all is the same
    before = {name: (results / "drums" / name).read_bytes() for name in ("collapse.png", "divergence.png", "bars.png")}
    run()
    assert {name: (results / "drums" / name).read_bytes() for name in before} == before


def test_without_training_there_are_no_pictures_of_it(run, tmp_path):
    run("--rows", ",".join(NO_TRAINING))
    pictures = {path.name for path in (tmp_path / "results" / "drums").glob("*.png")}
    assert pictures == {"probes.png", "bars.png"}
    run("--rows", CEILING)
    assert {path.name for path in (tmp_path / "results" / "drums").glob("*.png")} == {"bars.png"}


def test_finished_rows_are_not_made_again_and_changed_ones_are(
    analysed_at_once, no_pictures, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    rows = ("--rows", "shuffled,small")
    run(*rows)
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{name}-seed-0.json" for name in (CEILING, "shuffled", "small")}

    run(*rows)
    assert dates(tmp_path / "work") == made

    run(*rows, "--minutes", "0.0002")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"small-seed-0.json"}

    run("--rows", "shuffled", "--per-style", "11")
    others = dates(tmp_path / "work")
    assert {name for name in again if others[name] != again[name]} == {f"{CEILING}-seed-0.json", "shuffled-seed-0.json"}


def test_every_seed_has_bars_of_its_own(no_pictures, run, tmp_path):
    run("--rows", "shuffled", "--seeds", "2")
    made = dates(tmp_path / "work")
    (tmp_path / "work" / "shuffled-seed-1.json").unlink()
    run("--rows", "shuffled", "--seeds", "2")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"shuffled-seed-1.json"}
    text = (tmp_path / "results" / "drums.md").read_text(encoding="utf-8")
    for seed in (0, 1):
        assert load_grooves(per_style=10, seed=seed, progress=False).fingerprint[:12] in text


def test_ctrl_c_ends_the_verb_and_the_same_command_goes_on(analysed_at_once, no_pictures, run, monkeypatch, tmp_path):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    with breaking_off(0, press_ctrl_c):
        said = run("--rows", "small,shuffled", code=130)
    assert "the same command continues" in said
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{CEILING}-seed-0.json"}
    assert not (tmp_path / "results").exists()

    run("--rows", "small,shuffled")
    again = dates(tmp_path / "work")
    assert again.keys() == {f"{name}-seed-0.json" for name in (CEILING, "small", "shuffled")}
    assert again[f"{CEILING}-seed-0.json"] == made[f"{CEILING}-seed-0.json"]
    assert not (tmp_path / "work" / "small-seed-0.1").exists()


def test_a_row_that_diverges_is_left_out(no_pictures, run, monkeypatch, tmp_path):
    def diverge(*_, **__):
        raise DivergedError

    monkeypatch.setattr(comparison_training, "made_after_training", diverge)
    said = run("--rows", "small,shuffled")
    assert "small, seed 0: left out of the tables, for its training diverged" in said
    text = (tmp_path / "results" / "drums.md").read_text(encoding="utf-8")
    assert "| hits shuffled within styles |" in text
    assert "| small |" not in text


# --- what a person can get wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "suffled"), "did you mean shuffled"),
        (("--rows", "transformer"), "rows are real, chain,"),
        (("--minutes", "0"), "--minutes"),
        (("--seeds", "0"), "--seeds"),
        (("--count", "1"), "at least 2"),
        (("--per-style", "1"), "at least 2"),
        (("--grooves", "no/such/folder"), "does not exist"),
        (("--work", "results/drums"), "is replaced whole"),
        (("supervised",), "supervised"),
    ],
)
def test_errors_of_a_drum_comparison_are_one_line(at_prompt, tmp_path, contents, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, text, errors = at_prompt(compare.main, *arguments)
    assert (code, text, errors.count("\n")) == (2, "", 1)
    assert said in errors
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["results/drums/letter.txt", "results/drums.md", "runs/compare-drums/supervised-seed-0.json"]
)
def test_what_is_somebody_elses_is_not_touched_by_a_drum_comparison(at_prompt, tmp_path, contents, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("dear", encoding="utf-8")
    code, _, errors = at_prompt(compare.main)
    assert (code, errors.count("\n")) == (2, 1)
    assert contents(tmp_path) == {path: b"dear"}
