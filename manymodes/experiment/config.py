"""Configurations of trainings: frozen dataclasses, from which command-line options and config.json are derived.

A package declares its settings once:

    @dataclass(frozen=True)
    class TuneConfig(Config):
        program = "tunes.train"

        units: int = setting(64, "width of the LSTM", convert=cli.positive_int)
        noise: float = setting(0.0, "standard deviation of the noise", convert=cli.non_negative_float, const=0.1)

`add_options` adds ``--units`` and ``--noise``, and `from_args` reads them. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from manymodes import cli
from manymodes.experiment.run import read_config

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


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
        default: False makes a switch; None means that `Config.check` decides.
        text: the help of its option; without it the setting has no option.
        convert: the argparse type.
        choices: the allowed values.
        const: the value of the option when it is given without one.
        metavar: stands for the value in help.
        group: the heading of its option in help.
        exclusive: settings with the same word here exclude each other.
    """
    if text is None:
        return dataclasses.field(default=default)
    if default not in (None, False) and "default" not in text:
        text = f"{text} (default {default:g})" if isinstance(default, float) else f"{text} (default {default})"
    arguments: dict[str, Any] = {"help": text, "default": argparse.SUPPRESS}
    if default is False:
        arguments["action"] = "store_true"
    else:
        arguments |= {"type": convert, "choices": choices, "metavar": metavar}
    if const is not None:
        arguments |= {"nargs": "?", "const": const}
    return dataclasses.field(default=default, metadata={"arguments": arguments, "group": group, "exclusive": exclusive})


@dataclass(frozen=True)
class Config:
    """The settings of a training; a package adds its own.

    Attributes:
        program: the command that trains with it.
        epochs: after which training ends. It and the next two may be None until `check` has filled them in.
        batch_size: examples an update.
        updates_per_epoch: updates between two measurements.
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
        """Return the configuration with every default; raise a UserError for settings that exclude each other."""
        return self

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
        """Add the options of all settings, or of those in ``names``; unused options are not in the namespace."""
        groups: dict[tuple[str, str | None], Any] = {}
        for field in dataclasses.fields(cls):
            if not field.metadata or (names is not None and field.name not in names):
                continue
            group, exclusive = field.metadata["group"], field.metadata["exclusive"]
            if (group, None) not in groups:
                groups[group, None] = parser.add_argument_group(group)
            if (group, exclusive) not in groups:
                groups[group, exclusive] = groups[group, None].add_mutually_exclusive_group()
            groups[group, exclusive].add_argument(option_of(field.name), **field.metadata["arguments"])

    @classmethod
    def given(cls, args: argparse.Namespace) -> dict[str, Any]:
        """Return the settings that a command line gave, without defaults."""
        names = {field.name for field in dataclasses.fields(cls)}
        return {name: value for name, value in vars(args).items() if name in names}

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> Self:
        """Return the configuration that a command line asks for, as `check` completes it."""
        return cls(**cls.given(args)).check()

    @classmethod
    def from_run(cls, run: Path, args: argparse.Namespace | None = None) -> Self:
        """Return the configuration of the run in a folder, with the epochs of a command line.

        No run, one of another program, or a setting that differs from the run's raises a UserError.
        """
        kept = read_config(run)
        if kept.get("program") != cls.program:
            raise cli.UserError(f"{run} is a run of {kept.get('program')}, not of {cls.program}: give another one")
        config = cls.from_json(kept)
        given = {} if args is None else cls.given(args)
        for name, value in given.items():
            if name != "epochs" and value != getattr(config, name):
                raise cli.UserError(
                    f"{option_of(name)} differs from the run in {run}: leave it out, or start a new run"
                )
        return dataclasses.replace(config, epochs=given.get("epochs", config.epochs))

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name, as config.json has them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_json` described; other keys are ignored."""
        values: dict[str, Any] = {
            field.name: kept[field.name] for field in dataclasses.fields(cls) if field.name in kept
        }
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
    """Return the configuration of a command line of `training_parser`: a new one, or that of --resume, not of both."""
    if args.resume and args.out:
        raise cli.UserError("--out names a new run, --resume an old one: give one of them")
    return config.from_run(args.resume, args) if args.resume else config.from_args(args)


def data_path(text: str) -> str:
    """Argparse type: the name of a data set, or an absolute path."""
    return text if os.sep not in text and not Path(text).exists() else absolute_path(text)


def absolute_path(text: str) -> str:
    """Argparse type: a path as an absolute one, so that a run can be resumed from anywhere; nothing stays nothing."""
    return text and os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - these leave ~nobody as it is
