"""What the training verbs of all packages share: continuing a run, and opening its folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from manymodes.cli import UserError
from manymodes.experiment.run import Run, read_config

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path


def settings_to_resume(
    run: Path,
    argv: Sequence[str] | None,
    parser: argparse.ArgumentParser,
    *,
    verb: str,
    free: Collection[str],
    as_kept: Callable[[str, Any], Any] = lambda name, value: value,  # noqa: ARG005 - its signature
) -> dict[str, Any]:
    """Return the settings of the run to continue, with more epochs where the command line asks for them.

    Args:
        run: its folder.
        argv: the command line; None is the process's own.
        parser: that reads it; its defaults are forgotten, so that only what was typed is compared.
        verb: whose run it must be.
        free: options that may differ from those of the run.
        as_kept: turns an option's name and value into the value as config.json has it.

    Raises:
        UserError: no run, another verb's run, or an option that differs from what the run began with.
    """
    kept = read_config(run)
    if kept.get("verb") != verb:
        raise UserError(f"{run} is a run of {kept.get('verb')}: resume it with that")
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to forget its defaults
        action.default = argparse.SUPPRESS
    typed = vars(parser.parse_args(argv))
    for name, value in typed.items():
        if name not in free and as_kept(name, value) != kept.get(name):
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} differs from the run in {run}: leave it out, or start a new run")
    return {**kept, "epochs": typed.get("epochs") or kept["epochs"]}


def open_run(path: Path, settings: dict[str, Any], *, resume: bool, data: str) -> Run:
    """Start a run, or open the one to continue.

    Args:
        path: its folder.
        settings: with the ``fingerprint`` of the data.
        resume: whether the run is there already.
        data: what the data are called.

    Raises:
        UserError: the data have changed since the run began.
    """
    if not resume:
        return Run.start(path, settings)
    run = Run.resume(path)
    if run.config["fingerprint"] != settings["fingerprint"]:
        raise UserError(f"{data} has changed since {path} began: start a new run")
    run.plan_epochs(settings["epochs"])
    print(f"continuing {path} after epoch {len(run.history)} of {settings['epochs']}")
    return run
