"""One command for the whole project: ``manymodes compose --bars 16`` is ``python -m melodygan.generate --bars 16``."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from manymodes import __version__, cli
from manymodes.files import in_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "compose": ("melodygan.generate", "compose tunes"),
    "ringtone": ("melodygan.ringtone", "compose a ringtone"),
    "drum": ("drumvae.generate", "make drum beats"),
    "transfer": ("drumvae.transfer", "play a beat in another style"),
    "humanize": ("drumvae.humanize", "give a beat the timing and loudness of a drummer"),
    "letters": ("fontgan.generate", "draw letters, and fonts of them"),
    "design": ("fontgan.design", "design a typeface, as a font to install"),
    "sound": ("audiovae.generate", "make sounds of instruments"),
    "codec": ("audiovae.codec", "pack sounds into small files, and unpack them"),
    "judge": ("evaluation.report", "compare generated with original MIDI files"),
    "listen": ("evaluation.listen", "write a page on which to tell generated from original MIDI files"),
    "train melody": ("melodygan.train", "train a model of tunes"),
    "train drums": ("drumvae.train", "train a model of drum beats"),
    "train letters": ("fontgan.train", "train a model of letters"),
    "train typefaces": ("fontgan.train_typefaces", "train a model of whole typefaces"),
    "train sound": ("audiovae.train", "train a model of sounds"),
    "train prior": ("audiovae.prior", "train the prior of a model of sounds"),
    "compare melody": ("melodygan.compare", "compare models of tunes"),
    "compare drums": ("drumvae.compare", "compare models of drum beats"),
    "compare letters": ("fontgan.compare", "compare models of letters"),
    "compare sound": ("audiovae.compare", "compare models of sounds"),
    "export": ("manymodes.export", "export a model for programs without TensorFlow"),
    "studio": ("manymodes_studio.__main__", "open the studio in a browser"),
    "web": ("manymodes_studio.web", "write a page that composes in any browser, without a server"),
}
"""The module whose ``main`` each command calls, and what the command does."""

_EXAMPLE = """\
example (python -m manymodes does the same; --help after a command shows its options):
  manymodes compose --count 4"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of the first words; raise a UserError if there is none."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--version"]:
        print(__version__)
        return 0
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return importlib.import_module(COMMANDS[name][0]).main(words[length:])
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    prefix = f"{words[0]} " if words and words[0] in groups else ""
    rest = words[1:] if prefix else words
    if not rest or rest[0] in {"-h", "--help"}:
        rows = [(f"  {name}", text) for name, (_, text) in COMMANDS.items() if name.startswith(prefix)]
        print("\n".join(["usage: manymodes COMMAND [OPTIONS]", "", *in_columns(rows, left=2), "", _EXAMPLE]))
        return 0
    known = [name.removeprefix(prefix).split()[0] for name in COMMANDS if name.startswith(prefix)]
    hint = cli.did_you_mean(rest[0], known)
    raise cli.UserError(f"unknown command {prefix + rest[0]!r}; {hint}manymodes {prefix}--help lists the commands")


def entry() -> None:
    """Run the console script."""
    cli.run(main)


if __name__ == "__main__":
    entry()
