"""Parts that the tabs share: event handlers, messages, seeds, takes and download buttons."""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Iterator  # noqa: TC003 - Gradio resolves the annotations of event handlers
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import clicks
from manymodes_studio.language import choices, current, say, speak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from manymodes_studio.models import Models
    from manymodes_studio.uploads import Kind
    from manymodes_studio.workspace import Workspace

    NewFolder = Callable[[], Path]

_MORE = 4  # takes of "four more like this"
_SEEDS = 2**31
_LONGEST = 60  # characters of a text in a link
# On a phone the result is below the controls.
TO_THE_RESULT = """() => setTimeout(() => {
    const line = [...document.querySelectorAll(".studio-status")].find((one) => one.offsetParent);
    const top = line?.getBoundingClientRect().top ?? 0;
    if (top < 0 || top > innerHeight / 3) line.scrollIntoView({block: "start"});
}, 50)"""


class Events:
    """The events of a tab. Its calls wait in a queue of their own, one at a time.

    Functions are called with a function that makes a folder for the visitor, and with the values of the inputs by name;
    they yield values for the outputs, the tab's ``line`` among them. A `UserError` of theirs goes to that line, without
    the workspace's paths, and nothing else changes. A call ends after `clicks.SECONDS`, when it is cancelled, and when
    the visitor leaves.
    """

    def __init__(self, workspace: Workspace, queue: str, line: gr.HTML) -> None:
        self.workspace, self.queue, self.line = workspace, queue, line
        self._begun: list[Any] = []

    def listen(
        self,
        triggers: Sequence[Any],
        function: Callable[..., Iterator[Any]],
        inputs: Mapping[str, Any],
        outputs: Sequence[Any],
        **options: Any,
    ) -> None:
        """Call a function at events, with options of `gradio.on`."""
        language, cancelled = current(), say("cancelled")

        # Gradio passes the request by its annotation.
        def handler(request: gr.Request, *values: Any) -> Iterator[Any]:
            new_folder = functools.partial(self.workspace.new, request.session_hash)
            speak(language)  # `steps` keeps it
            work = function(new_folder, **dict(zip(inputs, values, strict=True)))
            with clicks.limited(request.session_hash, self.queue) as deadline:
                try:
                    yield from deadline.steps(work)
                except UserError as error:
                    reason = self.workspace.without_folders(" ".join(str(error).split()))
                    text = problem(cancelled if deadline.stopped else reason)
                    shown = [text if output is self.line else gr.skip() for output in outputs]
                    yield shown if len(shown) > 1 else shown[0]

        options |= {"concurrency_id": self.queue, "concurrency_limit": 1, "api_visibility": "private"}
        self._begun.append(gr.on(triggers, handler, list(inputs.values()), outputs, **options))

    def on_click(
        self,
        button: gr.Button,
        function: Callable[..., Iterator[Any]],
        inputs: Mapping[str, Any],
        outputs: Sequence[Any],
        *,
        busy: Any,
    ) -> None:
        """Call a function when a button is clicked, and scroll to the result; ``busy`` shows progress."""
        # a click is not lost while the score of the last one is still drawn
        options = {"show_progress": "full", "show_progress_on": [busy], "trigger_mode": "multiple"}
        self.listen([button.click], function, inputs, outputs, **options)
        button.click(None, js=TO_THE_RESULT, api_visibility="private")

    def on_restore(
        self,
        function: Callable[..., Iterator[Any]],
        another: Callable[..., str],
        inputs: Mapping[str, Any],
        outputs: Sequence[Any],
        state: Mapping[str, Any],
    ) -> None:
        """Make a take again from its settings, or more like it, as the page's script asks for in hidden fields.

        ``function`` is called with the settings and the ``state``, and yields values for the outputs; the inputs get
        the settings, too. ``another`` returns the HTML of a take. Settings may come from anywhere: a link holds them.
        """

        def read(asked: str) -> dict[str, Any]:
            try:
                values = dict(json.loads(asked)["values"])
                return {name: _valid(component, values[name]) for name, component in inputs.items()}
            except (ValueError, KeyError, TypeError, gr.Error) as error:
                raise UserError(say("link.unusable")) from error

        def restore(new_folder: NewFolder, asked: str, **others: Any) -> Iterator[Any]:
            values = read(asked)
            controls = list(values.values())
            for made in function(new_folder, **values, **others):
                yield *controls, *made
                controls = [gr.skip()] * len(controls)  # they may have been changed meanwhile

        def like_it(new_folder: NewFolder, asked: str) -> Iterator[Any]:
            values = read(asked)
            seed = new_seed(values["seed"])
            seeds = ((seed + number) % _SEEDS for number in range(1, _MORE + 1))
            yield gr.skip(), "".join(another(new_folder, **{**values, "seed": str(one)}) for one in seeds)

        asked, more = hidden(f"studio-restore-{self.queue}"), hidden(f"studio-more-{self.queue}")
        takes = gr.HTML(elem_classes="studio-hidden")
        self.listen([asked.change], restore, {"asked": asked, **state}, [*inputs.values(), *outputs])
        self.listen([more.change], like_it, {"asked": more}, [self.line, takes])

    def on_cancel(self, button: gr.Button) -> None:
        """End a visitor's calls, waiting and running ones, when a button is clicked."""
        cancelled = status(say("cancelled"))

        def cancel(request: gr.Request) -> str:
            clicks.stop(request.session_hash, self.queue)
            return cancelled

        # Gradio drops what waits, and closes what runs as soon as it has stopped.
        options = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
        button.click(cancel, outputs=[self.line], cancels=self._begun, **options)


