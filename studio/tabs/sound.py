"""Hear one's own sound as a model hears it, new sounds of an instrument, and the way from one sound to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from studio import sound, uploads
from studio.tabs import common

if TYPE_CHECKING:
    import numpy as np

    from studio.models import Models
    from studio.workspace import Workspace

NAMES = ("sounds-vqvae",)


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "A model hears sounds as a few codes a second. Hear what it makes of yours, or of nothing but an instrument's "
        "name.",
        models,
        NAMES,
    ):
        return
    model, file = models.loaded[NAMES[0]], models.files[NAMES[0]]
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                instrument = gr.Dropdown(list(model.instruments), label="Instrument")
                count = gr.Slider(1, 8, value=4, step=1, label="Sounds")
                temperature = gr.Slider(
                    0.3, 1.5, value=1.0, step=0.05, label="Temperature", info="low: safe · high: adventurous"
                )
            sample = gr.Button("Sample", variant="primary")
            mine = _field(f"My sound (at most {sound.LONGEST_SECONDS} seconds)")
            rebuild = gr.Button("Reconstruct")
            with gr.Accordion("On the way to another sound", open=False):
                other = _field("The other sound")
                steps = gr.Slider(2, 8, value=5, step=1, label="Steps")
                morph = gr.Button("Interpolate")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            heard = gr.Audio(label="What the model makes of it", interactive=False, autoplay=True, buttons=[])
            picture = gr.Image(label="Waveform and spectrogram", interactive=False, buttons=[], height=320)
            files = common.downloads(["WAV", "PNG"])

    def shown(name: str, found: np.ndarray, line: str, request: gr.Request) -> Any:
        place = workspace.new(request.session_hash) / name
        wav = sound.write_sound(place, found)
        yield line, str(wav), gr.skip(), common.ready(wav), gr.skip()
        png = sound.write_picture(place, found, name)
        yield line, gr.skip(), str(png), gr.skip(), common.ready(png)

    @common.messages(workspace)
    def drawn(instrument: str, count: int, temperature: float, seed: float | None, request: gr.Request) -> Any:
        number = common.new_seed(seed)
        sounds = sound.new_sounds(model, file, instrument, count, temperature=temperature, seed=number)
        line = common.status(f"{count} × {instrument}", f"draw {number}")
        yield from shown(f"{instrument}-{number}", sound.one_after_the_other(sounds), line, request)

    @common.messages(workspace)
    def rebuilt(mine: str | None, request: gr.Request) -> Any:
        found = sound.heard(model, sound.read(uploads.received(mine, uploads.SOUND)))
        line = common.status(f"{len(found) / sound.RATE_HZ:.1f} s, from codes and back")
        yield from shown("reconstructed", found, line, request)

    @common.messages(workspace)
    def morphed(mine: str | None, other: str | None, steps: int, request: gr.Request) -> Any:
        ends = [sound.read(uploads.received(path, uploads.SOUND)) for path in (mine, other)]
        found = sound.one_after_the_other(sound.way(model, *ends, steps))
        yield from shown("interpolated", found, common.status(f"{steps} steps, both ends included"), request)

    outputs = [said, heard, picture, *files]
    common.on_click(sample, drawn, [instrument, count, temperature, seed], outputs)
    common.on_click(rebuild, rebuilt, [mine], outputs)
    common.on_click(morph, morphed, [mine, other, steps], outputs)


def _field(label: str) -> gr.Audio:
    return gr.Audio(label=label, sources=["upload", "microphone"], type="filepath", buttons=[], editable=False)
