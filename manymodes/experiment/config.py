"""Configurations of trainings: frozen dataclasses, from which command-line options and config.json are derived.

A package declares its settings once:

    @dataclass(frozen=True)
    class TuneConfig(Config):
        program = "tunes.train"

        units: int = setting(64, "width of the LSTM", convert=cli.positive_int)
        noise: float = setting(0.0, "standard deviation of the noise", convert=cli.non_negative_float, const=0.1)

`add_options` makes ``--units`` and ``--noise`` of them, `from_args` reads them back, and a variant is
``dataclasses.replace(config, noise=0.1)``. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.run import read_config

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

_OPTION = "option"
_FREE_WHEN_RESUMING = "epochs"


def setting(
    default: Any,
    text: str | None = None,
    *,
    convert: Callable[[str], Any] = str,
    choices: Sequence[Any] | None = None,
    const: Any = None,
    metavar: str | None = None,
    group: str = "training",
    exclusive: str | None = None,
) -> Any:
    """Return the dataclass field of a setting.

    Args:
        default: its value unless another is given. False makes a switch; None means that `Config.check` decides.
        text: the help of its option; without it the setting has no option.
        convert: the argparse type.
        choices: values that are allowed.
        const: the value of the option when it is given without one.
        metavar: what help shows for the value.
        group: the heading of its option in help.
        exclusive: settings with the same word here exclude each other.
    """
    options: dict[str, Any] = {}
    if text is not None:
        shown = text if default in (None, False) or "default" in text else f"{text} (default {_shown(default)})"
        options = {"help": shown, "default": argparse.SUPPRESS}
        if default is False:
            options["action"] = "store_true"
        else:
            options |= {"type": convert, "choices": choices, "metavar": metavar}
        if const is not None:
            options |= {"nargs": "?", "const": const}
    option = _Option(options, group, exclusive) if options else None
    return dataclasses.field(default=default, metadata={_OPTION: option})


class _Option(NamedTuple):
    arguments: dict[str, Any]
    group: str
    exclusive: str | None


@dataclass(frozen=True)
class Config:
    """The settings of a training; a package adds its own.

    Attributes:
        program: the command that trains with it.
        epochs: after which training ends. It and the next two may be None until `check` has filled them in.
        batch_size: examples an update.
        updates_per_epoch: updates between two measurements.
        seed: of everything random.
    """

    program: ClassVar[str]

    epochs: int = setting(None, "epochs to train", convert=cli.positive_int)
    batch_size: int = setting(None, "examples an update", convert=cli.positive_int)
    updates_per_epoch: int = setting(None, "updates an epoch", convert=cli.positive_int)
    seed: int = setting(0, "same seed, same result", convert=cli.seed_value)

    @property
    def monitor(self) -> str:
        """The column of history.csv whose least value names the best epoch."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The variant as a file name, such as ``melodygan-wgan-noise-l2``."""
        raise NotImplementedError

    def check(self) -> Self:
        """Return the configuration with every default filled in.

        Raises:
            UserError: settings that exclude each other.
        """
        return self

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
        """Add the option of every setting that has one; what is not given leaves no trace in the namespace.

        Args:
            parser: that gets them.
            names: of the settings whose options are added, if not all.
        """
        groups: dict[str, Any] = {}
        exclusive: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            option: _Option | None = field.metadata.get(_OPTION)
            if option is None or (names is not None and field.name not in names):
                continue
            if option.group not in groups:
                groups[option.group] = parser.add_argument_group(option.group)
            target = groups[option.group]
            if option.exclusive is not None:
                target = exclusive.setdefault(option.exclusive, None) or target.add_mutually_exclusive_group()
                exclusive[option.exclusive] = target
            target.add_argument(option_of(field.name), **option.arguments)

    @classmethod
    def given(cls, args: argparse.Namespace) -> dict[str, Any]:
        """Return the settings that a command line named, without defaults."""
        names = {field.name for field in dataclasses.fields(cls)}
        return {name: value for name, value in vars(args).items() if name in names}

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> Self:
        """Return the configuration that a command line asks for.

        Raises:
            UserError: settings that exclude each other.
        """
        return cls(**cls.given(args)).check()

    @classmethod
    def from_run(cls, run: Path, args: argparse.Namespace | None = None) -> Self:
        """Return the configuration of the run in a folder, with more epochs where a command line asks for them.

        Raises:
            UserError: no run, a run of another program, or a setting that differs from the run's.
        """
        kept = read_config(run)
        if kept.get("program") != cls.program:
            raise UserError(f"{run} is a run of {kept.get('program')}: resume it with that")
        config = cls.from_json(kept)
        given = {} if args is None else cls.given(args)
        for name, value in given.items():
            if name != _FREE_WHEN_RESUMING and value != getattr(config, name):
                raise UserError(f"{option_of(name)} differs from the run in {run}: leave it out, or start a new run")
        return dataclasses.replace(config, epochs=given.get(_FREE_WHEN_RESUMING, config.epochs))

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name, as config.json has them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_json` described; other keys are ignored."""
        names = (field.name for field in dataclasses.fields(cls) if field.name in kept)
        values: dict[str, Any] = {name: kept[name] for name in names}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values)


C = TypeVar("C", bound=Config)


def option_of(name: str) -> str:
    """Return the option of a setting: ``--batch-size``."""
    return f"--{name.replace('_', '-')}"


def training_parser(config: type[Config], description: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of a command that trains: every setting, and --out, --resume, --tensorboard."""
    parser = cli.parser(config.program, description, example)
    config.add_options(parser)
    run = parser.add_argument_group("run")
    run.add_argument("--out", type=Path, metavar="RUN", help="run folder (default runs/ and the variant's name)")
    run.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    run.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    return parser


def config_of(config: type[C], args: argparse.Namespace) -> C:
    """Return what a command line of `training_parser` asks for: a new configuration, or that of --resume.

    Raises:
        UserError: as `Config.from_args` and `Config.from_run`; or both --resume and --out.
    """
    if args.resume and args.out:
        raise UserError("--out names a new run, --resume an old one: give one of them")
    return config.from_run(args.resume, args) if args.resume else config.from_args(args)


def data_path(text: str) -> str:
    """Argparse type: the name of a data set as it is; a path as it is from any folder."""
    if os.sep not in text and not Path(text).exists():
        return text
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - these leave ~nobody as it is


def _shown(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)
