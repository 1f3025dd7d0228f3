"""The tab for drums: mix styles, hear and edit a loop of them, and play an uploaded beat in other styles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from drumvae.data.kit import INSTRUMENTS
from manymodes.cli import UserError
from manymodes_studio import drums, pictures, uploads
from manymodes_studio.language import choices, say
from manymodes_studio.tabs import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drumvae.data.kit import Bars
    from manymodes_studio.models import Models
    from manymodes_studio.tabs.common import NewFolder
    from manymodes_studio.workspace import Workspace

_MODELS = ("drums-styles", "drums-groove")
_LATER = ("midi", "png")  # than the sound, which comes first
_CORNERS = 4


class _Take(NamedTuple):
    """A beat, its seed and id on the page, the rows that are locked, mute and solo, and its settings."""

    bars: Bars
    seed: int
    name: str = ""
    rows: dict[str, frozenset[int]] = dict.fromkeys(pictures.STATES, frozenset())
    values: dict[str, Any] | None = None


def add(models: Models, workspace: Workspace) -> None:
    """Add the tab's contents to the page."""
    if not common.introduce(say("drums.lead"), models, _MODELS):
        return
    tab = _Tab(models)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            model = common.model_choice(models, _MODELS)
            pad = gr.HTML(tab.pad(model.value))
            place = common.hidden("studio-pad-place")
            with gr.Row():
                new = gr.Button(say("drums.new"), variant="primary", min_width=120)
                change = gr.Button(say("drums.change"), min_width=120)
                undo = gr.Button(say("undo"), min_width=80)
            with gr.Accordion(say("drums.styles"), open=True), gr.Group():
                sliders = [
                    gr.Slider(0, 1, value=float(number == 0), step=0.05, **shown)
                    for number, shown in enumerate(tab.names_of_sliders(model.value))
                ]
            with gr.Group():
                complexity = gr.Slider(0, 1, value=0.5, step=0.05, label=say("complexity"), info=say("complexity.info"))
                humanize = gr.Slider(0, 1, value=1, step=0.05, label=say("humanize"), info=say("humanize.info"))
                tempo = gr.Slider(60, 200, value=110, step=1, label=say("tempo"), info=say("tempo.info"))
                bars = gr.Slider(1, 8, value=2, step=1, label=say("bars"))
            with gr.Accordion(say("drums.mine"), open=False):
                beat = common.file_field(say("drums.beat"), uploads.MIDI, "studio-beat")
                keep = gr.Slider(0, 1, value=0.3, step=0.05, label=say("drums.keep"), info=say("drums.keep.info"))
                transfer = gr.Button(say("drums.transfer"))
            with gr.Accordion(say("advanced"), open=False):
                seed = common.seed_field()
        with gr.Column(scale=6, min_width=300):
            line, cancel = common.status_row()
            stage = gr.HTML()
            files = common.downloads(["WAV", *map(str.upper, _LATER)])
            hit, row = common.hidden("studio-hit"), common.hidden("studio-row")

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    model.change(tab.rename, model, [pad, *sliders], **quiet)
    takes = gr.State([])
    state = {"takes": takes}
    shared = {"model": model, "complexity": complexity, "humanize": humanize, "tempo": tempo, "bars": bars}
    styles = {f"style{number}": slider for number, slider in enumerate(sliders)}
    inputs = {**shared, **styles, "seed": seed}
    outputs = [takes, line, stage, *files]
    events = common.Events(workspace, "drums", line)
    for button, function, values in (
        (new, tab.play, inputs),
        (change, tab.change, {**shared, **styles}),
        (transfer, tab.transfer, {**inputs, "beat": beat, "keep": keep}),
        (undo, tab.undo, {}),
    ):
        events.on_click(button, function, {**values, **state}, outputs, busy=stage)
    mixed = {"place": place, **shared, **styles, **state}
    events.listen([place.change], tab.place, mixed, [*sliders, *outputs], trigger_mode="always_last")
    events.listen([hit.change], tab.toggle, {"asked": hit, **state}, outputs)
    events.listen([row.change], tab.switch, {"asked": row, **state}, outputs)
    events.listen([tempo.release], tab.faster, {"tempo": tempo, **state}, outputs)
    events.listen([beat.upload], tab.read, {"beat": beat}, [line, tempo, bars])
    events.on_restore(tab.play, tab.another, inputs, outputs, state)
    events.on_cancel(cancel)


