"""The tab that compares two zip archives of MIDI files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes_studio import pictures, uploads
from manymodes_studio.judge import judge
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from manymodes_studio.workspace import Workspace


def add(workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    gr.Markdown(
        "Is generated music similar to the original music? Has the generator collapsed? Does it copy? "
        "Upload one zip of MIDI files for each.",
        elem_classes="studio-lead",
    )
    with gr.Row():
        generated = common.file_field("Generated (zip of MIDI files)", uploads.MIDI_ARCHIVE, "studio-generated")
        original = common.file_field("Originals (zip of MIDI files)", uploads.MIDI_ARCHIVE, "studio-original")
    begin = gr.Button("Judge", variant="primary")
    said = common.status_field()
    verdict = gr.HTML()
    files = common.downloads(["HTML", "JSON", "CSV"])
    report = gr.HTML()

    def judged(generated: str | None, original: str | None, request: gr.Request) -> tuple[Any, ...]:
        found = judge(generated, original, workspace.new(request.session_hash))
        shown = pictures.verdict(found.sentences), pictures.report_frame(found.page)
        return common.status("judged", *found.remarks), *shown, *(common.ready(file) for file in found.files)

    function = common.telling(workspace, judged)
    outputs = [said, verdict, report, *files]
    common.on_click(begin, function, [generated, original], outputs, busy=said, queue="judge")
