"""The work of clicks: it has a time limit, and ends when its visitor cancels it or leaves."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from manymodes.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60.0
"""Time for a click."""

_REMEDY = "ask for less, or give smaller files"
_running: dict[Deadline, tuple[str | None, str]] = {}


@contextlib.contextmanager
def limited(session: str | None, queue: str) -> Iterator[Deadline]:
    """Give the deadline of a click of a visitor, in a queue."""
    deadline = Deadline(SECONDS, _REMEDY)
    _running[deadline] = session, queue
    try:
        yield deadline
    finally:
        del _running[deadline]


def stop(session: str | None, queue: str | None = None) -> None:
    """Stop a visitor's work, in all queues or in one."""
    for deadline, (visitor, name) in list(_running.items()):
        if visitor == session and queue in {None, name}:
            deadline.stop()


def stop_all() -> None:
    """Stop the work of all visitors."""
    for deadline in list(_running):
        deadline.stop()