class _Tab:
    """What the buttons do."""

    def __init__(self, models: Models) -> None:
        self.models = {name: models.loaded[name] for name in _MODELS if name in models.loaded}

    def play(self, new_folder: NewFolder, takes: list[_Take], **values: Any) -> Iterator[Any]:
        yield from _shown(new_folder, takes, self._played(values, takes[-1] if takes else None))

    def another(self, new_folder: NewFolder, **values: Any) -> str:
        return _drawn(new_folder, self._played(values), more=True)[0]

    def change(self, new_folder: NewFolder, takes: list[_Take], **values: Any) -> Iterator[Any]:
        last = _last(takes)
        changed = self._played({**values, "seed": str(last.seed)}, last)
        bars = drums.change(self.models[values["model"]], last.bars, changed.bars, seed=common.new_seed(""))
        own = bars is changed.bars
        bars = drums.locked(bars, last.bars, last.rows["lock"])
        yield from _shown(
            new_folder, takes, changed._replace(bars=bars, values=changed.values if own else None), follows=last.name
        )

    def place(self, new_folder: NewFolder, takes: list[_Take], place: str, **values: Any) -> Iterator[Any]:
        asked = json.loads(place)
        shares = [round(share, 2) for share in drums.shares_at(float(asked["x"]), float(asked["y"]))]
        count = sum(name.startswith("style") for name in values)
        sliders = (shares + [0.0] * count)[:count]
        values |= {f"style{number}": share for number, share in enumerate(sliders)}
        last = takes[-1] if takes else None
        played = self._played({**values, "seed": str(last.seed) if last else ""}, last)
        for shown in _shown(new_folder, takes, played, follows=last.name if last else ""):
            yield *sliders, *shown

    def transfer(
        self, new_folder: NewFolder, takes: list[_Take], beat: str | None, keep: float, **values: Any
    ) -> Iterator[Any]:
        seed = common.new_seed(values["seed"])
        source, remarks = drums.read_beat(uploads.received(beat, uploads.MIDI))
        drummer = self.models[values["model"]]
        bars = drums.transfer(
            drummer, source, _sliders(drummer, values), keep=keep, seed=seed, tempo=values["tempo"],
            count=values["bars"], complexity=values["complexity"], humanize=values["humanize"],
        )  # fmt: skip
        repeated = source.hits[[number % len(source) for number in range(len(bars))]]
        stayed = say("drums.stayed", kept=int((bars.hits & repeated).sum()), all=int(repeated.sum()))
        yield from _shown(new_folder, takes, _Take(bars, seed), stayed, *remarks)

    def read(self, new_folder: NewFolder, beat: str | None) -> Iterator[Any]:
        """Set the controls to what an uploaded beat has."""
        source, remarks = drums.read_beat(uploads.received(beat, uploads.MIDI))
        tempo = min(200, max(60, round(float(source.tempos[0]))))
        yield common.status(say("your-beat"), *drums.described(source), *remarks), tempo, min(8, len(source))

    def toggle(self, new_folder: NewFolder, takes: list[_Take], asked: str) -> Iterator[Any]:
        last, wish = _last(takes), json.loads(asked)
        bar, step, number = map(int, wish["at"])
        if not (0 <= bar < len(last.bars) and 0 <= step < last.bars.hits.shape[1] and 0 <= number < len(INSTRUMENTS)):
            raise UserError(say("drums.no-place"))
        edited = drums.toggled(last.bars, (bar, step, number), bool(wish["on"]))
        yield from _shown(new_folder, takes, last._replace(bars=edited, values=None), follows=last.name)

    def switch(self, new_folder: NewFolder, takes: list[_Take], asked: str) -> Iterator[Any]:
        last, wish = _last(takes), json.loads(asked)
        state, row = str(wish["state"]), frozenset({int(wish["row"])})
        if state not in pictures.STATES:
            raise UserError(say("drums.no-place"))
        rows = {**last.rows, state: last.rows[state] | row if wish["on"] else last.rows[state] - row}
        yield from _shown(new_folder, takes, last._replace(rows=rows, values=None), follows=last.name)

    def faster(self, new_folder: NewFolder, takes: list[_Take], tempo: float) -> Iterator[Any]:
        if not takes or (takes[-1].bars.tempos == tempo).all():
            yield [gr.skip()] * (4 + len(_LATER))
            return
        last = takes[-1]
        values = last.values and {**last.values, "tempo": tempo}
        played = last._replace(bars=drums.in_tempo(last.bars, tempo), values=values)
        yield from _shown(new_folder, takes, played, follows=last.name)

    def undo(self, new_folder: NewFolder, takes: list[_Take]) -> Iterator[Any]:
        *before, last = common.without_the_last(takes)
        yield from _shown(new_folder, before, last)

    def _played(self, values: dict[str, Any], last: _Take | None = None) -> _Take:
        seed, drummer = common.new_seed(values["seed"]), self.models[values["model"]]
        options = {name: values[name] for name in ("complexity", "humanize", "tempo", "bars")}
        bars = drums.play(drummer, _sliders(drummer, values), seed=seed, **options)
        values = {**values, "seed": str(seed)}
        if last is None:
            return _Take(bars, seed, values=values)
        kept = drums.locked(bars, last.bars, last.rows["lock"])
        return _Take(kept, seed, rows=last.rows, values=values if kept is bars else None)

    def rename(self, model: str) -> list[Any]:
        """Name the pad's corners and the sliders by a model's styles."""
        return [self.pad(model), *[gr.Slider(**shown) for shown in self.names_of_sliders(model)]]

    def pad(self, model: str) -> str:
        """Return a pad between the first four styles of a model."""
        return pictures.pad(_labels(self.models[model].styles)[:_CORNERS])

    def names_of_sliders(self, model: str) -> list[dict[str, Any]]:
        """Return label and visibility of each slider: there are as many as the largest model has styles."""
        styles = self.models[model].styles
        hidden = max(len(other.styles) for other in self.models.values()) - len(styles)
        return [{"label": label, "visible": True} for label in _labels(styles)] + [{"visible": False}] * hidden


