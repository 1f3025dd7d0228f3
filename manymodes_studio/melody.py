"""Melodies for the studio: compose, vary, continue a given tune, and write files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import melodygan
from manymodes.cli import UserError
from manymodes.deadline import StoppedError
from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.midi import instrument_program
from manymodes.music.score import signature
from manymodes_studio.language import named, say
from melodygan.data.encoding import Note
from melodygan.data.form import METERS, MODES, UNKNOWN_METER, Form, raised, read_key, transposed
from melodygan.data.given import Given, form_after, read_given, read_notes, suited

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from manymodes.music.score import Score

KEYS = tuple(
    f"{tonic} {mode}"
    for mode, tonics in (
        ("major", ("C", "G", "D", "A", "E", "B", "F#", "Db", "Ab", "Eb", "Bb", "F")),
        ("minor", ("A", "E", "B", "F#", "C#", "G#", "D#", "Bb", "F", "C", "G", "D")),
    )
    for tonic in tonics
)
"""The keys of melodies, by fifths."""

INSTRUMENTS = {
    "piano": "acoustic grand piano",
    "music box": "music box",
    "flute": "flute",
    "violin": "violin",
    "cello": "cello",
    "clarinet": "clarinet",
    "trumpet": "trumpet",
    "guitar": "acoustic guitar (nylon)",
    "accordion": "accordion",
    "organ": "church organ",
    "vibraphone": "vibraphone",
}
"""Instruments for a melody, with their names in General MIDI."""

FORMATS = tuple(name for name in SUFFIXES if name != "mp3")
"""File formats of a melody."""

_USUAL_BARS = 16
_LONGEST_BARS = 64  # of a tune that is continued
_LONGEST_TEXT = 1000  # of notes that are written out
_OCTAVE = 12
_LOW = 62  # mean pitch below which a melody is easier to read and to hear an octave higher


class Composed(NamedTuple):
    """A melody and the seed of its composition.

    The shift is in semitones from C major or A minor, in which models compose, to the key of the score; the remarks are
    changes to a given tune, each in one line.
    """

    score: Score
    shift: int
    seed: int
    remarks: tuple[str, ...] = ()


def compose(model: Any, *, key: str | None, seed: int, **options: Any) -> Composed:
    """Compose a melody with the options of `melodygan.compose`; a low one is raised by an octave.

    What the model cannot do is relaxed step by step, see `_looser`, and remarked; a UserError is raised if nothing
    helps.
    """
    asked, relaxed = {"key": key, **options}, []
    for remark, change in [("", {}), *_looser(asked)]:
        asked |= change
        relaxed += [remark] if remark else []
        try:
            (score,) = melodygan.compose(model, seed=seed, register="own", **asked)
        except StoppedError:
            raise
        except UserError as error:
            impossible = error
        else:
            high = raised(_notes(score), _LOW)
            shift = (read_key(key).shift if asked["key"] and key else 0) + _OCTAVE * (high != score.notes)
            remarks = (say("relaxed", to=", ".join(relaxed)),) if relaxed else ()
            return Composed(score._replace(notes=high), shift, seed, remarks)
    raise impossible


def _looser(asked: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what to relax, one after the other, of what was asked: a remark, and options."""
    if asked.get("temperature", 1.0) != 1.0:
        yield say("relaxed.temperature"), {"temperature": 1.0}
    if (asked.get("bars") or 0) > _USUAL_BARS:
        yield say("relaxed.bars", bars=_USUAL_BARS), {"bars": _USUAL_BARS}
    if asked.get("meter"):
        yield say("relaxed.meter"), {"meter": None}
    if asked.get("key"):
        yield say("relaxed.key"), {"key": None}
    if asked.get("bars"):
        yield say("relaxed.length"), {"bars": None}


def vary(
    model: Any,
    composed: Composed,
    *,
    seed: int,
    key: str | None = None,
    recompose: tuple[int, int] | None = None,
    **options: Any,
) -> Composed:
    """Recompose some bars of a melody, those from the first to the last one of ``recompose`` or a share.

    The options are those of `melodygan.compose`; a model without variations takes ``recompose`` only. The variation is
    transposed to ``key``, if that is of the melody's mode.
    """
    score = composed.score
    notes = transposed(_notes(score), -composed.shift)
    given = Given(notes, composed.shift, Form(score.meter, score.mode), upbeat=score.upbeat)
    pitches = range(model.lowest, model.lowest + model.pitches) if hasattr(model, "lowest") else None
    given = suited(given, pitches or model.vocabulary.pitches, say("the-melody"))
    (varied,) = melodygan.compose(model, vary=given, recompose=recompose, seed=seed, **options)
    varied = varied._replace(fifths=score.fifths)
    return in_key(Composed(varied, given.shift, seed, given.remarks), key)


