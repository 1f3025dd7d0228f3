"""What tests of training share: how it is run step by step, a clock, and ways to break it off."""

import contextlib
import io
import itertools
import signal

import pytest

from manymodes import cli


@contextlib.contextmanager
def eagerly():
    """Run what would be compiled step by step: compiling a step takes longer than making it."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def trained_once(main, commands, tmp_path_factory):
    """Have a verb train, each command into a folder of its own; return by name the folders and what was printed."""
    found = {}
    for name, arguments in commands.items():
        path = tmp_path_factory.mktemp(name) / "run"
        with contextlib.redirect_stdout(io.StringIO()) as told, pytest.raises(SystemExit) as ended:
            cli.run(main, [str(argument) for argument in (*arguments, "--out", path)])
        assert ended.value.code == 0
        found[name] = path, told.getvalue()
    return found


class Clock:
    """A clock that a second passes on whenever it is looked at."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


class Killed(BaseException):
    """What no handler of the program knows: the process is gone."""


def kill():
    raise Killed


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def breaking_off(update, how):
    """While it is open, have training broken off after an update, from 0, by what is called then."""
    from manymodes.experiment.fit import Recorder

    updates = itertools.count()

    def on_train_batch_end(self, batch, logs=None):
        if next(updates) == update:
            how()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "on_train_batch_end", on_train_batch_end)
        yield
