import re

import keras
import numpy as np
import pytest
from breaking import Clock, breaking_off, press_ctrl_c
from smallfonts import block_judges, marked, small_letters, use_tiny_networks

from fontgan import compare, comparison_judging, comparison_page
from fontgan.comparison import CEILING, LOSSES, ROWS, Terms
from fontgan.comparison_judging import Drawn, drawn_after_training, drawn_without_training, judge
from fontgan.comparison_text import missing, particulars, tables
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import judges
from manymodes.experiment import budget
from manymodes.experiment.compare import Record, machine
from manymodes.experiment.rows import DivergedError
from manymodes.experiment.tables import Cell

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

BY_NAME = {row.name: row for row in ROWS}
TRAINED = [row for row in ROWS if row.arguments is not None]
NO_TRAINING = "replay,one-letter,noise"
UNTRAINED = {CEILING, *NO_TRAINING.split(",")}


def load_small(source=None, *, seed=0, train=4, validation=3, jitter=None):
    """Load letters that anybody can read instead of fonts; those of another source are others."""
    return small_letters(train, validation, seed + (1000 if source else 0))


@pytest.fixture
def small(eager, monkeypatch):
    """Train tiny networks on few letters, update by update, and look at few images of them."""
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr("fontgan.fitting._COUNTED", 100)
    monkeypatch.setattr("fontgan.plots._DRAWN", 100)
    monkeypatch.setattr(fonts, "load_fonts", load_small)
    monkeypatch.setattr(comparison_judging, "load_fonts", load_small)
    monkeypatch.setattr(judges, "judges_of", lambda _: block_judges())


@pytest.fixture
def no_pictures(monkeypatch):
    """Draw no sheets of training and no figures, which take longer than the training."""
    monkeypatch.setattr("fontgan.plots.save_alphabets", lambda *_: None)
    for name in ("_save_sheet", "_save_letters", "_save_coverage", "_save_survival"):
        monkeypatch.setattr(comparison_page, name, lambda *args, **_: args[-1].write_bytes(b""))


@pytest.fixture
def run(at_prompt, tmp_path, small):
    """Run the verb with rows that train in no time; return what was printed."""

    def run_verb(*arguments, code=0):
        places = ("--out", tmp_path / "results", "--work", tmp_path / "work")
        found, text, errors = at_prompt(compare.main, *places, "--count", 60, "--minutes", 0.0001, *arguments)
        assert (found, errors) == (code, ""), errors
        return text

    return run_verb


def dates(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def terms(work, minutes=0.1, count=60, fonts=None):
    return Terms(fonts, small_letters().fingerprint, minutes, count, work)


# --- the rows


def test_every_row_is_another_one():
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)
    assert {row.name for row in ROWS if row.arguments is None} == UNTRAINED


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_a_row_is_what_its_name_says(row, tmp_path):
    settings = terms(tmp_path, fonts="some/fonts").settings(row, 3)
    conditional = row.name.endswith("conditional")
    fix = row.name.removesuffix("-conditional").replace("conditional", "none")
    assert (settings["fix"], settings["conditional"]) == (fix, conditional)
    assert (settings["seed"], settings["verb"]) == (3, "fontgan.compare")
    assert settings["fonts"].endswith("/some/fonts")


def test_where_fonts_lie_does_not_matter_but_which_they_are(tmp_path):
    row = BY_NAME["best"]
    made = terms(tmp_path).made_with(row, 0)
    assert terms(tmp_path, fonts="elsewhere").made_with(row, 0) == made
    assert Terms(None, "others", 0.1, 60, tmp_path).made_with(row, 0) != made
    assert {"fix", "conditional", "batch_size", "seed"} <= made["settings"].keys()


# --- images without training


@pytest.fixture
def controls(small, tmp_path):
    """Judge what needs no training, 260 images of each; return the measures by row."""
    letters = small_letters(train=20, validation=10)
    found = {}
    for name in UNTRAINED:
        drawn = drawn_without_training(BY_NAME[name], 0, terms(tmp_path, count=260), letters)
        found[name] = judge(drawn, letters, block_judges(), 0)["measures"]
    return found


