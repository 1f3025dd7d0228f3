"""Serve a page with two tabs, where a click has `SECONDS`; print its address, and when slow work begins and ends.

What is typed says what a click does: "quick" is done at once, and all else has no end of its own.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import gradio as gr

from manymodes import deadline
from manymodes_studio import clicks
from manymodes_studio.app import serve
from manymodes_studio.tabs import common
from manymodes_studio.workspace import Workspace

SECONDS = 5


def work(new_folder, *, pace):
    if pace == "quick":
        yield "done"
        return
    print("begun", flush=True)
    try:
        while True:
            time.sleep(0.05)
            deadline.check()
    finally:
        print("ended", flush=True)


def main(folder):
    clicks.SECONDS = SECONDS
    workspace = Workspace(folder)
    with gr.Blocks(analytics_enabled=False) as page:
        for queue in ("melody", "drums"):
            pace, line, button, cancel = gr.Textbox(), gr.HTML(), gr.Button(queue), gr.Button(f"cancel {queue}")
            events = common.Events(workspace, queue, line)
            events.on_click(button, work, {"pace": pace}, [line], busy=line)
            events.on_cancel(cancel)
        common.forget_at_leave(page, workspace)
    print(serve(page.queue(), "127.0.0.1", None, workspace), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(Path(folder)))
