"""The command melodygan.generate: options, files and refusals; what it composes is tested in test_composing."""

import shlex
import shutil
import subprocess
import sys
from statistics import median

import pytest
from scores import played

from manymodes.files import save_keras
from melodygan import composing, generate

FRESH = """
import sys
from melodygan import generate
models, out = sys.argv[1:]
for kind in ("lstm", "gan", "attention", "reported"):
    generate.main(["--model", f"{models}/{kind}.keras", "--count", "4", "--seed", "3", "--out", f"{out}/{kind}"])
"""


@pytest.fixture(scope="module")
def files(models, tmp_path_factory):
    """Save the models; return their folder."""
    folder = tmp_path_factory.mktemp("models")
    for kind, model in models.items():
        save_keras(model, folder / f"{kind}.keras")
    return folder


@pytest.fixture(autouse=True)
def _loaded_once(models, files, monkeypatch):
    load = composing.load
    known = {files / f"{kind}.keras": model for kind, model in models.items()}
    monkeypatch.setattr(composing, "load", lambda model, **_: known.get(model) or load(model))


@pytest.fixture
def run(files, completed, tmp_path):
    """Run the command; return its files."""

    def run(kind, *options, out="tunes"):
        shutil.rmtree(tmp_path / out, ignore_errors=True)
        arguments = ("--model", files / f"{kind}.keras", "--out", tmp_path / out, *options)
        last = completed(generate.main, *arguments).splitlines()[-1]
        assert last.startswith("wrote ")
        assert f"{tmp_path / out}/" in last
        return sorted(path for path in (tmp_path / out).iterdir() if not path.name.startswith("."))

    return run


@pytest.mark.slow
def test_the_model_file_is_enough_anywhere(models, files, run, environment, contents, tmp_path):
    for kind in models:
        run(kind, "--count", 4, "--seed", 3, out=f"here/{kind}")
    shutil.copytree(files, tmp_path / "a friend's" / "computer")
    command = [sys.executable, "-c", FRESH, tmp_path / "a friend's" / "computer", tmp_path / "fresh"]
    subprocess.run(command, env=environment, check=True)
    assert contents(tmp_path / "fresh") == contents(tmp_path / "here")


def test_a_name_with_an_ending_is_one_file(files, completed, refused, contents, tmp_path):
    options = ("--model", files / "lstm.keras", "--bars", 2, "--out")
    for name in ("tune.mid", "tune.mp3", "tune.png"):
        completed(generate.main, *options, tmp_path / "one" / name)
    assert sorted(contents(tmp_path / "one")) == ["tune.mid", "tune.mp3", "tune.png"]
    tune = tmp_path / "one" / "tune.mid"
    for more in ("", "--format png --force"):
        assert str(tune) in refused(generate.main, *options, tune, *more.split())


def test_without_count_there_is_one_tune_or_eight_of_a_morph(run):
    assert len(run("lstm", "--bars", 1)) == 1
    assert len(run("lstm", "--interpolate", "C4 D4", "E4 F4")) == 8
    assert len(run("lstm", "--interpolate", "C4 D4", "E4 F4", "--steps", 3)) == 3


def test_options_reach_the_files(run):
    (file,) = run(
        "attention", "--count", 1, "--tempo", 72.5, "--instrument", "violin", "--meter", "3/4", "--bars", 4,
        "--ending", "free", "--register", "C6",
    )  # fmt: skip
    notes, programs, tempo = played(file)
    assert (programs, tempo) == ({40}, pytest.approx(72.5, abs=1e-3))
    assert max(onset + steps for onset, steps, _ in notes) <= 48
    assert 78 <= median(pitch for _, _, pitch in notes) <= 90


def test_some_bars_of_a_tune_are_composed_anew(run):
    (file,) = run("gan", "--vary", "C4 D4 E4 F4 G4:2 E4:2 C4 D4 E4 F4 G4:2 C4:2", "--recompose", "2-3")
    kept = [note for note in played(file)[0] if not 16 <= note[0] < 48]
    assert kept == [(0, 4, 60), (4, 4, 62), (8, 4, 64), (12, 4, 65), (48, 8, 67), (56, 8, 60)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--model no-such.keras", "--model no-such.keras does not exist"),
        ("--model .", "is a folder"),
        (f"--model {shlex.quote(__file__)}", "is not a .keras file"),
        ("--steps 5 --vary C4", "--steps is the number of tunes of --interpolate"),
        ("--interpolate C4 D4 --count 3", "--count does not go with --interpolate"),
        ("--interpolate C4 D4 --vary C4", "--vary does not go with --interpolate"),
        ("--interpolate C4 D4 --bars 4", "--bars does not go with --interpolate"),
        ("--interpolate C4 D4 --amount 0.5", "--amount is the share of bars of --vary"),
        ("--interpolate C4 x.mid", "--interpolate 'x.mid': 'x.mid' is neither a file nor a note"),
        (f"--start {shlex.quote(__file__)}", "test_generate.py is not a file of tunes: give one of .krn"),
        ("--key X", "--key: 'X' is not a key"),
        ("--recompose 8-5 --vary C4", "'8-5' does not name bars"),
        ("--recompose 1 --vary C4 --amount 0.5", "--amount does not go with --recompose"),
        ("--register loud", "'loud' is not a register"),
        ("--format musixml", "unknown format 'musixml'; did you mean musicxml?"),
    ],
)
def test_mistakes_are_one_line(refused, files, tmp_path, options, message):
    arguments = ("--model", files / "lstm.keras", "--out", tmp_path / "tunes", *shlex.split(options))
    assert message in refused(generate.main, *arguments)
