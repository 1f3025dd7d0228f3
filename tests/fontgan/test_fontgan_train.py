import csv
import functools
import itertools
import json
import math
import re
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from breaking import Killed, breaking_off, eagerly, kill, press_ctrl_c, trained_once
from PIL import Image
from smallfonts import BlockJudge, block_judges, marked, small_letters, use_tiny_networks

import manymodes.experiment.fit
from fontgan import fitting, train
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import judges
from fontgan.metrics.coverage import distances_to
from fontgan.metrics.judges import read
from manymodes.cli import INTERRUPTED_EXIT, UserError
from manymodes.experiment.fit import training_seconds

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--epochs", 3, "--batch-size", 4, "--updates-per-epoch", 1, "--count", 60, "--seed", 11)
TWO_UPDATES = ("--updates-per-epoch", 2)
RUNS = {
    "feature-matching": ("--fix", "feature-matching", *TWO_UPDATES),
    "best": ("--conditional", *TWO_UPDATES),
}
"""Options of the runs that several tests share."""

COUNTED = 1000  # images that are read when letters are counted
LOSSES = {
    *("generator_loss", "discriminator_loss", "score_gap"),
    *("generator_gradient", "discriminator_gradient", "loss_ratio"),
}
COUNTS = {"strict_coverage", "naive_coverage", "rejected", "kl_uniform", "covered", "shortfall"}
DISTANCES = {"frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"}
CURVES = {"losses.png", "loss-balance.png", "coverage.png", "gradients.png", "survival.png"}
SAMPLES = {"alphabet.png", "interpolation.png", "nearest.png"}


class ScriptedJudge(BlockJudge):
    """Find so many letters at each count, evenly spread and read with certainty."""

    def __init__(self, *found):
        self.found = list(found)

    def predict(self, images, **options):
        features, likely = super().predict(images, **options)
        if len(images) == COUNTED:
            likely = np.eye(len(LETTERS))[np.arange(COUNTED) % self.found.pop(0)]
        return [features, likely]


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick():
    """Train tiny networks, update by update: compiling one takes longer than making a hundred."""

    def load(source, *, seed):
        few = functools.partial(load_all, seed=seed, train=2, validation=2, progress=False)
        return small_letters(seed=seed) if source is None else few(source)

    load_all = fonts.load_fonts
    with pytest.MonkeyPatch.context() as patch, eagerly():
        use_tiny_networks(patch)
        patch.setattr(fonts, "load_fonts", load)
        patch.setattr(judges, "judges_of", lambda _: block_judges())
        patch.setattr(fitting, "EVERY", 2)
        patch.setattr(fitting.plots, "_DRAWN", 200)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train `RUNS`, once for all tests that leave them as they are; return their folders and what they printed."""
    commands = {name: (*SMALL, *options) for name, options in RUNS.items()}
    return trained_once(train.main, commands, tmp_path_factory)


@pytest.fixture
def without_curves(monkeypatch):
    """Leave the curves out, which take as long as the training."""
    monkeypatch.setattr(fitting.plots, "save_training", lambda *_: None)


@pytest.fixture
def hasty(without_curves, monkeypatch):
    """Say no more at the end than what the verb prints; return the list of what was judged then."""
    judged = []

    def assess(images, *_, train_seconds, **__):
        judged.append(images)
        return {"n": len(images), "train_seconds": train_seconds, **dict.fromkeys(COUNTS, 0.0)}

    monkeypatch.setattr(fitting, "assess", assess)
    monkeypatch.setattr(fitting.plots, "save_samples", lambda *_: None)
    return judged


@pytest.fixture
def prompt(at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""
    return lambda *arguments: at_prompt(train.main, *arguments)


@pytest.fixture
def fit(prompt, tmp_path):
    """Train to the end, into a folder of the test's own; return the folder and what was printed."""

    def run(*arguments, out="run"):
        place = () if "--resume" in arguments else ("--out", tmp_path / out)
        code, text, errors = prompt(*SMALL[: 0 if "--resume" in arguments else None], *arguments, *place)
        assert (code, errors) == (0, "")
        return tmp_path / out, text

    return run


@pytest.fixture
def selecting(monkeypatch):
    """Return a function that says what the selecting judge finds at the counts that follow."""
    return lambda *found: monkeypatch.setattr(judges, "judges_of", lambda _: block_judges(ScriptedJudge(*found)))


@pytest.fixture
def clock(monkeypatch):
    """Have every look at the clock take a second."""
    seconds = itertools.count()
    monkeypatch.setattr(manymodes.experiment.fit, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))
    return seconds


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def epochs_kept(run):
    return sorted(int(path.name.removeprefix("epoch-")) for path in (run / "checkpoints").glob("epoch-*"))


