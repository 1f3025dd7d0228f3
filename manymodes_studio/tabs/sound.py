"""Reconstructions of uploaded sounds, new sounds of an instrument, and the steps from one sound to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes_studio import sound, uploads
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from manymodes_studio.models import Models
    from manymodes_studio.workspace import Workspace

NAMES = ("sounds-vqvae",)


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "The model turns a sound into a few codes, and back. Make new sounds of an instrument, or listen to a sound of "
        "yours that was encoded and decoded.",
        models,
        NAMES,
    ):
        return
    does = _Tab(models.loaded[NAMES[0]], models.files[NAMES[0]], workspace)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                instrument = gr.Dropdown(list(does.model.instruments), label="Instrument")
                count = gr.Slider(1, 8, value=4, step=1, label="Sounds", info="of a second each")
                temperature = gr.Slider(
                    0.3, 1.5, value=1.0, step=0.05, label="Temperature", info="low: safe · high: adventurous"
                )
            sample = gr.Button("Sample", variant="primary")
            with gr.Group():
                mine = _field(f"My sound (up to {sound.LONGEST_SECONDS} seconds)", "studio-mine")
            rebuild = gr.Button("Reconstruct")
            with gr.Accordion("Morph to another sound", open=False):
                other = _field("The other sound", "studio-other")
                steps = gr.Slider(2, 8, value=5, step=1, label="Steps")
                morph = gr.Button("Interpolate")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            heard = common.player("Sound")
            picture = gr.Image(label="Waveform and spectrogram", interactive=False, buttons=[], height=320)
            files = common.downloads(["WAV", "PNG"])

    outputs = [said, heard, picture, *files]
    for button, function, inputs in (
        (sample, does.sample, [instrument, count, temperature, seed]),
        (rebuild, does.reconstruct, [mine]),
        (morph, does.interpolate, [mine, other, steps]),
    ):
        common.on_click(button, common.telling(workspace, function), inputs, outputs, busy=heard)


class _Tab:
    """What the buttons do."""

    def __init__(self, model: Any, file: Path, workspace: Workspace) -> None:
        self.model, self.file, self.workspace = model, file, workspace

    def sample(
        self, instrument: str, count: int, temperature: float, seed: float | None, request: gr.Request
    ) -> Iterator[Any]:
        number = common.new_seed(seed)
        made = sound.new_sounds(self.model, self.file, instrument, count, temperature=temperature, seed=number)
        line = common.status(f"{count} × {instrument}", f"seed {number}")
        yield from self._shown(f"{instrument}-{number}", sound.one_after_the_other(made), line, request)

    def reconstruct(self, mine: str | None, request: gr.Request) -> Iterator[Any]:
        made = sound.reconstruct(self.model, sound.read(uploads.received(mine, uploads.SOUND)))
        line = common.status(f"{len(made) / sound.RATE_HZ:.1f} seconds, encoded and decoded")
        yield from self._shown("reconstructed", made, line, request)

    def interpolate(self, mine: str | None, other: str | None, steps: int, request: gr.Request) -> Iterator[Any]:
        first, last = (sound.read(uploads.received(path, uploads.SOUND)) for path in (mine, other))
        made = sound.one_after_the_other(sound.interpolate(self.model, first, last, steps))
        yield from self._shown("interpolated", made, common.status(f"{steps} steps, both ends included"), request)

    def _shown(self, name: str, made: np.ndarray, line: str, request: gr.Request) -> Iterator[Any]:
        """Fill the right-hand side, the player first."""
        place = self.workspace.new(request.session_hash) / name
        wav = sound.write_sound(place, made)
        yield line, str(wav), None, common.ready(wav), *common.waiting(1)
        png = sound.write_picture(place, made, name)
        yield line, gr.skip(), str(png), gr.skip(), common.ready(png)


def _field(label: str, name: str) -> gr.Audio:
    sources = ["upload", "microphone"]
    return gr.Audio(label=label, sources=sources, type="filepath", buttons=[], editable=False, elem_id=name)
