"""Tunes of a trained model as scores, for the commands and the studio."""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes import hub
from manymodes.cli import UserError
from manymodes.files import adding_files, replacing_pages
from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.score import Score, signature
from melodygan.data.encoding import Tune, length_of, pitches_in
from melodygan.data.form import ENDINGS, METERS, MODES, TONICS, form_of, places_of, read_key, transposed, tune_in
from melodygan.data.grid import from_row
from melodygan.data.register import middle_of, octaves_to

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

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
    portable={
        "melodygan>MelodyLSTM": "melodygan.models.composer:PortableLSTM",
        "melodygan>MelodyGAN": "melodygan.models.grid_composer:PortableGAN",
    },
)
AMOUNT = 0.3
"""Share of the bars of a variation that are recomposed."""

TEMPI = (4, 1000)
"""Least and greatest BPM: a MIDI file counts microseconds a quarter in 24 bits, which end just below 4."""

TEMPO = 120.0
"""BPM of tunes without a tempo."""

_CHOICE = {"temperature", "top_k", "top_p"}
_METHODS = ("vary", "recompose", "interpolate")
_OF_AN_LSTM = ("start", "vary", "interpolate")
_FORMING = ("start", "bars", "meter")  # a variation has them from its tune, a morph from both
_EXCLUDED = {
    "vary": (*_FORMING, "interpolate", "like", "plans"),
    "interpolate": (*_FORMING, "like", "ending", "plans"),
    "like": (*_FORMING, "plans"),
}
_METER = re.compile(r"[1-9]\d?/(1|2|4|8|16)")
_MIDI_PITCHES = range(128)
_FORMLESS = Tune(())
_OCTAVE = 12

load = MELODY_MODEL.load


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
    recompose: tuple[int, int] | None = None,
    like: str | Given | None = None,
    interpolate: tuple[str | Given, str | Given] | None = None,
    ending: str | None = None,
    plans: str | None = None,
    register: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    tempo: float | None = None,
    instrument: str = "piano",
) -> list[Score]:
    """Compose tunes, vary one, or morph one into another.

    Args:
        model: a trained one.
        count: number of tunes; with ``interpolate`` both ends are among them.
        seed: the same seed, the same tunes.
        key: such as "D minor"; the tunes are composed in its mode and transposed to its tonic. None leaves the mode
            to the model and the tonic at C or A, or both as in the given tune.
        meter: one of `melodygan.data.form.METERS`; None leaves it to the model, or keeps that of the given tune.
        bars: the exact length, in that metre.
        start: the beginning of the tunes: a file's name, notes such as "C4 D4:0.5", or a result of `given_to`.
        vary: a tune of which some bars are recomposed.
        amount: the share of these bars, over 0 to 1.
        recompose: the first and the last of these bars, instead of a share, counted from 1 after the upbeat.
        like: a tune whose form is taken over: metre, mode, length, and which bars return.
        interpolate: the first and the last tune of a morph.
        plans: one of `PLANS`: the forms of training tunes, or composed ones; None is the first, for models with plans.
        ending: one of `ENDINGS`; None is the first of them, if the model knows endings.
        register: one of `melodygan.data.register.REGISTERS`, or a note: tunes are moved by octaves until their middle
            is nearest to it. None is ``own`` for tunes with notes of a given one, otherwise ``middle``.
        temperature: below 1 safer, above 1 freer (default 1).
        top_k: choose among the k likeliest symbols.
        top_p: choose among the likeliest symbols whose probabilities reach p.
        tempo: BPM; None is that of the given tune, or `TEMPO`.
        instrument: General MIDI name or number.

    Returns:
        Scores titled 001, 002, …, in the requested key and metre, or in those that fit the notes best.

    Raises:
        UserError: options exclude each other, the model does not support them, a given tune is unusable, or the
            tunes leave the range of MIDI.
        ValueError: ``key`` is not a key.
    """
    from manymodes.music.midi import instrument_program

    giving: dict[str, Any] = {"start": start, "vary": vary, "like": like, "interpolate": interpolate}
    check_form(bars=bars, meter=meter, recompose=recompose, ending=ending, plans=plans, **giving)
    program = instrument_program(instrument)
    key = read_key(key) if isinstance(key, str) else key
    mode = key.mode if key else None
    options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "bars": bars, "plans": plans}
    abilities = _abilities(model)
    _check_ability(abilities, recompose=recompose, meter=meter, mode=mode, ending=ending, **giving, **options)
    if interpolate is None and "ending" in abilities:
        options["ending"] = ending or ENDINGS[0]
    options = {name: value for name, value in options.items() if value is not None}
    try:
        task = _task(model, key, meter, mode, amount=amount, recompose=recompose, **giving)
        middle = middle_of(register or ("own" if task.given else "middle"), program)
        composed = task.method(count=count, seed=seed, **options)
    except ValueError as error:
        raise UserError(str(error)) from error
    tunes = [_as_tune(tune, task.form) for tune in composed]
    pitches = [[pitch + task.shift for pitch in pitches_in(tune.notes)] for tune in tunes]
    if task.given:  # all move by the same
        pitches = [list(itertools.chain.from_iterable(pitches))] * len(tunes)
    shifts = [task.shift + octaves_to(heights, middle) for heights in pitches]
    tunes = [replace(tune, notes=transposed(tune.notes, shift)) for tune, shift in zip(tunes, shifts, strict=True)]
    if any(pitch not in _MIDI_PITCHES for tune in tunes for pitch in pitches_in(tune.notes)):
        raise UserError("the tune is higher or lower than MIDI can write: give another key, or a tune in the middle")
    fifths = key.fifths if key else signature(task.shift % _OCTAVE, MODES[0])
    own_tempo = task.given.tempo if task.given else None
    tempo = tempo or (own_tempo if own_tempo and TEMPI[0] <= own_tempo <= TEMPI[1] else TEMPO)
    scores = []
    for title, tune in zip(numbers(count), tunes, strict=True):
        whole = [name for name, bar in METERS.items() if bars is not None and length_of(tune.notes) == bars * bar]
        meters = [task.form.meter] if task.form.meter else whole
        scores.append(score_of(tune, title, meters=meters, fifths=fifths, tempo=tempo, program=program))
    return scores


