"""A class meets the studio: thirty visitors at once, with the pretrained models."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from visitor import Visitor, address_of, running

from manymodes import hub

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
    pytest.mark.skipif(not (hub.folder() / "melody-lstm.keras").exists(), reason="there are no pretrained models"),
]
pytest.importorskip("gradio")
httpx = pytest.importorskip("httpx")

VISITORS, CLICKS = 30, ("New tune", "Compose")
LONGEST_SECONDS, MOST_MEGABYTES = 30, 200
PATIENCE_SECONDS = 300


def megabytes(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000


def visit(client, name):
    """Press each button once, with the page open; return the seconds of each click."""
    visitor, seconds = Visitor(client, name), []
    with client.stream("GET", f"/gradio_api/heartbeat/{name}"):
        for label in CLICKS:
            begun = time.monotonic()
            message = visitor.told(visitor.press(label))
            assert message["success"], message
            seconds.append(time.monotonic() - begun)
    return seconds


def test_thirty_visitors_at_once_are_served_within_a_bound_of_time_and_memory():
    limits = httpx.Limits(max_connections=None)
    with (
        running("-m", "manymodes_studio") as process,
        httpx.Client(base_url=address_of(process), timeout=PATIENCE_SECONDS, limits=limits) as client,
        ThreadPoolExecutor(VISITORS) as threads,
    ):
        idle = os.getloadavg()[0] < 1  # apart from this: any other program makes everybody wait
        before = most = megabytes(process)
        visits = [threads.submit(visit, client, f"visitor{number}") for number in range(VISITORS)]
        while not all(one.done() for one in visits):
            most = max(most, megabytes(process))
            time.sleep(0.1)
        time.sleep(5)
        after = megabytes(process)
    seconds = [clicked for one in visits for clicked in one.result()]
    figures = f"{max(seconds):.1f} s; {before:.0f} MB, at most {most:.0f}, then {after:.0f}"
    print(figures)
    assert len(seconds) == VISITORS * len(CLICKS)
    assert max(seconds) < LONGEST_SECONDS or not idle, figures
    assert most - before < MOST_MEGABYTES, figures
    assert after - before < MOST_MEGABYTES / 2, figures