def results(run, contents):
    """Return what the same command must write again: all but what the clock decides, and curves."""
    found = contents(run)
    drawn = {name for name in found if name.startswith("plots/")} - {f"plots/{name}" for name in CURVES}
    wanted = {"model.keras", "history.csv"} | drawn
    judged = read_json(run / "coverage.json")
    del judged["train_seconds"]
    return {**{name: found[name] for name in wanted}, "coverage.json": judged}


# --- what a run leaves


@pytest.mark.parametrize("name", RUNS)
def test_what_a_run_leaves(finished, name):
    run, text = finished[name]
    conditional = "--conditional" in RUNS[name]
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {"fix": name, "conditional": conditional, "fonts": None, "epochs": 3, "batch_size": 4, "seed": 11}
    assert {key: config[key] for key in expected} == expected
    assert (config["verb"], config["updates_per_epoch"]) == ("fontgan.train", 2)
    assert config["fingerprint"] == small_letters(seed=11).fingerprint
    assert {"tensorflow", "keras", "numpy"} <= config["versions"].keys()

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0].keys() == {"epoch"} | LOSSES | COUNTS | DISTANCES | ({"penalty"} if name == "best" else set())
    assert rows[0].keys() <= set(re.findall(r"``(\w+)``", train.__doc__))
    for row in rows:
        assert math.isclose(
            float(row["loss_ratio"]), float(row["discriminator_loss"]) / abs(float(row["generator_loss"])), rel_tol=1e-6
        )

    model = keras.models.load_model(run / "model.keras")
    assert model.condition_dim == (len(LETTERS) if conditional else 0)
    judged = read_json(run / "coverage.json")
    assert judged["n"] == 60
    assert ("asked" in judged) == conditional
    assert judged["controls"].keys() == {"validation", "replay", "one_letter", "noise"}
    assert f"coverage.json: {judged['strict_coverage']} of 26 letters, KL {judged['kl_uniform']:.3f}" in text
    assert text.startswith("letters of blocks, seed 11")
    assert "judges: selecting 100.0%, reporting 100.0% of real letters" in text

    assert not (run / "tensorboard").exists()
    pictures = {path.name: path for path in (run / "plots").iterdir()}
    of_labelled = {"styles.png"} if conditional else set()
    assert pictures.keys() == CURVES | SAMPLES | of_labelled | {"alphabet-0001.png", "alphabet-0003.png"}
    for path in pictures.values():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"


def test_alphabets_are_drawn_at_certain_epochs_and_the_last(hasty, fit, monkeypatch):
    monkeypatch.setattr(fitting, "SHEETS", (2, 50))
    run, _ = fit("--fix", "none")
    assert sorted(path.name for path in (run / "plots").glob("alphabet-*")) == [
        f"alphabet-000{epoch}.png" for epoch in (2, 3)
    ]


def test_tensorboard_is_there_when_asked_for(hasty, fit):
    run, _ = fit("--fix", "none", "--epochs", 1, "--tensorboard")
    assert list((run / "tensorboard").rglob("events.*"))


def test_an_epoch_is_a_pass_over_the_images_by_default(hasty, prompt, tmp_path):
    code, _, _ = prompt(
        *("--fix", "none", "--epochs", 1, "--batch-size", 50, "--count", 60),
        *("--out", tmp_path / "run"),
    )
    assert code == 0
    images = len(small_letters().train.images)
    assert images % 50 > 0
    assert read_json(tmp_path / "run" / "config.json")["updates_per_epoch"] == images // 50 + 1


# --- letters, and the epoch that is chosen by them


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ((3, 13, 7), 4),
        ((13, 13, 2), 2),  # the first of equals
    ],
)
def test_the_best_of_the_epochs_at_which_letters_are_counted_is_chosen(hasty, fit, selecting, found, best):
    selecting(*found)
    run, text = fit("--fix", "none", "--epochs", 5)

    # every second epoch, and the last
    rows = rows_of(run)
    assert [row["strict_coverage"] for row in rows] == ["", f"{found[0]}.0", "", f"{found[1]}.0", f"{found[2]}.0"]
    for name in COUNTS | DISTANCES:
        assert [row[name] != "" for row in rows] == [False, True, False, True, True]
    assert all(math.isfinite(float(row[name])) for row in rows for name in LOSSES)

    assert f"model.keras (epoch {best})" in text
    assert epochs_kept(run) == sorted({best, 5})
    kept = keras.models.load_model(run / "checkpoints" / f"epoch-{best:05d}" / "model.keras")
    chosen = keras.models.load_model(run / "model.keras")
    assert int(chosen.step) == best
    assert not chosen.compiled
    np.testing.assert_array_equal(chosen.generate(60, seed=12), kept.generate(60, seed=12))
    # What is reported is drawn by it too, and with another seed than what it was chosen by.
    (reported,) = hasty
    np.testing.assert_array_equal(reported, kept.generate(60, seed=12))