class _Task(NamedTuple):
    """What a model is asked for.

    Attributes:
        method: called with the count, the seed and options.
        shift: semitones from C major or A minor to the key of the tunes.
        given: the tune that gives notes.
        form: metre, upbeat and mode, as far as they are known, of tunes that have none of their own.
    """

    method: Callable[..., Any]
    shift: int = 0
    given: Given | None = None
    form: Tune = _FORMLESS


def _task(
    model: Any,
    key: Key | None,
    meter: str | None,
    mode: str | None,
    *,
    amount: float,
    recompose: tuple[int, int] | None,
    start: str | Given | None,
    vary: str | Given | None,
    like: str | Given | None,
    interpolate: tuple[str | Given, str | Given] | None,
) -> _Task:
    from melodygan.data.given import form_after, read_given

    if interpolate is not None:
        first, second = (given_to(model, tune, key, "--interpolate") for tune in interpolate)
        return _Task(partial(model.interpolate, first.notes, second.notes), first.shift, given=first)
    if vary is not None:
        given = given_to(model, vary, key, "--vary")
        if recompose is not None:
            tune = given.as_tune(None if given.form else mode)
            method = partial(model.recompose, replace(tune, meter=form_of(tune).meter), *recompose)
            return _Task(method, given.shift, given)
        method = partial(model.vary, given.notes, amount=amount, form=given.form, upbeat=given.upbeat)
        meter, mode = given.form or (None, None)
        return _Task(method, given.shift, given, tune_in(meter, mode, (), given.upbeat))
    method = getattr(model, "compose", model.generate)
    shift = key.shift if key else 0
    if like is not None:
        read = read_given(like, key, option="--like") if isinstance(like, str) else like
        tune, half = read.as_tune(mode), _OCTAVE // 2
        shift = shift if key else (read.shift + half) % _OCTAVE - half
        return _Task(partial(method, like=tune), shift, form=replace(tune, meter=form_of(tune).meter))
    asked = {name: value for name, value in (("meter", meter), ("mode", mode)) if value is not None}
    if start is None:
        return _Task(partial(method, **asked), shift)
    given = given_to(model, start, key)
    forms = [from_row(row).form for row in model.plans]
    if asked:
        places_of(forms, meter, mode)  # raises a ValueError for what was asked
    meter, mode = form_after(given, meter, mode)
    if (meter or mode) and not any(meter in {None, one.meter} and mode in {None, one.mode} for one in forms):
        method = partial(method, plans=None)
    upbeat = given.upbeat if given.form and meter == given.form.meter else 0
    return _Task(partial(method, start=given.notes, upbeat=upbeat, meter=meter, mode=mode), given.shift, given)


