"""The models that ship with the program."""

from __future__ import annotations

from pathlib import Path

from modelkit.cli import UserError


def pretrained(name: str) -> Path:
    """Return the file of a model that ships.

    Raises:
        UserError: it is not there.
    """
    file = Path(__file__).parents[1] / "data" / "pretrained" / f"{name}.keras"
    if not file.is_file():
        raise UserError(f"{name}, a model that ships with the program, is not there")
    return file
