"""Mix styles, hear a loop of them, see it, and play one's own beat in other styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes_studio import drums, pictures, uploads
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drumvae.data.kit import Bars
    from manymodes_studio.models import Models
    from manymodes_studio.workspace import Workspace

NAMES = ("drums-styles", "drums-groove")
_LATER = ("midi", "png")  # than the sound, which comes first
_SPOKEN = {"hiphop": "hip-hop"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "Raise the styles that you want in the beat: one alone, or several that mix. It goes round until you stop it.",
        models,
        NAMES,
    ):
        return
    does = _Tab(models, workspace)
    drawn = gr.State(None)
    first, *_ = does.styles.values()
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                model = common.model_choice(models, NAMES)
                sliders = [
                    gr.Slider(0, 1, value=float(number == 0), step=0.05, **_named(first, number))
                    for number in range(max(map(len, does.styles.values())))
                ]
            with gr.Group():
                complexity = gr.Slider(0, 1, value=0.5, step=0.05, label="Complexity", info="few hits · many hits")
                humanize = gr.Slider(0, 1, value=1, step=0.05, label="Humanise", info="a machine · a person")
                tempo = gr.Slider(60, 200, value=110, step=1, label="Tempo", info="BPM")
                bars = gr.Slider(1, 8, value=2, step=1, label="Bars")
            with gr.Row():
                begin = gr.Button("New beat", variant="primary", min_width=120)
                again = gr.Button("Change it", min_width=120)
            with gr.Accordion("Play my beat in these styles", open=False):
                beat = common.file_field("Beat (MIDI, drums on channel 10)", uploads.MIDI, "studio-beat")
                keep = gr.Slider(0, 1, value=0.3, step=0.05, label="Keep", info="none of its hits · all of them")
                onward = gr.Button("Transfer")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            sound = common.player("Loop", loop=True)
            grid = gr.HTML()
            files = common.downloads(["WAV", *map(str.upper, _LATER)])

    model.change(does.renamed, model, sliders, api_visibility="private", show_progress="hidden")
    outputs = [drawn, said, sound, grid, *files]
    for button, function, inputs in (
        (begin, does.play, [model, complexity, humanize, tempo, bars, seed, *sliders]),
        (again, does.play, [model, complexity, humanize, tempo, bars, drawn, *sliders]),
        (onward, does.transfer, [model, complexity, humanize, beat, keep, seed, *sliders]),
    ):
        common.on_click(button, common.telling(workspace, function), inputs, outputs, busy=sound)


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models, workspace: Workspace) -> None:
        self.models, self.workspace = models, workspace
        self.styles: dict[str, list[str]] = {
            name: models.loaded[name].styles for name in NAMES if name in models.loaded
        }

    def play(
        self, model: str, complexity: float, humanize: float, tempo: float, bars: int, seed: float | None,
        request: gr.Request, *sliders: float,
    ) -> Iterator[Any]:  # fmt: skip
        number = common.new_seed(seed)
        found = drums.play(
            self.models.loaded[model],
            sliders[: len(self.styles[model])],
            bars=bars,
            complexity=complexity,
            humanize=humanize,
            tempo=tempo,
            seed=number,
        )
        yield from self._shown(found, f"beat-{number}", number, (), request)

    def transfer(
        self, model: str, complexity: float, humanize: float, beat: str | None, keep: float, seed: float | None,
        request: gr.Request, *sliders: float,
    ) -> Iterator[Any]:  # fmt: skip
        number = common.new_seed(seed)
        source, remarks = drums.read_beat(uploads.received(beat, uploads.MIDI))
        found = drums.transfer(
            self.models.loaded[model],
            source,
            sliders[: len(self.styles[model])],
            keep=keep,
            complexity=complexity,
            humanize=humanize,
            seed=number,
        )
        stayed = f"{int((found.hits & source.hits).sum())} of {int(source.hits.sum())} hits stayed"
        yield from self._shown(found, f"my-beat-{number}", number, (stayed, *remarks), request)

    def renamed(self, model: str) -> list[Any]:
        """Call the sliders as a model's styles."""
        count = max(map(len, self.styles.values()))
        return [gr.Slider(**_named(self.styles[model], number)) for number in range(count)]

    def _shown(self, found: Bars, name: str, number: int, remarks: Sequence[str], request: gr.Request) -> Iterator[Any]:
        """Fill the right-hand side, what is heard first."""
        place = self.workspace.new(request.session_hash) / name
        wav = drums.write(place, found, ["wav"])["wav"]
        line = common.status(*drums.described(found), f"seed {number}", *remarks)
        yield number, line, str(wav), pictures.drum_grid(found), common.ready(wav), *common.waiting(len(_LATER))
        made = drums.write(place, found, _LATER)
        yield number, *[gr.skip()] * 4, *(common.ready(made[kind]) for kind in _LATER)


def _named(styles: Sequence[str], number: int) -> dict[str, Any]:
    """Return what a slider is called, and whether it is seen: models know different numbers of styles."""
    if number >= len(styles):
        return {"visible": False}
    return {"label": _SPOKEN.get(styles[number], styles[number]).capitalize(), "visible": True}
