"""Tunes of a trained model as scores, for the commands and the studio."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import hub
from manymodes.cli import UserError
from manymodes.files import adding_files
from manymodes.music.formats import write_score
from manymodes.music.score import Score, signature
from melodygan.data.encoding import length_of, pitches_in
from melodygan.data.form import METERS, MODES, TONICS, read_key, transposed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import keras

    from melodygan.data.encoding import Note
    from melodygan.data.form import Key
    from melodygan.data.given import Given

MELODY_MODEL = hub.Kind(
    "a melody model",
    "melodygan.train",
    {
        "melodygan>MelodyLSTM": "melodygan.models.lstm",
        "melodygan>MelodyGAN": "melodygan.models.gan",
        "melodygan>ReportedGAN": "melodygan.models.reported",
    },
    former=("melodygan>AttentionGAN",),
)
AMOUNT = 0.3
"""Share of the bars of a variation that are composed anew."""

TEMPI = (4, 1000)
"""Least and greatest BPM: a MIDI file counts microseconds a quarter in 24 bits, which end just below 4."""

_CHOICE = {"temperature", "top_k", "top_p"}
_OF_AN_LSTM = ("start", "vary", "interpolate")
_OF_A_FORM = ("meter", "mode")
_FORMING = ("start", "bars", "meter")  # a variation has them from its tune, a morph from both
_MIDI_PITCHES = range(128)
_OCTAVE = 12


def load(model: str | Path | None = None) -> keras.Model:
    """Load a melody model: a run folder, a .keras file, or a pretrained model by its name; None is the default one.

    A model that does not exist, or cannot be loaded, raises a UserError.
    """
    return hub.load(model, MELODY_MODEL)


def compose(
    model: Any,
    *,
    count: int = 1,
    seed: int = 0,
    key: str | Key | None = None,
    meter: str | None = None,
    bars: int | None = None,
    start: str | Given | None = None,
    vary: str | Given | None = None,
    amount: float = AMOUNT,
    interpolate: tuple[str | Given, str | Given] | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    tempo: float = 120.0,
    instrument: str = "piano",
) -> list[Score]:
    """Compose tunes, vary one, or morph one into another.

    Args:
        model: a trained one.
        count: number of tunes; with ``interpolate`` both ends are among them.
        seed: the same seed, the same tunes.
        key: such as "D minor"; the tunes are composed in its mode and transposed to its tonic. None leaves the mode
            to the model and the tonic at C or A, or at that of the given tune.
        meter: one of `melodygan.data.form.METERS`; None leaves it to the model, like ``bars``, the exact length.
        bars: in that metre.
        start: the beginning of the tunes: a file's name, notes such as "C4 D4:0.5", or a result of `given_to`.
        vary: a tune of which some bars are composed anew.
        amount: the share of these bars, over 0 to 1.
        interpolate: the first and the last tune of a morph.
        temperature: below 1 safer, above 1 freer (default 1).
        top_k: choose among the k likeliest symbols.
        top_p: choose among the likeliest symbols whose probabilities reach p.
        tempo: BPM.
        instrument: General MIDI name or number.

    Returns:
        Scores titled 001, 002, …, in the requested key and metre, or in those that fit the notes best.

    Raises:
        UserError: options exclude each other, the model does not support them, a given tune is unusable, or the
            tunes leave the range of MIDI.
        ValueError: ``key`` is not a key.
    """
    from manymodes.music.midi import instrument_program
    from melodygan.data.given import form_after

    check_form(start=start, bars=bars, meter=meter, vary=vary, interpolate=interpolate)
    program = instrument_program(instrument)
    key = read_key(key) if isinstance(key, str) else key
    mode = key.mode if key else None
    options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "bars": bars, "meter": meter}
    _check_ability(model, start=start, vary=vary, interpolate=interpolate, mode=mode, **options)
    method: Callable[..., Any]
    if interpolate is not None:
        first, second = (given_to(model, tune, key, "--interpolate") for tune in interpolate)
        shift, mode = first.shift, None
        method = partial(model.interpolate, first.notes, second.notes)
    elif vary is not None:
        given = given_to(model, vary, key, "--vary")
        shift, (meter, mode) = given.shift, given.form or (None, None)
        method = partial(model.vary, given.notes, amount=amount, form=given.form)
    else:
        method, shift = model.generate, key.shift if key else 0
        if start is not None:
            given = given_to(model, start, key, "--start")
            shift, (meter, mode) = given.shift, form_after(given, meter, mode, {plan.form for plan in model.plans})
            options["start"] = given.notes
        options |= {"meter": meter, "mode": mode}
    options = {name: value for name, value in options.items() if value is not None}
    try:
        composed = method(count=count, seed=seed, **options)
    except ValueError as error:
        raise UserError(str(error)) from error
    composed = [transposed(notes, shift) for notes in composed]
    if any(pitch not in _MIDI_PITCHES for notes in composed for pitch in pitches_in(notes)):
        raise UserError("the tune is higher or lower than MIDI can write: give another key, or a tune in the middle")
    fifths = key.fifths if key else signature(shift % _OCTAVE, MODES[0])
    scores = []
    for title, notes in zip(numbers(count), composed, strict=True):
        whole = [name for name, bar in METERS.items() if bars is not None and length_of(notes) == bars * bar]
        meters = [meter] if meter else whole
        scores.append(score_of(notes, title, meters=meters, mode=mode, fifths=fifths, tempo=tempo, program=program))
    return scores


def given_to(model: Any, tune: str | Given, key: Key | None = None, option: str = "--start") -> Given:
    """Read a tune for an LSTM, a file's name or notes, and make it fit the pitches that the model knows.

    A result of this function is returned as it is. The key is that of notes written out, and of the composed tunes;
    None is C major or A minor, or the key of the file. Messages name the option.

    Raises:
        UserError: it cannot be read.
    """
    from melodygan.data.given import read_given, suited

    if not isinstance(tune, str):
        return tune
    read = read_given(tune, key, option=option)
    return suited(read, model.vocabulary.pitches, f"{option} {Path(tune).name[:40]}", key)


def score_of(
    notes: Sequence[Note],
    title: str,
    *,
    meters: Sequence[str] = (),
    mode: str | None = None,
    fifths: int = 0,
    tempo: float = 120.0,
    program: int = 0,
) -> Score:
    """Return a tune as a score, with the bar lines that fit it best.

    Without ``meters`` to choose from they are in one of `melodygan.data.barlines.USUAL`; without ``mode`` it is minor
    if it ends on that tonic. ``fifths`` are the sharps of its key signature, below 0 flats; ``tempo`` is in BPM.
    """
    from melodygan.data.barlines import USUAL, bar_lines

    if mode is None:
        mode = MODES[[(pitch - 7 * fifths) % _OCTAVE for pitch in pitches_in(notes)[-1:]] == [TONICS["minor"]]]
    lines = bar_lines(notes, meters or USUAL)
    return Score(notes, title, lines.meter, lines.upbeat, fifths, mode, tempo, program)


def write_scores(folder: Path | str, scores: Sequence[Score], formats: Collection[str] = ("midi",)) -> list[Path]:
    """Write scores as files of these formats of `manymodes.music.formats.SUFFIXES`; return their paths.

    They are named by their titles, or by the numbers that follow those already there, see
    `manymodes.files.adding_files`.
    """
    from tqdm import tqdm

    quick = {"midi", "abc"}.issuperset(formats)
    with adding_files(Path(folder)) as addition:
        for score in tqdm(scores, unit="tune", disable=quick or None):  # None: shown on a terminal only
            write_score(addition.path / score.title, score, formats)
    return addition.written


def numbers(count: int) -> list[str]:
    """Return numbers as file names, such as 001 and 002."""
    digits = max(3, len(str(count)))
    return [f"{number:0{digits}d}" for number in range(1, count + 1)]


def check_form(**options: Any) -> None:
    """Raise a UserError for a start, a length or a metre with a variation or a morph, which has them from its tunes.

    The options are start, bars, meter, vary and interpolate; None where not given.
    """
    for option in ("vary", "interpolate"):
        for name in _FORMING:
            if options[option] is not None and options[name] is not None:
                raise UserError(
                    f"--{name} does not go with --{option}, which keeps its tune's form: leave one of them out"
                )


def _check_ability(model: Any, **options: Any) -> None:
    """Raise a UserError for options that a model does not support: no such parameter or method."""
    able = {*inspect.signature(model.generate).parameters, *(name for name in _OF_AN_LSTM if hasattr(model, name))}
    if "choice" in able:
        able |= _CHOICE
    asked = {name for name, value in options.items() if value is not None}
    for name in sorted(asked - able):
        others = "an LSTM" if name in _OF_AN_LSTM else "a model trained without --as-reported"
        if name in _OF_A_FORM:
            others = "an LSTM or --attention"
        option = "key" if name == "mode" else name.replace("_", "-")
        raise UserError(f"--{option} does not work with this model: use {others}")
