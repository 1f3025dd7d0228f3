import math
import re
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from breaking import Clock
from scores import random_tunes, write_abc

import evaluation.scores.overlap
import evaluation.scores.sampling
import manymodes.experiment.compare
from manymodes.experiment import budget
from manymodes.experiment.compare import Record, Row, machine, read_record
from manymodes.experiment.tables import Cell
from melodygan import compare, comparison_page
from melodygan.budget import train_row
from melodygan.comparison import ROWS, Terms
from melodygan.comparison_text import particulars, tables
from melodygan.data.bars import NoTunesError
from melodygan.data.corpus import Split
from melodygan.data.encoding import Note, Tune
from melodygan.metrics import judging
from melodygan.metrics.judging import CONTROLS, Judged, judge

TINY = ("--units", "2", "--batch-size", "4")
SMALL_ROWS = (
    Row("real", "real tunes (ceiling)"),
    Row("small-wgan", "small WGAN", ("--wgan", "--penalty", "none", "--updates-per-epoch", "2", *TINY)),
    Row("small-lstm", "small LSTM", ("--lstm", *TINY)),
    Row("replay", "training tunes replayed"),
    Row("random", "random notes"),
)
NO_TRAINING = "replay,random"


# Data sets of TensorFlow are compiled all the same, and it says so.
trains_eagerly = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")


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


def record(row="real", seed=0, **measures):
    """Make up a record; measures that are not given are of a set like the real one."""
    measured = {
        "tunes": 200,
        "score": 0.9,
        "score_interval": [0.8, 1.0],
        "overlap": 0.85,
        "overlap_ceiling": 0.95,
        "manhattan": 150.0,
        "manhattan_ceiling": 140.0,
        "used_pitch": [7.61, 1.11],
        "pitch": [63.0, 3.0],
        "spread_used_pitch": 1.0,
        "spread_least": 0.8,
        "spread_greatest": 1.2,
        "distinct": 1.0,
        "collapsed": False,
        "copying": False,
    }
    training = {
        "losses": {"generator_loss": -1.5, "discriminator_loss": 2.0},
        "updates": 100 + seed,
        "seconds": 60.0,
        "examples_per_second": 320.0,
        "epochs": 3,
        "planned_epochs": 3,
        "judged_epoch": 2,
    }
    made_with = {"program": "melodygan.compare", "row": row, "seed": seed}
    trained = {} if row in CONTROLS else training
    return Record(made_with, trained, {**measured, **measures}, {}, {}, "a machine", {"python": "3"}, "2026-01-01")


@pytest.fixture
def small_rows(monkeypatch):
    monkeypatch.setattr(compare, "ROWS", SMALL_ROWS)


@pytest.fixture
def few_draws(monkeypatch):
    """Draw but a few times: most of the time of a comparison goes there."""
    monkeypatch.setattr(evaluation.scores.overlap, "PERMUTATIONS", 8)
    for draws in ("RESAMPLES", "SPLITS"):
        monkeypatch.setattr(evaluation.scores.sampling, draws, 8)


@pytest.fixture
def judged_at_once(few_draws, monkeypatch):
    """Judge and draw nothing: what is kept and what is made again does not depend on it."""
    one = judge(Judged([tune.notes for tune in walks(4, 0)], walks(4, 1)), walks(4, 2), 0)
    monkeypatch.setattr(judging, "judge", lambda *_: one)
    for name in ("_save_scores", "_save_used_pitch", "_save_transitions"):
        monkeypatch.setattr(comparison_page, name, lambda *_: None)


@pytest.fixture
def run(at_prompt, tmp_path, tune_file, small_rows, few_draws):
    """Run the verb on the tiny corpus with rows that train in no time; return what was printed."""

    def run_verb(*arguments, code=0):
        places = ("--out", tmp_path / "results", "--work", tmp_path / "work", "--corpus", tune_file)
        found, text, errors = at_prompt(compare.main, *places, "--count", 6, "--minutes", 0.0001, *arguments)
        assert (found, errors) == (code, ""), errors
        return text

    return run_verb


