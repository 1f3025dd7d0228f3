"""Mix styles, hear a loop of them, see it, and play one's own beat in other styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from studio import drums, pictures, uploads
from studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drumvae.kit import Bars
    from studio.models import Models
    from studio.workspace import Workspace

NAMES = ("drums-styles", "drums-groove")
_FORMATS = ("midi", "png")
_SPOKEN = {"hiphop": "hip-hop"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "Raise the styles that you want in the beat; what is between them is played, too. It goes round until you "
        "stop it.",
        models,
        NAMES,
    ):
        return
    drawn = gr.State(None)
    styles = {name: models.loaded[name].styles for name in NAMES if name in models.loaded}
    first, *_ = styles.values()
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                model = common.model_choice(models, NAMES)
                sliders = [
                    gr.Slider(0, 1, value=float(number == 0), step=0.05, **_named(first, number))
                    for number in range(max(map(len, styles.values())))
                ]
            with gr.Group():
                complexity = gr.Slider(0, 1, value=0.5, step=0.05, label="Complexity", info="few hits · many hits")
                humanize = gr.Slider(0, 1, value=1, step=0.05, label="Humanise", info="a machine · a person")
                with gr.Row():
                    tempo = gr.Slider(60, 200, value=110, step=1, label="Tempo (quarters a minute)", min_width=140)
                    bars = gr.Slider(1, 8, value=2, step=1, label="Bars", min_width=140)
            with gr.Row():
                begin = gr.Button("Play", variant="primary", min_width=120)
                again = gr.Button("Same draw, as set now", min_width=120)
            with gr.Accordion("Play my beat in these styles", open=False):
                beat = gr.File(
                    label="Beat (MIDI, drums on channel 10)", file_types=list(uploads.MIDI.suffixes), height=130
                )
                keep = gr.Slider(0, 1, value=0.3, step=0.05, label="Keep", info="none of its hits · all of them")
                onward = gr.Button("Play it so")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            sound = gr.Audio(label="Loop", interactive=False, autoplay=True, loop=True, buttons=[])
            grid = gr.HTML(label="Grid")
            files = common.downloads(["WAV", "MIDI", "PNG"])

    def shown(
        found: Bars, name: str, number: int, remarks: tuple[str, ...], request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        place = workspace.new(request.session_hash) / f"{name}-{number}"
        wav = drums.write(place, found, ["wav"])["wav"]
        line = common.status(*drums.described(found), f"draw {number}", *remarks)
        yield number, line, str(wav), pictures.drum_grid(found), common.ready(wav), *[gr.skip()] * len(_FORMATS)
        made = drums.write(place, found, _FORMATS)
        yield number, *[gr.skip()] * 4, *[common.ready(made[kind]) for kind in _FORMATS]

    @common.messages(workspace)
    def play(
        model: str, complexity: float, humanize: float, tempo: float, bars: int, seed: float | None,
        request: gr.Request, *mixed: float,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        number = common.new_seed(seed)
        found = drums.play(
            models.loaded[model],
            mixed[: len(styles[model])],
            bars=bars,
            complexity=complexity,
            humanize=humanize,
            tempo=tempo,
            seed=number,
        )
        yield from shown(found, "beat", number, (), request)

    @common.messages(workspace)
    def transfer(
        model: str, complexity: float, humanize: float, beat: str | None, keep: float, seed: float | None,
        request: gr.Request, *mixed: float,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        number = common.new_seed(seed)
        source, remarks = drums.read_beat(uploads.received(beat, uploads.MIDI))
        found = drums.transfer(
            models.loaded[model],
            source,
            mixed[: len(styles[model])],
            keep=keep,
            complexity=complexity,
            humanize=humanize,
            seed=number,
        )
        stayed = int((found.hits & source.hits).sum())
        yield from shown(
            found, "my-beat", number, (f"{stayed} of {int(source.hits.sum())} hits stayed", *remarks), request
        )

    def renamed(model: str) -> list[Any]:
        return [gr.Slider(**_named(styles[model], number)) for number in range(len(sliders))]

    model.change(renamed, model, sliders, api_visibility="private", show_progress="hidden")
    outputs = [drawn, said, sound, grid, *files]
    common.on_click(begin, play, [model, complexity, humanize, tempo, bars, seed, *sliders], outputs)
    common.on_click(again, play, [model, complexity, humanize, tempo, bars, drawn, *sliders], outputs)
    common.on_click(onward, transfer, [model, complexity, humanize, beat, keep, seed, *sliders], outputs)


def _named(styles: list[str], number: int) -> dict[str, Any]:
    """Return what a slider is called, and whether it is seen: models know different numbers of styles."""
    if number >= len(styles):
        return {"visible": False}
    name = styles[number]
    return {"label": _SPOKEN.get(name, name).capitalize(), "visible": True}
