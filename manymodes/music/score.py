"""Melodies in notation: bars, ties and note names, written as MusicXML and ABC.

Bars and note values are computed for both formats; music21 adds beams and accidentals and writes the MusicXML.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEPS_PER_QUARTER = 4
"""Lengths are in sixteenths."""

_OCTAVE = 12
_FIFTHS = "FCGDAEB"  # letters, each a fifth above the one before
_OF_MINOR = 3  # fifths from the tonic of a major key to that of the minor key with the same signature
_FLATTEST = {"major": -3, "minor": -2}  # fifths from the tonic of a signature's major key to the flattest note in use
_MIDDLES = {"4/4": 8, "6/8": 6, "6/4": 12}  # of bars that fall into halves, which the eye is to find
_WRITABLE = frozenset({1, 2, 3, 4, 6, 8, 12, 16, 24})  # sixteenths of one note, with a dot or without
_LOW = 55  # mean pitch below which a bass clef needs fewer ledger lines
_BARS_A_LINE = 4  # of ABC
_OCTAVE_OF_SMALL_LETTERS = 5  # of ABC
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}  # of ABC
_SINGLE = range(-1, 2)


class Score(NamedTuple):
    """One voice with its title, metre, key and tempo.

    Attributes:
        notes: (MIDI pitch, or None for a rest; length in sixteenths) one after the other.
        meter: such as "3/4".
        upbeat: sixteenths before the first bar line, fewer than a bar.
        fifths: sharps of the key signature; below 0 they are flats.
        mode: "major" or "minor".
        tempo: BPM.
        program: General MIDI program, 0 to 127.
    """

    notes: Sequence[tuple[int | None, int]]
    title: str
    meter: str = "4/4"
    upbeat: int = 0
    fifths: int = 0
    mode: str = "major"
    tempo: float = 120.0
    program: int = 0

    @property
    def bar(self) -> int:
        """Sixteenths of a bar."""
        beats, unit = map(int, self.meter.split("/"))
        return beats * 4 * STEPS_PER_QUARTER // unit

    @property
    def steps(self) -> int:
        """Sixteenths of all notes and rests."""
        return sum(steps for _, steps in self.notes)

    def sounding(self) -> Iterator[tuple[int, int, int]]:
        """Yield the place of each note, in sixteenths from the beginning, its MIDI pitch and its length."""
        place = 0
        for pitch, steps in self.notes:
            if pitch is not None:
                yield place, pitch, steps
            place += steps


class Value(NamedTuple):
    """A written note or rest: its place in the bar and length in sixteenths, and whether it is tied to the next one."""

    place: int
    pitch: int | None
    steps: int
    tied: bool = False


class Name(NamedTuple):
    """The name of a note: letter, accidental in semitones, and octave (4 begins at middle C)."""

    letter: str
    alter: int
    octave: int


def signature(tonic: int, mode: str) -> int:
    """Return the sharps of a key, −5 (flats) to 6, from the pitch class of its tonic and ``major`` or ``minor``."""
    return (7 * (tonic + (_OF_MINOR if mode == "minor" else 0)) + 5) % _OCTAVE - 5


def spelled(pitch: int, fifths: int, mode: str) -> Name:
    """Name a MIDI pitch as is usual in a key: in C major with C♯, E♭, F♯, G♯ and B♭."""
    flattest = fifths + _FLATTEST[mode]
    alter, letter = divmod(flattest + (7 * pitch - flattest) % _OCTAVE + 1, len(_FIFTHS))
    return Name(_FIFTHS[letter], alter, (pitch - alter) // _OCTAVE - 1)


def bars_of(score: Score) -> list[list[Value]]:
    """Divide the notes of a score into bars, and within bars into note values that are easy to read.

    Rests at the end become as long as the last bar, or as what the upbeat leaves of it: no bar without notes follows.
    """
    bars: list[list[Value]] = []
    place = -score.upbeat % score.bar
    for pitch, steps in _rounded(score):
        for begin, length in _pieces(place % score.bar, steps, score, rest=pitch is None):
            if begin == 0 or not bars:
                bars.append([])
            bars[-1].append(Value(begin, pitch, length, tied=pitch is not None))
        bars[-1][-1] = bars[-1][-1]._replace(tied=False)
        place += steps
    return bars


def _rounded(score: Score) -> list[tuple[int | None, int]]:
    """Return the notes with rests joined, and the one at the end as long as `bars_of` says."""
    notes: list[tuple[int | None, int]] = []
    for pitch, steps in score.notes:
        if pitch is None and notes and notes[-1][0] is None:
            steps += notes.pop()[1]  # noqa: PLW2901 - the rest goes on
        notes.append((pitch, steps))
    if notes and notes[-1][0] is None:
        notes.pop()
    if not notes:
        return [(None, score.bar)]
    left = (score.upbeat - sum(steps for _, steps in notes)) % score.bar
    missing = left - score.upbeat if left >= score.upbeat else left  # the upbeat completes the last bar
    return [*notes, (None, missing)] if missing else notes


def _pieces(place: int, steps: int, score: Score, *, rest: bool) -> list[tuple[int, int]]:
    """Return the places in the bar and the lengths of the values of a note or rest."""
    pieces, open_ones = [], [(place, steps)]
    while open_ones:
        begin, length = open_ones.pop()
        cut = _cut(begin, length, score, rest=rest)
        if cut:
            open_ones += [(cut % score.bar, begin + length - cut), (begin, cut - begin)]
        else:
            pieces.append((begin, length))
    return pieces


def _cut(place: int, steps: int, score: Score, *, rest: bool) -> int:
    """Return the place at which a note or rest is divided, 0 where it is written as one."""
    end, bar, middle = place + steps, score.bar, _MIDDLES.get(score.meter, 0)
    if end > bar:
        return bar
    if steps == bar and (rest or steps in _WRITABLE):
        return 0
    if rest:
        place_of_three = place % 6 if score.meter.endswith("/8") else place  # eighths go in threes
        whole = (steps & (steps - 1) == 0 or steps == middle) and place_of_three % steps == 0
    else:
        on_the_eighths = place % 2 == steps % 2 == 0
        within_a_beat = end <= place - place % STEPS_PER_QUARTER + STEPS_PER_QUARTER
        whole = steps in _WRITABLE and (on_the_eighths or within_a_beat)
    on_a_beat = score.meter == "4/4" and place % STEPS_PER_QUARTER == 0
    if place < middle < end and not (whole and on_a_beat):
        return middle
    # Of all places between, the strongest beat: the one with most factors of two.
    return 0 if whole else max(range(place + 1, end), key=lambda between: between & -between)


def musicxml(score: Score) -> str:
    """Write a score as MusicXML; the same score gives the same text."""
    from music21.musicxml.m21ToXml import ScoreExporter

    exporter: Any = ScoreExporter(_as_music21(score), makeNotation=False)
    encoding = exporter.parse().find("identification/encoding")
    encoding.remove(encoding.find("encoding-date"))
    return str(exporter.asBytes().decode())


def _as_music21(score: Score) -> Any:
    from music21 import instrument, metadata, stream
    from music21.stream.makeNotation import makeAccidentalsInMeasureStream

    player = instrument.Instrument()
    player.partId, player.instrumentId, player.instrumentName = "P1", "I1", "melody"  # the defaults are random
    player.midiProgram, player.midiChannel = score.program, 0
    part: Any = stream.Part([player])
    part.style.printPartName = False
    measures: list[Any] = []
    tied_to = False
    for number, values in enumerate(bars_of(score), start=0 if score.upbeat else 1):
        measure = stream.Measure(number=number)
        # Beams are counted from the bar line, not from where an upbeat begins.
        measure.paddingLeft = values[0].place / STEPS_PER_QUARTER
        for value in values:
            measure.append(_symbol(value, score, tied_to=tied_to))
            tied_to = value.tied
        measures.append(measure)
    _open(measures[0], score)
    measures[-1].rightBarline = "final"
    part.append(measures)
    makeAccidentalsInMeasureStream(part)
    _keep_naturals(part)
    part.makeBeams(inPlace=True)
    whole = stream.Score([part])
    whole.metadata = metadata.Metadata(title=score.title, composer="manymodes")
    return whole


def _keep_naturals(part: Any) -> None:
    """Mark what a natural is tied to as natural, too, without a sign: music21 ties equal pitches only."""
    from music21 import pitch

    for note, tied in itertools.pairwise(part.flatten().notesAndRests):
        if note.tie and tied.tie and note.pitch.accidental and tied.pitch.accidental is None:
            tied.pitch.accidental = pitch.Accidental("natural")
            tied.pitch.accidental.displayStatus = False


def _open(measure: Any, score: Score) -> None:
    """Add key, metre, tempo and clef to the first bar."""
    from music21 import clef, key, meter, stream, tempo

    pitches = [pitch for _, pitch, _ in score.sounding()]
    low = bool(pitches) and sum(pitches) / len(pitches) < _LOW
    measure.clef = clef.BassClef() if low else clef.TrebleClef()
    measure.keySignature = key.KeySignature(score.fifths).asKey(score.mode)
    measure.timeSignature = meter.TimeSignature(score.meter)
    if score.meter == "6/4":
        measure.timeSignature.beamSequence.partition(6)  # beams of a quarter, not of half a bar
    # For players only: a mark above the notes needs a font that not every program that shows a picture has.
    measure.insert(0, tempo.MetronomeMark(numberSounding=score.tempo))
    if score.upbeat:
        measure.showNumber = stream.enums.ShowNumber.NEVER


def _symbol(value: Value, score: Score, *, tied_to: bool) -> Any:
    from music21 import note, pitch, tie

    quarters = value.steps / STEPS_PER_QUARTER
    if value.pitch is None:
        rest = note.Rest(quarterLength=quarters)
        rest.fullMeasure = value.steps == score.bar
        return rest
    letter, alter, octave = spelled(value.pitch, score.fifths, score.mode)
    named: Any = pitch.Pitch(octave=octave)
    named.step = letter
    if alter:
        named.accidental = pitch.Accidental(alter)
    symbol = note.Note(named, quarterLength=quarters)
    if value.tied or tied_to:
        symbol.tie = tie.Tie("start" if not tied_to else "continue" if value.tied else "stop")
    return symbol


def abc(score: Score) -> str:
    """Write a score as ABC 2.1."""
    sharps, letter = divmod(score.fifths + (_OF_MINOR if score.mode == "minor" else 0) + 1, len(_FIFTHS))
    key = _FIFTHS[letter] + ("#" * sharps if sharps > 0 else "b" * -sharps) + ("m" if score.mode == "minor" else "")
    head = ["%abc-2.1", "X:1", f"T:{' '.join(score.title.split())}", f"M:{score.meter}", "L:1/16"]
    head += [f"Q:1/4={score.tempo:g}", f"%%MIDI program {score.program}", f"K:{key}"]
    bars = [_abc_bar(values, score) for values in bars_of(score)]
    if score.upbeat and len(bars) > 1:
        bars[:2] = [f"{bars[0]} | {bars[1]}"]  # it does not begin a line of its own
    lines = [" | ".join(bars[begin : begin + _BARS_A_LINE]) for begin in range(0, len(bars), _BARS_A_LINE)]
    return "\n".join([*head, " |\n".join(lines) + " |]", ""])


def _abc_bar(values: Sequence[Value], score: Score) -> str:
    """Write a bar; notes without a space between them are beamed.

    For some readers an accidental holds for its octave until the next bar line, for others in all octaves, and music21
    forgets double ones: it is repeated wherever readers would differ.
    """
    beat = 6 if score.meter.endswith("/8") else STEPS_PER_QUARTER
    of_key = {letter: (score.fifths - place + 6) // 7 for place, letter in enumerate(_FIFTHS)}
    of_letter = dict(of_key)
    of_octave: dict[tuple[str, int], int] = {}
    text = ""
    for value in values:
        text += " " if text and value.place % beat == 0 else ""
        if value.pitch is None:
            text += "z"
        else:
            letter, alter, octave = spelled(value.pitch, score.fifths, score.mode)
            in_force = {of_letter[letter], of_octave.get((letter, octave), of_key[letter])}
            text += "" if in_force == {alter} and alter in _SINGLE else _ACCIDENTALS[alter]
            of_letter[letter] = of_octave[letter, octave] = alter
            higher = octave - _OCTAVE_OF_SMALL_LETTERS
            text += letter.lower() + "'" * higher if higher >= 0 else letter + "," * (-1 - higher)
        text += (str(value.steps) if value.steps > 1 else "") + ("-" if value.tied else "")
    return text
