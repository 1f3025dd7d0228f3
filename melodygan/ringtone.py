"""Compose a ringtone, another one each time: ``python -m melodygan.ringtone``.

It is the first composed phrase that closes on the tonic after four to eight bars. Its file is named after its notes,
so that a folder never has the same tune twice.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.files import check_place
from manymodes.hub import add_model_option, model_file
from manymodes.music.formats import RATE_HZ, played_notes, sound_of
from manymodes.music.score import Score
from melodygan import composing
from melodygan.composing import MELODY_MODEL, TEMPI
from melodygan.data.encoding import length_of
from melodygan.data.form import raised
from melodygan.data.phrases import MOST_BARS, Phrase, closing, name_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

EXAMPLE = (
    "  python -m melodygan.ringtone\n"
    '  python -m melodygan.ringtone --format ogg --instrument "tubular bells"\n'
    "  python -m melodygan.ringtone --model runs/melodygan-lstm"
)
_HIGH = 67  # mean pitch below which a tune is hardly audible on small loudspeakers
_AT_ONCE, _ROUNDS = 32, 40
_RING_SECONDS = 1.5  # in which the last note dies away
_SEEDS = 2**31


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    file = model_file(args.model, MELODY_MODEL.program)
    check_place(args.out / "ringtone")

    from manymodes.music.audio import write_audio
    from manymodes.music.midi import instrument_program

    program = instrument_program(args.instrument)
    model = composing.load(file)
    if args.seed is None:
        seed, phrase = _another(model, file, {made.stem for made in args.out.glob("*")})
    else:
        seed, phrase = args.seed, _composed(model, file, args.seed)
    path = args.out / f"{name_of(phrase.notes)}.{args.format}"
    if path.exists():
        raise cli.UserError(f"{path} already has the tune of --seed {seed}: leave --seed out for another one")
    score = Score(raised(phrase.notes, _HIGH), path.stem, tempo=args.tempo, program=program)
    sound = sound_of(played_notes(score), _RING_SECONDS)
    write_audio(path, sound, RATE_HZ)
    print(f"wrote {path}: {phrase.bars} bars of {phrase.meter}, {len(sound) / RATE_HZ:.1f} s (--seed {seed})")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.ringtone", "Write a short tune as sound, another one each time.", EXAMPLE)
    add_model_option(parser, MELODY_MODEL.program)
    parser.add_argument("--out", type=Path, default=Path("ringtones"), help="folder (default ringtones)")
    parser.add_argument("--format", choices=("wav", "ogg"), default="wav", help="(default wav)")
    parser.add_argument("--instrument", default="music box", help="General MIDI name or number (default music box)")
    parser.add_argument("--tempo", type=cli.between(*TEMPI, "a tempo"), default=120.0, help="BPM (default 120)")
    parser.add_argument("--seed", type=cli.seed_value, help="same seed, same tune (default: another one each time)")
    return parser


def _another(model: Any, file: Path, there: Collection[str]) -> tuple[int, Phrase]:
    """Compose with random seeds until a tune is new; return its seed, too."""
    for _ in range(_ROUNDS):
        seed = secrets.randbelow(_SEEDS)
        phrase = _composed(model, file, seed)
        if name_of(phrase.notes) not in there:
            return seed, phrase
    raise cli.UserError(f"--model {file} composes only tunes that --out already has: give another model or folder")


def _composed(model: Any, file: Path, seed: int) -> Phrase:
    """Compose until a tune closes; prefer a whole tune to the beginning of one."""
    for number in range(_ROUNDS):
        try:
            tunes = model.generate(_AT_ONCE, seed=(seed + number) % _SEEDS)
        except ValueError as error:
            raise cli.UserError(str(error)) from error
        found = [(notes, phrase) for notes in tunes if (phrase := closing(notes)) is not None]
        if found:
            return min(found, key=lambda pair: length_of(pair[1].notes) < length_of(pair[0]))[1]
    raise cli.UserError(
        f"--model {file} composes no tune that closes within {MOST_BARS} bars: train it longer, or give another"
    )


if __name__ == "__main__":
    cli.run(main)