def tunes_of(model: Any, count: int, *, seed: int) -> list[Tune]:
    """Compose tunes as a model does by itself, in C major or A minor; only a GAN knows their metre and key."""
    return list(map(_as_tune, getattr(model, "compose", model.generate)(count, seed=seed)))


def _as_tune(composed: Tune | Sequence[Note], form: Tune = _FORMLESS) -> Tune:
    """Return what a model composed as a tune; notes alone get the metre, upbeat and key of a form."""
    return composed if isinstance(composed, Tune) else replace(form, notes=tuple(composed))


def given_to(model: Any, tune: str | Given, key: Key | None = None, option: str = "--start") -> Given:
    """Read a tune, a file's name or notes, and make it fit the pitches that the model knows.

    A result of this function is returned as it is. The key is that of notes written out, and of the composed tunes;
    None is C major or A minor, or the key of the file. Messages name the option.

    Raises:
        UserError: it cannot be read.
    """
    from melodygan.data.given import read_given, suited

    if not isinstance(tune, str):
        return tune
    read = read_given(tune, key, option=option)
    of_gan = hasattr(model, "lowest")
    known = range(model.lowest, model.lowest + model.pitches) if of_gan else model.vocabulary.pitches
    return suited(read, known, f"{option} {Path(tune).name[:40]}", key)


def score_of(
    tune: Tune | Sequence[Note],
    title: str,
    *,
    meters: Sequence[str] = (),
    fifths: int = 0,
    tempo: float = TEMPO,
    program: int = 0,
) -> Score:
    """Return a tune as a score, with its own bar lines, or those that fit it best.

    Without ``meters`` to choose from they are in one of `melodygan.data.barlines.USUAL`; without a key it is minor if
    it ends on that tonic. ``fifths`` are the sharps of its key signature, below 0 flats; ``tempo`` is in BPM.
    """
    from melodygan.data.barlines import USUAL, bar_lines

    tune = _as_tune(tune)
    last = [(pitch - 7 * fifths) % _OCTAVE for pitch in pitches_in(tune.notes)[-1:]]
    minor = tune.key.endswith("minor") if tune.key.endswith(MODES) else last == [TONICS["minor"]]
    known = _METER.fullmatch(tune.meter)
    lines = (tune.meter, tune.pickup_steps) if known else bar_lines(tune.notes, meters or USUAL)
    return Score(tune.notes, title, *lines, fifths, MODES[minor], tempo, program)


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


def write_file(path: Path, score: Score) -> None:
    """Write a score as a file in the format of its suffix, which is replaced; a second page is NAME-2 beside it."""
    (kind,) = [name for name, suffix in SUFFIXES.items() if suffix == path.suffix.lower()]
    with replacing_pages(path) as folder:
        write_score(folder / path.stem, score._replace(title=path.stem), [kind])


def numbers(count: int) -> list[str]:
    """Return numbers as file names, such as 001 and 002."""
    digits = max(3, len(str(count)))
    return [f"{number:0{digits}d}" for number in range(1, count + 1)]


def check_form(**options: Any) -> None:
    """Raise a UserError for options of `compose` that exclude each other; None is not given."""
    for option, others in _EXCLUDED.items():
        for name in others:
            if options.get(option) is not None and options.get(name) is not None:
                raise UserError(
                    f"--{name} does not go with --{option}, which keeps its tune's form: leave one of them out"
                )
    if options.get("recompose") is not None and options.get("vary") is None:
        raise UserError("--recompose names bars of the tune of --vary: add --vary, or leave --recompose out")


def _abilities(model: Any) -> set[str]:
    """Return the options that a model supports: it has such a parameter or method."""
    method = getattr(model, "candidates", getattr(model, "compose", model.generate))
    able = {*inspect.signature(method).parameters, *(name for name in _METHODS if hasattr(model, name))}
    return able | _CHOICE if "choice" in able else able


def _check_ability(able: Collection[str], **options: Any) -> None:
    """Raise a UserError for options that a model does not support."""
    asked = {name for name, value in options.items() if value is not None}
    if "recompose" in asked:
        asked.remove("vary")
    for name in sorted(asked - set(able)):
        others = "an LSTM" if name in _OF_AN_LSTM else "a model trained without --as-reported"
        if name == "vary" and "recompose" in able:
            others = "an LSTM, or add --recompose"
        option = "key" if name == "mode" else name.replace("_", "-")
        raise UserError(f"--{option} does not work with this model: use {others}")
