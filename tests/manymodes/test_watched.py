"""Reading in watched processes."""

import os
import signal
import sys
import time

import pytest

from manymodes import watched
from manymodes.watched import Death


def unruly(request):
    """Do what the request says; called in a watched process."""
    match request:
        case "hang":
            time.sleep(60)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "leave":
            sys.exit(7)
        case "grow":
            return len(bytearray(3_000_000_000))
        case "raise":
            raise KeyError("a fault of ours")
        case "print":
            os.write(1, b"noise of a library")
    return f"did {request}"


@pytest.fixture
def answers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))  # noqa: PTH120

    def answers(*requests, **options):
        return list(watched.each("test_watched:unruly", requests, seconds=2, **options))

    return answers


def test_a_request_that_breaks_costs_only_itself(answers):
    assert answers("read", "hang", "crash", "print", "leave", "grow", "raise", "read") == [
        "did read",
        Death("reading it took more than 2 s"),
        Death("reading it crashed (SIGSEGV)"),
        "did print",
        Death("reading it crashed (exit code 7)"),
        Death("reading it took more than 1 GB of memory"),
        Death("reading it failed (KeyError: 'a fault of ours')"),
        "did read",
    ]


def test_requests_may_be_longer_than_a_pipe(answers):
    long = "x" * 1_000_000
    assert answers(long) == [f"did {long}"]


def test_answers_come_in_the_order_of_the_requests(answers):
    requests = [str(number) for number in range(120)]
    assert answers(*requests, jobs=2) == [f"did {number}" for number in range(120)]
    assert answers() == []


def test_a_process_that_does_not_start_is_an_error(answers, monkeypatch):
    monkeypatch.setattr(watched, "PROCESS", [sys.executable, "-c", "raise SystemExit('broken')"])
    with pytest.raises(RuntimeError, match="broken"):
        answers("read")
