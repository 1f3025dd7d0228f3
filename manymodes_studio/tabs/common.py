"""What tabs share: messages, numbers of draws, rows of downloads."""

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
"""Name of the queue for all that asks models: one thing at a time, or all would be slow."""

WITH_REQUEST = {"request": gr.Request}
"""Gradio hands the request to whom asks for it by type, and reads types only where it can resolve all of them."""

_SEEDS = 2**31
_MESSAGE_SECONDS = 15
# On a phone what was made is below what it was made with.
_TO_THE_RESULT = """() => [...document.querySelectorAll(".studio-status")]
    .find((line) => line.offsetParent)?.scrollIntoView({block: "nearest"})"""
_WAVES = {"waveform_color": "#94a3b8", "waveform_progress_color": "#0d9488"}


# --- events ------------------------------------------------------------------------------------------------


def telling(workspace: Workspace, function: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Have what an event calls tell visitors what they can mend, and leave the page as it is then.

    Args:
        workspace: whose paths are no business of visitors.
        function: returns values for components, or yields them one after the other.
    """

    @functools.wraps(function)
    def told(*args: Any) -> Iterator[Any]:
        try:
            if inspect.isgeneratorfunction(function):
                yield from function(*args)
            else:
                yield function(*args)
        except UserError as error:
            # Messages are shown as HTML, and names of files are in them.
            text = escape(workspace.without_folders(" ".join(str(error).split())))
            gr.Warning(text, duration=_MESSAGE_SECONDS)
            yield gr.skip()

    told.__annotations__ = WITH_REQUEST if "request" in inspect.signature(function).parameters else {}
    return told


def on_click(
    button: gr.Button,
    function: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    busy: Any,
    queue: str = MODELS,
) -> None:
    """Have a button call a function.

    Args:
        button: the one.
        function: see `telling`.
        inputs: components that give its arguments.
        outputs: components that it gives values to.
        busy: the one that shows that work is done.
        queue: in which it waits for its turn.
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
    """Say what a tab is for, and how to get the models that it lacks; return whether it has any."""
    gr.Markdown(text, elem_classes="studio-lead")
    found = False
    for name in names:
        found |= name in models.loaded
        if name in models.missing:
            gr.HTML(f'<p class="studio-missing">{escape(models.missing[name])}</p>')
    return found


def model_choice(models: Models, names: Iterable[str]) -> gr.Radio:
    """Let visitors choose among the models that were loaded, if there are several."""
    choices = models.titles(names)
    return gr.Radio(choices, value=choices[0][1], label="Model", visible=len(choices) > 1)


def seed_field() -> gr.Number:
    """Let visitors ask for a draw by its number."""
    info = "a number brings back what it gave; empty: another one each time"
    return gr.Number(None, label="Draw", info=info, precision=0, minimum=0, maximum=_SEEDS - 1)


def new_seed(asked: float | None) -> int:
    """Return the number of a draw: the one that is asked for, or else another one each time."""
    return secrets.randbelow(_SEEDS) if asked is None else int(asked)


def file_field(label: str, kind: Kind, name: str) -> gr.File:
    """Let visitors send a file.

    Args:
        label: what it is called in the page.
        kind: of the file.
        name: id of the element.
    """
    return gr.File(label=label, file_types=list(kind.suffixes), height=140, min_width=260, elem_id=name)


def player(label: str, *, loop: bool = False) -> gr.Audio:
    """Make a player that begins by itself when there is something new."""
    return gr.Audio(label=label, interactive=False, autoplay=True, loop=loop, buttons=[], waveform_options=_WAVES)


def status_field() -> gr.HTML:
    """Make a line that says what was made; programs that read the page aloud say it too."""
    return gr.HTML(status())


def status(*parts: str) -> str:
    """Write that line."""
    return f'<p class="studio-status" role="status">{escape(" · ".join(part for part in parts if part))}</p>'


def downloads(names: Sequence[str]) -> list[gr.DownloadButton]:
    """Make a row of buttons to download files with, which wait for them."""
    with gr.Row(elem_classes="studio-downloads"):
        return [gr.DownloadButton(name, size="sm", min_width=80, interactive=False) for name in names]


def ready(path: Path) -> Any:
    """Fill such a button."""
    return gr.DownloadButton(value=str(path), interactive=True)


def waiting(count: int) -> list[Any]:
    """Empty so many of them, until files are there."""
    return [gr.DownloadButton(value=None, interactive=False)] * count