def test_the_judge_that_reports_has_not_chosen(without_curves, fit, monkeypatch, tmp_path):
    class Late(BlockJudge):
        """Does not answer before training is over."""

        def predict(self, images, **options):
            assert (tmp_path / "run" / "model.keras").exists()
            return super().predict(images, **options)

    monkeypatch.setattr(judges, "judges_of", lambda _: block_judges(reporting=Late()))
    fit("--fix", "none", "--epochs", 1)


def drawing(images_of):
    """Stand in for a model that draws what is known."""
    return SimpleNamespace(labelled=False, generate=lambda count, **_: images_of(count))


REAL = read(BlockJudge(), small_letters().validation.images)


@pytest.mark.parametrize("letters", [1, 13, 26])
def test_counting_by_hand(letters):
    model = drawing(lambda count: marked(np.arange(count) % letters))
    found = fitting.count_letters(model, BlockJudge(), REAL, 0)
    shares = np.bincount(np.arange(COUNTED) % letters) / COUNTED
    kl = float((shares * np.log(26 * shares)).sum())
    assert {name: found[name] for name in COUNTS} == pytest.approx(
        {
            "strict_coverage": letters,
            "naive_coverage": letters,
            "rejected": 0,
            "kl_uniform": kl,
            "covered": 2**letters - 1,
            "shortfall": 1 - letters / 26 + kl,
        },
        abs=1e-9,
    )


def test_distances_are_to_validation_images_in_the_judges_features():
    model = drawing(lambda count: marked(np.arange(count) % 13))
    found = fitting.count_letters(model, BlockJudge(), REAL, 5)
    reading = read(BlockJudge(), model.generate(COUNTED))
    assert {name: found[name] for name in DISTANCES} == distances_to(reading, REAL, 5)


def test_counting_what_cannot_be_read():
    model = drawing(lambda count: np.full((count, 28, 28, 1), -1, np.float32))
    found = fitting.count_letters(model, BlockJudge(), REAL, 0)
    assert (found["strict_coverage"], found["covered"], found["rejected"]) == (0, 0, 1)
    assert found["shortfall"] == pytest.approx(1 + 1 + math.log(26))


def test_a_model_that_has_diverged_is_worse_than_any_other_and_lies_nowhere():
    found = fitting.count_letters(drawing(nothing), BlockJudge(), REAL, 0)
    assert found.keys() == COUNTS
    assert found["shortfall"] == pytest.approx(1 + 1 + math.log(26))


def test_a_model_that_has_diverged_is_not_reported(tmp_path):
    run = SimpleNamespace(path=tmp_path / "run", config={"seed": 0})
    with pytest.raises(UserError, match=f"diverged.*{run.path}.*--seed"):
        fitting.report(run, drawing(nothing), small_letters(), block_judges(), count=60)
    assert not run.path.exists()


def nothing(count):
    return np.full((count, 28, 28, 1), np.nan, np.float32)


# --- the same again


def test_same_seed_same_bytes(finished, without_curves, fit, contents, tmp_path):
    whole, _ = finished["best"]
    shutil.copytree(whole, tmp_path / "run")
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    run, text = fit(*RUNS["best"])
    # Nothing is lost: a second run sets the first one aside.
    assert f"it is now {tmp_path / 'run.1'}" in text
    assert contents(tmp_path / "run.1") == contents(whole)
    assert results(run, contents) == results(whole, contents)


