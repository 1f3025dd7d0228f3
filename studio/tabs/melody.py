"""Compose a melody, hear it, see it, vary it, go on from one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from melodygan.form import METERS
from modelkit.cli import UserError
from modelkit.midi import instrument_program
from studio import melody, pictures, uploads
from studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.melody import Composed
    from studio.models import Models
    from studio.workspace import Workspace

NAMES = ("melody-lstm", "melody-attention")
_VARYING = NAMES[0]
_ANY = "any"
_FORMATS = ("midi", "musicxml", "abc", "svg", "png")
_SPOKEN = {"wav": "WAV", "midi": "MIDI", "musicxml": "MusicXML", "abc": "ABC", "svg": "SVG", "png": "PNG"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(
        "A model that learned from folk songs composes a new one. Choose what you like, and press **Compose**.",
        models,
        NAMES,
    ):
        return
    composed = gr.State(None)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                model = common.model_choice(models, NAMES)
                with gr.Row():
                    key = gr.Dropdown([_ANY, *melody.KEYS], value="G major", label="Key", min_width=120)
                    meter = gr.Dropdown([_ANY, *METERS], value="3/4", label="Metre", min_width=120)
                bars = gr.Slider(4, 32, value=16, step=1, label="Bars")
                temperature = gr.Slider(
                    0.5, 1.5, value=1.0, step=0.05, label="Temperature", info="low: safe · high: adventurous"
                )
                with gr.Row():
                    tempo = gr.Slider(60, 200, value=120, step=1, label="Tempo (quarters a minute)", min_width=120)
                    instrument = gr.Dropdown(list(melody.INSTRUMENTS), label="Instrument", min_width=120)
            with gr.Row():
                begin = gr.Button("Compose", variant="primary", min_width=120)
                again = gr.Button("Vary this", min_width=120)
            with gr.Accordion("Continue my MIDI", open=False):
                tune = gr.File(label="Tune (MIDI, ABC, MusicXML)", file_types=list(uploads.TUNE.suffixes), height=130)
                onward = gr.Button("Continue it")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            sound = gr.Audio(label="Melody", interactive=False, autoplay=True, buttons=[])
            roll = gr.HTML(label="Piano roll")
            sheet = gr.HTML(label="Score")
            files = common.downloads([_SPOKEN[name] for name in ("wav", *_FORMATS)])

    def shown(found: Composed, tempo: float, instrument: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        title = f"Melody {found.seed}"
        written = melody.score(found, title, tempo=tempo, program=instrument_program(instrument))
        place = workspace.new(request.session_hash) / f"melody-{found.seed}"
        (wav,) = melody.write(place, written, ["wav"])["wav"]
        line = common.status(*melody.described(found, written), *found.remarks)
        waiting = [gr.DownloadButton(interactive=False)] * len(_FORMATS)
        # What is heard comes first.
        yield found, line, str(wav), pictures.piano_roll(written), "", common.ready(wav), *waiting
        made = melody.write(place, written, _FORMATS)
        pages = [page.read_text(encoding="utf-8") for page in made["svg"]]
        kept = [gr.skip()] * 2
        ready = [common.ready(made[name][0]) for name in _FORMATS]
        yield found, line, *kept, pictures.engraved(pages, title), gr.skip(), *ready

    def asked(key: str, meter: str) -> dict[str, str | None]:
        return {"key": None if key == _ANY else key, "meter": None if meter == _ANY else meter}

    def varying() -> Any:
        if _VARYING not in models.loaded:
            raise UserError(models.missing[_VARYING])
        return models.loaded[_VARYING]

    @common.messages(workspace)
    def compose(
        model: str, key: str, meter: str, bars: int, temperature: float, tempo: float, instrument: str,
        seed: float | None, request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        found = melody.compose(
            models.loaded[model],
            **asked(key, meter),
            bars=bars,
            temperature=temperature,
            seed=common.new_seed(seed),
        )
        yield from shown(found, tempo, instrument, request)

    @common.messages(workspace)
    def vary(
        composed: Composed | None, temperature: float, tempo: float, instrument: str, seed: float | None,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        if composed is None:
            raise UserError("there is no melody yet: compose one first")
        found = melody.vary(varying(), composed, temperature=temperature, seed=common.new_seed(seed))
        yield from shown(found, tempo, instrument, request)

    @common.messages(workspace)
    def go_on(
        tune: str | None, key: str, meter: str, bars: int, temperature: float, tempo: float, instrument: str,
        seed: float | None, request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        found = melody.continue_file(
            varying(),
            uploads.received(tune, uploads.TUNE),
            **asked(key, meter),
            bars=bars,
            temperature=temperature,
            seed=common.new_seed(seed),
        )
        yield from shown(found, tempo, instrument, request)

    outputs = [composed, said, sound, roll, sheet, *files]
    how = [temperature, tempo, instrument, seed]
    common.on_click(begin, compose, [model, key, meter, bars, *how], outputs)
    common.on_click(again, vary, [composed, *how], outputs)
    common.on_click(onward, go_on, [tune, key, meter, bars, *how], outputs)
