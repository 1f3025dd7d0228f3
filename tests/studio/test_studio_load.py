"""A class meets the studio: thirty visitors at once, with the pretrained models."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import manymodes_studio
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


@pytest.fixture
def program():
    """Start the studio; give its process and address."""
    environment = {**os.environ, "PYTHONPATH": str(Path(manymodes_studio.__file__).parents[1])}
    command = [sys.executable, "-m", "manymodes_studio"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        printed = iter(process.stdout.readline, "")
        yield process, next(found[1] for line in printed if (found := re.search(r"open at (\S+)", line)))
        process.terminate()


def megabytes(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000


async def click(client, page, session, label):
    """Press a button as the page does, with the values that its controls begin with; return the seconds."""
    components = {one["id"]: one["props"] for one in page["components"]}
    button = next(number for number, props in components.items() if props.get("value") == label)
    function = next(one for one in page["dependencies"] if [button, "click"] in one["targets"] and one["backend_fn"])
    # the server knows the values of the fields without one: states
    values = [components[number].get("value") for number in function["inputs"]]
    begun = time.monotonic()
    joined = {"session_hash": session, "fn_index": function["id"], "data": values}
    event = (await client.post("/gradio_api/queue/join", json=joined)).raise_for_status().json()["event_id"]
    async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        async for line in stream.aiter_lines():
            message = json.loads(line.removeprefix("data: ")) if line else {}
            if message.get("event_id") == event and message["msg"] == "process_completed":
                assert message["success"], message
                return time.monotonic() - begun
    raise AssertionError


async def visit(client, page, name):
    """Press each button once, with the page open; return the seconds of each click."""
    async with client.stream("GET", f"/gradio_api/heartbeat/{name}"):
        return [await click(client, page, name, label) for label in CLICKS]


async def visits(address, process):
    """Return the seconds of all clicks, and the most megabytes meanwhile."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS, limits=limits) as client:
        page = (await client.get("/config")).json()
        all_of_them = asyncio.gather(*(visit(client, page, f"visitor{number}") for number in range(VISITORS)))
        most = 0.0
        while not all_of_them.done():
            most = max(most, megabytes(process))
            await asyncio.sleep(0.1)
        return [seconds for clicks in await all_of_them for seconds in clicks], most


def test_thirty_visitors_at_once_are_served_within_a_bound_of_time_and_memory(program):
    process, address = program
    idle = os.getloadavg()[0] < 1  # apart from this: any other program makes everybody wait
    before = megabytes(process)
    seconds, most = asyncio.run(visits(address, process))
    time.sleep(5)
    after = megabytes(process)
    figures = f"{max(seconds):.1f} s; {before:.0f} MB, at most {most:.0f}, then {after:.0f}"
    print(figures)
    assert len(seconds) == VISITORS * len(CLICKS)
    assert max(seconds) < LONGEST_SECONDS or not idle, figures
    assert most - before < MOST_MEGABYTES, figures
    assert after - before < MOST_MEGABYTES / 2, figures