def test_another_seed_is_another_run(finished, hasty, fit, contents):
    run, _ = fit(*RUNS["best"], "--seed", 12)
    whole = results(finished["best"][0], contents)
    same = {name for name, data in results(run, contents).items() if data == whole[name]}
    assert same == set()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(
    finished, without_curves, fit, prompt, contents, tmp_path, name
):
    whole, _ = finished[name]
    run = tmp_path / "run"

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        fit(*RUNS[name])
    assert epochs_kept(run) == []

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = prompt("--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m fontgan.train --resume {run}" in text
    assert epochs_kept(run) == [1]
    assert len(rows_of(run)) == 1
    assert keras.models.load_model(run / "model.keras").generate(1, seed=0).shape == (1, 28, 28, 1)
    assert not (run / "coverage.json").exists()

    _, text = fit("--resume", run, "--count", 60)
    assert f"continuing {run} after epoch 1 of 3" in text
    assert results(run, contents) == results(whole, contents)


def test_the_best_epoch_of_before_remains_the_best(hasty, fit, prompt, selecting, tmp_path):
    run = tmp_path / "run"
    selecting(20)
    with breaking_off(4, press_ctrl_c):
        assert prompt(*SMALL, *TWO_UPDATES, "--fix", "none", "--out", run)[0] == INTERRUPTED_EXIT
    selecting(10)
    _, text = fit("--resume", run, "--count", 60)
    assert "model.keras (epoch 2)" in text
    assert [row["strict_coverage"] for row in rows_of(run)] == ["", "20.0", "10.0"]


def test_a_run_that_has_ended_can_be_given_more_epochs_and_images(hasty, fit, contents):
    run, _ = fit("--fix", "none", "--epochs", 2)
    before = contents(run)
    _, text = fit("--resume", run, "--count", 60)
    assert f"continuing {run} after epoch 2 of 2" in text
    assert contents(run) == before

    _, text = fit("--resume", run, "--epochs", 3, "--count", 70)
    assert f"continuing {run} after epoch 2 of 3" in text
    assert read_json(run / "config.json")["epochs"] == 3
    assert read_json(run / "coverage.json")["n"] == 70
    whole, _ = fit("--fix", "none", out="whole")
    assert contents(run)["history.csv"] == contents(whole)["history.csv"]


# --- how long it took


def test_seconds_are_those_of_training_alone(hasty, fit, clock, monkeypatch):
    class Slow(BlockJudge):
        """Takes its time, which is not training's."""

        def predict(self, images, **options):
            for _ in range(1000):
                next(clock)
            return super().predict(images, **options)

    monkeypatch.setattr(judges, "judges_of", lambda _: block_judges(Slow()))
    run, _ = fit("--fix", "none", *TWO_UPDATES)
    # a second for each of two updates in three epochs
    assert read_json(run / "coverage.json")["train_seconds"] == 6


@pytest.mark.parametrize("how", [press_ctrl_c, kill])
def test_seconds_add_up_over_a_run_continued(hasty, fit, prompt, clock, tmp_path, how):
    run = tmp_path / "run"
    with breaking_off(4, how):
        if how is kill:
            with pytest.raises(Killed):
                fit("--fix", "none", *TWO_UPDATES)
        else:
            assert prompt(*SMALL, *TWO_UPDATES, "--fix", "none", "--out", run)[0] == INTERRUPTED_EXIT
    # What was begun of the third epoch was time spent too, where there was still time to write it down.
    spent = 4 if how is kill else 5
    assert training_seconds(SimpleNamespace(path=run)) == spent
    fit("--resume", run, "--count", 60)
    assert read_json(run / "coverage.json")["train_seconds"] == spent + 2


@pytest.mark.parametrize("text", ["", "soon", "null", "{}"])
def test_seconds_that_cannot_be_read_are_none(tmp_path, text):
    run = SimpleNamespace(path=tmp_path)
    assert training_seconds(run) == 0
    (tmp_path / "training-seconds.json").write_text(text, encoding="utf-8")
    assert training_seconds(run) == 0


# --- what a person can get wrong


@pytest.fixture
def refusal(prompt, tmp_path, contents, monkeypatch):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = contents(tmp_path)
        code, _, errors = prompt(*arguments)
        assert code == 2
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fix", "hope"), "--fix"),
        (("--fonts", "no/such/folder"), "no/such/folder does not exist"),
        (("--epochs", "0"), "--epochs"),
        (("--batch-size", "1.5"), "--batch-size"),
        (("--updates-per-epoch", "0"), "--updates-per-epoch"),
        (("--count", "0"), "--count"),
        (("--count", "25"), "at least 26"),
        (("--seed", "99999999999"), "--seed"),
        (("--out", "."), "is the folder you are in"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("letters",), "letters"),
    ],
)
def test_errors_are_one_line(refusal, arguments, said):
    assert said in refusal(*arguments)


def test_fonts_that_are_none(refusal, tmp_path):
    (tmp_path / "notes.txt").write_text("No font at all.", encoding="utf-8")
    assert "no usable font" in refusal("--fonts", "notes.txt")
    (tmp_path / "empty").mkdir()
    assert "no fonts in" in refusal("--fonts", "empty")


