"""Clicks end: after a time, when they are cancelled, and when their visitor leaves."""

import contextlib
import queue
import threading
import time
from pathlib import Path

import pytest
from studiomodels import tune_archive
from visitor import Visitor, running

from manymodes import deadline
from manymodes.cli import UserError
from manymodes.deadline import Deadline, StoppedError
from manymodes.music.soundfont import PlayedNote, render
from manymodes_studio import melody, sound
from manymodes_studio.judge import judge

pytest.importorskip("gradio")
httpx = pytest.importorskip("httpx")

LIMIT = 5  # seconds of a click on the page
SOON = 2  # seconds, within which work ends
PATIENCE = 60


@pytest.fixture(scope="module")
def program():
    """Serve the page of `slowpage`; give what it prints, the address first."""
    printed = queue.Queue()
    with running(Path(__file__).with_name("slowpage.py")) as process:
        reader = threading.Thread(target=lambda: [printed.put(line.strip()) for line in process.stdout])
        reader.start()
        yield printed
    reader.join()


@pytest.fixture(scope="module")
def visit(program):
    """Give a function for the visitor of a name."""
    with httpx.Client(base_url=program.get(timeout=PATIENCE), timeout=PATIENCE) as client:
        yield lambda name: Visitor(client, name)


@pytest.mark.slow
def test_a_click_that_takes_too_long_is_a_message_and_the_tab_is_free_again(visit, program):
    visitor = visit("Ada")
    begun = time.monotonic()
    (text,) = visitor.answer("melody", "slow")
    assert LIMIT < time.monotonic() - begun < LIMIT + SOON
    assert "stopped after 5 s: ask for less, or give smaller files" in text
    assert (program.get(timeout=SOON), program.get(timeout=SOON)) == ("begun", "ended")
    assert visitor.answer("melody", "quick") == ["done"]


@pytest.mark.slow
def test_cancel_ends_the_work_and_the_tab_is_free_again(visit, program):
    visitor = visit("Ada")
    event = visitor.press("melody", "slow")
    assert program.get(timeout=SOON) == "begun"
    visitor.cancel("cancel melody")
    assert program.get(timeout=SOON) == "ended"
    assert visitor.told(event)["output"] == {}, "the earlier result stays"
    assert visitor.answer("melody", "quick") == ["done"]


@pytest.mark.slow
def test_others_are_answered_meanwhile_and_cancel_only_their_own(visit, program):
    ada, ben = visit("Ada"), visit("Ben")
    ada.press("melody", "slow")
    assert program.get(timeout=SOON) == "begun"
    assert ben.answer("drums", "quick") == ["done"]
    waiting = ben.press("melody", "quick")
    ben.cancel("cancel melody")
    assert ben.told(waiting)["output"] == {}
    with pytest.raises(queue.Empty):
        program.get(timeout=0.3)
    ada.cancel("cancel melody")
    assert program.get(timeout=SOON) == "ended"


@pytest.mark.slow
def test_work_ends_when_its_visitor_leaves(visit, program):
    visitor = visit("Eve")
    with visitor.client.stream("GET", "/gradio_api/heartbeat/Eve") as page:
        beats = page.iter_raw()
        next(beats)
        visitor.press("melody", "slow")
        assert program.get(timeout=SOON) == "begun"
    assert program.get(timeout=SOON) == "ended"


def test_a_comparison_is_made_in_a_process_that_can_be_ended(tmp_path):
    archives = [tune_archive(tmp_path / "gen.zip")], [tune_archive(tmp_path / "org.zip", seed=1)]
    for name in ("none", "stopped"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="no file was uploaded"):
        judge(None, None, tmp_path / "none")

    def work():
        yield judge(*archives, tmp_path / "stopped")

    begun = time.monotonic()
    with pytest.raises(StoppedError, match=r"stopped after 0\.2 s: wait$"):
        list(Deadline(0.2, "wait").steps(work()))
    assert time.monotonic() - begun < SOON
    time.sleep(SOON)
    assert not list((tmp_path / "stopped").glob("report*")), "the process went on"


@pytest.mark.parametrize(
    "work",
    [
        lambda models: melody.compose(models["melody-lstm"], key="G major", meter="3/4", bars=4, seed=0),
        lambda models: sound.new_sounds(models["sounds-vqvae"], None, 1, temperature=1.0, seed=0),
        lambda _: render([PlayedNote(0, 1, 60, 80, 0, False)], 8_000),
    ],
)
def test_work_in_the_process_of_the_page_ends_within_its_step(models, work):
    done = []
    stopped = Deadline(60, "wait")
    stopped.stop()
    with pytest.raises(StoppedError):
        list(stopped.steps(done.append(work(models.loaded)) for _ in range(1)))
    assert not done


def test_steps_check_their_own_deadline():
    def work(name):
        for number in range(3):
            deadline.check()
            yield f"{name} {number}"

    ours, other = Deadline(60, "wait"), Deadline(60, "wait")
    steps = zip(ours.steps(work("ours")), other.steps(work("other")), strict=True)
    assert next(steps) == ("ours 0", "other 0")
    ours.stop()
    deadline.check()
    with pytest.raises(StoppedError, match=r"^stopped$"), contextlib.closing(ours.steps(work("new"))) as new:
        next(new)
    with pytest.raises(StoppedError, match=r"^stopped$"):
        next(steps)


def test_work_whose_files_went_with_its_visitor_is_stopped_work():
    def work(gone):
        if gone:
            ours.stop()
        yield Path("not there").read_bytes()

    for gone, error in ((False, FileNotFoundError), (True, StoppedError)):
        ours = Deadline(60, "wait")
        with pytest.raises(error):
            next(ours.steps(work(gone)))
