"""What tests of training share: eager execution, a clock, an interruption, and reading what a run has written."""

import contextlib
import csv
import io
import itertools
import json
import signal

import pytest

from manymodes import cli
from manymodes.cli import INTERRUPTED_EXIT


@contextlib.contextmanager
def eagerly():
    """Run what would be compiled step by step: compiling a step takes longer than making it."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def trained_once(main, commands, tmp_path_factory):
    """Have a verb train, each command into a folder of its own; return by name the folders and what was printed."""
    result = {}
    for name, arguments in commands.items():
        path = tmp_path_factory.mktemp(name) / "run"
        with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
            cli.run(main, [str(argument) for argument in (*arguments, "--out", path)])
        assert ended.value.code == 0
        result[name] = path, printed.getvalue()
    return result


class Clock:
    """A clock that a second passes on whenever it is looked at."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def interrupted(at_prompt, main, run, *arguments):
    """Train into the folder ``run``, and press Ctrl-C in the second epoch of two updates each; check how it ends."""
    from manymodes.experiment.fit import Recorder

    updates = itertools.count()

    def on_train_batch_end(self, batch, logs=None):
        if next(updates) == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "on_train_batch_end", on_train_batch_end)
        code, text, errors = at_prompt(main, *arguments, "--out", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m {main.__module__} --resume {run}" in text
    assert len(rows_of(run)) == 1
    assert not (run / "metrics.json").exists()


def rows_of(run):
    """Return the rows of the history of a run."""
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
