"""Type a word, choose a style, go from it to another one, take it along as a font."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from studio import letters, pictures
from studio.tabs import common

if TYPE_CHECKING:
    from studio.models import Models
    from studio.workspace import Workspace

NAMES = ("letters-conditional",)
_MOST_TYPED = 60


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "Type a word: a model that learned from ten typefaces draws it, in a style that none of them has.",
        models,
        NAMES,
    ):
        return
    model = models.loaded[NAMES[0]]
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                word = gr.Textbox("Hallo Welt", label="Word", max_length=_MOST_TYPED, autofocus=False)
                style = gr.Slider(0, letters.STYLES - 1, value=7, step=1, label="Style")
                other = gr.Slider(0, letters.STYLES - 1, value=23, step=1, label="Morph into style")
                way = gr.Slider(0, letters.STEPS, value=0, step=1, label="Morph", info="the style · the other one")
            make = gr.Button("Make the font", variant="primary")
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            sheet = gr.HTML(label="Word")
            files = common.downloads(["TTF", "SVG", "PNG"])

    @common.messages(workspace)
    def draw(word: str, style: int, other: int, way: int) -> tuple[str, str]:
        text = letters.read_text(word)
        page = letters.typeset(letters.alphabet(model, style, other, way), text)
        line = common.status(letters.described(style, other, way), *text.remarks)
        return line, pictures.lettering(letters.drawing(page), " ".join(text.lines))

    @common.messages(workspace)
    def take(word: str, style: int, other: int, way: int, request: gr.Request) -> tuple[Any, ...]:
        text = letters.read_text(word)
        images = letters.alphabet(model, style, other, way)
        page = letters.typeset(images, text)
        name = letters.font_name(style, other, way)
        place = workspace.new(request.session_hash) / name.replace(" ", "-").lower()
        made = letters.write(place, images, page, name)
        line = common.status(f"“{name}” is ready below", *text.remarks)
        shown = pictures.lettering(letters.drawing(page), " ".join(text.lines))
        return line, shown, *(common.ready(file) for file in made.values())

    asked: list[Any] = [word, style, other, way]
    gr.on(
        [component.change for component in asked],
        draw,
        asked,
        [said, sheet],
        concurrency_id=common.MODELS,
        api_visibility="private",
        show_progress="hidden",
        trigger_mode="always_last",
    )
    common.on_click(make, take, asked, [said, sheet, *files])