def in_key(composed: Composed, key: str | None) -> Composed:
    """Transpose a melody to a key of its mode by the shortest way, but not to one of the other mode."""
    if key is None:
        return composed
    wanted, score = read_key(key), composed.score
    if wanted.mode != score.mode:
        return composed._replace(remarks=(*composed.remarks, say(f"stays.{score.mode}")))
    half = _OCTAVE // 2
    by = (wanted.shift - composed.shift + half) % _OCTAVE - half
    score = score._replace(notes=transposed(_notes(score), by), fifths=wanted.fifths)
    return composed._replace(score=score, shift=composed.shift + by)


def played(composed: Composed, *, tempo: float, instrument: str) -> Composed:
    """Return a melody in another tempo or by another instrument."""
    return composed._replace(score=composed.score._replace(tempo=tempo, program=instrument_program(instrument)))


def form_of_file(file: Path) -> tuple[str | None, str | None, float | None]:
    """Return key, metre and tempo of a tune in a file, None where it has none; raise a UserError without a tune."""
    given = read_given(str(file), option=say("your-tune"))
    meter, mode = given.form or (None, None)
    keys = {(read_key(key).shift % _OCTAVE, read_key(key).mode): key for key in KEYS}
    return keys.get((given.shift % _OCTAVE, mode or "")), meter if meter in METERS else None, given.tempo


def continue_file(model: Any, file: Path, *, key: str | None, **options: Any) -> Composed:
    """Continue a tune from a file by a number of bars, with the options of `melodygan.compose`; the model is an LSTM.

    The tune is transposed to ``key``; None is its own. ``meter`` is that of the continuation; None is that of the tune,
    if the model knows it. No usable tune in the file, or one that is too long, raises a UserError.
    """
    return _continued(model, read_given(str(file), option=say("your-tune")), key=key, **options)


def continue_notes(model: Any, text: str, *, key: str | None, **options: Any) -> Composed:
    """Continue notes such as ``C4 D4:0.5`` as `continue_file`."""
    if len(text) > _LONGEST_TEXT:
        raise UserError(say("notes.long", most=_LONGEST_TEXT))
    given = read_notes(text, None if key is None else read_key(key), option=say("your-notes"))
    return _continued(model, given, key=key, **options)


def _continued(
    model: Any, given: Given, *, key: str | None, meter: str | None, bars: int, seed: int, **options: Any
) -> Composed:
    wanted = None if key is None else read_key(key)
    given = suited(given, model.vocabulary.pitches, say("your-tune"), wanted)
    own, _ = form_after(given, meter, None)
    begun = -(-sum(note.steps for note in given.notes) // METERS[own or UNKNOWN_METER])
    if begun > _LONGEST_BARS:
        raise UserError(say("tune.long", bars=begun, most=_LONGEST_BARS))
    (score,) = melodygan.compose(model, key=wanted, meter=meter, start=given, bars=begun + bars, seed=seed, **options)
    return Composed(score, given.shift, seed, given.remarks)


def _notes(score: Score) -> tuple[Note, ...]:
    return tuple(Note(*note) for note in score.notes)


def write(stem: Path, score: Score, formats: Sequence[str]) -> dict[str, list[Path]]:
    """Write a melody as files of some of `FORMATS` at a path without suffix; PNG and SVG have a file for each page."""
    write_score(stem, score, formats)
    return {
        name: sorted(stem.parent.glob(f"{stem.name}*{SUFFIXES[name]}"), key=lambda file: (len(file.name), file.name))
        for name in formats
    }


def described(composed: Composed) -> tuple[str, ...]:
    """Return the length, key, number of notes and seed of a melody in words."""
    score = composed.score
    bars, sounding = -(-score.steps // score.bar), len(list(score.sounding()))
    keys = {signature(read_key(key).shift % _OCTAVE, MODES[0]): key for key in KEYS if key.endswith(score.mode)}
    return (
        say("bars.of", bars=bars, meter=score.meter),
        named("key", keys[score.fifths]),
        say("notes.of", notes=sounding),
        say("seed.of", seed=composed.seed),
    )
