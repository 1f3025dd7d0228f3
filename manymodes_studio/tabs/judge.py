"""The tab that compares two sets of MIDI files: generated and original ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import pictures, uploads
from manymodes_studio.judge import REFERENCES, judge
from manymodes_studio.language import choices, say
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_MINE = "mine"


def add(workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    gr.Markdown(say("judge.lead"), elem_classes="studio-lead")
    many: dict[str, Any] = {"file_count": "multiple"}
    with gr.Row():
        with gr.Column(min_width=260):
            generated = common.file_field(say("judge.generated.label"), uploads.MIDI_SET, "studio-generated", **many)
            gr.HTML(pictures.folder_button("studio-generated"))
        with gr.Column(min_width=260):
            reference = gr.Radio(
                choices("reference", [_MINE, *REFERENCES]), value=next(iter(REFERENCES)), label=say("judge.reference")
            )
            original = common.file_field(
                say("judge.original.label"), uploads.MIDI_SET, "studio-original", visible=False, **many
            )
            folder = gr.HTML(pictures.folder_button("studio-original"), visible=False)
    with gr.Row():
        button = gr.Button(say("judge.judge"), variant="primary", min_width=120)
        kept = gr.Button(say("judge.kept"), min_width=120)
    line, cancel = common.status_row()
    verdict = gr.HTML()
    files = common.downloads(["HTML", "JSON", "CSV"])

    reference.change(
        lambda name: [gr.update(visible=name == _MINE)] * 2, [reference], [original, folder],
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    inputs = {"generated": generated, "reference": reference, "original": original}
    outputs = [line, verdict, *files]
    events = common.Events(workspace, "judge", line)
    events.on_click(button, _compare, inputs, outputs, busy=line)
    events.listen(
        [kept.click], _compare_kept, inputs, outputs, show_progress="full", show_progress_on=[line],
        js="async (_, ...others) => [await window.studio.uploadKept(), ...others]",
    )  # fmt: skip
    events.on_cancel(cancel)


def _compare(
    new_folder: NewFolder, generated: list[str] | None, reference: str, original: list[str] | None
) -> Iterator[Any]:
    against = original if reference == _MINE else reference
    result = judge(generated, against, new_folder())
    page = result.files[0].read_text(encoding="utf-8")
    first, *others = result.sentences
    shown = pictures.verdict(others) + pictures.report_frame(page)
    yield common.status(first, *result.remarks), shown, *map(common.ready, result.files)


def _compare_kept(new_folder: NewFolder, generated: list[str] | None, **others: Any) -> Iterator[Any]:
    if not generated:
        raise UserError(say("judge.kept.none"))
    yield from _compare(new_folder, generated, **others)
