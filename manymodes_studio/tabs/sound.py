"""The tab for sounds: new ones of an instrument, reconstructions of uploads, and the steps from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from audiovae.picture import save_picture
from manymodes.music.audio import write_audio
from manymodes_studio import pictures, sound, uploads
from manymodes_studio.language import choices, named, say
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_NAME = "sounds-vqvae"


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("sound.lead"), models, [_NAME]):
        return
    tab = _Tab(models.loaded[_NAME])
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                instrument = gr.Dropdown(choices("instrument", tab.model.instruments), label=say("instrument"))
                count = gr.Slider(1, 8, value=4, step=1, label=say("sound.count"), info=say("sound.count.info"))
                temperature = common.temperature_slider(0.3)
            sample = gr.Button(say("sound.sample"), variant="primary")
            with gr.Group():
                mine = _field(say("sound.mine", seconds=sound.LONGEST_SECONDS), "studio-mine")
            reconstruct = gr.Button(say("sound.reconstruct"))
            with gr.Accordion(say("sound.morph"), open=False):
                other = _field(say("sound.other"), "studio-other")
                steps = gr.Slider(2, 8, value=5, step=1, label=say("sound.steps"))
                morph = gr.Button(say("sound.interpolate"))
            seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            line, cancel = common.status_row()
            stage, picture = gr.HTML(), gr.HTML()
            files = common.downloads(["WAV", "PNG"])

    sampling = {"instrument": instrument, "count": count, "temperature": temperature, "seed": seed}
    outputs = [line, stage, picture, *files]
    events = common.Events(workspace, "sound", line)
    for button, function, inputs in (
        (sample, tab.sample, sampling),
        (reconstruct, tab.reconstruct, {"mine": mine}),
        (morph, tab.interpolate, {"mine": mine, "other": other, "steps": steps}),
    ):
        events.on_click(button, function, inputs, outputs, busy=stage)
    events.on_cancel(cancel)


class _Tab:
    """What the buttons do."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample(
        self, new_folder: NewFolder, instrument: str, count: int, temperature: float, seed: str
    ) -> Iterator[Any]:
        number = common.new_seed(seed)
        made = sound.new_sounds(self.model, instrument, count, temperature=temperature, seed=number)
        status = common.status(f"{count} × {named('instrument', instrument)}", say("seed.of", seed=number))
        yield from _shown(new_folder, f"{instrument}-{number}", sound.one_after_the_other(made), status)

    def reconstruct(self, new_folder: NewFolder, mine: str | None) -> Iterator[Any]:
        made = sound.reconstruct(self.model, sound.read(uploads.received(mine, uploads.SOUND)))
        status = common.status(say("sound.reconstructed", seconds=f"{len(made) / sound.RATE_HZ:.1f}"))
        yield from _shown(new_folder, "reconstructed", made, status)

    def interpolate(self, new_folder: NewFolder, mine: str | None, other: str | None, steps: int) -> Iterator[Any]:
        first, last = (sound.read(uploads.received(path, uploads.SOUND)) for path in (mine, other))
        made = sound.one_after_the_other(sound.interpolate(self.model, first, last, steps))
        yield from _shown(new_folder, "interpolated", made, common.status(say("sound.interpolated", steps=steps)))


def _shown(new_folder: NewFolder, name: str, made: np.ndarray, status: str) -> Iterator[Any]:
    """Yield values for the right-hand side, the sound first."""
    folder = new_folder()
    wav, png = folder / f"{name}.wav", folder / f"{name}.png"
    write_audio(wav, made)
    html, take = pictures.take("", title=name, tab="sound", audio=wav)
    yield status, html, "", common.ready(wav), *common.waiting(1)
    save_picture(png, made, name)
    dark = folder / f"{name}-dark.png"
    save_picture(dark, made, name, dark=True)
    yield gr.skip(), gr.skip(), pictures.also(take, pictures.plot(png, dark, name)), gr.skip(), common.ready(png)


def _field(label: str, name: str) -> gr.Audio:
    sources = ["upload", "microphone"]
    return gr.Audio(label=label, sources=sources, type="filepath", buttons=[], editable=False, elem_id=name)
