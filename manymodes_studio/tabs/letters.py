"""Type a word, choose a style, go from it to another one, take it along as a font."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from fontgan.lettering import svg_text
from manymodes_studio import letters, pictures
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from manymodes_studio.models import Models
    from manymodes_studio.workspace import Workspace

NAMES = ("letters-conditional",)
_BEGIN = ("Hello World", 7, 23, 0)


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "Type a word: a model that learned from ten typefaces draws it, in a style that none of them has.",
        models,
        NAMES,
    ):
        return
    does = _Tab(models.loaded[NAMES[0]], workspace)
    word, style, other, way = _BEGIN
    line, drawn = does.draw(*_BEGIN)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                asked: list[Any] = [
                    gr.Textbox(word, label="Word", max_length=letters.LONGEST),
                    gr.Slider(0, letters.STYLES - 1, value=style, step=1, label="Style"),
                    gr.Slider(0, letters.STYLES - 1, value=other, step=1, label="Other style"),
                    gr.Slider(0, letters.STEPS, value=way, step=1, label="Morph", info="the style · the other one"),
                ]
            make = gr.Button("Make the font", variant="primary")
        with gr.Column(scale=6, min_width=300):
            said = gr.HTML(line)
            sheet = gr.HTML(drawn)
            files = common.downloads(["TTF", "SVG", "PNG"])

    gr.on(
        [component.change for component in asked],
        common.telling(workspace, does.draw),
        asked,
        [said, sheet],
        concurrency_id=common.MODELS,
        concurrency_limit=1,
        api_visibility="private",
        show_progress="hidden",
        trigger_mode="always_last",
    )
    common.on_click(make, common.telling(workspace, does.take), asked, [said, sheet, *files], busy=said)


class _Tab:
    """What happens when something is changed or clicked."""

    def __init__(self, model: Any, workspace: Workspace) -> None:
        self.model, self.workspace = model, workspace

    def draw(self, word: str, style: int, other: int, way: int) -> tuple[str, str]:
        text = letters.read_text(word)
        page = letters.typeset(letters.alphabet(self.model, style, other, way), text)
        line = common.status(letters.described(style, other, way), *text.remarks)
        return line, pictures.lettering(svg_text(page), " ".join(text.lines))

    def take(self, word: str, style: int, other: int, way: int, request: gr.Request) -> tuple[Any, ...]:
        text = letters.read_text(word)
        images = letters.alphabet(self.model, style, other, way)
        page = letters.typeset(images, text)
        name = letters.font_name(style, other, way)
        place = self.workspace.new(request.session_hash) / name.replace(" ", "-").lower()
        made = letters.write(place, images, page, name)
        line = common.status(f"{name} is ready to download", *text.remarks)
        shown = pictures.lettering(svg_text(page), " ".join(text.lines))
        return line, shown, *(common.ready(file) for file in made.values())
