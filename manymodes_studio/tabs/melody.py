"""The tab for melodies: compose, vary, recompose some bars, continue a tune from a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import melody, pictures, uploads
from manymodes_studio.language import choices, named, say
from manymodes_studio.tabs import common
from manymodes_studio.tabs.song import MODELS
from melodygan.data.form import METERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manymodes_studio.melody import Composed
    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_VARYING = "melody-lstm"
_ANY = "any"
_LATER = ("midi", "musicxml", "abc", "svg", "png")  # than the sound, which comes first
_SPELLED = {"musicxml": "MusicXML"}


class _Take(NamedTuple):
    """A melody, its id on the page, and the settings that give it again, if they do."""

    composed: Composed
    name: str = ""
    values: dict[str, Any] | None = None


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("melody.lead"), models, MODELS):
        return
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            with gr.Group():
                with gr.Row():
                    any_of = [(say("any"), _ANY)]
                    keys, meters = [*any_of, *choices("key", melody.KEYS)], [*any_of, *METERS]
                    key = gr.Dropdown(keys, value="G major", label=say("key"), min_width=120)
                    meter = gr.Dropdown(meters, value="3/4", label=say("meter"), min_width=120)
                bars = gr.Slider(4, 32, value=16, step=1, label=say("bars"))
                tempo = gr.Slider(
                    60, 200, value=120, step=1, label=say("tempo"), info=say("tempo.info"), elem_id="studio-tempo"
                )
                instrument = gr.Dropdown(
                    [(named("instrument", name), midi) for name, midi in melody.INSTRUMENTS.items()],
                    label=say("instrument"),
                )
            with gr.Row():
                compose = gr.Button(say("melody.compose"), variant="primary", min_width=120)
                vary = gr.Button(say("melody.vary"), min_width=120)
                undo = gr.Button(say("undo"), min_width=80)
            with gr.Row(equal_height=True):
                chosen = gr.Textbox(label=say("melody.bars"), placeholder="5-8", elem_id="studio-bars", min_width=120)
                recompose = gr.Button(say("melody.recompose"), min_width=120)
            with gr.Accordion(say("melody.mine"), open=False):
                tune = common.file_field(say("melody.tune"), uploads.TUNE, "studio-tune")
                go_on = gr.Button(say("melody.continue"))
            with gr.Accordion(say("melody.notes"), open=False):
                gr.HTML(pictures.piano())
                notes = gr.Textbox(
                    label=say("notes"), info=say("notes.info"), placeholder="C4 D4:0.5 E4", elem_id="studio-notes"
                )
                begin = gr.Button(say("melody.begin"))
            with gr.Accordion(say("advanced"), open=False):
                model = common.model_choice(models, MODELS)
                temperature = common.temperature_slider()
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            line, cancel = common.status_row()
            stage, sheet = gr.HTML(), gr.HTML()
            files = common.downloads(["WAV", *(_SPELLED.get(name, name.upper()) for name in _LATER)])

    tab = _Tab(models)
    takes = gr.State([])
    sounding = {"tempo": tempo, "instrument": instrument}
    shared = {"temperature": temperature, **sounding, "seed": seed}
    form = {"key": key, "meter": meter, "bars": bars}
    inputs = {"model": model, **form, **shared}
    state = {"takes": takes}
    outputs = [takes, line, stage, sheet, *files]
    events = common.Events(workspace, "melody", line)
    for button, function, values in (
        (compose, tab.compose, inputs),
        (vary, tab.vary, {"key": key, **shared}),
        (recompose, tab.recompose, {"model": model, "chosen": chosen, "key": key, **shared}),
        (go_on, tab.go_on, {"tune": tune, **form, **shared}),
        (begin, tab.begin, {"notes": notes, **form, **shared}),
        (undo, tab.undo, {}),
    ):
        events.on_click(button, function, {**values, **state}, outputs, busy=stage)
    events.listen([tempo.release, instrument.input], tab.play_again, {**sounding, **state}, outputs)
    events.listen([tune.upload], tab.read, {"tune": tune}, [line, key, meter, tempo])
    events.on_restore(tab.compose, tab.another, inputs, outputs, state)
    events.on_cancel(cancel)


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def compose(self, new_folder: NewFolder, takes: list[_Take], **options: Any) -> Iterator[Any]:
        yield from _shown(new_folder, takes, self._composed(options))

    def another(self, new_folder: NewFolder, **options: Any) -> str:
        return _sounding(new_folder, self._composed(options), more=True)[0]

    def _composed(self, options: dict[str, Any]) -> _Take:
        chosen = _chosen(options)
        model = self.models.loaded[chosen.pop("model")]
        composed = melody.compose(model, **chosen)
        return _Take(composed, values={**options, "seed": str(composed.seed)})

    def vary(self, new_folder: NewFolder, takes: list[_Take], **options: Any) -> Iterator[Any]:
        composed = melody.vary(self._varying(), _last(takes), **_chosen(options))
        yield from _shown(new_folder, takes, _Take(composed))

    def recompose(
        self, new_folder: NewFolder, takes: list[_Take], model: str, chosen: str, **options: Any
    ) -> Iterator[Any]:
        match = re.fullmatch(r"\s*(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?\s*", chosen or "")
        if match is None:
            raise UserError(say("melody.no-bars"))
        first, last = int(match[1]), int(match[2] or match[1])
        composed = melody.vary(self.models.loaded[model], _last(takes), recompose=(first, last), **_chosen(options))
        yield from _shown(new_folder, takes, _Take(composed))

    def go_on(self, new_folder: NewFolder, takes: list[_Take], tune: str | None, **options: Any) -> Iterator[Any]:
        file = uploads.received(tune, uploads.TUNE)
        composed = melody.continue_file(self._varying(), file, **_chosen(options))
        yield from _shown(new_folder, takes, _Take(composed))

    def begin(self, new_folder: NewFolder, takes: list[_Take], notes: str, **options: Any) -> Iterator[Any]:
        composed = melody.continue_notes(self._varying(), notes, **_chosen(options))
        yield from _shown(new_folder, takes, _Take(composed))

    def read(self, new_folder: NewFolder, tune: str | None) -> Iterator[Any]:
        """Set the controls to what an uploaded tune has."""
        key, meter, tempo = melody.form_of_file(uploads.received(tune, uploads.TUNE))
        read = [key and named("key", key), meter, say("bpm", tempo=f"{tempo:.0f}") if tempo else None]
        yield (
            common.status(say("your-tune"), *(list(filter(None, read)) or [say("your-tune.bare")])),
            key or _ANY,
            meter or _ANY,
            min(200, max(60, round(tempo))) if tempo else gr.skip(),
        )

    def play_again(self, new_folder: NewFolder, takes: list[_Take], tempo: float, instrument: str) -> Iterator[Any]:
        composed = melody.played(takes[-1].composed, tempo=tempo, instrument=instrument) if takes else None
        if composed is None or composed == takes[-1].composed:
            yield [gr.skip()] * (5 + len(_LATER))
            return
        last = takes[-1]
        values = last.values and {**last.values, "tempo": tempo, "instrument": instrument}
        yield from _shown(new_folder, takes, _Take(composed, values=values), follows=last.name)

    def undo(self, new_folder: NewFolder, takes: list[_Take]) -> Iterator[Any]:
        *before, last = common.without_the_last(takes)
        yield from _shown(new_folder, before, last)

    def _varying(self) -> Any:
        if _VARYING not in self.models.loaded:
            raise UserError(self.models.missing[_VARYING])
        return self.models.loaded[_VARYING]


def _last(takes: list[_Take]) -> Composed:
    if not takes:
        raise UserError(say("melody.none"))
    return takes[-1].composed


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without values for the model to choose, and with a seed."""
    chosen = {name: None if value == _ANY else value for name, value in options.items()}
    return {**chosen, "seed": common.new_seed(options["seed"])}


