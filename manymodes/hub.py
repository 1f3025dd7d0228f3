"""Saved models: find them, load them, and save small files for generation.

The pretrained models are in ``data/pretrained``, which a wheel installs as the package `PACKAGE`; NAME.md is the card
of NAME.keras. Importing this module does not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
import json
import re
import tempfile
import textwrap
import warnings
import zipfile
import zlib
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes import portable
from manymodes.cli import UserError, existing_file, is_command, quiet_start
from manymodes.files import replacing_file, save_keras

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

    import keras
    import numpy as np

PACKAGE = "manymodes_pretrained"

_LONGEST_REASON = 120  # characters
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
_CHECKOUT = Path(__file__).parents[1] / "data" / "pretrained"


class Shipped(NamedTuple):
    """How a pretrained model is trained: the command, its options without seed and output, the seed.

    ``int8`` models also ship with graphs of 8-bit integers.
    """

    program: str
    options: tuple[str, ...]
    seed: int = 0
    int8: bool = False

    @property
    def command(self) -> str:
        """The command line that trains it."""
        return " ".join(["python", "-m", self.program, *self.options, "--seed", str(self.seed)])


GROOVE = "GROOVE"
"""Stands in `Shipped.options` for the folder where the Groove MIDI Dataset has been unpacked."""

MODELS = {
    "melody-lstm": Shipped("melodygan.train", ("--lstm", "--also", "--discriminator"), int8=True),
    "melody-wgan": Shipped("melodygan.train", ("--wgan", "--noise", "--l2")),
    "letters-conditional": Shipped("fontgan.train", ("--conditional",)),
    "letters-best": Shipped("fontgan.train", ("--fix", "best", "--epochs", "150")),
    "typefaces": Shipped("fontgan.train_typefaces", ("--epochs", "60")),
    "drums-styles": Shipped("drumvae.train", ("--per-style", "2000")),
    "drums-groove": Shipped("drumvae.train", ("--grooves", GROOVE)),
    "sounds-vqvae": Shipped("audiovae.train", ("--model", "vqvae")),
}
"""The pretrained models; the first one of a program is its default."""


RUNTIMES = {"onnx": "onnxruntime", "onnx-int8": "onnxruntime", "tensorflow": "tensorflow"}
"""What can run a model, and the library that does."""

_LARGEST_MODEL = 1_000_000_000  # bytes, unpacked
_LARGEST_CONFIG = 8_000_000  # bytes
_GREATEST_SIZE = 1_000_000  # of a layer


def folder() -> Path:
    """Return the folder of the pretrained models, in the checkout or the installed package."""
    if _CHECKOUT.is_dir():
        return _CHECKOUT
    with contextlib.suppress(ModuleNotFoundError):  # a wheel without them
        return Path(str(resources.files(PACKAGE)))
    return _CHECKOUT


def pretrained(name: str) -> Path:
    """Return the file of one of `MODELS`; raise a UserError if it does not exist."""
    file = folder() / f"{name}.keras"
    if not file.is_file():
        raise UserError(
            f"the pretrained model {name} is not in {file.parent}: reinstall the program, give another "
            f"--model, or train one with {MODELS[name].command}"
        )
    return file


def names_of(program: str) -> list[str]:
    """Return the names of the pretrained models of a program, the default first."""
    return [name for name, shipped in MODELS.items() if shipped.program == program]


def shipped_as(file: Path) -> Shipped | None:
    """Return how a pretrained model was trained; None for any other file."""
    return MODELS.get(file.stem) if file.parent == folder() else None


def add_model_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup, program: str) -> None:
    """Add --model to the options of a command, see `model_file`."""
    default, *rest = names_of(program)
    others = "".join(f" or {name}" for name in rest)
    parser.add_argument(
        "--model", type=Path, metavar="MODEL",
        help=f"a run of {program}, its model.keras, or a pretrained one: {default} (default){others}",
    )  # fmt: skip


def add_runtime_option(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, runtimes: Collection[str] = tuple(RUNTIMES)
) -> None:
    """Add --runtime, see `Kind.load`."""
    parser.add_argument(
        "--runtime",
        choices=("auto", *runtimes),
        default="auto",
        help="what runs the model (default onnx if it has that form, which starts at once)",
    )


def model_file(model: Path | None, program: str) -> Path:
    """Return the file of a model: a file, a run folder or the name of a pretrained model; None for the default.

    A model that does not exist raises a UserError.
    """
    if model is None:
        return pretrained(names_of(program)[0])
    if str(model) in MODELS and not model.exists():
        return pretrained(str(model))
    if not model.is_dir():
        return existing_file(model, "--model")
    file = model / "model.keras"
    if not file.is_file():
        raise UserError(f"--model {model} is a folder without a model.keras: give a run that has ended, or a file")
    return file


class Kind(NamedTuple):
    """The models that a program can use: "a model of letters", the command that trains them, and their modules.

    The modules are by the registered names of the classes: {"fontgan>FontGAN": "fontgan.models.gan"}. Former are the
    registered names of classes that older versions had. Portable are the classes that run exported models, by the same
    names: {"drumvae>DrumVAE": "drumvae.models.latents:PortableDrumVAE"}.
    """

    what: str
    program: str
    modules: Mapping[str, str]
    former: Collection[str] = ()
    portable: Mapping[str, str] = MappingProxyType({})

    def load(self, model: str | Path | None = None, *, runtime: str | None = None) -> Any:
        """Load a model: a run folder, a .keras file, or a pretrained model by its name; None is the default one.

        The runtime is one of `RUNTIMES`, or ``auto``: onnxruntime, which starts at once, if the model has an ONNX
        form. Without TensorFlow, the ONNX form is loaded.

        What `model_file` or `load_model` refuses, a missing ONNX form or a missing runtime raises a UserError.
        """
        file = model_file(None if model is None else Path(model), self.program)
        if is_command():
            print(f"loading {file.stem if shipped_as(file) else file} …", flush=True)
        return load_from(file, self, runtime=runtime)


def load_from(file: Path, kind: Kind, *, runtime: str | None = None, named: str = "--model") -> Any:
    """Load a model from a file, see `load`; messages call it ``named`` and the path."""
    has = {name: importlib.util.find_spec(library) is not None for name, library in RUNTIMES.items()}
    if runtime in has and not has[runtime]:
        raise UserError(f"--runtime {runtime} needs {RUNTIMES[runtime]}: pip install {RUNTIMES[runtime]}")
    int8 = runtime == "onnx-int8"
    wanted = int8 or runtime in {"onnx", "auto"} or not has["tensorflow"]
    found = portable.form_of(file) if wanted and has["onnx"] else None
    if int8 and not (found and found.has_int8):
        raise UserError(f"{file} has no ONNX form with 8-bit integers: export it with manymodes export --int8")
    if found is not None and found.name in kind.portable:
        module, name = kind.portable[found.name].split(":")
        loaded = getattr(importlib.import_module(module), name)(portable.Graphs(found.folder, int8=int8))
        loaded.file = file
        return loaded
    if runtime == "onnx" or not has["tensorflow"]:
        advice = (
            "export it with manymodes export" if has["tensorflow"] else "install TensorFlow, or export it elsewhere"
        )
        raise UserError(f"{file} has no ONNX form with which this command can run: {advice}")
    return load_model(file, kind, named)


def load_model(path: Path, kind: Kind, named: str = "--model") -> Any:
    """Load a model from a .keras file, uncompiled, with its path as ``file``; messages call it ``named`` and the path.

    Raises:
        UserError: the file does not exist, is not a .keras file, or is damaged; or the model is of another kind, was
            made by an older version, or has parts that this version of the program does not know.
    """
    file = existing_file(path, named)
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            text = archive.open("config.json").read(_LARGEST_CONFIG + 1).decode()
        described = json.loads(text)
        class_name, name = str(described["class_name"]), str(described["registered_name"])
    except (*_UNREADABLE, RecursionError) as error:
        raise UserError(f"{named} {file} is not a .keras file: give the model.keras of a run folder") from error
    if unpacked > _LARGEST_MODEL or _greatest(described) > _GREATEST_SIZE:
        raise UserError(f"{named} {file} is far larger than any model of this program: give the model.keras of a run")
    older = f"{named} {file} was made by an older version: train again with python -m {kind.program}"
    if name in kind.former:
        raise UserError(older)
    if name not in kind.modules:
        raise UserError(f"{named} {file} holds a {class_name}, not {kind.what}: give one of {kind.program}")

    with quiet_start():
        import keras

        importlib.import_module(kind.modules[name])

    config = described.get("config")
    if isinstance(config, dict) and not _needed_by(keras.saving.get_registered_object(name)) <= set(config):
        raise UserError(older)
    parts = set(re.findall(r'"registered_name": "(\w+>\w+)"', text))
    if unknown := sorted(part for part in parts if keras.saving.get_registered_object(part) is None):
        raise UserError(
            f"{named} {file} has parts that this version does not know ({', '.join(unknown)}): "
            f"use the version that saved it, or train it again with python -m {kind.program}"
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns about missing weights, and leaves them random
            warnings.filterwarnings("error", "Skipping", UserWarning)
            model = keras.models.load_model(file, compile=False)
    except (*_UNREADABLE, AttributeError, UserWarning) as error:
        reason = textwrap.shorten(str(error), _LONGEST_REASON)
        raise UserError(f"{named} {file} cannot be loaded ({reason}): give the model.keras of a run folder") from error
    import numpy as np

    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UserError(f"{named} {file} has weights that are NaN or infinite: its training diverged; train it again")
    model.file = file
    return model


def _needed_by(model: Any) -> set[str]:
    """Return the keyword arguments without which a model cannot be built, none of an unknown class."""
    parameters = [] if model is None else inspect.signature(model).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty}


def _greatest(value: Any) -> int:
    """Return the greatest whole number in a configuration, seeds left out."""
    if isinstance(value, dict):
        return max((_greatest(part) for key, part in value.items() if "seed" not in key), default=0)
    if isinstance(value, list):
        return max(map(_greatest, value), default=0)
    return value if isinstance(value, int) else 0


def save_slim(model: keras.Model, path: Path) -> None:
    """Save the parts of a model that generation needs, in one step: the same model gives the same bytes.

    Adversarial models keep their averaged generator alone. Weights are rounded to 16 bits (three decimal digits) unless
    one is too large for them; Keras reads them into 32 bits. The file is compressed.
    """
    from manymodes.nn.adversarial import AdversarialModel

    if isinstance(model, AdversarialModel):
        model = model.generating()
    with tempfile.TemporaryDirectory() as folder, replacing_file(path) as partial:
        whole = Path(folder) / "whole.keras"
        save_keras(model, whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as target:
            for entry in source.infolist():
                content = source.read(entry)
                if entry.filename.endswith(".h5"):
                    content = _halved(content)
                target.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def _halved(content: bytes) -> bytes:
    """Return an HDF5 file with its 32-bit floats as 16-bit ones."""
    import h5py

    def copy(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            copied = target.create_dataset(name, data=rounded(node[()]))
        else:
            copied = target.require_group(name)
        # the name of a layer holds a number that depends on what the process built before
        copied.attrs.update({key: value for key, value in node.attrs.items() if key != "name"})

    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(halved, "w") as target:
        target.attrs.update(source.attrs)
        source.visititems(copy)
    return halved.getvalue()


def rounded(values: np.ndarray) -> np.ndarray:
    """Return 32-bit floats as 16-bit ones unless one is too large for them, and other values as they are."""
    import numpy as np

    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    return halved if np.isfinite(halved).all() else values
