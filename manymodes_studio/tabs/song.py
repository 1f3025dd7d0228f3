"""The first tab: a tune with a beat under it, in a mood; it is there when the page opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes.music.audio import write_audio
from manymodes.music.formats import RATE_HZ
from manymodes_studio import melody, pictures, song
from manymodes_studio.language import choices, current, named, say
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

MODELS = ("melody-lstm", "melody-wgan")
_DRUMMER = "drums-styles"
_FIRST: dict[str, Any] = {"mood": "calm waltz", "parts": ["drums"], "seed": "2"}


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("song.lead"), models, MODELS):
        return
    tab = _Tab(models)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            mood = gr.Radio(choices("mood", song.MOODS), value=_FIRST["mood"], label=say("mood"))
            parts = gr.CheckboxGroup(
                choices("part", song.PARTS), value=_FIRST["parts"], label=say("parts"), info=say("parts.info")
            )
            gr.HTML(pictures.play_button())
            with gr.Row():
                new = gr.Button(say("song.new"), variant="primary", min_width=120)
                undo = gr.Button(say("undo"), min_width=80)
            tempo = gr.Slider(
                60, 200, value=song.MOODS[_FIRST["mood"]].tempo, step=1, label=say("tempo"), info=say("tempo.info")
            )
            with gr.Accordion(say("advanced"), open=False):
                model = common.model_choice(models, MODELS)
                temperature = common.temperature_slider()
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            first = tab.first(workspace, tempo.value, model.value)
            line, cancel = common.status_row(common.status(*first[1]) if first else "")
            stage = gr.HTML(first[0] if first else "")
            files = common.downloads(["WAV", "MIDI"], first[3:] if first else ())

    takes = gr.State([first[2]] if first else [])
    inputs = {
        "mood": mood, "parts": parts, "tempo": tempo, "model": model, "temperature": temperature, "seed": seed,
    }  # fmt: skip
    outputs = [takes, line, stage, *files]
    state = {"takes": takes}
    events = common.Events(workspace, "song", line)
    events.on_click(new, tab.compose, {**inputs, **state}, outputs, busy=stage)
    events.on_click(undo, tab.undo, state, outputs, busy=stage)
    events.listen([mood.input], tab.other_mood, {**inputs, **state}, [tempo, *outputs])
    events.listen([parts.input, tempo.release], tab.again, {**inputs, **state}, outputs)
    events.on_restore(tab.compose, tab.another, inputs, outputs, state)
    events.on_cancel(cancel)


class _Tab:
    """What the buttons do; a take is the dict of its settings, with its seed."""

    def __init__(self, models: Models) -> None:
        self.models = models.loaded

    def first(
        self, workspace: Workspace, tempo: float, model: str
    ) -> tuple[str, tuple[str, ...], dict[str, Any], Path, Path] | None:
        """Make the song that is there when the page opens; without one, the page is opened without it."""
        folder = workspace.root / f"first-{current()}"
        folder.mkdir(exist_ok=True)
        values = {**_FIRST, "tempo": tempo, "model": model, "temperature": 1.0}
        try:
            html, line, name, wav, midi = self._made(folder, values, quiet=True)
        except UserError:
            return None
        return html, line, {**values, "id": name}, wav, midi

    def compose(self, new_folder: NewFolder, takes: list[dict[str, Any]], **values: Any) -> Iterator[Any]:
        values["seed"] = str(common.new_seed(values["seed"]))
        yield self._shown(new_folder(), [*takes, values])

    def other_mood(self, new_folder: NewFolder, takes: list[dict[str, Any]], **values: Any) -> Iterator[Any]:
        values["tempo"] = song.MOODS[values["mood"]].tempo
        for shown in self.compose(new_folder, takes, **values):
            yield values["tempo"], *shown

    def again(self, new_folder: NewFolder, takes: list[dict[str, Any]], **values: Any) -> Iterator[Any]:
        last = takes[-1] if takes else {}
        if all(values[name] == last.get(name) for name in ("parts", "tempo")):  # the field was left as it was
            yield [gr.skip()] * 5
            return
        follows = last.get("id", "")
        made: dict[str, Any] = {
            **values,
            **{name: last[name] for name in ("mood", "seed", "model", "temperature") if name in last},
        }
        made["seed"] = str(common.new_seed(made["seed"]))
        yield self._shown(new_folder(), [*takes, made], follows=follows)

    def undo(self, new_folder: NewFolder, takes: list[dict[str, Any]]) -> Iterator[Any]:
        yield self._shown(new_folder(), common.without_the_last(takes))

    def another(self, new_folder: NewFolder, **values: Any) -> str:
        return self._made(new_folder(), values, more=True)[0]

    def _shown(self, folder: Path, takes: list[dict[str, Any]], **how: Any) -> tuple[Any, ...]:
        html, line, name, wav, midi = self._made(folder, takes[-1], **how)
        takes = [*takes[:-1], {**takes[-1], "id": name}]
        return takes, common.status(*line), html, common.ready(wav), common.ready(midi)

    def _made(self, folder: Path, values: dict[str, Any], **how: Any) -> tuple[str, tuple[str, ...], str, Path, Path]:
        values = {name: value for name, value in values.items() if name != "id"}
        made = song.compose(
            self.models[values["model"]], self.models.get(_DRUMMER), values["mood"], seed=int(values["seed"]),
            parts=values["parts"], tempo=values["tempo"], temperature=values["temperature"],
        )  # fmt: skip
        title = f"{named('mood', values['mood'])} {values['seed']}"
        made = made._replace(composed=made.composed._replace(score=made.composed.score._replace(title=title)))
        stem = folder / title.replace(" ", "-").lower()
        wav, midi = stem.with_suffix(".wav"), stem.with_suffix(".mid")
        write_audio(wav, song.sound(made), RATE_HZ)
        song.write_midi(midi, made)
        drawn = pictures.piano_roll(made.composed.score)
        html, name = pictures.take(drawn, title=title, tab="song", audio=wav, midi=midi, values=values, **how)
        return html, (*melody.described(made.composed), *made.composed.remarks), name, wav, midi