def forget_at_leave(page: gr.Blocks, workspace: Workspace) -> None:
    """End a visitor's work and remove the visitor's folders when the visitor leaves the page."""

    def leave(request: gr.Request) -> None:
        clicks.stop(request.session_hash)
        workspace.forget(request.session_hash)

    page.unload(leave)


def _valid(component: Any, value: Any) -> Any:
    """Return a value that a component can have; raise a ValueError, or what Gradio raises, for any other."""
    if isinstance(component, gr.Slider):
        return min(max(type(component.step)(value), component.minimum), component.maximum)
    if isinstance(component, gr.Textbox):
        return str(value)[:_LONGEST]
    if isinstance(component, gr.CheckboxGroup):
        return [one for _, one in component.choices if one in value]
    if value not in [one for _, one in component.choices]:
        raise ValueError
    return value


def hidden(name: str) -> gr.Textbox:
    """Return a field that only the page's script fills."""
    return gr.Textbox(elem_id=name, elem_classes="studio-hidden", label=name, container=False)


def introduce(text: str, models: Models, names: Iterable[str]) -> bool:
    """Add the introduction of a tab and a note on each missing model; return whether any model is loaded."""
    gr.Markdown(text, elem_classes="studio-lead")
    for name in names:
        if name in models.missing:
            gr.HTML(f'<p class="studio-missing">{escape(models.missing[name])}</p>')
    return not models.loaded.keys().isdisjoint(names)


def model_choice(models: Models, names: Iterable[str]) -> gr.Radio:
    """Return a choice of the loaded models among some; it is hidden if there is only one."""
    loaded = choices("model", [name for name in names if name in models.loaded])
    return gr.Radio(loaded, value=loaded[0][1], label=say("model"), visible=len(loaded) > 1)


def seed_field() -> gr.Textbox:
    """Return a field for the seed, with a button that empties it; Gradio's field for numbers would begin with 0."""
    with gr.Row(elem_classes="studio-seed"):
        seed = gr.Textbox("", label=say("seed"), info=say("seed.info"), scale=5)
        dice = gr.Button("🎲", min_width=48, scale=0, elem_classes="studio-dice")
    dice.click(lambda: "", outputs=[seed], show_progress="hidden", api_visibility="private", queue=False)
    return seed


def new_seed(entered: str | None) -> int:
    """Return the seed that was entered, or a random one; raise a UserError for anything else."""
    text = str(entered or "").strip()
    if not text:
        return secrets.randbelow(_SEEDS)
    if not text.isdecimal() or int(text) >= _SEEDS:
        raise UserError(say("seed.unusable", text=text[:20], most=_SEEDS))
    return int(text)


def without_the_last(takes: list[Any]) -> list[Any]:
    """Return takes but the last one; raise a UserError if none is left."""
    if len(takes) < 2:  # noqa: PLR2004 - this one and one before
        raise UserError(say("undo.none"))
    return takes[:-1]


def file_field(label: str, kind: Kind, name: str, **options: Any) -> gr.File:
    """Return a field for uploading a file, with ``name`` as the id of its element."""
    return gr.File(label=label, file_types=list(kind.suffixes), height=140, min_width=260, elem_id=name, **options)


def temperature_slider(lowest: float = 0.5) -> gr.Slider:
    """Return a slider for the temperature of a model."""
    return gr.Slider(lowest, 1.5, value=1.0, step=0.05, label=say("temperature"), info=say("temperature.info"))


def status_row(html: str = "") -> tuple[gr.HTML, gr.Button]:
    """Return the line that describes the result, and beside it a button for `on_cancel`."""
    with gr.Row(elem_classes="studio-line"):
        line = gr.HTML(html or status(), min_width=120)
        return line, gr.Button(say("cancel"), size="sm", elem_classes="studio-cancel")


def status(*parts: str) -> str:
    """Return the HTML of the line that describes the result; screen readers announce it."""
    return f'<p class="studio-status" role="status">{escape(" · ".join(parts))}</p>'


def problem(text: str) -> str:
    """Return the HTML of a message in place of the line that describes the result."""
    return f'<p class="studio-status studio-problem" role="alert">{escape(text)}</p>'


def downloads(names: Sequence[str], files: Sequence[Path] = ()) -> list[gr.DownloadButton]:
    """Return a row of download buttons, disabled until there are files."""
    values: list[str | None] = [str(file) for file in files] or [None] * len(names)
    with gr.Row(elem_classes="studio-downloads"):
        return [
            gr.DownloadButton(name, value=value, size="sm", min_width=80, interactive=value is not None)
            for name, value in zip(names, values, strict=True)
        ]


def ready(path: Path) -> Any:
    """Return an update that enables a download button."""
    return gr.DownloadButton(value=str(path), interactive=True)


def waiting(count: int) -> list[Any]:
    """Return updates that disable download buttons."""
    return [gr.DownloadButton(value=None, interactive=False)] * count