def _labels(styles: list[str]) -> list[str]:
    return [label for label, _ in choices("style", styles)]


def _sliders(drummer: Any, values: dict[str, Any]) -> list[float]:
    return [values[f"style{number}"] for number in range(len(drummer.styles))]


def _last(takes: list[_Take]) -> _Take:
    if not takes:
        raise UserError(say("drums.none"))
    return takes[-1]


def _drawn(new_folder: NewFolder, take: _Take, **how: Any) -> tuple[str, str, Any, Bars]:
    """Write the sound and notes of a take; return its HTML and id, the path of its files and what is heard."""
    heard = drums.audible(take.bars, take.rows["mute"], take.rows["solo"])
    stem = new_folder() / f"beat-{take.seed}"
    files = drums.write(stem, heard, ["wav", "midi"])
    html, name = pictures.take(
        pictures.drum_grid(take.bars, take.rows), title=say("drums.title", seed=take.seed), tab="drums",
        audio=files["wav"], midi=files["midi"], loop=True, values=take.values, **how,
    )  # fmt: skip
    return html, name, stem, heard


def _shown(new_folder: NewFolder, takes: list[_Take], take: _Take, *remarks: str, **how: Any) -> Iterator[Any]:
    """Yield values for the right-hand side, the sound first."""
    html, name, stem, heard = _drawn(new_folder, take, **how)
    takes = [*takes, take._replace(name=name)]
    status = common.status(*drums.described(heard), say("seed.of", seed=take.seed), *remarks)
    wav = common.ready(stem.with_suffix(".wav"))
    yield takes, status, html, wav, *common.waiting(len(_LATER))
    later = drums.write(stem, heard, _LATER)
    yield takes, gr.skip(), gr.skip(), gr.skip(), *(common.ready(later[kind]) for kind in _LATER)
