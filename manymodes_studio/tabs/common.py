"""Parts that the tabs share: error messages, seeds, players and download buttons."""

from __future__ import annotations

import functools
import inspect
import secrets
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from manymodes_studio.models import Models
    from manymodes_studio.uploads import Kind
    from manymodes_studio.workspace import Workspace

__all__ = [
    "MODELS",
    "WITH_REQUEST",
    "downloads",
    "file_field",
    "introduce",
    "model_choice",
    "new_seed",
    "on_click",
    "player",
    "ready",
    "seed_field",
    "status",
    "status_field",
    "telling",
    "waiting",
]

MODELS = "models"
"""Name of the queue for the models: one request at a time, because they share the processor."""

WITH_REQUEST = {"request": gr.Request}
"""Annotations for functions that take the request: Gradio passes it by type, and only if all types resolve."""

_SEEDS = 2**31
_MESSAGE_SECONDS = 15
# On a phone the result is below the controls.
_TO_THE_RESULT = """() => [...document.querySelectorAll(".studio-status")]
    .find((line) => line.offsetParent)?.scrollIntoView({block: "nearest"})"""
_WAVES = {"waveform_color": "#94a3b8", "waveform_progress_color": "#0d9488"}


# --- events ------------------------------------------------------------------------------------------------


def telling(workspace: Workspace, function: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Show the `UserError` of an event handler as a message and leave the page as it is.

    Args:
        workspace: its paths are removed from messages.
        function: an event handler; it returns values for components, or yields them one after the other.
    """

    @functools.wraps(function)
    def handler(*args: Any) -> Iterator[Any]:
        try:
            if inspect.isgeneratorfunction(function):
                yield from function(*args)
            else:
                yield function(*args)
        except UserError as error:
            # Gradio shows messages as HTML, and they contain file names.
            text = escape(workspace.without_folders(" ".join(str(error).split())))
            gr.Warning(text, duration=_MESSAGE_SECONDS)
            yield gr.skip()

    handler.__annotations__ = WITH_REQUEST if "request" in inspect.signature(function).parameters else {}
    return handler


def on_click(
    button: gr.Button,
    function: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    busy: Any,
    queue: str = MODELS,
) -> None:
    """Call a function when a button is clicked.

    Args:
        button: the button.
        function: see `telling`.
        inputs: components with its arguments.
        outputs: components for its results.
        busy: the component that shows progress.
        queue: the queue in which calls wait.
    """
    button.click(
        function,
        list(inputs),
        list(outputs),
        concurrency_id=queue,
        concurrency_limit=1,
        api_visibility="private",
        show_progress="full",
        show_progress_on=[busy],
    )
    button.click(None, js=_TO_THE_RESULT, api_visibility="private")


# --- components --------------------------------------------------------------------------------------------


def introduce(text: str, models: Models, names: Iterable[str]) -> bool:
    """Add the introduction of a tab and a note on each missing model; return whether any model is loaded."""
    gr.Markdown(text, elem_classes="studio-lead")
    loaded = False
    for name in names:
        loaded |= name in models.loaded
        if name in models.missing:
            gr.HTML(f'<p class="studio-missing">{escape(models.missing[name])}</p>')
    return loaded


def model_choice(models: Models, names: Iterable[str]) -> gr.Radio:
    """Return a choice of the loaded models; it is hidden if there is only one."""
    choices = models.titles(names)
    return gr.Radio(choices, value=choices[0][1], label="Model", visible=len(choices) > 1)


def seed_field() -> gr.Number:
    """Return a field for the seed."""
    info = "the same seed gives the same result; leave empty for a random one"
    return gr.Number(None, label="Seed", info=info, precision=0, minimum=0, maximum=_SEEDS - 1)


def new_seed(entered: float | None) -> int:
    """Return the seed that was entered, or a random one."""
    return secrets.randbelow(_SEEDS) if entered is None else int(entered)


def file_field(label: str, kind: Kind, name: str) -> gr.File:
    """Return a field for uploading a file.

    Args:
        label: its label on the page.
        kind: the kind of file.
        name: the id of the element.
    """
    return gr.File(label=label, file_types=list(kind.suffixes), height=140, min_width=260, elem_id=name)


def player(label: str, *, loop: bool = False) -> gr.Audio:
    """Return an audio player that starts by itself when it gets a new sound."""
    return gr.Audio(label=label, interactive=False, autoplay=True, loop=loop, buttons=[], waveform_options=_WAVES)


def status_field() -> gr.HTML:
    """Return a line that describes the result; screen readers announce it."""
    return gr.HTML(status())


def status(*parts: str) -> str:
    """Return the HTML of the status line."""
    return f'<p class="studio-status" role="status">{escape(" · ".join(part for part in parts if part))}</p>'


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
