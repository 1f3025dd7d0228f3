"""The tab for melodies: compose, vary, continue a tune from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import melody, pictures, uploads
from manymodes_studio.tabs import common
from melodygan.data.form import METERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manymodes_studio.melody import Composed
    from manymodes_studio.models import Models
    from manymodes_studio.workspace import Workspace

NAMES = ("melody-lstm", "melody-attention")
_VARYING = NAMES[0]
_ANY = "any"
_LATER = ("midi", "musicxml", "abc", "svg", "png")  # than the sound, which comes first
_SPOKEN = {"midi": "MIDI", "musicxml": "MusicXML"}


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
                tempo = gr.Slider(60, 200, value=120, step=1, label="Tempo", info="BPM")
                instrument = gr.Dropdown(list(melody.INSTRUMENTS), label="Instrument")
            with gr.Row():
                begin = gr.Button("Compose", variant="primary", min_width=120)
                again = gr.Button("Vary this", min_width=120)
            with gr.Accordion("Continue my MIDI", open=False):
                tune = common.file_field("Tune (MIDI, ABC, MusicXML)", uploads.TUNE, "studio-tune")
                onward = gr.Button("Continue it")
            with gr.Accordion("More", open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            said = common.status_field()
            sound = common.player("Melody")
            roll = gr.HTML()
            sheet = gr.HTML()
            files = common.downloads(["WAV", *(_SPOKEN.get(name, name.upper()) for name in _LATER)])

    does = _Tab(models, workspace)
    outputs = [composed, said, sound, roll, sheet, *files]
    how = [temperature, tempo, instrument, seed]
    for button, function, inputs in (
        (begin, does.compose, [model, key, meter, bars, *how]),
        (again, does.vary, [composed, *how]),
        (onward, does.go_on, [tune, key, meter, bars, *how]),
    ):
        common.on_click(button, common.telling(workspace, function), inputs, outputs, busy=sound)


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models, workspace: Workspace) -> None:
        self.models, self.workspace = models, workspace

    def compose(
        self, model: str, key: str, meter: str, bars: int, temperature: float, tempo: float, instrument: str,
        seed: float | None, request: gr.Request,
    ) -> Iterator[Any]:  # fmt: skip
        composed = melody.compose(
            self.models.loaded[model],
            key=_chosen(key),
            meter=_chosen(meter),
            bars=bars,
            temperature=temperature,
            tempo=tempo,
            instrument=instrument,
            seed=common.new_seed(seed),
        )
        yield from self._shown(composed, request)

    def vary(
        self, composed: Composed | None, temperature: float, tempo: float, instrument: str, seed: float | None,
        request: gr.Request,
    ) -> Iterator[Any]:  # fmt: skip
        if composed is None:
            raise UserError("there is no melody yet: compose one first")
        varied = melody.vary(
            self._varying(), composed, temperature=temperature, tempo=tempo, instrument=instrument,
            seed=common.new_seed(seed),
        )  # fmt: skip
        yield from self._shown(varied, request)

    def go_on(
        self, tune: str | None, key: str, meter: str, bars: int, temperature: float, tempo: float, instrument: str,
        seed: float | None, request: gr.Request,
    ) -> Iterator[Any]:  # fmt: skip
        composed = melody.continue_file(
            self._varying(),
            uploads.received(tune, uploads.TUNE),
            key=_chosen(key),
            meter=_chosen(meter),
            bars=bars,
            temperature=temperature,
            tempo=tempo,
            instrument=instrument,
            seed=common.new_seed(seed),
        )
        yield from self._shown(composed, request)

    def _varying(self) -> Any:
        if _VARYING not in self.models.loaded:
            raise UserError(self.models.missing[_VARYING])
        return self.models.loaded[_VARYING]

    def _shown(self, composed: Composed, request: gr.Request) -> Iterator[Any]:
        """Fill the right-hand side, the sound first."""
        title = f"Melody {composed.seed}"
        written = composed.score._replace(title=title)
        place = self.workspace.new(request.session_hash) / f"melody-{composed.seed}"
        (wav,) = melody.write(place, written, ["wav"])["wav"]
        line = common.status(*melody.described(composed), *composed.remarks)
        roll = pictures.piano_roll(written)
        yield composed, line, str(wav), roll, "", common.ready(wav), *common.waiting(len(_LATER))
        made = melody.write(place, written, _LATER)
        sheet = pictures.engraved([page.read_text(encoding="utf-8") for page in made["svg"]], title)
        yield composed, *[gr.skip()] * 3, sheet, gr.skip(), *(common.ready(made[name][0]) for name in _LATER)


def _chosen(choice: str) -> str | None:
    return None if choice == _ANY else choice
