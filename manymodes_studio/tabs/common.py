"""Parts that the tabs share: event handlers, error messages, seeds, players and download buttons."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator  # noqa: TC003 - Gradio resolves the annotations of event handlers
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError
from manymodes_studio import clicks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from manymodes_studio.models import Models
    from manymodes_studio.uploads import Kind
    from manymodes_studio.workspace import Workspace

    NewFolder = Callable[[], Path]

_SEEDS = 2**31
_MESSAGE_SECONDS = 15
# On a phone the result is below the controls.
_TO_THE_RESULT = """() => [...document.querySelectorAll(".studio-status")]
    .find((line) => line.offsetParent)?.scrollIntoView({block: "nearest"})"""
_WAVES = {"waveform_color": "#94a3b8", "waveform_progress_color": "#0d9488"}


# --- events ------------------------------------------------------------------------------------------------


def listen(
    workspace: Workspace,
    triggers: Sequence[Any],
    function: Callable[..., Iterator[Any]],
    inputs: Mapping[str, Any],
    outputs: Sequence[Any],
    *,
    more: Sequence[Any] = (),
    queue: str,
    **options: Any,
) -> Any:
    """Call a function at events; its `UserError` becomes a message, without the workspace's paths, and nothing changes.

    The function yields values for the outputs. It is called with a function that makes a folder for the visitor, the
    values of ``more``, and those of the inputs by name. In each queue calls wait, one at a time; every tab has its
    own. A call ends after `clicks.SECONDS`, when it is cancelled, see `on_cancel`, and when the visitor leaves.
    Options are those of `gradio.on`.

    Returns:
        what `on_cancel` takes.
    """

    # Gradio passes the request by its annotation.
    def handler(request: gr.Request, *values: Any) -> Iterator[Any]:
        new_folder = functools.partial(workspace.new, request.session_hash)
        work = function(new_folder, *values[len(inputs) :], **dict(zip(inputs, values, strict=False)))
        with clicks.limited(request.session_hash, queue) as deadline:
            try:
                yield from deadline.steps(work)
            except UserError as error:
                if not deadline.stopped:
                    # Gradio shows messages as HTML, and they contain file names.
                    text = escape(workspace.without_folders(" ".join(str(error).split())))
                    gr.Warning(text, duration=_MESSAGE_SECONDS)
                yield gr.skip()

    components = [*inputs.values(), *more]
    options |= {"concurrency_id": queue, "concurrency_limit": 1, "api_visibility": "private"}
    return gr.on(triggers, handler, components, outputs, **options)


def on_click(
    workspace: Workspace,
    button: gr.Button,
    function: Callable[..., Iterator[Any]],
    inputs: Mapping[str, Any],
    outputs: Sequence[Any],
    *,
    busy: Any,
    **options: Any,
) -> Any:
    """Call a function when a button is clicked, see `listen`, and scroll to the result; ``busy`` shows progress."""
    options |= {"show_progress": "full", "show_progress_on": [busy]}
    event = listen(workspace, [button.click], function, inputs, outputs, **options)
    button.click(None, js=_TO_THE_RESULT, api_visibility="private")
    return event


def on_cancel(button: gr.Button, events: Sequence[Any], queue: str) -> None:
    """End a visitor's calls in a queue, waiting and running ones, when a button is clicked; ``events`` began them."""

    def cancel(request: gr.Request) -> None:
        clicks.stop(request.session_hash, queue)
        gr.Info("cancelled", duration=_MESSAGE_SECONDS)

    # Gradio drops what waits, and closes what runs as soon as it has stopped.
    options = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
    button.click(cancel, cancels=list(events), **options)


def forget_at_leave(page: gr.Blocks, workspace: Workspace) -> None:
    """End a visitor's work and remove the visitor's folders when the visitor leaves the page."""

    def leave(request: gr.Request) -> None:
        clicks.stop(request.session_hash)
        workspace.forget(request.session_hash)

    page.unload(leave)


# --- components --------------------------------------------------------------------------------------------


def introduce(text: str, models: Models, names: Iterable[str]) -> bool:
    """Add the introduction of a tab and a note on each missing model; return whether any model is loaded."""
    gr.Markdown(text, elem_classes="studio-lead")
    for name in names:
        if name in models.missing:
            gr.HTML(f'<p class="studio-missing">{escape(models.missing[name])}</p>')
    return not models.loaded.keys().isdisjoint(names)


def model_choice(models: Models, titles: Mapping[str, str]) -> gr.Radio:
    """Return a choice of the loaded models among those with a title; it is hidden if there is only one."""
    choices = [(title, name) for name, title in titles.items() if name in models.loaded]
    return gr.Radio(choices, value=choices[0][1], label="Model", visible=len(choices) > 1)


def seed_field() -> gr.Number:
    """Return a field for the seed, in a part of the tab that is folded."""
    info = "the same seed gives the same result; leave empty for a random one"
    with gr.Accordion("More", open=False):
        return gr.Number(None, label="Seed", info=info, precision=0, minimum=0, maximum=_SEEDS - 1)


def new_seed(entered: float | None) -> int:
    """Return the seed that was entered, or a random one."""
    return secrets.randbelow(_SEEDS) if entered is None else int(entered)


def file_field(label: str, kind: Kind, name: str) -> gr.File:
    """Return a field for uploading a file, with ``name`` as the id of its element."""
    return gr.File(label=label, file_types=list(kind.suffixes), height=140, min_width=260, elem_id=name)


def player(label: str, *, loop: bool = False) -> gr.Audio:
    """Return an audio player that starts by itself when it gets a new sound."""
    return gr.Audio(label=label, interactive=False, autoplay=True, loop=loop, buttons=[], waveform_options=_WAVES)


def cancel_button() -> gr.Button:
    """Return a button for `on_cancel`."""
    return gr.Button("Cancel", size="sm", elem_classes="studio-cancel")


def status(*parts: str) -> str:
    """Return the HTML of the line that describes the result; screen readers announce it."""
    return f'<p class="studio-status" role="status">{escape(" · ".join(parts))}</p>'


def downloads(names: Sequence[str]) -> list[gr.DownloadButton]:
    """Return a row of download buttons, disabled until there are files."""
    with gr.Row(elem_classes="studio-downloads"):
        return [gr.DownloadButton(name, size="sm", min_width=80, interactive=False) for name in names]


def ready(path: Path) -> Any:
    """Return an update that enables a download button."""
    return gr.DownloadButton(value=str(path), interactive=True)


def waiting(count: int) -> list[Any]:
    """Return updates that disable download buttons."""
    return [gr.DownloadButton(value=None, interactive=False)] * count