def test_a_foreign_folder_or_file_is_not_touched(refusal, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    said = refusal("--out", "mine")
    assert "mine" in said
    assert "--force" in said
    assert "is a file" in refusal("--out", "mine/letter.txt")
    assert "letter.txt" in refusal("--out", "mine/letter.txt/run")


def test_force_sets_aside_what_was_there(hasty, fit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("dear", encoding="utf-8")
    fit("--fix", "none", "--epochs", 1, "--force")
    assert (tmp_path / "run.1" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.fixture
def unfinished(tmp_path):
    """Write the beginning of a run, as one that was killed leaves it."""

    def write(*arguments, fingerprint=None):
        config = train._settings(train._parser().parse_args([str(argument) for argument in arguments]))
        run = tmp_path / "begun"
        run.mkdir()
        found = fingerprint or small_letters(seed=config["seed"]).fingerprint
        config = {**config, "updates_per_epoch": 2, "fingerprint": found}
        (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return run

    return write


@pytest.mark.parametrize(
    "changed",
    [
        ("--fix", "none"),
        ("--fix", "best"),  # what would be the default is still another one
        ("--conditional",),
        ("--batch-size", "7"),
        ("--updates-per-epoch", "3"),
        ("--seed", "5"),
        ("--seed", "0"),
        ("--fonts", "some"),
    ],
)
def test_a_run_is_resumed_with_its_own_options(refusal, unfinished, changed):
    run = unfinished("--fix", "minibatch", "--seed", 4)
    assert f"{changed[0]} differs from the run in {run}" in refusal("--resume", run, *changed)


def test_a_run_may_be_told_again_what_it_is(hasty, prompt, unfinished, monkeypatch, tmp_path, add):
    add("cmr10.ttf")
    monkeypatch.chdir(tmp_path)
    few = fonts.load_fonts("fonts", seed=4)
    options = ("--fonts", "fonts", "--fix", "none", "--seed", 4, "--epochs", 1)
    run = unfinished(*options, fingerprint=few.fingerprint)
    code, text, errors = prompt("--resume", run, *options, "--updates-per-epoch", 2, "--count", 60)
    assert (code, errors) == (0, "")
    assert f"wrote {run}/coverage.json" in text


def test_fonts_that_have_changed_since_are_refused_before_judges_are_trained(
    prompt, refusal, unfinished, add, folder, monkeypatch
):
    monkeypatch.delattr(judges, "judges_of")
    add("cmr10.ttf")
    few = fonts.load_fonts(folder, seed=0)
    run = unfinished("--fonts", folder, fingerprint=few.fingerprint)
    add("cmss10.ttf")
    said = refusal("--resume", run)
    assert f"{folder} has changed since {run} began: start a new run" in said


def test_fonts_that_are_gone_are_named(refusal, unfinished, folder):
    run = unfinished("--fonts", folder / "cmr10.ttf")
    assert f"{folder / 'cmr10.ttf'} does not exist" in refusal("--resume", run)


def test_what_is_no_run_of_ours_is_not_resumed(refusal, tmp_path):
    (tmp_path / "notes").mkdir()
    for text, said in (
        ("{}", "is not a run folder"),
        ('{"verb": "melodygan.train", "monitor": "x"}', "melodygan.train"),
    ):
        (tmp_path / "notes" / "config.json").write_text(text, encoding="utf-8")
        assert said in refusal("--resume", "notes")


def test_an_unfinished_run_is_not_set_aside_unasked(refusal, unfinished):
    run = unfinished()
    (run / "checkpoints" / "epoch-00001").mkdir(parents=True)
    said = refusal("--out", run)
    assert f"--resume {run}" in said
    assert "--force" in said


# --- names and defaults


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "fontgan-best"),
        (("--conditional",), "fontgan-best-conditional"),
        (("--fix", "feature-matching"), "fontgan-feature-matching"),
        (("--fix", "minibatch", "--conditional"), "fontgan-minibatch-conditional"),
    ],
)
def test_a_run_is_named_after_its_variant(arguments, name):
    assert train._run_name(train._settings(train._parser().parse_args(arguments))) == name


def test_defaults():
    args = train._parser().parse_args([])
    settings = train._settings(args)
    expected = {"fix": "best", "epochs": 40, "batch_size": 64, "seed": 0, "fonts": None, "monitor": "shortfall"}
    assert {name: settings[name] for name in expected} == expected
    assert args.count == 400 * len(LETTERS)


def test_fonts_are_noted_with_their_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for typed, kept in (("some", tmp_path / "some"), ("~/fonts", tmp_path / "home" / "fonts")):
        assert train._settings(train._parser().parse_args(["--fonts", typed]))["fonts"] == str(kept)
