"""What tabs share: messages, numbers of draws, rows of downloads."""

from __future__ import annotations

import functools
import inspect
import secrets
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from modelkit.cli import UserError
from studio.models import KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from studio.models import Models
    from studio.workspace import Workspace

__all__ = [
    "MODELS",
    "downloads",
    "introduce",
    "messages",
    "new_seed",
    "on_click",
    "ready",
    "seed_field",
    "status",
    "status_field",
]

MODELS = "models"
"""Name of the queue for all that asks models: one thing at a time, or all would be slow."""

_SEEDS = 2**31
_MESSAGE_SECONDS = 15


def messages(workspace: Workspace) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Any]]]:
    """Return a decorator of what an event calls: what a visitor can mend becomes a message in the page.

    Args:
        workspace: whose paths are no business of visitors.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(function)
        def told(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                if inspect.isgeneratorfunction(function):
                    yield from function(*args, **kwargs)
                else:
                    yield function(*args, **kwargs)
            except UserError as error:
                # Messages are shown as HTML, and names of files are in them.
                text = escape(workspace.without_folders(" ".join(str(error).split())))
                raise gr.Error(text, duration=_MESSAGE_SECONDS, title="Please look", print_exception=False) from error

        return told

    return wrap


def on_click(button: gr.Button, function: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Have a button call a function that asks models."""
    button.click(
        function,
        list(inputs),
        list(outputs),
        concurrency_id=MODELS,
        concurrency_limit=1,
        api_visibility="private",
        show_progress="minimal",
    )


def introduce(text: str, models: Models, names: Iterable[str]) -> bool:
    """Say what a tab is for, and how to get the models that it lacks; return whether it has any."""
    gr.Markdown(text, elem_classes="studio-lead")
    names = list(names)
    for name in names:
        if name in models.missing:
            gr.HTML(f'<p class="studio-missing">{escape(models.missing[name])}</p>')
    return any(name in models.loaded for name in names)


def model_choice(models: Models, names: Iterable[str]) -> gr.Radio:
    """Let visitors choose among the models that were loaded."""
    choices = [(KNOWN[name].title, name) for name in names if name in models.loaded]
    return gr.Radio(choices, value=choices[0][1], label="Model", visible=len(choices) > 1)


def seed_field() -> gr.Number:
    """Let visitors ask for a draw by its number."""
    return gr.Number(
        label="Draw",
        info="a number brings back what it gave; empty: another one each time",
        precision=0,
        minimum=0,
        maximum=_SEEDS - 1,
        value=None,
    )


def new_seed(asked: float | None) -> int:
    """Return the number of a draw: the one that is asked for, or else another one each time."""
    return secrets.randbelow(_SEEDS) if asked is None else int(asked)


def status_field() -> gr.HTML:
    """Make a line that says what was made; programs that read the page aloud say it too."""
    return gr.HTML('<p class="studio-status" role="status"></p>')


def status(*parts: str) -> str:
    """Write that line."""
    return f'<p class="studio-status" role="status">{escape(" · ".join(part for part in parts if part))}</p>'


def downloads(names: Sequence[str]) -> list[gr.DownloadButton]:
    """Make a row of buttons to download files with, which wait for them."""
    with gr.Row(elem_classes="studio-downloads"):
        return [gr.DownloadButton(name, size="sm", min_width=72, interactive=False) for name in names]


def ready(path: Path) -> Any:
    """Fill such a button."""
    return gr.DownloadButton(value=str(path), interactive=True)