def dates(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


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


def test_what_is_drawn_is_the_average_over_tunes():
    up, down = (Note(60, 4), Note(62, 4)), (Note(62, 2), Note(60, 2))
    tune = Tune((Note(60, 4), Note(60, 4)), "still")
    figures = judge(Judged([up, down], [tune] * 4), [tune] * 4, 0)["figures"]
    pitch = np.array(figures["generated"]["pitch"])
    assert pitch.shape == (12, 12)
    assert pitch[0, 2] == pitch[2, 0] == 0.5
    assert pitch.sum() == 1
    length = np.array(figures["generated"]["length"])
    assert length.shape == (8, 8)
    assert length[4, 4] == length[2, 2] == 0.5
    assert np.array(figures["originals"]["pitch"])[0, 0] == 1


def test_tunes_without_notes_are_judged_too(sides):
    silent = [(), (Note(None, 4),), (Note(60, 4),), *(tune.notes for tune in sides.train[:5])]
    assert judge(Judged(silent, sides.test), sides.train, 0)["measures"]["tunes"] == 8


def test_a_single_tune_is_not_known_to_be_close(sides):
    measures = judge(Judged([sides.train[0].notes], sides.test), sides.train, 0)["measures"]
    assert math.isnan(measures["score"])


# --- the time


def settings_of_row(row, tmp_path, minutes=1.0):
    return Terms("unused", "0", minutes, 6, tmp_path).settings(row, 0)


SMALL = {row.name: row for row in SMALL_ROWS}


@pytest.fixture
def small_sides():
    tunes = random_tunes(40)
    return Split(tuple(tunes[:24]), tuple(tunes[24:32]), tuple(tunes[32:]))


@trains_eagerly
def test_a_row_is_trained_for_its_time_and_the_last_state_counts(small_networks, small_sides, tmp_path):
    settings = settings_of_row(SMALL["small-wgan"], tmp_path)
    trained = train_row(tmp_path / "run", settings, small_sides, 4, clock=Clock())
    # one update more, as the first is not timed: of the third epoch there is one of two
    assert (trained.facts["updates"], trained.facts["seconds"]) == (5, 4)
    assert (trained.facts["epochs"], trained.facts["planned_epochs"]) == (3, 2)
    assert trained.facts["examples_per_second"] == 4
    history = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(history[0].split(","), row.split(","), strict=True)) for row in history[1:]]
    distances = [float(row["musical_distance"]) for row in rows]
    assert trained.facts["judged_epoch"] == 1 + distances.index(min(distances))
    assert trained.facts["losses"] == {name: float(rows[-1][name]) for name in ("generator_loss", "discriminator_loss")}

    # killed before its record was written, it is not trained on
    again = train_row(tmp_path / "run", settings, small_sides, 4, clock=Clock())
    assert again.facts == trained.facts
    assert again.model.generate(3, seed=1) == trained.model.generate(3, seed=1)


@trains_eagerly
def test_time_that_ends_before_the_first_epoch_does_is_an_epoch(small_networks, small_sides, tmp_path):
    settings = settings_of_row(SMALL["small-lstm"], tmp_path)
    trained = train_row(tmp_path / "run", settings, small_sides, 1, clock=Clock())
    assert (trained.facts["updates"], trained.facts["epochs"], trained.facts["judged_epoch"]) == (2, 1, 1)
    assert trained.facts["losses"].keys() == {"bits_per_step", "val_bits_per_step"}
    assert trained.facts["examples_per_second"] == 4


@trains_eagerly
def test_an_interrupted_row_goes_on_where_it_stopped(small_networks, small_sides, tmp_path, monkeypatch):
    class Interrupting(Clock):
        """A clock at which somebody presses Ctrl-C in the third epoch."""

        def __call__(self):
            if self.now == 10:
                signal.raise_signal(signal.SIGINT)
            return super().__call__()

    settings = settings_of_row(SMALL["small-wgan"], tmp_path)
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 4)
    with pytest.raises(KeyboardInterrupt):
        train_row(tmp_path / "run", settings, small_sides, 9, clock=Interrupting())
    before = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert len(before) == 3

    monkeypatch.setattr(budget, "plan_epochs", lambda *_: pytest.fail("planned again"))
    trained = train_row(tmp_path / "run", settings, small_sides, 9, clock=Clock())
    after = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert after[:3] == before
    # three seconds were spent on four updates, six are left for seven
    assert (trained.facts["seconds"], trained.facts["updates"]) == (9, 11)
    assert not (tmp_path / "run.1").exists()


# --- what is kept