def _sounding(new_folder: NewFolder, take: _Take, **how: Any) -> tuple[str, str, Any, Any]:
    """Write the sound and notes of a take; return its HTML and id, its score and the path of its files."""
    composed = take.composed
    title = say("melody.title", seed=composed.seed)
    score = composed.score._replace(title=title)
    stem = new_folder() / f"melody-{composed.seed}"
    files = melody.write(stem, score, ["wav", "midi"])
    html, name = pictures.take(
        pictures.piano_roll(score), title=title, tab="melody", audio=files["wav"][0], midi=files["midi"][0],
        values=take.values, **how,
    )  # fmt: skip
    return html, name, score, stem


def _shown(new_folder: NewFolder, takes: list[_Take], take: _Take, **how: Any) -> Iterator[Any]:
    """Yield values for the right-hand side, the sound first."""
    html, name, score, stem = _sounding(new_folder, take, **how)
    takes = [*takes, take._replace(name=name)]
    status = common.status(*melody.described(take.composed), *take.composed.remarks)
    yield takes, status, html, "", common.ready(stem.with_suffix(".wav")), *common.waiting(len(_LATER))
    later = melody.write(stem, score, _LATER)
    sheet = pictures.also(name, pictures.engraved([page.read_text(encoding="utf-8") for page in later["svg"]], score))
    yield takes, gr.skip(), gr.skip(), sheet, gr.skip(), *(common.ready(later[name][0]) for name in _LATER)