def test_rows_without_training_are_ranked_rightly(controls):
    assert {name: one["n"] for name, one in controls.items()} == dict.fromkeys(UNTRAINED, 260)
    assert {name: one["strict_coverage"] for name, one in controls.items()} == {
        "real": 26,
        "replay": 26,
        "one-letter": 1,
        "noise": 0,
    }
    real = controls["real"]
    assert (real["rejected"], real["kl_uniform"], real["asked"]) == (0, 0, 1)
    assert real["two_sample"] == pytest.approx(0.5, abs=0.1)
    assert controls["replay"]["nn_ratio"] == 0
    assert real["nn_ratio"] == pytest.approx(1, abs=0.05)
    for bad in ("one-letter", "noise"):
        assert controls[bad]["frechet"] > 10 * real["frechet"]
        assert controls[bad]["recall"] < 0.2 < real["recall"]
    assert controls["noise"]["rejected"] == 1


def test_real_letters_are_none_that_were_seen(load, add, tmp_path):
    add("DejaVuSans.ttf")
    letters = load(train=3, validation=2, seed=5)
    few = Terms(str(letters.source), letters.fingerprint, 1.0, 100, tmp_path)
    drawn = drawn_without_training(BY_NAME[CEILING], 5, few, letters)
    assert drawn.images.shape == (100, 28, 28, 1)
    pixels = {image.tobytes() for image in drawn.images}
    assert len(pixels) == 100
    for side in (letters.train, letters.validation):
        assert not pixels & {image.tobytes() for image in side.images}
    # four of each letter but of four, of which there are three
    assert sorted(np.bincount(drawn.asked)) == [3] * 4 + [4] * 22
    # and each is nearer to its letter than to the one before
    nearness = [np.abs(drawn.images - letters.alphabets[0, drawn.asked - back]).mean() for back in (0, 1)]
    assert nearness[0] < nearness[1] / 2


# --- images after training


def trained(name, tmp_path, minutes=0.1, clock=None):
    """Train a row for six seconds of a second an update."""
    here = terms(tmp_path, minutes)
    return drawn_after_training(BY_NAME[name], 0, here, small_letters(), block_judges(), clock=clock or Clock())


def test_a_model_is_trained_for_its_time(small, no_pictures, tmp_path):
    drawn = trained("none", tmp_path)
    # 104 letters are two updates of 64; one more than seconds, as the first is not timed
    assert (drawn.facts["updates"], drawn.facts["seconds"], drawn.facts["epochs"]) == (7, 6.0, 4)
    assert drawn.facts["examples_per_second"] == 64
    assert drawn.facts["losses"].keys() == set(LOSSES)
    assert all(np.isfinite(value) for value in drawn.facts["losses"].values())
    assert drawn.asked is None
    # what `fontgan.train` would have judged
    kept = keras.models.load_model(tmp_path / "none-seed-0" / "model.keras")
    np.testing.assert_array_equal(drawn.images, kept.generate(60, seed=1))


@pytest.mark.parametrize(("counts", "at"), [(20, [1, 2, 3, 4]), (1, [3, 4])])
def test_letters_are_counted_about_so_often_and_at_the_end(small, no_pictures, tmp_path, monkeypatch, counts, at):
    monkeypatch.setattr(comparison_judging, "COUNTS", counts)
    drawn = trained("none", tmp_path)
    assert drawn.facts["planned_epochs"] == 3
    assert [epoch for epoch, row in enumerate(drawn.history, start=1) if "shortfall" in row] == at
    assert drawn.facts["judged_epoch"] in at


def test_a_conditional_model_is_asked_for_every_letter(small, no_pictures, tmp_path):
    drawn = trained("conditional", tmp_path)
    np.testing.assert_array_equal(drawn.asked, np.arange(60) % 26)
    assert 0 <= judge(drawn, small_letters(), block_judges(), 0)["measures"]["asked"] <= 1


