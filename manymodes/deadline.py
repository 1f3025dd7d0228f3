"""Time limits: a long loop calls `check` at each step, which ends work that was stopped or ran out of time.

Without a `Deadline` around it, `check` does nothing.
"""

from __future__ import annotations

import contextvars
import time
from typing import TYPE_CHECKING, Any, TypeVar

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class StoppedError(UserError):
    """Work that was ended before its result."""


class Deadline:
    """The end of some work: after a number of seconds from now, or when another thread calls `stop`."""

    def __init__(self, seconds: float, remedy: str) -> None:
        """Begin to count the seconds; ``remedy`` says what to do when they are over."""
        self.stopped = False
        self._message = f"stopped after {seconds:g} s: {remedy}"
        self._end = time.monotonic() + seconds

    def stop(self) -> None:
        """End the work at its next check."""
        self.stopped = True

    def check(self) -> None:
        """Raise a `StoppedError` if the work is to end."""
        if self.stopped or time.monotonic() > self._end:
            raise StoppedError("stopped" if self.stopped else self._message)

    def steps(self, work: Iterator[T]) -> Iterator[T]:
        """Yield from an iterator, during whose steps `check` is about this deadline; they may be in several threads."""
        context, end = contextvars.copy_context(), object()
        context.run(_current.set, self)
        while (value := context.run(self._next, work, end)) is not end:
            self.check()
            yield value

    def _next(self, work: Iterator[Any], end: object) -> Any:
        try:
            return next(work, end)
        except OSError:
            self.check()  # whoever stopped the work may have removed its files
            raise


_current: contextvars.ContextVar[Deadline | None] = contextvars.ContextVar("deadline", default=None)


def check() -> None:
    """Raise a `StoppedError` if the work that calls it is to end."""
    if (deadline := _current.get()) is not None:
        deadline.check()
