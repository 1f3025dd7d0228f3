"""The studio as a program, and a visitor who sends it what a browser sends."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import manymodes_studio


@contextlib.contextmanager
def running(*arguments, path="", **variables):
    """Run Python on this checkout, with a folder before it on the path; give the process, which writes to a pipe."""
    folders = filter(None, [str(path), str(Path(manymodes_studio.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), **variables}
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def address_of(process):
    """Return where a program says that the studio is open."""
    for line in iter(process.stdout.readline, ""):
        if found := re.search(r"open at (\S+)", line):
            return found[1]
    raise AssertionError("the studio ended before it was open")


class Visitor:
    """What a browser sends, and what it is told."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.page = client.get("/config").json()
        self.events = {}  # of functions, by their numbers

    def _functions(self, label):
        """Return the functions of a button."""
        button = next(one["id"] for one in self.page["components"] if one["props"].get("value") == label)
        return [one for one in self.page["dependencies"] if [button, "click"] in one["targets"]]

    def _post(self, path, **content):
        answer = self.client.post(f"/gradio_api/{path}", json={"session_hash": self.name, **content})
        answer.raise_for_status()
        return answer.json()

    def press(self, label, *values):
        """Press a button, with some values or those that its controls begin with; return the event."""
        function = next(one for one in self._functions(label) if one["backend_fn"])
        begun_with = {one["id"]: one["props"].get("value") for one in self.page["components"]}
        values = values or [begun_with[number] for number in function["inputs"]]
        joined = self._post("queue/join", fn_index=function["id"], data=values)
        self.events[function["id"]] = joined["event_id"]
        return joined["event_id"]

    def cancel(self, label):
        """Press a button to cancel, as the page does: it calls the function, and drops the events."""
        self.press(label)
        for number in [number for function in self._functions(label) for number in function["cancels"]]:
            self._post("cancel", fn_index=number, event_id=self.events[number])

    def told(self, event):
        """Return the last message on an event."""
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.name}) as stream:
            for line in filter(None, stream.iter_lines()):
                message = json.loads(line.removeprefix("data: "))
                if message.get("event_id") == event and message["msg"] == "process_completed":
                    return message
        raise AssertionError(event)

    def answer(self, label, *values):
        """Press a button; return the values that the page gets."""
        return self.told(self.press(label, *values))["output"]["data"]
