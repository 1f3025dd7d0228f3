"""The tab for drums: mix styles, hear and see a loop of them, and play an uploaded beat in other styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes_studio import drums, pictures, uploads
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drumvae.data.kit import Bars
    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_TITLES = {"drums-styles": "five styles by rule", "drums-groove": "drummers"}
_LATER = ("midi", "png")  # than the sound, which comes first
_SPELLED = {"hiphop": "hip-hop"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    text = "Raise the styles that you want in the beat: one alone, or several that mix. It repeats until you stop it."
    if not common.introduce(text, models, _TITLES):
        return
    tab = _Tab(models)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                model = common.model_choice(models, _TITLES)
                sliders = [
                    gr.Slider(0, 1, value=float(number == 0), step=0.05, **shown)
                    for number, shown in enumerate(tab.names_of_sliders(model.value))
                ]
            with gr.Group():
                complexity = gr.Slider(0, 1, value=0.5, step=0.05, label="Complexity", info="few hits · many hits")
                humanize = gr.Slider(0, 1, value=1, step=0.05, label="Humanise", info="a machine · a person")
                tempo = gr.Slider(60, 200, value=110, step=1, label="Tempo", info="BPM")
                bars = gr.Slider(1, 8, value=2, step=1, label="Bars")
            with gr.Row():
                new = gr.Button("New beat", variant="primary", min_width=120)
                change = gr.Button("Change it", min_width=120)
            with gr.Accordion("Play my beat in these styles", open=False):
                beat = common.file_field("Beat (MIDI, drums on channel 10)", uploads.MIDI, "studio-beat")
                keep = gr.Slider(0, 1, value=0.3, step=0.05, label="Keep", info="none of its hits · all of them")
                transfer = gr.Button("Transfer")
            seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            line = gr.HTML(common.status())
            cancel = common.cancel_button()
            player = common.player("Loop", loop=True)
            grid = gr.HTML()
            files = common.downloads(["WAV", *map(str.upper, _LATER)])

    model.change(tab.rename, model, sliders, api_visibility="private", show_progress="hidden")
    last_seed = gr.State(None)
    shared = {"model": model, "complexity": complexity, "humanize": humanize}
    playing = {**shared, "tempo": tempo, "bars": bars}
    outputs = [last_seed, line, player, grid, *files]
    options: dict[str, Any] = {"more": sliders, "busy": player, "queue": "drums"}
    events = []
    for button, function, inputs in (
        (new, tab.play, {**playing, "seed": seed}),
        (change, tab.play, {**playing, "seed": last_seed}),
        (transfer, tab.transfer, {**shared, "beat": beat, "keep": keep, "seed": seed}),
    ):
        events.append(common.on_click(workspace, button, function, inputs, outputs, **options))
    common.on_cancel(cancel, events, "drums")


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models) -> None:
        self.models = {name: models.loaded[name] for name in _TITLES if name in models.loaded}

    def play(
        self, new_folder: NewFolder, *sliders: float, model: str, seed: float | None, **options: Any
    ) -> Iterator[Any]:
        number, drummer = common.new_seed(seed), self.models[model]
        bars = drums.play(drummer, sliders[: len(drummer.styles)], seed=number, **options)
        yield from _shown(new_folder() / f"beat-{number}", bars, number)

    def transfer(
        self, new_folder: NewFolder, *sliders: float, model: str, beat: str | None, seed: float | None, **options: Any
    ) -> Iterator[Any]:
        number, drummer = common.new_seed(seed), self.models[model]
        source, remarks = drums.read_beat(uploads.received(beat, uploads.MIDI))
        bars = drums.transfer(drummer, source, sliders[: len(drummer.styles)], seed=number, **options)
        stayed = f"{int((bars.hits & source.hits).sum())} of {int(source.hits.sum())} hits stayed"
        yield from _shown(new_folder() / f"my-beat-{number}", bars, number, stayed, *remarks)

    def rename(self, model: str) -> list[Any]:
        """Name the sliders by a model's styles."""
        return [gr.Slider(**shown) for shown in self.names_of_sliders(model)]

    def names_of_sliders(self, model: str) -> list[dict[str, Any]]:
        """Return label and visibility of each slider: there are as many as the largest model has styles."""
        styles = self.models[model].styles
        hidden = max(len(other.styles) for other in self.models.values()) - len(styles)
        labels = [_SPELLED.get(style, style).capitalize() for style in styles]
        return [{"label": label, "visible": True} for label in labels] + [{"visible": False}] * hidden


def _shown(stem: Path, bars: Bars, seed: int, *remarks: str) -> Iterator[Any]:
    """Yield values for the right-hand side, the sound first."""
    wav = drums.write(stem, bars, ["wav"])["wav"]
    status = common.status(*drums.described(bars), f"seed {seed}", *remarks)
    yield seed, status, str(wav), pictures.drum_grid(bars), common.ready(wav), *common.waiting(len(_LATER))
    later = drums.write(stem, bars, _LATER)
    yield seed, *[gr.skip()] * 4, *(common.ready(later[kind]) for kind in _LATER)