@trains_eagerly
def test_a_finished_row_is_not_made_again_and_a_changed_setting_makes_it_again(
    small_networks, judged_at_once, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    rows = ("--rows", f"{NO_TRAINING},small-wgan")
    run(*rows)
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{name}-seed-0.json" for name in ("real", "small-wgan", "replay", "random")}
    assert not list((tmp_path / "work").rglob("checkpoints"))

    run(*rows)
    assert dates(tmp_path / "work") == made

    run(*rows, "--minutes", "0.0002")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"small-wgan-seed-0.json"}

    run(*rows, "--minutes", "0.0002", "--count", "7")
    assert not {name for name, date in dates(tmp_path / "work").items() if date == again[name]}


def test_another_corpus_makes_rows_again(judged_at_once, run, tmp_path):
    run("--rows", NO_TRAINING)
    made = dates(tmp_path / "work")
    write_abc(tmp_path / "other.abc", random_tunes(40, seed=9))
    run("--rows", NO_TRAINING, "--corpus", tmp_path / "other.abc")
    again = dates(tmp_path / "work")
    assert all(again[name] != made[name] for name in made)


def test_a_row_missing_among_finished_ones_is_made_alone(judged_at_once, run, tmp_path):
    run("--rows", NO_TRAINING, "--seeds", "2")
    made = dates(tmp_path / "work")
    (tmp_path / "work" / "random-seed-1.json").unlink()
    run("--rows", NO_TRAINING, "--seeds", "2")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"random-seed-1.json"}


def test_a_row_depends_on_what_its_arguments_mean(monkeypatch, tmp_path):
    terms = Terms("erk", "0", 4.0, 200, tmp_path)
    wgan = next(row for row in ROWS if row.name == "wgan")
    made = terms.made_with(wgan, 0)
    assert terms.made_with(wgan._replace(arguments=("--wgan", "--noise", "0")), 0) == made
    changed = [
        terms.made_with(wgan._replace(arguments=("--wgan", "--units", "65")), 0),
        terms.made_with(wgan, 1),
        Terms("erk", "1", 4.0, 200, tmp_path).made_with(wgan, 0),
        Terms("erk", "0", 5.0, 200, tmp_path).made_with(wgan, 0),
        Terms("erk", "0", 4.0, 100, tmp_path).made_with(wgan, 0),
    ]
    assert all(other != made for other in changed)
    # the corpus is told by its fingerprint, wherever it lies
    assert Terms("elsewhere/erk", "0", 4.0, 200, tmp_path).made_with(wgan, 0) == made
    monkeypatch.setattr(manymodes.experiment.compare, "version", lambda _: "another")
    assert terms.made_with(wgan, 0) != made


def test_a_record_is_read_as_it_was_written(tmp_path):
    terms = Terms("erk", "0", 4.0, 200, tmp_path)
    one = record(score=float("nan"))
    terms.keep(one, ROWS[0], 0)
    kept = read_record(tmp_path / "real-seed-0.json")
    assert kept == record(score=None)
    assert "NaN" not in (tmp_path / "real-seed-0.json").read_text(encoding="utf-8")


# --- the tables


def table_of(found):
    """Return the cells of both tables by the row's title and the column's place."""
    return [{row[0].text: row[1:] for row in table.rows} for table in tables(found)]


def test_the_table_of_one_seed():
    wgan = Row("wgan", "WGAN", ("--wgan",))
    found = {ROWS[0]: [record()], wgan: [record("wgan", score=0.5, score_interval=[0.4, 0.6], collapsed=True)]}
    music, training = table_of(found)
    assert music["WGAN"] == [
        Cell("50 %", "40 % to 60 %"),
        Cell("0.85"),
        Cell("0.95"),
        Cell("150"),
        Cell("140"),
        Cell("7.61 ± 1.11"),
        Cell("63 ± 3"),
        Cell("100 %"),
        Cell("80 %"),
        Cell("120 %"),
        Cell("100 %"),
        Cell("yes", bad=True),
        Cell("no"),
    ]
    assert music["real tunes (ceiling)"][0] == Cell("90 %", "80 % to 100 %")
    assert training == {
        "WGAN": [Cell(text) for text in ("-1.5", "2", "–", "–", "100", "320", "3", "2")],
    }


def test_the_table_of_three_seeds():
    wgan = Row("wgan", "WGAN", ("--wgan",))
    scores, pitches = (0.4, 0.5, 0.9), ([7.0, 1.0], [8.0, 2.0], [9.0, 3.0])
    found = {
        wgan: [
            record("wgan", seed, score=score, used_pitch=pitch, copying=seed == 1)
            for seed, (score, pitch) in enumerate(zip(scores, pitches, strict=True))
        ]
    }
    music, training = table_of(found)
    assert music["WGAN"][0] == Cell("60 %", "40 % to 90 %")
    assert music["WGAN"][5] == Cell("8 ± 2", "7 to 9")
    assert music["WGAN"][-2:] == [Cell("0 of 3", ""), Cell("1 of 3", "", bad=True)]
    assert training["WGAN"][4] == Cell("101", "100 to 102")


