"""Play tunes and drums, or read recordings, and write some as WAV: ``python -m audiovae.sounds --out data/sounds``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audiovae.data.chunks import CORPUS, HOP, RATE_HZ, enough_chunks
from manymodes import cli
from manymodes.files import check_place

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "audiovae.sounds"
EXAMPLE = (
    "  python -m audiovae.sounds --out data/sounds\n"
    "  python -m audiovae.sounds --out data/mine --sounds ~/recordings --hop 0.25 --count 5"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser(PROGRAM, "Play tunes and drums, or read recordings, and write some as WAV.", EXAMPLE)
    parser.add_argument("--out", type=Path, default=Path("data/sounds"), help="new folder (default data/sounds)")
    parser.add_argument(
        "--sounds",
        default=CORPUS,
        metavar="DIR",
        help="folder of WAV, FLAC, OGG or MP3 files, a sub-folder an instrument (default corpus: tunes and drums)",
    )
    parser.add_argument("--count", type=cli.positive_int, default=3, metavar="N", help="WAVs an instrument (default 3)")
    parser.add_argument(
        "--chunks",
        type=enough_chunks,
        metavar="N",
        help="seconds of sound to make or use of each instrument (default 400 of the corpus, of a folder all)",
    )
    parser.add_argument(
        "--hop",
        type=cli.probability,
        default=HOP / RATE_HZ,
        metavar="SECONDS",
        help="from one chunk of a recording to the next, up to 1 (default 0.5)",
    )
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same sounds (default 0)")
    typed = list(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(typed)
    check_place(args.out)

    from audiovae.data.sounds import load_sounds, write_sounds

    sounds = load_sounds(args.sounds, seed=args.seed, chunks=args.chunks, hop=max(round(args.hop * RATE_HZ), 1))
    command = shlex.join(["python", "-m", PROGRAM, *typed])
    folder, count = write_sounds(args.out, sounds, count=args.count, command=command)
    print(sounds.table())
    print(f"wrote {count:,} sounds to {folder}/")
    return 0


if __name__ == "__main__":
    cli.run(main)
