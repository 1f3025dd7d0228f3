"""The tab for letters: choose a style, type a text, morph the style, redraw a character, download the typeface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import letters, pictures
from manymodes_studio.language import current, say
from manymodes_studio.letters import Style
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_NAME = "typefaces"
_TEXT = "Hello World"
_MOST_STYLES = 10**6


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("letters.lead"), models, [_NAME]):
        return
    tab = _Tab(models.loaded[_NAME])
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            typed = gr.Textbox(_TEXT, label=say("text"), max_length=letters.LONGEST)
            gallery = gr.HTML(tab.gallery(0, letters.FIRST.seed))
            more = gr.Button(say("letters.more"))
            with gr.Group():
                share = gr.Slider(0, 1, value=0, step=0.05, label=say("morph"), info=say("morph.info"))
            with gr.Row(equal_height=True):
                character = gr.Textbox("g", label=say("letters.character"), max_length=1, min_width=110)
                anew = gr.Button(say("letters.anew"), variant="primary", min_width=120)
                undo = gr.Button(say("undo"), min_width=80)
            chosen = common.hidden("studio-style")
        with gr.Column(scale=6, min_width=300):
            folder = workspace.root / f"first-letters-{current()}"
            folder.mkdir(exist_ok=True)
            status, drawing, paths = tab.made(folder, letters.FIRST, _TEXT)
            line, cancel = common.status_row(status)
            sheet = gr.HTML(drawing)
            files = common.downloads(["TTF", "WOFF2", "PNG"], paths)

    style, page = gr.State(letters.FIRST), gr.State(0)
    state = {"style": style, "typed": typed}
    outputs = [style, line, sheet, *files]
    quietly = {"show_progress": "hidden", "trigger_mode": "always_last"}
    events = common.Events(workspace, "letters", line)
    events.listen(
        [chosen.change], tab.choose, {"seed": chosen, "page": page, **state}, [share, gallery, *outputs],
        show_progress="full", show_progress_on=[sheet],
    )  # fmt: skip
    events.on_click(more, tab.more, {"page": page, "style": style}, [page, gallery, line], busy=sheet)
    events.listen([share.release], tab.morph, {"share": share, **state}, outputs, **quietly)
    events.on_click(anew, tab.draw_anew, {"character": character, **state}, outputs, busy=sheet)
    events.on_click(undo, tab.undo, state, outputs, busy=sheet)
    events.listen([typed.change], tab.type, state, [line, sheet, *files], **quietly)
    chosen.change(None, js=common.TO_THE_RESULT, api_visibility="private")
    events.on_cancel(cancel)


class _Tab:
    """What happens when something is changed or clicked."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def gallery(self, page: int, seed: int) -> str:
        return pictures.styles(letters.samples(self.model, page), seed)

    def choose(self, new_folder: NewFolder, seed: str, page: int, style: Style, typed: str) -> Iterator[Any]:
        if not seed.isdecimal() or int(seed) >= _MOST_STYLES:
            raise UserError(say("link.unusable"))
        for shown in self._shown(new_folder, Style(int(seed), other=style.seed), typed):
            yield 0, self.gallery(page, int(seed)), *shown

    def more(self, new_folder: NewFolder, page: int, style: Style) -> Iterator[Any]:
        page = (page + 1) % (_MOST_STYLES // letters.PAGE)
        yield page, self.gallery(page, style.seed), gr.skip()

    def morph(self, new_folder: NewFolder, share: float, style: Style, typed: str) -> Iterator[Any]:
        yield from self._shown(new_folder, style._replace(share=min(max(float(share), 0.0), 1.0)), typed)

    def draw_anew(self, new_folder: NewFolder, character: str, style: Style, typed: str) -> Iterator[Any]:
        yield from self._shown(new_folder, style.with_another(character), typed)

    def undo(self, new_folder: NewFolder, style: Style, typed: str) -> Iterator[Any]:
        if not style.anew:
            raise UserError(say("letters.undo.none"))
        yield from self._shown(new_folder, style._replace(anew=style.anew[:-1]), typed)

    def type(self, new_folder: NewFolder, style: Style, typed: str) -> Iterator[Any]:
        try:
            for _, *shown in self._shown(new_folder, style, typed):
                yield shown
        except UserError as error:  # no old picture beside new input
            yield common.problem(str(error)), "", *common.waiting(3)

    def made(self, folder: Path, style: Style, typed: str) -> tuple[str, str, list[Path]]:
        """Write a typeface of a style, and show a text in it."""
        made = letters.face(self.model, style)
        text, remarks = letters.read_text(typed, made.characters)
        status = common.status(letters.described(style), *remarks)
        sheet = pictures.specimen(made.woff2, made.name, text)
        files = letters.write(folder / made.name.replace(" ", "-").lower(), made, text)
        return status, sheet, list(files.values())

    def _shown(self, new_folder: NewFolder, style: Style, typed: str) -> Iterator[Any]:
        *shown, files = self.made(new_folder(), style, typed)
        yield style, *shown, *map(common.ready, files)
