"""The tab for letters: type a word, choose a style, morph it into another one, download it as a font."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from fontgan.lettering import svg_text
from manymodes.cli import UserError
from manymodes_studio import letters, pictures
from manymodes_studio.language import say
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_NAME = "letters-conditional"
_START: dict[str, Any] = {"word": "Hello World", "first": 2, "last": 16, "step": 0}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("letters.lead"), models, [_NAME]):
        return
    tab = _Tab(models.loaded[_NAME])
    status, drawing = tab.draw(**_START)
    word, first, last, step = _START.values()
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                inputs: dict[str, Any] = {
                    "word": gr.Textbox(word, label=say("word"), info=say("word.info")),
                    "first": gr.Slider(0, letters.STYLES - 1, value=first, step=1, label=say("style")),
                    "last": gr.Slider(0, letters.STYLES - 1, value=last, step=1, label=say("style.other")),
                    "step": gr.Slider(0, letters.STEPS, value=step, step=1, label=say("morph"), info=say("morph.info")),
                }
            button = gr.Button(say("letters.save"), variant="primary")
        with gr.Column(scale=6, min_width=300):
            line, cancel = common.status_row(status)
            sheet = gr.HTML(drawing)
            files = common.downloads(["TTF", "SVG", "PNG"])

    changes = [component.change for component in inputs.values()]
    quietly = {"show_progress": "hidden", "trigger_mode": "always_last"}
    redraw = common.listen(workspace, changes, tab.redraw, inputs, [line, sheet], line=line, queue="letters", **quietly)
    save = common.on_click(workspace, button, tab.save, inputs, [line, *files], busy=line, line=line, queue="letters")
    common.on_cancel(cancel, [redraw, save], "letters", line)


class _Tab:
    """What happens when something is changed or clicked."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def draw(self, word: str, first: int, last: int, step: int) -> tuple[str, str]:
        text = letters.read_text(word)
        page = letters.typeset(letters.alphabet(self.model, first, last, step), text)
        status = common.status(letters.described(first, last, step), *text.remarks)
        return status, pictures.lettering(svg_text(page), " ".join(text.lines))

    def redraw(self, new_folder: NewFolder, **inputs: Any) -> Iterator[Any]:
        try:
            yield self.draw(**inputs)
        except UserError as error:  # no old picture beside new input
            yield common.problem(str(error)), ""

    def save(self, new_folder: NewFolder, word: str, first: int, last: int, step: int) -> Iterator[Any]:
        text = letters.read_text(word)
        images = letters.alphabet(self.model, first, last, step)
        name = letters.font_name(first, last, step)
        stem = new_folder() / name.replace(" ", "-").lower()
        files = letters.write(stem, images, letters.typeset(images, text), name)
        yield common.status(say("letters.ready", name=name), *text.remarks), *map(common.ready, files.values())
