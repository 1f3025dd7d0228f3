"""The tab that compares two zip archives of MIDI files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes_studio import pictures, uploads
from manymodes_studio.judge import judge
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manymodes_studio.tabs.common import NewFolder
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
    button = gr.Button("Judge", variant="primary")
    line = gr.HTML(common.status())
    cancel = common.cancel_button()
    verdict = gr.HTML()
    files = common.downloads(["HTML", "JSON", "CSV"])
    report = gr.HTML()

    inputs = {"generated": generated, "original": original}
    outputs = [line, verdict, report, *files]
    event = common.on_click(workspace, button, _compare, inputs, outputs, busy=line, queue="judge")
    common.on_cancel(cancel, [event], "judge")


def _compare(new_folder: NewFolder, generated: str | None, original: str | None) -> Iterator[Any]:
    result = judge(generated, original, new_folder())
    page = result.files[0].read_text(encoding="utf-8")
    shown = pictures.verdict(result.sentences), pictures.report_frame(page)
    yield common.status("judged", *result.remarks), *shown, *map(common.ready, result.files)
