"""What all commands share: errors of one line, exit codes, and options.

Nothing in this module imports TensorFlow, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib.util
import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

N = TypeVar("N", int, float)

USER_ERROR_EXIT = 2
INTERRUPTED_EXIT = 130
_FAULTS_OF_PLACES = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG}

_of_commands = False


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
    """Run a command and exit: 0 on success, 2 for a `UserError` (one line, no traceback), 130 for Ctrl-C.

    A signal to terminate or to hang up counts as Ctrl-C. If the reader of the output, such as ``head``, stops reading,
    the exit code is 1.
    """
    global _of_commands  # noqa: PLW0603 - the process runs nothing else
    _of_commands = True
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup ignores a signal, which stays so
        if signal.getsignal(number) == signal.SIG_DFL and threading.current_thread() is threading.main_thread():
            signal.signal(number, signal.default_int_handler)
    try:
        code = main(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED_EXIT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would flush it once more at exit
        code = 1
    except (UserError, ModuleNotFoundError, OSError) as error:
        message = _message(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        code = USER_ERROR_EXIT
    sys.exit(code)


def _message(error: Exception) -> str | None:
    """Return one line about an error; None if it is a fault of the program."""
    match error:
        case UserError():
            return " ".join(str(error).split())
        case ModuleNotFoundError() if importlib.util.find_spec("tensorflow") is None:
            return f"this needs {error.name}, which a light install leaves out: pip install manymodes"
        case OSError() if error.errno in _FAULTS_OF_PLACES:
            return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def is_command() -> bool:
    """Return whether this process runs a command, by `run`; it is somebody's program otherwise."""
    return _of_commands


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hide what TensorFlow's native libraries write to standard error's file descriptor while they are loaded.

    An import that fails still raises. TF_CPP_MIN_LOG_LEVEL=0 shows what the libraries log later.
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


def _number(kind: Callable[[str], N], is_valid: Callable[[N], bool], what: str) -> Callable[[str], N]:
    """Return an argparse type: a finite number of some kind that is valid, called ``what`` in the message."""

    def convert(text: str) -> N:
        with contextlib.suppress(ValueError):
            value = kind(text)
            if is_valid(value) and value < math.inf:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

    return convert


def integer(least: int, most: float = math.inf, what: str = "a whole number") -> Callable[[str], int]:
    """Return an argparse type: an integer from ``least`` to ``most``, called ``what`` in the message."""
    described = f"{what} of at least {least}" if most == math.inf else f"{what} from {least} to {most}"
    return _number(int, lambda value: least <= value <= most, described)


def between(least: float, most: float, what: str) -> Callable[[str], float]:
    """Return an argparse type: a number from ``least`` to ``most``, called ``what`` in the message."""
    return _number(float, lambda value: least <= value <= most, f"{what} from {least:g} to {most:g}")


positive_int = integer(1)
"""Argparse type: an integer of at least 1."""

seed_value = integer(0, 2**31 - 1, "a seed: give a whole number")
"""Argparse type: an integer that fits 31 bits, as every generator here accepts."""

positive_float = _number(float, lambda value: value > 0, "a number above 0")
"""Argparse type: a finite number above 0."""

non_negative_float = _number(float, lambda value: value >= 0, "a number of at least 0")
"""Argparse type: a finite number of at least 0."""

probability = _number(float, lambda value: 0 < value <= 1, "a number above 0 and at most 1")
"""Argparse type: a number above 0 and at most 1."""


def job_count(text: str) -> int:
    """Argparse type: a number of parallel workers, of at least 1, or −1 for one per core."""
    return -1 if text == "-1" else positive_int(text)


def some_of(known: Sequence[str], kind: str) -> Callable[[str], tuple[str, ...]]:
    """Return an argparse type: names of some kind with commas between them, each once and in the order of ``known``."""

    def convert(text: str) -> tuple[str, ...]:
        names = [name.strip().lower() for name in text.split(",")]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(_unknown(kind, name, known))
        return tuple(name for name in known if name in names)

    return convert


def number_of(name: str, names: Sequence[str], option: str, kind: str) -> int:
    """Return the index of a name of some kind, given with an option, in any case, or raise a UserError without one."""
    if name in names:
        return names.index(name)
    lowered, typed = [known.lower() for known in names], name.strip().lower()
    if typed in lowered:
        return lowered.index(typed)
    raise UserError(f"{option}: {_unknown(kind, name, names)}")


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    return f"unknown {kind} {name!r}; {did_you_mean(name, known)}choose from {', '.join(known)}"


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return ``"did you mean A or B? "`` if known names are close to the typed one, in any case; else nothing."""
    shown = {name.lower(): name for name in known}
    close = difflib.get_close_matches(typed.strip().lower(), shown, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(shown[name] for name in close)}? " if close else ""


def existing_file(path: str | Path, what: str) -> Path:
    """Return ``path``, ``~`` expanded; raise a UserError if it does not exist or is a folder."""
    file = Path(path)
    with contextlib.suppress(RuntimeError):  # ~nobody: there is no such user
        file = file.expanduser()
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "is a pipe or device" if file.exists() else "does not exist"
        raise UserError(f"{what} {file} {problem}: give the path of a file")
    return file