def test_the_judge_that_reports_has_not_chosen(small, no_pictures, tmp_path):
    class Silent:
        """Does not answer."""

        def predict(self, *_, **__):
            pytest.fail("was asked in training")

    here = terms(tmp_path)
    drawn_after_training(BY_NAME["none"], 0, here, small_letters(), block_judges(reporting=Silent()), clock=Clock())


def test_a_model_that_draws_nothing_has_diverged(small, no_pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "fontgan.models.gan.FontGAN.generate", lambda *_, **__: np.full((60, 28, 28, 1), np.nan, np.float32)
    )
    with pytest.raises(DivergedError):
        trained("none", tmp_path)


# --- what is said of images


def history(*covered):
    """Return the rows of a history in which these letters were covered; none where they were not counted."""
    rows = []
    for second, letters in enumerate(covered, start=1):
        bits = {} if letters is None else {"covered": float(sum(2 ** LETTERS.index(letter) for letter in letters))}
        rows.append({"seconds": 10.0 * second, **bits})
    return rows


def test_what_is_kept_of_a_row():
    letters = small_letters(train=20, validation=10)
    labels = np.arange(100) % 25
    drawn = Drawn(marked(labels), facts={"seconds": 30.0}, history=history("A", None, "ABZ", "AB"))
    found = judge(drawn, letters, block_judges(), 0)
    assert found["measures"]["missing"] == "Z"
    assert found["measures"]["train_seconds"] == 30
    assert "controls" not in found["measures"]
    assert found["verdict"] == {
        "letters": "25 of 26 letters (Z missing); 0 % of the images are not read with confidence",
        "training": (
            "most letters, 3, were covered first after 30 seconds; in the course of training there vanished Z 1×"
        ),
    }
    assert found["figures"]["counts"] == [
        {"epoch": 1, "seconds": 10.0, "covered": "A"},
        {"epoch": 3, "seconds": 30.0, "covered": "ABZ"},
        {"epoch": 4, "seconds": 40.0, "covered": "AB"},
    ]


def test_where_nothing_is_covered_no_letter_is_named():
    blank = np.full((60, 28, 28, 1), -1, np.float32)
    said = judge(Drawn(blank, history=history("", "")), small_letters(20, 10), block_judges(), 0)["verdict"]
    assert said == {
        "letters": "0 of 26 letters; 100 % of the images are not read with confidence",
        "training": "no letter was covered at any time of training",
    }


def test_letters_are_kept_as_they_were_drawn():
    labels = np.arange(60)[::-1] % 26
    figures = judge(Drawn(marked(labels)), small_letters(20, 10), block_judges(), 0)["figures"]
    first, alphabet = (comparison_page._read_png(figures[name]) for name in ("first", "alphabet"))
    np.testing.assert_array_equal(first.reshape(52, 28, 28, 1), marked(labels[:52]))
    np.testing.assert_array_equal(alphabet.reshape(52, 28, 28, 1), marked(np.tile(np.arange(26), 2)))


# --- the tables


def record(row="real", seed=0, **measures):
    """Make up a record; measures that are not given are those of good letters."""
    distances = dict.fromkeys(("frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"), 0.5)
    measured = {
        "strict_coverage": 26,
        "naive_coverage": 26,
        "missing": "",
        "kl_uniform": 0.01,
        "kl_floor": 0.0012,
        "rejected": 0.05,
        "nn_ratio": 1.0,
        **distances,
        **{f"{name}_ceiling": 0.75 for name in distances},
    }
    training = {
        "losses": {name: float(number) for number, name in enumerate(LOSSES, start=1)},
        "updates": 100 + seed,
        "seconds": 240.0,
        "examples_per_second": 320.0,
        "epochs": 3,
        "planned_epochs": 3,
        "judged_epoch": 2,
    }
    made_with = {"program": "fontgan.compare", "row": row, "seed": seed, "fingerprint": f"{seed}123456789abcdef"}
    facts = {} if row in UNTRAINED else training
    return Record(made_with, facts, {**measured, **measures}, {}, {}, "a machine", {"python": "3"}, "2026-01-01")


def table_of(found):
    """Return the cells of each table by the row's title."""
    return [{row[0].text: row[1:] for row in table.rows} for table in tables(found)]