def test_what_is_not_known_is_a_dash():
    found = {ROWS[0]: [record(score=None, score_interval=[None, None], used_pitch=[None, None])]}
    (music,) = table_of(found)
    assert music["real tunes (ceiling)"][0] == Cell("–")
    assert music["real tunes (ceiling)"][5] == Cell("– ± –")


def test_every_row_has_a_cell_for_every_column():
    found = {row: [record(row.name)] for row in ROWS}
    for table in tables(found):
        assert {len(row) for row in table.rows} == {len(table.headers)}
    assert [row[0].text for row in tables(found)[0].rows] == [row.title for row in ROWS]


def test_particulars_are_those_of_the_records(tmp_path):
    terms = Terms("erk", "0123456789abcdef", 4.0, 200, tmp_path)
    one, other = record(), record(seed=1)
    other = Record(**{**other.__dict__, "machine": "another", "date": "2026-01-03"})
    about = particulars({ROWS[0]: [one, other]}, terms, "python -m melodygan.compare", 1727)
    assert about["Machine"] == "a machine; another"
    assert about["Versions"] == "python 3"
    assert about["Seeds"] == "0 to 1; figures show seed 0"
    assert about["Date"] == "2026-01-01 to 2026-01-03"
    assert about["Corpus"] == "erk, 1727 tunes, fingerprint 0123456789ab"


# --- what is written


@trains_eagerly
def test_the_page_and_the_text_name_every_row_and_need_nothing_beside_them(small_networks, run, tmp_path):
    said = run()
    results = tmp_path / "results"
    text = (results / "melody.md").read_text(encoding="utf-8")
    page = (results / "melody" / "index.html").read_text(encoding="utf-8")
    for row in SMALL_ROWS:
        assert row.title in page
        assert f"| {row.title} |" in text
        assert f"{row.name}, seed 0:" in said
    assert "http" not in page
    assert not re.findall(r"<(?:link|script|img|iframe|object)\b|url\(|@import", page)
    # a pair of matrices of each kind and a density a feature, for each row
    assert page.count('class="matrix"') == 4 * len(SMALL_ROWS)
    assert page.count('aria-label="Densities') == 4 * len(SMALL_ROWS)
    for picture in re.findall(r"!\[.*\]\((.*)\)", text):
        assert (results / picture).read_bytes().startswith(b"\x89PNG")
    for said_of_it in ("python -m melodygan.compare", "--minutes", machine(), "tensorflow"):
        assert said_of_it in text
        assert said_of_it in page
    assert not list(results.rglob(".partial*"))


def raising(error):
    """Stand in for what is given up."""

    def call(*_, **__):
        raise error

    return call


def test_ctrl_c_ends_the_verb_and_says_how_to_go_on(judged_at_once, run, monkeypatch, tmp_path):
    monkeypatch.setattr("melodygan.budget.train_row", raising(KeyboardInterrupt))
    said = run("--rows", "small-lstm", code=130)
    assert "the same command continues" in said
    assert dates(tmp_path / "work").keys() == {"real-seed-0.json"}
    assert not (tmp_path / "results").exists()


def test_a_row_that_composes_nothing_is_left_out(judged_at_once, run, monkeypatch, tmp_path):
    silent = SimpleNamespace(generate=raising(NoTunesError("only 0 of 60 tunes were as asked")))
    monkeypatch.setattr("melodygan.budget.train_row", lambda *_, **__: budget.Trained(silent, {}, []))
    said = run("--rows", "small-lstm,random")
    assert "small-lstm, seed 0: left out of the tables, for it composes nothing usable: only 0 of 60" in said
    text = (tmp_path / "results" / "melody.md").read_text(encoding="utf-8")
    assert "| random notes |" in text
    assert "small LSTM" not in text


# --- what a person can get wrong


