"""What the commands have in common: errors of one line, and how they count."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

FAILED = 2
"""Exit code of a command that could not do its work."""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaints are one line, without the usage before them."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and leave."""
        print(f"{self.prog}: {' '.join(message.split())}; see --help", file=sys.stderr)
        sys.exit(FAILED)


def jobs(text: str) -> int:
    """Read a number of workers: positive, or −1 for one a core."""
    number = int(text)
    if number == 0 or number < -1:
        raise argparse.ArgumentTypeError(f"{text} workers; give a positive number, or -1 for one a core")
    return number


def counted(number: int, noun: str) -> str:
    """Count things: 1 file, 0 files, 1,754 files."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fail(program: str, error: Exception) -> int:
    """Print an error that a person can mend as one line, and give the exit code."""
    print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
    return FAILED