def test_the_tables_of_one_seed():
    found = {
        BY_NAME["real"]: [record(asked=0.9987)],
        BY_NAME["none"]: [record("none", strict_coverage=13, naive_coverage=20, missing="QXZ", rejected=0.474)],
    }
    letters, nearness, training = table_of(found)
    assert letters["real letters (ceiling)"] == [
        *(Cell(text) for text in ("26", "26", "none", "0.01", "0.0012", "5.0 %", "99.9 %", "1")),
    ]
    assert letters["vanilla"] == [
        Cell("13", bad=True),
        *(Cell(text) for text in ("20", "QXZ", "0.01", "0.0012", "47.4 %", "–", "1")),
    ]
    assert nearness["vanilla"] == [Cell("0.5"), Cell("0.75")] * 6 + [Cell("50 %"), Cell("75 %")]
    assert training == {
        "vanilla": [Cell(text) for text in ("1", "2", "3", "4", "5", "100", "320", "240", "3", "2")],
    }


def test_the_tables_of_three_seeds():
    found = {
        BY_NAME["best"]: [
            record("best", seed, strict_coverage=strict, missing=gone)
            for seed, (strict, gone) in enumerate([(26, ""), (25, "Q"), (24, "QX")])
        ]
    }
    letters, _, training = table_of(found)
    assert letters["best"][:3] == [Cell("25", "24 to 26", bad=True), Cell("26"), Cell("Q 2×, X 1×")]
    assert training["best"][5] == Cell("101", "100 to 102")


@pytest.mark.parametrize(
    ("gone", "text"),
    [(["", ""], "none"), (["BA"], "AB"), ([LETTERS], "all"), (["AZ", "ZB", "Z"], "Z 3×, AB 1×")],
)
def test_missing_letters_are_named_those_first_that_are_missing_in_most_seeds(gone, text):
    assert missing([record(missing=letters) for letters in gone]) == Cell(text)


def test_every_row_has_a_cell_for_every_column():
    found = {row: [record(row.name)] for row in ROWS}
    for table in tables(found):
        assert {len(row) for row in table.rows} == {len(table.headers)}
    assert [row[0].text for row in tables(found)[0].rows] == [row.title for row in ROWS]
    assert [row[0].text for row in tables(found)[2].rows] == [row.title for row in TRAINED]


def test_without_a_trained_row_there_is_no_table_of_training():
    assert len(tables({BY_NAME["noise"]: [record("noise")]})) == 2


def test_particulars_name_the_letters_of_every_seed(tmp_path):
    found = {BY_NAME["best"]: [record("best", seed) for seed in range(2)]}
    about = particulars(found, terms(tmp_path, 4.0, 10_400), "python -m fontgan.compare", small_letters())
    assert about["Fonts"] == "blocks, 1 face, 104 letters to learn from, fingerprint 0123456789ab, 1123456789ab"
    assert about["Time"] == "4 minutes of updates a model; 10,400 letters drawn by each"


# --- what is written


def test_the_page_and_the_text_name_every_row_and_need_nothing_beside_them(run, tmp_path):
    rows = [row for row in ROWS if row.name in {*UNTRAINED, "none", "best-conditional"}]
    said = run("--rows", ",".join(row.name for row in rows))
    results = tmp_path / "results"
    text = (results / "fonts.md").read_text(encoding="utf-8")
    page = (results / "fonts" / "index.html").read_text(encoding="utf-8")
    for row in rows:
        assert row.title in page
        assert f"| {row.title} |" in text
        assert f"{row.name}, seed 0:" in said
    assert "http" not in page
    assert not re.findall(r"<(?:link|script|iframe|object)\b|url\(|@import", page)
    assert re.findall(r'<img src="([^,]*)', page) == ["data:image/png;base64"] * 5
    pictures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert len(pictures) == 5
    for picture in pictures:
        assert (results / picture).read_bytes().startswith(b"\x89PNG")
    for said_of_it in ("python -m fontgan.compare", "--minutes", machine(), "tensorflow"):
        assert said_of_it in text
        assert said_of_it in page
    assert not list(results.rglob(".partial*"))
    assert not list((tmp_path / "work").rglob("checkpoints"))