@pytest.fixture
def refusal(at_prompt, tmp_path, tune_file, contents, monkeypatch, small_rows):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run_in_vain(*arguments):
        before = contents(tmp_path)
        given = ("--corpus", tune_file, "--count", "6", *arguments)
        code, text, errors = at_prompt(compare.main, *given)
        assert code == 2, (code, text, errors)
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run_in_vain


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "randon"), "did you mean random"),
        (("--rows", "transformer"), "rows are real, small-wgan"),
        (("--rows", ""), "no row is called ''"),
        (("--rows", "real,"), "no row is called ''"),
        (("--minutes", "0"), "--minutes"),
        (("--minutes", "-1"), "--minutes"),
        (("--minutes", "nan"), "--minutes"),
        (("--minutes", "long"), "--minutes"),
        (("--seeds", "0"), "--seeds"),
        (("--seeds", "1.5"), "--seeds"),
        (("--count", "0"), "--count"),
        (("--corpus", "no/such/folder"), "no such file or folder"),
        (("--corpus", "bohme"), "did you mean boehme"),
        (("--out", "."), "choose another"),
        (("--work", "results/melody"), "is replaced whole"),
        (("--work", "results/melody/work"), "is replaced whole"),
        (("wgan",), "wgan"),
    ],
)
def test_errors_are_one_line(refusal, tmp_path, arguments, said):
    if arguments == ("--out", "."):
        (tmp_path / "melody").write_text("dear", encoding="utf-8")
    assert said in refusal(*arguments)


@pytest.mark.parametrize(
    "path",
    ["results", "results/melody/letter.txt", "results/melody.md", "runs/compare", "runs/compare/real-seed-0.json",
     "runs/compare/small-wgan-seed-0", "runs/compare/small-wgan-seed-0/letter.txt"],
)  # fmt: skip
def test_what_is_somebody_elses_is_not_touched(refusal, tmp_path, path):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("dear", encoding="utf-8")
    refusal()


def test_a_corpus_of_few_tunes_is_refused(refusal, tmp_path):
    write_abc(tmp_path / "few.abc", random_tunes(9))
    assert "too few to hold 4 out" in refusal("--corpus", tmp_path / "few.abc")


def test_a_text_that_was_changed_is_kept(judged_at_once, run, at_prompt, tmp_path, tune_file):
    run("--rows", NO_TRAINING)
    run("--rows", "random")
    text = tmp_path / "results" / "melody.md"
    assert "training tunes replayed" not in text.read_text(encoding="utf-8")

    mine = "my own thoughts\n" + text.read_text(encoding="utf-8")
    text.write_text(mine, encoding="utf-8")
    (tmp_path / "results" / "melody" / "mine.txt").write_text("dear", encoding="utf-8")
    arguments = ("--out", tmp_path / "results", "--work", tmp_path / "work", "--corpus", tune_file, "--count", 6)
    code, _, errors = at_prompt(compare.main, *arguments, "--rows", NO_TRAINING)
    assert code == 2
    assert "--force" in errors

    run("--rows", NO_TRAINING, "--force")
    assert (tmp_path / "results" / "melody.md.1").read_text(encoding="utf-8") == mine
    assert (tmp_path / "results" / "melody.1" / "mine.txt").read_text(encoding="utf-8") == "dear"
    assert "training tunes replayed" in text.read_text(encoding="utf-8")


@trains_eagerly
def test_force_sets_foreign_records_and_runs_aside(small_networks, judged_at_once, run, tmp_path):
    work = tmp_path / "work"
    (work / "small-wgan-seed-0").mkdir(parents=True)
    (work / "small-wgan-seed-0" / "letter.txt").write_text("dear", encoding="utf-8")
    (work / "small-wgan-seed-0.json").write_text("dear", encoding="utf-8")
    run("--rows", "small-wgan", "--force")
    assert (work / "small-wgan-seed-0.1" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert (work / "small-wgan-seed-0.json.1").read_text(encoding="utf-8") == "dear"
    assert read_record(work / "small-wgan-seed-0.json") is not None


# --- the rows


def test_every_row_is_trained_or_a_control():
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)
    assert {row.name for row in ROWS if row.arguments is None} == set(CONTROLS)


@pytest.mark.parametrize("row", [row for row in ROWS if row.arguments is not None], ids=lambda row: row.name)
def test_a_row_is_what_its_name_says(row, tmp_path):
    settings = Terms("erk", "0", 4.0, 200, tmp_path).settings(row, 3)
    assert settings["lstm"] == (row.name == "lstm")
    assert settings["wgan"] == ("wgan" in row.name)
    assert settings["as_reported"] == row.name.startswith("as-reported")
    assert (settings["noise"], settings["l2"]) == (0.1 * ("noise" in row.name), 0.01 * ("l2" in row.name))
    assert (settings["seed"], settings["corpus"]) == (3, "erk")
