"""One command for the whole project: ``manymodes compose --bars 16`` is ``python -m melodygan.generate --bars 16``."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from manymodes import __version__, cli
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "compose": ("melodygan.generate", "compose tunes"),
    "ringtone": ("melodygan.ringtone", "compose a ringtone"),
    "drum": ("drumvae.generate", "make drum beats"),
    "transfer": ("drumvae.transfer", "play a beat in another style"),
    "humanize": ("drumvae.humanize", "give a beat the timing and loudness of a drummer"),
    "letters": ("fontgan.generate", "draw letters, and fonts of them"),
    "sound": ("audiovae.generate", "make sounds of instruments"),
    "codec": ("audiovae.codec", "pack sounds into small files, and unpack them"),
    "judge": ("evaluation.report", "compare generated with original MIDI files"),
    "train melody": ("melodygan.train", "train a model of tunes"),
    "train drums": ("drumvae.train", "train a model of drum beats"),
    "train letters": ("fontgan.train", "train a model of letters"),
    "train sound": ("audiovae.train", "train a model of sounds"),
    "train prior": ("audiovae.prior", "train the prior of a model of sounds"),
    "compare melody": ("melodygan.compare", "compare models of tunes"),
    "compare drums": ("drumvae.compare", "compare models of drum beats"),
    "compare letters": ("fontgan.compare", "compare models of letters"),
    "compare sound": ("audiovae.compare", "compare models of sounds"),
    "studio": ("manymodes_studio.__main__", "open the studio in a browser"),
}
"""The module whose ``main`` each command calls, and what the command does."""


_EXAMPLE = """\
example (python -m manymodes does the same; --help after a command shows its options):
  manymodes compose --count 4"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first words name.

    Raises:
        UserError: there is no such command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help"}:
        print(_help())
        return 0
    if words[0] == "--version":
        print(__version__)
        return 0
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return importlib.import_module(COMMANDS[name][0]).main(words[length:])
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    if words[0] in groups:
        parts = [name.split()[1] for name in COMMANDS if name.startswith(f"{words[0]} ")]
        if len(words) == 1 or words[1] in {"-h", "--help"}:
            print(_help(words[0]))
            return 0
        hint = cli.did_you_mean(words[1].lower(), dict(zip(parts, parts, strict=True)))
        raise UserError(f"unknown command '{words[0]} {words[1]}'; {hint}choose {words[0]} with {', '.join(parts)}")
    first_words = dict.fromkeys(name.split()[0] for name in COMMANDS)
    hint = cli.did_you_mean(words[0].lower(), {word: word for word in first_words})
    raise UserError(f"unknown command {words[0]!r}; {hint}manymodes --help lists the commands")


def _help(group: str = "") -> str:
    rows = [(f"  {name}", text) for name, (_, text) in COMMANDS.items() if name.split()[0] == group or not group]
    width = max(len(name) for name, _ in rows)
    listed = [f"{name:{width}}  {text}" for name, text in rows]
    return "\n".join(["usage: manymodes COMMAND [OPTIONS]", "", *listed, "", _EXAMPLE])


def entry() -> None:
    """Run the console script."""
    cli.run(main)


if __name__ == "__main__":
    entry()
