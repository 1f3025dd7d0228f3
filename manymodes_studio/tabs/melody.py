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
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_TITLES = {"melody-lstm": "LSTM", "melody-wgan": "Wasserstein GAN"}
_VARYING = "melody-lstm"
_ANY = "any"
_LATER = ("midi", "musicxml", "abc", "svg", "png")  # than the sound, which comes first
_SPELLED = {"musicxml": "MusicXML"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    text = "A model that learned from folk songs composes a new one. Choose what you like, and press **Compose**."
    if not common.introduce(text, models, _TITLES):
        return
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                model = common.model_choice(models, _TITLES)
                with gr.Row():
                    key = gr.Dropdown([_ANY, *melody.KEYS], value="G major", label="Key", min_width=120)
                    meter = gr.Dropdown([_ANY, *METERS], value="3/4", label="Metre", min_width=120)
                bars = gr.Slider(4, 32, value=16, step=1, label="Bars")
                temperature = gr.Slider(
                    0.5, 1.5, value=1.0, step=0.05, label="Temperature", info="low: safe · high: adventurous"
                )
                tempo = gr.Slider(60, 200, value=120, step=1, label="Tempo", info="BPM")
                instrument = gr.Dropdown(list(melody.INSTRUMENTS.items()), label="Instrument")
            with gr.Row():
                compose = gr.Button("Compose", variant="primary", min_width=120)
                vary = gr.Button("Vary this", min_width=120)
            with gr.Accordion("Continue my MIDI", open=False):
                tune = common.file_field("Tune (MIDI, ABC, MusicXML)", uploads.TUNE, "studio-tune")
                go_on = gr.Button("Continue it")
            seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            line = gr.HTML(common.status())
            cancel = common.cancel_button()
            player = common.player("Melody")
            roll = gr.HTML()
            sheet = gr.HTML()
            files = common.downloads(["WAV", *(_SPELLED.get(name, name.upper()) for name in _LATER)])

    tab = _Tab(models)
    composed = gr.State(None)
    shared = {"temperature": temperature, "tempo": tempo, "instrument": instrument, "seed": seed}
    form = {"key": key, "meter": meter, "bars": bars}
    events = []
    outputs = [composed, line, player, roll, sheet, *files]
    for button, function, inputs in (
        (compose, tab.compose, {"model": model, **form, **shared}),
        (vary, tab.vary, {"composed": composed, **shared}),
        (go_on, tab.go_on, {"tune": tune, **form, **shared}),
    ):
        events.append(common.on_click(workspace, button, function, inputs, outputs, busy=player, queue="melody"))
    common.on_cancel(cancel, events, "melody")


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def compose(self, new_folder: NewFolder, model: str, **options: Any) -> Iterator[Any]:
        yield from _shown(new_folder, melody.compose(self.models.loaded[model], **_chosen(options)))

    def vary(self, new_folder: NewFolder, composed: Composed | None, **options: Any) -> Iterator[Any]:
        if composed is None:
            raise UserError("there is no melody yet: compose one first")
        yield from _shown(new_folder, melody.vary(self._varying(), composed, **_chosen(options)))

    def go_on(self, new_folder: NewFolder, tune: str | None, **options: Any) -> Iterator[Any]:
        file = uploads.received(tune, uploads.TUNE)
        yield from _shown(new_folder, melody.continue_file(self._varying(), file, **_chosen(options)))

    def _varying(self) -> Any:
        if _VARYING not in self.models.loaded:
            raise UserError(self.models.missing[_VARYING])
        return self.models.loaded[_VARYING]


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without values for the model to choose, and with a seed."""
    chosen = {name: None if value == _ANY else value for name, value in options.items()}
    return {**chosen, "seed": common.new_seed(options["seed"])}


def _shown(new_folder: NewFolder, composed: Composed) -> Iterator[Any]:
    """Yield values for the right-hand side, the sound first."""
    title = f"Melody {composed.seed}"
    score = composed.score._replace(title=title)
    stem = new_folder() / f"melody-{composed.seed}"
    (wav,) = melody.write(stem, score, ["wav"])["wav"]
    status = common.status(*melody.described(composed), *composed.remarks)
    roll = pictures.piano_roll(score)
    yield composed, status, str(wav), roll, "", common.ready(wav), *common.waiting(len(_LATER))
    later = melody.write(stem, score, _LATER)
    sheet = pictures.engraved([page.read_text(encoding="utf-8") for page in later["svg"]], title)
    yield composed, *[gr.skip()] * 3, sheet, gr.skip(), *(common.ready(later[name][0]) for name in _LATER)
