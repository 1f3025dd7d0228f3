"""What all commands share: errors of one line, exit codes, and options.

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
    from collections.abc import Callable, Iterator, Mapping, Sequence

N = TypeVar("N", int, float)

USER_ERROR_EXIT = 2
INTERRUPTED_EXIT = 130


class UserError(Exception):
    """A mistake of the user, as one line: what is wrong, in which file or option, and what to do."""


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
    """Run a command and exit: 0 on success, 2 for a mistake of the user (one line, no traceback), 130 for Ctrl-C.

    If the reader of the output, such as ``head``, stops reading, the command ends with 1 and prints nothing more.
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would flush it once more at exit
        code = 1
    sys.exit(code)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hide what TensorFlow's native libraries print while they are loaded.

    They write to the file descriptor of standard error before any log level is read, so that nothing in Python can
    filter it. An import that fails still raises. TF_CPP_MIN_LOG_LEVEL=0 shows what the libraries log later.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
        # CUDA complains that there is no GPU when the first one is looked for: do it here, not in the middle of output
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)


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
    """Return the index of a name among those that a model knows; upper and lower case are the same.

    Args:
        name: as it was typed.
        names: the valid ones.
        option: where it was typed.
        kind: what they are names of, such as ``style``.

    Raises:
        UserError: there is no such name.
    """
    if name in names:
        return names.index(name)
    lowered, typed = [known.lower() for known in names], name.strip().lower()
    if typed in lowered:
        return lowered.index(typed)
    hint = did_you_mean(typed, {known.lower(): known for known in names})
    raise UserError(f"{option}: unknown {kind} {name!r}; {hint}choose from {', '.join(names)}")


def did_you_mean(typed: str, known: Mapping[str, str]) -> str:
    """Return ``"did you mean A or B? "`` if something known looks like what was typed, else an empty string.

    Args:
        typed: in lower case.
        known: names in lower case, and as they are shown.
    """
    close = difflib.get_close_matches(typed, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(known[name] for name in close)}? " if close else ""


def existing_file(path: str | Path, what: str) -> Path:
    """Return ``path`` as a file that exists, ``~`` expanded.

    Raises:
        UserError: there is no such file, or it is a folder.
    """
    file = Path(path)
    with contextlib.suppress(RuntimeError):  # ~nobody: there is no such user
        file = file.expanduser()
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "does not exist"
        raise UserError(f"{what} {file} {problem}: give the path of a file")
    return file
