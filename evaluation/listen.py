"""`python -m evaluation.listen gen/ org/`: a page on which anybody can try to tell generated pieces from real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.reading.notes import Notes

PROGRAM = "evaluation.listen"
EXAMPLE = "  python -m evaluation.listen gen/ org/ --out listen.html\n  open listen.html"
PAIRS = 20


def pairs(gen: Sequence[Notes], org: Sequence[Notes], count: int, seed: int = 0) -> list[tuple[Notes, Notes, int]]:
    """Draw pairs of a generated and an original piece in random order, and which of the two is real, 0 or 1.

    No piece is in two pairs; there are as many pairs as the smaller set has pieces, at most `count`.
    """
    from evaluation.scores.sampling import generator

    rng = generator(seed, "listening")
    found = []
    for mine, real in zip(rng.permutation(len(gen))[:count], rng.permutation(len(org))[:count], strict=False):
        found.append((gen[mine], org[real], 1) if rng.integers(2) else (org[real], gen[mine], 0))
    return found


def page(found: Sequence[tuple[Notes, Notes, int]]) -> str:
    """Write pairs as one self-contained page, without names that give an answer away."""
    from evaluation.page.html import play_button, player
    from manymodes.experiment.page import template

    rows = [
        ([play_button(piece, name) for piece, name in ((first, "A"), (second, "B"))], "AB"[real])
        for first, second, real in found
    ]
    return template("evaluation", "listen.html.jinja").render(pairs=rows, player=player())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser(PROGRAM, "Write a page of generated and original pieces in pairs, to be told apart.", EXAMPLE)
    add = parser.add_argument
    add("generated", type=Path, metavar="GEN", help="folder of generated MIDI files")
    add("original", type=Path, metavar="ORG", help="folder of original ones")
    add("--pairs", type=cli.positive_int, default=PAIRS, metavar="N", help="number of pairs (default %(default)s)")
    add("--out", type=Path, default=Path("listen.html"), metavar="FILE", help="default: listen.html")
    add("--seed", type=cli.seed_value, default=0, metavar="N", help="of the pairs and their order (default: 0)")
    add("--force", action="store_true", help="overwrite a file that exists")
    args = parser.parse_args(argv)
    from evaluation.reading.folders import read_folder
    from manymodes.files import check_new_file, write_text

    check_new_file(args.out, force=args.force)
    gen, org = (read_folder(folder).pieces for folder in (args.generated, args.original))
    found = pairs(gen, org, args.pairs, args.seed)
    write_text(args.out, page(found))
    print(f"wrote {len(found)} pairs to {args.out}")
    return 0


if __name__ == "__main__":
    cli.run(main)
