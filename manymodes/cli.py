"""The conventions of every command line here: one-line errors, exit codes, the options all verbs share.

Nothing in this module imports TensorFlow, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

N = TypeVar("N", int, float)

USER_ERROR_EXIT = 2
INTERRUPTED_EXIT = 130


class UserError(Exception):
    """Something the person at the prompt can mend: one line saying what, where, and what to do."""


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text above them."""

    def error(self, message: str) -> NoReturn:
        one_line = " ".join(message.split())
        self.exit(USER_ERROR_EXIT, f"{self.prog}: error: {one_line} (see --help)\n")


def parser(prog: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return a parser that shows ``example`` under its options and keeps errors to one line."""
    return _OneLineParser(
        prog=f"python -m {prog}",
        description=description,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def run(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a verb and exit: 0 done, 2 for a mistake of the user (one line, no traceback), 130 for Ctrl-C.

    Whoever reads the output, such as ``head``, may stop reading: that ends the verb quietly, with 1.
    """
    try:
        code = main(argv)
        sys.stdout.flush()
    except UserError as error:
        message = " ".join(str(error).split())
        print(f"error: {message}", file=sys.stderr)
        code = USER_ERROR_EXIT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED_EXIT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        code = 1
    sys.exit(code)


def positive_int(text: str) -> int:
    """Argparse type: an integer of at least 1."""
    return _bounded(text, int, 1, "a whole number of at least 1")


def non_negative_int(text: str) -> int:
    """Argparse type: an integer of at least 0."""
    return _bounded(text, int, 0, "a whole number of at least 0")


def positive_float(text: str) -> float:
    """Argparse type: a finite number above 0."""
    value = non_negative_float(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def non_negative_float(text: str) -> float:
    """Argparse type: a finite number of at least 0."""
    return _bounded(text, float, 0, "a number of at least 0")


def probability(text: str) -> float:
    """Argparse type: a number above 0 and at most 1."""
    value = positive_float(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and at most 1")
    return value


def between(least: float, most: float, what: str) -> Callable[[str], float]:
    """Return an argparse type: a number from ``least`` to ``most``, called ``what`` in the message."""

    def convert(text: str) -> float:
        value = _bounded(text, float, least, f"{what} from {least:g} to {most:g}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least:g} to {most:g}")
        return value

    return convert


def seed_value(text: str) -> int:
    """Argparse type: an integer that fits 31 bits, as every generator here accepts."""
    value = non_negative_int(text)
    if value >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: give a number below 2147483648")
    return value


def job_count(text: str) -> int:
    """Argparse type: a number of parallel workers, of at least 1, or −1 for one per core."""
    return -1 if text == "-1" else positive_int(text)


def _bounded(text: str, kind: Callable[[str], N], least: float, what: str) -> N:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None
    if not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def number_of(name: str, names: Sequence[str], option: str, kind: str) -> int:
    """Return the place of a name among those that a model knows, capitals or not.

    Args:
        name: as it was typed.
        names: those there are.
        option: where it was typed.
        kind: what they are names of, such as ``style``.

    Raises:
        UserError: there is no such name.
    """
    if name in names:
        return names.index(name)
    lowered, wanted = [known.lower() for known in names], name.strip().lower()
    if wanted in lowered:
        return lowered.index(wanted)
    close = difflib.get_close_matches(wanted, lowered, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(names[lowered.index(near)] for near in close)}? " if close else ""
    raise UserError(f"{option} {name!r} is no {kind} of this model: {hint}it knows {', '.join(names)}")


def existing_file(path: str | Path, what: str) -> Path:
    """Return ``path`` as a file that exists.

    Raises:
        UserError: there is no such file, or it is a folder.
    """
    found = Path(path)
    with contextlib.suppress(RuntimeError):  # the home of nobody: then the path stands as it is
        found = found.expanduser()
    if not found.is_file():
        problem = "is a folder" if found.is_dir() else "does not exist"
        raise UserError(f"{what} {found} {problem}: give the path of a file")
    return found
