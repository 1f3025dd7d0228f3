"""Record a run again and again, killed in turn at every moment at which it touches the disk, and go on with each.

Leaves DIR/whole, the run of a process that lived, and DIR/0, DIR/1, … of those that died.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from standin import StandInModel
from stubcompare import StubConfig

from manymodes.experiment.run import Run

CONFIG = StubConfig()
DISTANCES = (2.0, 3.0, 1.0)  # so that checkpoints are removed of which one was the newest, and one the best
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def train(path):
    """Record the epochs that a run lacks."""
    run = Run.continued(path, CONFIG) if (path / "config.json").exists() else Run.create(path, CONFIG)
    for epoch in range(len(run.history), len(DISTANCES)):
        run.record(StandInModel(epoch), {"distance": DISTANCES[epoch]})


def lives(path, moment=None):
    """Train in a process of its own, which is killed at that moment, if there is one; say whether it lived."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL), code
        return code == 0
    touched = itertools.count()

    def watch(event, arguments):
        touches = event in CHANGES or (event == "open" and str(path) in str(arguments[0]))
        if touches and next(touched) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    train(path)
    os._exit(0)


def main(folder):
    assert lives(folder / "whole")
    for moment in itertools.count():
        if lives(folder / str(moment), moment):
            break
        assert lives(folder / str(moment))


main(Path(sys.argv[1]))