def test_without_training_there_are_no_pictures_of_it(run, tmp_path):
    run("--rows", NO_TRAINING)
    assert {path.name for path in (tmp_path / "results" / "fonts").glob("*.png")} == {
        "alphabets.png",
        "first.png",
        "letters.png",
    }


def test_finished_rows_are_not_made_again_and_changed_ones_are(no_pictures, run, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    rows = ("--rows", f"{NO_TRAINING},none")
    run(*rows)
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{name}-seed-0.json" for name in (*UNTRAINED, "none")}

    said = run(*rows)
    assert dates(tmp_path / "work") == made
    assert "judges" not in said  # whom nobody asks

    run(*rows, "--minutes", "0.0002")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"none-seed-0.json"}

    run(*rows, "--minutes", "0.0002", "--fonts", "others")
    assert not {name for name, date in dates(tmp_path / "work").items() if date == again[name]}


def test_every_seed_has_letters_and_judges_of_its_own(no_pictures, run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(judges, "judges_of", lambda letters: asked.append(letters.seed) or block_judges())
    run("--rows", "noise", "--seeds", "2")
    assert asked == [0, 1]
    made = dates(tmp_path / "work")
    (tmp_path / "work" / "noise-seed-1.json").unlink()
    run("--rows", "noise", "--seeds", "2")
    assert asked == [0, 1, 1]
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"noise-seed-1.json"}
    for seed in (0, 1):
        assert small_letters(seed=seed).fingerprint[:12] in (tmp_path / "results" / "fonts.md").read_text("utf-8")


def test_ctrl_c_ends_the_verb_and_the_same_command_goes_on(no_pictures, run, monkeypatch, tmp_path):
    rows = ("--rows", "none,minibatch")
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    with breaking_off(0, press_ctrl_c):
        said = run(*rows, code=130)
    assert "the same command continues" in said
    made = dates(tmp_path / "work")
    assert made.keys() == {"real-seed-0.json"}
    assert not (tmp_path / "results").exists()

    run(*rows)
    again = dates(tmp_path / "work")
    assert again.keys() == {f"{name}-seed-0.json" for name in ("real", "none", "minibatch")}
    assert again["real-seed-0.json"] == made["real-seed-0.json"]
    assert not (tmp_path / "work" / "none-seed-0.1").exists()


def test_a_row_that_diverges_is_left_out(no_pictures, run, monkeypatch, tmp_path):
    def diverge(*_, **__):
        raise DivergedError

    monkeypatch.setattr(comparison_judging, "drawn_after_training", diverge)
    said = run("--rows", "none,noise")
    assert "none, seed 0: left out of the tables, for its training diverged" in said
    text = (tmp_path / "results" / "fonts.md").read_text(encoding="utf-8")
    assert "| noise |" in text
    assert "| vanilla |" not in text


# --- what a person can get wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "nose"), "did you mean noise"),
        (("--rows", "transformer"), "rows are real, none,"),
        (("--minutes", "0"), "--minutes"),
        (("--seeds", "0"), "--seeds"),
        (("--count", "25"), "at least 26"),
        (("--fonts", "no/such/folder"), "does not exist"),
        (("--work", "results/fonts"), "is replaced whole"),
        (("best",), "best"),
    ],
)
def test_errors_of_a_comparison_are_one_line(at_prompt, tmp_path, contents, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, text, errors = at_prompt(compare.main, *arguments)
    assert (code, text, errors.count("\n")) == (2, "", 1)
    assert said in errors
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["results/fonts/letter.txt", "results/fonts.md", "runs/compare-fonts/best-seed-0.json"]
)
def test_what_is_somebody_elses_is_not_touched_by_a_comparison(at_prompt, tmp_path, contents, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("dear", encoding="utf-8")
    code, _, errors = at_prompt(compare.main)
    assert (code, errors.count("\n")) == (2, 1)
    assert contents(tmp_path) == {path: b"dear"}
