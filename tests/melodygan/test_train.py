import math
import subprocess
import sys

import pytest
from breaking import interrupted, read_json, rows_of

from melodygan import load, train
from melodygan.config import MelodyConfig
from melodygan.data.given import read_given
from melodygan.models import composer, grid_composer
from melodygan.models.lstm import MelodyLSTM

# Keras warns that its batches are still read in a graph, as they should be
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--units", 2, "--batch-size", 16, "--epochs", 2, "--count", 3, "--seed", 11)
VARIANTS = {
    "lstm": ("--lstm", "--discriminator", *SMALL),
    "wgan": ("--wgan", "--noise", "--l2", "--discriminator", "--updates-per-epoch", 2, *SMALL),
}
LEAST = ("--epochs", 1, "--updates-per-epoch", 1)


@pytest.fixture(autouse=True)
def _small_and_quick(small_networks, monkeypatch):
    """Train tiny networks and compose a few bars from few candidates, without compiling, which takes longer."""
    for module in (composer, grid_composer):
        monkeypatch.setattr(module, "CANDIDATES", 2)
    monkeypatch.setitem(MelodyLSTM.candidates.__kwdefaults__, "max_steps", 32)


def config(*arguments):
    return MelodyConfig.from_args(train._parser().parse_args(arguments))


def places(folder):
    return ("--out", folder / "run", "--gen", folder / "gen", "--org", folder / "org")


def test_training_leaves_a_run_and_two_folders_of_tunes(completed, unwatched, tune_file, tmp_path):
    text = completed(train.main, "--corpus", tune_file, *VARIANTS["wgan"], *LEAST, *places(tmp_path))
    run = tmp_path / "run"
    config = read_json(run / "config.json")
    assert (config["corpus"], config["units"], config["epochs"]) == (str(tune_file), 2, 1)
    rows = rows_of(run)
    assert {"generator_loss", "discriminator_loss", "musical_distance", "distinct"} <= rows[0].keys()
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert {"musical_distance", "overlap"} <= read_json(run / "metrics.json").keys()
    assert {path.name for path in (run / "plots").iterdir()} == {"history.png", "tunes.png", "spread.png"}
    assert len(load(run).generate(2, seed=1)) == 2
    for folder in ("gen", "org"):
        files = list((tmp_path / folder).glob("*.mid"))
        assert len(files) == 3
        for file in files:
            given = read_given(str(file))
            assert given.form.meter == "4/4"
            # What an untrained model writes sounds like any key.
            assert given.shift == 0 or folder == "gen"
    assert f"python -m evaluation.report {tmp_path / 'gen'} {tmp_path / 'org'}" in text


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_interrupted_run_ends_with_the_same_bytes(completed, at_prompt, contents, tune_file, tmp_path, variant):
    first = ("--corpus", tune_file, *VARIANTS[variant])
    completed(train.main, *first, *places(tmp_path / "whole"))
    _, run, *others = places(tmp_path / "broken")
    interrupted(at_prompt, train.main, run, *first, *others)
    assert not (tmp_path / "broken" / "gen").exists()
    completed(train.main, "--resume", run, *others, "--count", 3)

    def kept(folder):
        same = ("run/model.keras", "run/history.csv", "gen/", "org/")
        return {name: data for name, data in contents(folder).items() if name.startswith(same)}

    assert kept(tmp_path / "broken") == kept(tmp_path / "whole")


@pytest.fixture
def refusal(refused, tmp_path, tune_file, monkeypatch):
    """Run the command in an empty folder, where it must fail; return its error."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: refused(train.main, "--corpus", tune_file, *arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--corpus", "no/such/folder"), "no such file or folder"),
        (("--corpus", "bohme"), "did you mean boehme"),
        (("--lstm", "--noise"), "--noise has no meaning with --lstm"),
        (("--attention", "--as-reported"), "--as-reported has no meaning with --attention"),
        (("--as-reported", "--also", "boehme"), "--also has no meaning with --as-reported"),
        (("--also", "boehme,bohme"), "did you mean boehme"),
        (("--lstm", "--wgan"), "--wgan"),
        (("--as-reported", "--discriminator"), "--discriminator has no meaning with --as-reported"),
        (("--penalty", "clip"), "add --wgan"),
        (("--gen", "here", "--org", "here"), "three different folders"),
        (("--gen", "here/gen", "--org", "here"), "within"),
        (("--resume", "no-such-run"), "is not a run folder"),
    ],
)
def test_errors_are_one_line(refusal, arguments, message):
    assert message in refusal(*arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"penalty": "r1r2", "noise": 0.0, "l2": 0.0, "units": 64, "name": "melodygan-gan"}),
        (("--wgan", "--noise", "--l2"), {"noise": 0.1, "l2": 0.01, "name": "melodygan-wgan-noise-l2"}),
        (("--lstm",), {"units": 256, "monitor": "val_bits_per_step", "name": "melodygan-lstm"}),
        (("--lstm", "--also", "boehme", "--discriminator"), {"name": "melodygan-lstm-also-discriminator"}),
        (
            ("--as-reported",),
            {"penalty": "none", "units": 512, "batch_size": 16, "epochs": 10, "updates_per_epoch": 10},
        ),
        (("--as-reported", "--wgan"), {"epochs": 20, "updates_per_epoch": 10, "name": "melodygan-wgan-as-reported"}),
    ],
)
def test_settings(arguments, expected):
    settings = config(*arguments)
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.slow
def test_training_runs_in_a_process_of_its_own(tmp_path, tune_file, environment):
    command = [sys.executable, "-m", "melodygan.train", "--wgan", "--noise", "--l2", "--corpus", str(tune_file)]
    command += ["--epochs", "1", "--updates-per-epoch", "1", "--batch-size", "4", "--count", "2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "gen").glob("*.mid"))) == 2
    assert (tmp_path / "runs" / "melodygan-wgan-noise-l2" / "model.keras").is_file()
