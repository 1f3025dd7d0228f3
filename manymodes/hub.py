"""The models that ship with the program: which there are, where they are, and how ``--model`` names them.

A checkout has them in ``data/pretrained``; a wheel installs that folder as a package of its own, `PACKAGE`. Beside each
NAME.keras lies its card, NAME.md.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from manymodes.cli import UserError, existing_file

if TYPE_CHECKING:
    import argparse

PACKAGE = "manymodes_pretrained"

_CHECKOUT = Path(__file__).parents[1] / "data" / "pretrained"


class Data(NamedTuple):
    """What a model has learned from.

    Attributes:
        what: which data, and whose.
        licence: what may be done with them, and so with what has been learned from them.
    """

    what: str
    licence: str


class Shipped(NamedTuple):
    """How a model that ships is made.

    Attributes:
        program: the verb that trains it.
        options: of that verb, without seed and output.
        data: what it learns from.
        seed: of its training.
    """

    program: str
    options: tuple[str, ...]
    data: Data
    seed: int = 0

    @property
    def command(self) -> str:
        """How it is trained, as it is typed."""
        return " ".join(["python", "-m", self.program, *self.options, "--seed", str(self.seed)])


GROOVE = "GROOVE"
"""Stands in `Shipped.options` for the folder where the Groove MIDI Dataset has been unpacked."""

_ESSEN = Data(
    "The German folk songs of Erk's *Deutscher Liederhort* in the Essen folksong collection (Helmut Schaffrath and "
    "others), as music21 brings them along, transposed to C major and A minor.",
    "The collection is free for non-commercial use; use this model, and what it composes, no further than that.",
)
_RULES = Data(
    "Bars drawn from the rules for five styles in `drumvae/styles/`, which were written for this project.",
    "MIT, as the project.",
)
_GROOVE = Data(
    "The Groove MIDI Dataset: drummers at an electronic kit (Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and "
    "David Bamman, Google, 2019, <https://magenta.tensorflow.org/datasets/groove>), its bars in 4/4, quantised to "
    "sixteenths and reduced to nine instruments; GROOVE in the command is the folder where it has been unpacked.",
    "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): name the dataset where you use this model.",
)
_FONTS = Data(
    "The capitals of ten typefaces that matplotlib brings along: DejaVu, STIX and Computer Modern.",
    "DejaVu: licence of Bitstream Vera, changes in the public domain. STIX: STIX Font License. Computer Modern: "
    "BaKoMa Fonts Licence. All of them are free to use and to embed.",
)
_SOUNDS = Data(
    "Folk tunes of the Essen collection and bars by the rules of `drumvae/styles/`, played by nine instruments of "
    "TimGM6mb (Tim Brechbill), the soundfont that pretty_midi brings along.",
    "The soundfont is under the GNU General Public License 2, the tunes are free for non-commercial use; no recording "
    "of either is part of the model.",
)

MODELS = {
    "melody-lstm": Shipped("melodygan.train", ("--lstm",), _ESSEN),
    "melody-attention": Shipped("melodygan.train", ("--attention",), _ESSEN),
    "letters-conditional": Shipped("fontgan.train", ("--conditional",), _FONTS),
    "letters-best": Shipped("fontgan.train", ("--fix", "best"), _FONTS),
    "drums-styles": Shipped("drumvae.train", ("--per-style", "2000"), _RULES),
    "drums-groove": Shipped("drumvae.train", ("--grooves", GROOVE), _GROOVE),
    "sounds-vqvae": Shipped("audiovae.train", ("--model", "vqvae"), _SOUNDS),
}
"""Every model that ships; the first one of a program is used where no other is asked for."""


def folder() -> Path:
    """Return where the models are: of a checkout there, otherwise where they were installed."""
    if _CHECKOUT.is_dir():
        return _CHECKOUT
    try:
        return Path(str(resources.files(PACKAGE)))
    except ModuleNotFoundError:  # what was installed was built without them: then there are none
        return _CHECKOUT


def pretrained(name: str) -> Path:
    """Return the file of a model that ships.

    Args:
        name: one of `MODELS`.

    Raises:
        UserError: it is not there.
    """
    file = folder() / f"{name}.keras"
    if not file.is_file():
        raise UserError(
            f"{name}, a model that ships with the program, is not in {file.parent}: install it anew, give another "
            f"--model, or train one with {MODELS[name].command}"
        )
    return file


def names_of(program: str) -> list[str]:
    """Return the names of the models that a program trains and that ship, the default first."""
    return [name for name, shipped in MODELS.items() if shipped.program == program]


def shipped_as(file: Path) -> Shipped | None:
    """Return how a model was made, if its file is one of those that ship."""
    return MODELS.get(file.stem) if file.parent == folder() else None


def add_model_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup, program: str) -> None:
    """Add --model to a verb's options, see `model_file`."""
    default, *others = names_of(program)
    ships = "".join(f" or {name}" for name in others)
    parser.add_argument(
        "--model", type=Path, metavar="MODEL",
        help=f"a run of {program}, its model.keras, or one that ships: {default} (default){ships}",
    )  # fmt: skip


def model_file(model: Path | None, program: str) -> Path:
    """Return the file of the model that was asked for.

    Args:
        model: as --model has it: a file, a run folder, or the name of a model that ships; None for the default.
        program: the verb that trains such models.

    Raises:
        UserError: it does not exist.
    """
    if model is None:
        return pretrained(names_of(program)[0])
    if str(model) in MODELS and not model.exists():
        return pretrained(str(model))
    file = model / "model.keras" if model.is_dir() else model
    if model.is_dir() and not file.is_file():
        raise UserError(f"--model {model} is a folder without a model.keras: give a run that has ended, or a file")
    return existing_file(file, "--model")
