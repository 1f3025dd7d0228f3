"""A short tune with a clean ending, another one each time: ``python -m melodygan.ringtone``.

Of what the model composes, the first phrase is taken that closes on the tonic after four to eight bars. A tune has its
file named after its notes, so that none comes into a folder twice.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes import cli
from manymodes.files import check_place
from manymodes.hub import add_model_option, model_file
from manymodes.music.formats import RATE_HZ, played_notes, sound_of
from manymodes.music.score import Score
from melodygan.data.form import METERS, MODES, ends_on_the_tonic, transposed
from melodygan.generate import TEMPI, TRAINER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

    from melodygan.data.encoding import Note

EXAMPLE = (
    "  python -m melodygan.ringtone\n"
    '  python -m melodygan.ringtone --format ogg --instrument "tubular bells"\n'
    "  python -m melodygan.ringtone --model runs/melodygan-lstm"
)
_FEWEST_BARS, _MOST_BARS = 4, 8
_FEWEST_NOTES, _FEWEST_PITCHES = 8, 4  # below which it is a signal, not a tune
_SHORTEST_CLOSE = 4  # sixteenths of the last note
_BEAT, _BEAT_OF_EIGHTHS = 4, 6  # sixteenths, in 2/4 to 6/4 and in 3/8 and 6/8
_HIGH = 67  # mean pitch below which small loudspeakers give little of a tune
_OCTAVE = 12
_AT_ONCE, _ROUNDS = 32, 40
_RING_SECONDS = 1.5  # in which the last note dies away
_SEEDS = 2**31


class Phrase(NamedTuple):
    """A tune that closes: its notes, its metre and how many bars it has, the upbeat and the last one being one."""

    notes: tuple[Note, ...]
    meter: str
    bars: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    file = model_file(args.model, TRAINER)
    check_place(args.out / "ringtone")

    from manymodes.music.midi import instrument_program

    program = instrument_program(args.instrument)

    from manymodes.music.audio import write_audio
    from melodygan.output import load_model

    model = load_model(file)
    if args.seed is None:
        seed, phrase = _another(model, file, {made.stem for made in args.out.glob("*")})
    else:
        seed, phrase = args.seed, _composed(model, file, args.seed)
    path = args.out / f"{name_of(phrase.notes)}.{args.format}"
    if path.exists():
        raise cli.UserError(f"{path} is there already, the tune of --seed {seed}: leave --seed out for another one")
    score = Score(_raised(phrase.notes), path.stem, tempo=args.tempo, program=program)
    sound = sound_of(played_notes(score), _RING_SECONDS)
    write_audio(path, sound, RATE_HZ)
    print(f"wrote {path}: {phrase.bars} bars of {phrase.meter}, {len(sound) / RATE_HZ:.1f} s (--seed {seed})")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.ringtone", "Write a short tune as sound, another one each time.", EXAMPLE)
    add_model_option(parser, TRAINER)
    parser.add_argument("--out", type=Path, default=Path("ringtones"), help="folder (default ringtones)")
    parser.add_argument("--format", choices=("wav", "ogg"), default="wav", help="(default wav)")
    parser.add_argument("--instrument", default="music box", help="General MIDI name or number (default music box)")
    parser.add_argument(
        "--tempo", type=cli.between(*TEMPI, "a tempo"), default=120.0, help="quarters a minute (default 120)"
    )
    parser.add_argument("--seed", type=cli.seed_value, help="same seed, same tune (default: another one each time)")
    return parser


def name_of(notes: Sequence[Note]) -> str:
    """Return the name of a tune's file, the same in every key; hardly any other tune has it."""
    first = next(note.pitch for note in notes if note.pitch is not None)
    heard = [(None if note.pitch is None else note.pitch - first, note.steps) for note in notes]
    return f"ringtone-{hashlib.sha256(repr(heard).encode()).hexdigest()[:8]}"


def _another(model: Any, file: Path, there: Collection[str]) -> tuple[int, Phrase]:
    """Compose with one seed after the other until a tune is not there yet; return its seed, too.

    Raises:
        UserError: the model composes no other.
    """
    for _ in range(_ROUNDS):
        seed = secrets.randbelow(_SEEDS)
        phrase = _composed(model, file, seed)
        if name_of(phrase.notes) not in there:
            return seed, phrase
    raise cli.UserError(f"--model {file} composes nothing but what is there already: use another, or another folder")


def _composed(model: Any, file: Path, seed: int) -> Phrase:
    """Compose until a tune closes; one that the model ended itself comes before a beginning.

    Raises:
        UserError: the model composes none.
    """
    for number in range(_ROUNDS):
        try:
            tunes = model.generate(_AT_ONCE, seed=(seed + number) % _SEEDS)
        except ValueError as error:
            raise cli.UserError(str(error)) from error
        found = [(notes, phrase) for notes in tunes if (phrase := closing(notes)) is not None]
        if found:
            return min(found, key=lambda pair: _length(pair[1].notes) < _length(pair[0]))[1]
    raise cli.UserError(
        f"--model {file} composes nothing that closes within {_MOST_BARS} bars: train it longer, or use another"
    )


def closing(notes: Sequence[Note]) -> Phrase | None:
    """Return the longest beginning of a tune that closes; None if none does.

    It has four to eight bars, some movement, and ends on a beat with the tonic, which is heard to the end.

    Args:
        notes: in C major or A minor.
    """
    from melodygan.data.barlines import bar_lines
    from melodygan.data.bars import cut_at

    sounding = [number for number, note in enumerate(notes) if note.pitch is not None]
    if not sounding:
        return None
    tune = tuple(notes[sounding[0] :])
    meter, upbeat = bar_lines(tune)
    bar = METERS[meter]
    mode = next((mode for mode in MODES if ends_on_the_tonic(tune, mode)), MODES[0])
    for bars in range(min(_MOST_BARS, -(-_length(tune) // bar)), _FEWEST_BARS - 1, -1):
        beginning = cut_at(tune, bars, bar)
        last = max(number for number, note in enumerate(beginning) if note.pitch is not None)
        phrase = (*beginning[:last], beginning[last]._replace(steps=_length(beginning[last:])))
        if _closes(phrase, meter, upbeat, mode) and _moves(phrase):
            return Phrase(phrase, meter, bars)
    return None


def _closes(notes: Sequence[Note], meter: str, upbeat: int, mode: str) -> bool:
    *before, last = notes
    beat = _BEAT_OF_EIGHTHS if meter.endswith("/8") else _BEAT
    on_a_beat = (_length(before) - upbeat) % beat == 0
    return ends_on_the_tonic(notes, mode) and on_a_beat and last.steps >= _SHORTEST_CLOSE


def _moves(notes: Sequence[Note]) -> bool:
    pitches = [note.pitch for note in notes if note.pitch is not None]
    return len(pitches) >= _FEWEST_NOTES and len(set(pitches)) >= _FEWEST_PITCHES


def _length(notes: Sequence[Note]) -> int:
    return sum(note.steps for note in notes)


def _raised(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Return a low tune an octave higher."""
    pitches = [note.pitch for note in notes if note.pitch is not None]
    return transposed(notes, _OCTAVE) if sum(pitches) < _HIGH * len(pitches) else notes


if __name__ == "__main__":
    cli.run(main)
