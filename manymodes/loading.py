"""Models from files: what cannot be used is refused in one line, before TensorFlow is imported where that can be."""

from __future__ import annotations

import importlib
import json
import re
import textwrap
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError, existing_file
from manymodes.quiet import quiet_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHORT = 120  # of a library's complaint
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Kind(NamedTuple):
    """What a model must be to be of use.

    Attributes:
        what: that, in words: "a model of letters".
        program: the verb that trains such.
        modules: where each class is, by the name under which Keras knows it: {"fontgan>FontGAN": "fontgan.models.gan"}.
    """

    what: str
    program: str
    modules: Mapping[str, str]


def load_model(path: Path, kind: Kind, named: str = "--model") -> Any:
    """Load a model that a program of ours has saved; it is not compiled.

    Args:
        path: of a .keras file.
        kind: what it must be.
        named: what messages call the file, in front of its path.

    Raises:
        UserError: there is no such file, it is none of Keras', or damaged; or the model is another one, or has parts
            that this version of the program does not know.
    """
    file = existing_file(path, named)
    text, class_name, name = _description(file, named)
    if name not in kind.modules:
        raise UserError(f"{named} {file} holds a {class_name}, not {kind.what}: give one of {kind.program}")

    with quiet_start():
        import keras

        importlib.import_module(kind.modules[name])

    parts = set(re.findall(r'"registered_name": "(\w+>\w+)"', text))
    if unknown := sorted(part for part in parts if keras.saving.get_registered_object(part) is None):
        raise UserError(
            f"{named} {file} has parts that this version does not know ({', '.join(unknown)}): "
            f"use the version that saved it, or train anew with python -m {kind.program}"
        )
    try:
        with warnings.catch_warnings():
            # Keras would only warn of weights that are not there, and go on with random ones.
            warnings.filterwarnings("error", "Skipping", UserWarning)
            return keras.models.load_model(file, compile=False)
    except (*_UNREADABLE, AttributeError, UserWarning) as error:
        reason = textwrap.shorten(str(error), _SHORT)
        raise UserError(f"{named} {file} cannot be loaded ({reason}): give the model.keras of a run folder") from error


def _description(file: Path, named: str) -> tuple[str, str, str]:
    """Return what a file says of its model: all of it, its class, and the name under which Keras knows that.

    Raises:
        UserError: it is none of Keras'.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            text = archive.read("config.json").decode()
        described = json.loads(text)
        return text, described["class_name"], described["registered_name"]
    except _UNREADABLE as error:
        raise UserError(f"{named} {file} is not a .keras file: give the model.keras of a run folder") from error
