import math
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from standin import StandInModel
from stubcompare import StubConfig

from manymodes.cli import UserError
from manymodes.experiment.run import Interruption, Run

CONFIG = StubConfig(seed=3)


@pytest.fixture
def recorded(tmp_path):
    """Return a function that makes a run with these distances recorded, model n having weight n (from 1)."""

    def record(*distances, config=CONFIG):
        run = Run.create(tmp_path / "runs" / "one", config)
        for number, distance in enumerate(distances, start=1):
            run.record(StandInModel(number), {"loss": -number / 4, "distance": distance})
        return run

    return record


def test_what_was_there_is_left_alone(recorded, contents):
    first = recorded(2.0, 1.0)
    before = contents(first.path)
    second = recorded(5.0)
    assert second.path.name == "one-2"
    assert second.history == [{"loss": -0.25, "distance": 5.0}]
    assert contents(first.path) == before


@pytest.mark.parametrize(
    ("distances", "kept"),
    [
        ([3.0, 2.0], [2]),
        ([3.0, 2.0, 4.0, 5.0], [2, 4]),
        ([3.0, 2.0, 4.0, 5.0, 1.0], [5]),
        ([2.0, 2.0, 2.0], [1, 3]),  # the first of equals is the best
        ([math.nan, 3.0, 2.0, math.nan], [3, 4]),
    ],
)
def test_only_the_newest_and_the_best_checkpoint_are_kept(recorded, distances, kept):
    run = recorded(*distances)
    checkpoints = sorted(folder.name for folder in (run.path / "checkpoints").iterdir())
    assert checkpoints == [f"epoch-{number:05d}" for number in kept]
    best = distances.index(min(distance for distance in distances if not math.isnan(distance)))
    assert run.best_epoch == best
    assert run.best_checkpoint() == run.path / "checkpoints" / f"epoch-{best + 1:05d}" / "model.keras"
    assert run.last_checkpoint == run.path / "checkpoints" / f"epoch-{len(distances):05d}"


def test_history_has_one_row_an_epoch(recorded):
    run = recorded(3.0, 2.5)
    run.record(StandInModel(), {"distance": 1.0, "accuracy": 0.5})  # a measure may come late
    text = "epoch,loss,distance,accuracy\n1,-0.25,3.0,\n2,-0.5,2.5,\n3,,1.0,0.5\n"
    assert (run.path / "history.csv").read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_a_run_goes_on_whenever_it_was_killed(tmp_path, contents):
    dying = Path(__file__).with_name("dying.py")
    subprocess.run([sys.executable, dying, tmp_path], check=True, capture_output=True)
    whole = contents(tmp_path / "whole")
    assert sum(name.startswith("checkpoints/") for name in whole) == 2
    killed = [path for path in tmp_path.iterdir() if path.name.isdecimal()]
    assert len(killed) > 50
    for path in killed:
        result = contents(path)
        assert result.items() >= whole.items(), f"killed at moment {path.name}"
        # of a checkpoint that was being removed something may be left
        assert all(name.startswith("checkpoints/epoch-") for name in result.keys() - whole.keys())


@pytest.mark.parametrize("text", [None, "{", '{"seed": 3}', "\udcff"])
def test_a_folder_that_is_not_a_run(tmp_path, text):
    if text is not None:
        (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match="is not a run folder") as error:
        Run.continued(tmp_path, CONFIG)
    assert str(tmp_path) in str(error.value)


def test_a_signal_that_is_ignored_does_not_stop_training():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption(StandInModel()) as interruption:
        os.kill(os.getpid(), signal.SIGHUP)
    assert not interruption.happened
    signal.signal(signal.SIGHUP, before)


def test_training_goes_on_to_its_end_without_its_terminal():
    program = (
        "import os, signal, time; from types import SimpleNamespace\n"
        "from manymodes.experiment.run import Interruption\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # whoever runs the tests may ignore it
        "with Interruption(SimpleNamespace()) as interruption:\n"
        "    print('ready', flush=True)\n"
        "    while not interruption.happened: time.sleep(0.01)\n"
        "print('saved', flush=True)\n"
        "os._exit(7)"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs) as training:
        os.close(theirs)
        assert os.read(ours, 5) == b"ready"
        os.close(ours)
        training.send_signal(signal.SIGHUP)
    assert training.returncode == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_to_end_stops_after_the_batch_and_the_second_at_once(capsys, number):
    before = signal.signal(number, signal.default_int_handler)  # shells ignore some for processes in the background
    model = StandInModel()
    with Interruption(model) as interruption:
        assert (interruption.happened, model.stop_training) == (False, False)
        os.kill(os.getpid(), number)
        assert (interruption.happened, model.stop_training) == (True, True)
        assert "stopping after this batch" in capsys.readouterr().out
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.signal(number, before) == signal.default_int_handler
