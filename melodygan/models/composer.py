"""Composing symbol by symbol: how tunes are drawn from any network that predicts the next symbol, without TensorFlow.

Notation: n tunes that are not over, T steps (sixteenths), V symbols (`melodygan.data.encoding.StepVocabulary`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from manymodes import deadline
from melodygan.data import grid
from melodygan.data.encoding import (
    DELIMITER,
    HOLD,
    REST,
    STEPS_PER_QUARTER,
    StepVocabulary,
    Tune,
    from_steps,
    length_of,
    pitch_name,
    pitches_in,
    to_steps,
)
from melodygan.data.form import ENDINGS, METERS, PLANS, UNKNOWN_METER, ends_on, form_of, last_pitches, tune_in
from melodygan.data.plan_model import chosen_plans
from melodygan.models.choosing import CANDIDATES, Choosing, PortableChoosing
from melodygan.models.sampling import TEMPERATURE, drawn_symbols, filtered_logits, log_softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.portable import Graphs
    from melodygan.data.encoding import Note
    from melodygan.data.form import Form

LONGEST = 16
"""Sixteenths up to which the length of a sounding note is counted."""

BARS = (16, 12)
"""Sixteenths of a bar of 4/4 (or two of 2/4) and of 3/4, in which places are inputs."""

RUNS = (1, 4, 8, 16, 32)
"""Thresholds, in sixteenths, of agreement with earlier bars."""

KINDS = 4
"""Of a symbol: unknown, hold, rest, note."""

REMEMBERED = 3
"""The last pitches, whose intervals are inputs."""

DISTANCE, RHYTHM, COMING = map(tuple(grid.STEP_COLUMNS).index, ("distance", "rhythm", "coming"))
"""The columns of a plan that say how far back the sources of a symbol, of its rhythm, and of what returns next are."""

_CERTAIN = 1e6  # added to the logit of a symbol that is fixed
_PLANNED = 1e5  # of one that returns by the plan: what is fixed comes first
_PULL = 8.0  # nats added to the logit of a symbol that both tunes of a morph have
_FEW = 4  # candidates, where no discriminator chooses: enough for one that ends right
_WAYS = 8  # to fill the open bars of a variation, of which one is chosen
_AT_ONCE = 64  # tunes that are composed together, which bounds the memory


class Seen(NamedTuple):
    """What is known before the coming symbol: integers, arrays or tensors."""

    plan: Any  # of the coming symbol, [..., K]
    symbols: Any  # the newest ones, [...]
    sounding: Any  # the symbol at the onset of the current note or rest, [...]
    lasted: Any  # steps since then, [...]
    places: Any  # steps since the beginning of the tune, [...]
    earlier: Any  # symbols `lookback` steps before the coming one, [..., lookback]
    agreed: Any  # steps for which the tune has equalled itself `lookback` steps before, [..., lookback]
    returning: Any  # the source of the coming symbol according to the plan, [...]
    kind: Any  # the kind of the symbol that its rhythm comes from, [...]
    coming: Any  # the note or rest that returns next, [...]
    heights: Any  # the last pitches as MIDI numbers, the newest first, 0 before the first one, [..., REMEMBERED]
    size: Any  # how long the note or rest has lasted that the rhythm of the coming one comes from, 0 if there is none


class Composer(Choosing):
    """Composes with a network that predicts the next symbol; subclasses are its forms.

    Attributes:
        vocabulary: its symbols.
        units: width of its two states.
        lookback: distances in sixteenths, ascending, of the earlier symbols among its inputs.
        plans: those of the training tunes, to which it composes, integers [n, PLAN_COLUMNS].
    """

    vocabulary: StepVocabulary
    units: int
    lookback: tuple[int, ...]
    plans: np.ndarray

    def next_logits(self, seen: Seen, hidden: np.ndarray, carry: np.ndarray) -> Sequence[np.ndarray]:
        """Return the logits of the coming symbols [n, V] and the next states, [n, units] each."""
        return self.run("step", *seen, hidden, carry)

    def candidates(
        self,
        count: int,
        *,
        seed: int,
        several: bool = True,
        start: Sequence[Note] = (),
        upbeat: int = 0,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
        like: Tune | None = None,
        ending: str = ENDINGS[0],
        plans: str | None = PLANS[0],
        max_steps: int = 512,
        **choice: Any,
    ) -> list[list[Tune]]:
        """Draw `CANDIDATES` (or a few) for each tune, and return those that end as they are to, or all if none does.

        The candidates of a tune have one plan, that of a training tune, where the model has any. All begin with the
        notes of ``start``, and their upbeat. Without a plan, and ``bars`` (of ``meter``, or of 4/4), the model ends a
        tune; after ``max_steps`` sixteenths it is cut. Without ``meter`` or ``mode`` each tune has that of its plan.
        With ``like``, all have the plan and length of that tune; with ``plans`` "composed", those of `PlanModel`; with
        None, no plan. For the ending see `last_pitches`; ``left_out`` counts the candidates that have another.
        Temperature, top_k and top_p are those of `filtered_logits`.

        Raises:
            ValueError: ``start`` has a pitch that the vocabulary lacks, or is longer than ``bars``; or no training
                tune has that metre and mode.
        """
        given = self._known(start, "the start", empty=True)
        exact = length_of(like.notes) if like else bars and bars * METERS[meter or UNKNOWN_METER]
        begun = upbeat, len(given)
        planned = self._plans_for(count, seed, plans, begun, bars=bars, meter=meter, mode=mode, like=like)
        lengths = np.array([exact or (plan.cells if plan else 0) for plan in planned])
        longest = max(*lengths, 0 if lengths.all() else max_steps)
        if len(given) > longest:
            raise ValueError(f"the start is {len(given)} sixteenths long, more than the {longest} asked for")
        pull, steps = _CERTAIN * self._one_hot(given)[None], [grid.as_steps(plan, longest) for plan in planned]
        closes = last_pitches(ending, [plan.form.mode if plan else mode for plan in planned], seed)
        forms = [(*plan.form, -plan.lead) if plan else (meter, mode, upbeat) for plan in planned]
        drawn: list[list[Tune]] = []
        closed: list[list[Tune]] = []
        each = CANDIDATES if several else _FEW
        for first in range(0, count, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, count))
            rows = [(number, n) for n in some for number in range(each)]
            asked = np.repeat([steps[n] for n in some], each, axis=0)
            symbols, _ = self._drawn(pull, asked, np.repeat(lengths[some], each), seed, rows=rows, **choice)
            for n, those in zip(some, np.split(symbols, len(some)), strict=True):
                meter, mode, before = forms[n]
                drawn.append([tune_in(meter, mode, self._notes(row), before) for row in those])
                closed.append([tune for tune in drawn[-1] if ends_on(tune.notes, closes[n])])
        self.left_out = each * count - sum(map(len, closed))
        return [some or those for some, those in zip(closed, drawn, strict=True)]

    def _plans_for(
        self, count: int, seed: int, plans: str | None, begun: tuple[int, int], *, bars: int | None, meter: str | None,
        mode: str | None, like: Tune | None,
    ) -> Sequence[grid.Plan | None]:  # fmt: skip
        """Return the plans to which `compose` composes, of tunes that begin with so long an upbeat and start."""
        if like is not None:
            laid = grid.to_grid(like)
            return [laid.plan if laid else None] * count
        if plans is None or not (len(self.plans) or meter is not None or mode is not None):
            return [None] * count
        if bars is not None and meter is None:
            meter = UNKNOWN_METER
        training = list(map(grid.from_row, self.plans))
        known = grid.plans_in(training, meter, mode, bars, longest=math.inf)
        upbeat, steps = begun
        if steps:
            moved = [plan.with_upbeat(upbeat) for plan in known]
            known = grid.going_on(known, upbeat, steps) if bars is None else moved
        return chosen_plans(plans, known, training, count, np.random.default_rng([seed, 1]))

    def vary(
        self,
        notes: Sequence[Note],
        count: int,
        *,
        amount: float = 1.0,
        seed: int,
        form: Form | None = None,
        bars: tuple[int, int] | None = None,
        upbeat: int = 0,
        ending: str = "free",
        **choice: Any,
    ) -> list[tuple[Note, ...]]:
        """Write variations of a tune: some of its bars are recomposed, the others stay.

        Of `_WAYS` ways to fill the open bars each variation takes the one after which the bars that stay are
        likeliest, so that it leads back into them.

        Args:
            notes: the tune, in C major or A minor.
            count: number of variations.
            amount: share of its bars that is recomposed, over 0 to 1; one at least. They are counted from the first
                note.
            seed: the same seed, the same variations.
            form: the tune's, if known; the model then keeps to its plan. Bars are those of its metre.
            bars: the first and the last bar that are recomposed, instead of a share. They are counted from 1 after
                the upbeat, and the notes of all others stay as they are.
            upbeat: sixteenths before the first bar line.
            ending: with ``tonic``, variations that end on it are preferred.
            **choice: temperature, top_k and top_p of `filtered_logits`.

        Raises:
            ValueError: the tune is empty, or has a pitch that the vocabulary lacks, or does not have these bars.
        """
        tune = self._known(notes, "the tune to vary")
        length, bar = len(tune), METERS[form.meter if form else UNKNOWN_METER]
        fixed = self._one_hot(tune)
        closed = np.ones((count, length), bool)
        if bars is not None:
            begin, end = grid.steps_of(bars, length, bar, upbeat)
            closed[:, begin:end] = False
            # A note that sounds into the bars ends there; one that sounds out of them begins again.
            fixed[end : end + 1] = self._one_hot(_begun(tune, end, self.vocabulary.index(HOLD)))
        else:
            whole = -(-length // bar)
            rng = np.random.default_rng(seed)
            for row in closed:
                for n in rng.choice(whole, max(1, round(amount * whole)), replace=False):
                    row[n * bar : (n + 1) * bar] = False
        kept = np.repeat(closed, _WAYS, axis=0)
        planned = np.zeros((*closed.shape, len(grid.STEP_COLUMNS)), np.int32)
        own = Tune(tuple(notes), key=form.mode, meter=form.meter, pickup_steps=upbeat) if form else None
        if own and (laid := grid.to_grid(own)):
            fresh = np.pad(~closed, ((0, 0), (laid.plan.lead, 0)))
            planned[:] = [grid.as_steps(laid.plan.opened(row), length) for row in fresh]
        pull = _CERTAIN * fixed * kept[..., None].astype(np.float32)
        if bars is not None:
            pull[:, begin, self.vocabulary.index(HOLD)] = -_CERTAIN
        plans = np.repeat(planned, _WAYS, axis=0)
        symbols, nats = self._drawn(pull, plans, np.full(len(kept), length), seed, **choice)
        costs = np.where(kept, nats, 0.0).sum(axis=1)
        unchanged = (symbols == tune).all(axis=1)
        variations = [self._notes(row) for row in symbols]
        (close,) = last_pitches("free" if ending == "free" else "tonic", [form.mode if form else None], seed)
        open_ended = [not ends_on(varied, close) for varied in variations]
        candidates = np.arange(len(kept)).reshape(count, _WAYS)
        return [variations[min(rows, key=lambda n: (unchanged[n], open_ended[n], costs[n]))] for rows in candidates]

    def recompose(
        self, tune: Tune, first: int, last: int, count: int = 1, *, seed: int, ending: str = "tonic", **choice: Any
    ) -> list[Tune]:
        """Recompose bars ``first`` to ``last`` of a tune, counted from 1 without the upbeat; the others stay.

        See `vary`, also for errors.
        """
        form = form_of(tune) if tune.meter in METERS else None
        options = {"form": form, "bars": (first, last), "upbeat": tune.pickup_steps, "ending": ending, **choice}
        return [replace(tune, notes=notes) for notes in self.vary(tune.notes, count, seed=seed, **options)]

    def interpolate(
        self, first: Sequence[Note], second: Sequence[Note], count: int, *, seed: int, **choice: Any
    ) -> list[tuple[Note, ...]]:
        """Morph one tune into another: tunes from ``first`` to ``second``, both included, in C major or A minor.

        Between them the model composes while both tunes pull at it, the second ever more, the first ever less:
        where they agree it follows them, elsewhere it chooses symbols that fit the notes so far. All tunes share their
        random numbers, so that they differ by the pull alone. Lengths change by quarters.

        The same seed gives the same tunes; ``choice`` is temperature, top_k and top_p of `filtered_logits`.

        Raises:
            ValueError: a tune is empty, or has a pitch that the vocabulary lacks; or ``count`` is below 2.
        """
        if count < 2:  # noqa: PLR2004 - the two ends
            raise ValueError(f"a morph has at least 2 steps, not {count}")
        ends = [self._known(first, "the first tune"), self._known(second, "the second tune")]
        if count == 2:  # noqa: PLR2004 - nothing between them
            return [tuple(first), tuple(second)]
        longest = max(map(len, ends))
        pulls = [np.pad(self._one_hot(end), [[0, longest - len(end)], [0, 0]]) for end in ends]
        shares = np.linspace(0, 1, count)[1:-1]
        quarters = ((1 - shares) * len(ends[0]) + shares * len(ends[1])) / STEPS_PER_QUARTER
        share = shares[:, None, None]
        symbols, _ = self._drawn(
            _PULL * ((1 - share) * pulls[0] + share * pulls[1]),
            grid.as_steps(None, longest)[None],
            np.clip(STEPS_PER_QUARTER * np.rint(quarters), 1, longest),
            seed,
            rows=[(0, 0)] * len(shares),  # they share their random numbers
            **choice,
        )
        return [tuple(first), *map(self._notes, symbols), tuple(second)]

    def _known(self, notes: Sequence[Note], whose: str, *, empty: bool = False) -> np.ndarray:
        """Return the symbols of notes, all of which the vocabulary must have."""
        if not (notes or empty):
            raise ValueError(f"{whose} is empty: give one with notes")
        known = self.vocabulary.pitches
        for pitch in pitches_in(notes):
            if pitch not in known:
                heard = f"between {pitch_name(known[0])} and {pitch_name(known[-1])}"
                raise ValueError(f"{whose} has {pitch_name(pitch)}, which the model never heard: use notes {heard}")
        return self.vocabulary.encode(to_steps(notes))

    def _one_hot(self, symbols: np.ndarray) -> np.ndarray:
        return np.eye(len(self.vocabulary))[symbols]

    def _notes(self, symbols: np.ndarray) -> tuple[Note, ...]:
        return from_steps(self.vocabulary.decode(symbols.tolist()))

    def _drawn(
        self,
        pull: np.ndarray,
        plan: np.ndarray,
        lengths: np.ndarray,
        seed: int,
        *,
        rows: Sequence[tuple[int, int]] | None = None,
        temperature: float = 1.0,
        **choice: Any,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw symbols, int32 [count, T], delimiters after the end of a tune; and their costs in nats, [count, T].

        To the logits of the first G ≤ T steps the pull is added, [1 or count, G, V]. The plan is that of each step, [1
        or count, T, K]; the lengths of the tunes are [count], 0 where the model ends them. The random numbers of each
        tune follow from the seed and its row, (candidate, tune); ``choice`` are options of `filtered_logits`.
        The temperature is multiplied by `TEMPERATURE`.
        """
        delimiter, hold = self.vocabulary.index(DELIMITER), self.vocabulary.index(HOLD)
        count, given, length = len(lengths), pull.shape[1], plan.shape[1]
        generators = [np.random.default_rng([seed, *row, 1]) for row in rows or [(0, row) for row in range(count)]]
        shares = np.stack([generator.random(length) for generator in generators])
        pull, plan = (np.broadcast_to(part, (count, *part.shape[1:])) for part in (pull, plan))
        distances, window = np.array(self.lookback), max(grid.LENGTH, *self.lookback)
        written = np.full((count, window + length), delimiter, np.int32)
        heard = written.copy()  # the symbol at the onset of what sounds at each place
        nats = np.zeros((count, length))
        tunes = np.arange(count)  # those that are not over; below, what is known of each of them
        sounding, lasted = np.full(count, delimiter, np.int32), np.zeros(count, np.int32)
        agreed = np.ones((count, len(distances)), np.int32)
        hidden, carry = np.zeros((2, count, self.units), np.float32)
        kinds, by_kind = kinds_of(self.vocabulary), _allowed(self.vocabulary)
        height_of, heights = heights_of(self.vocabulary)[:, None], np.zeros((count, REMEMBERED), np.int32)
        sizes, onsets = np.zeros_like(written), np.full(count, window - 1)  # a size stands at the onset
        for step in range(length):
            deadline.check()
            place = window + step
            planned, earlier = plan[tunes, step], written[tunes[:, None], place - distances]
            returning, of_rhythm = (
                written[tunes, place - np.maximum(planned[:, column], 1)] for column in (DISTANCE, RHYTHM)
            )
            kind = np.where(planned[:, RHYTHM] > 0, kinds[of_rhythm], 0)
            coming = heard[tunes, place - np.maximum(planned[:, COMING], 1)]
            places = np.full(len(tunes), step, np.int32)
            size = np.where(planned[:, RHYTHM] > 0, sizes[tunes, place - np.maximum(planned[:, RHYTHM], 1)], 0)
            newest, size = written[tunes, place - 1], np.minimum(size, LONGEST)
            seen = Seen(
                planned, newest, sounding, lasted, places, earlier, agreed, returning, kind, coming, heights, size
            )
            logits, hidden, carry = self.next_logits(seen, hidden, carry)
            starts = step in {0, given}
            repeated = np.where(planned[:, DISTANCE] > 0, returning, -1)
            allowed = self._allowed(logits, starts, starts | (step < lengths[tunes]), repeated, by_kind[kind])
            if step < given:
                allowed += pull[tunes, step]
            allowed = filtered_logits(allowed, temperature=TEMPERATURE * temperature, **choice)
            follows = drawn_symbols(allowed, shares[tunes, step])
            follows[(lengths[tunes] > 0) & (step >= lengths[tunes])] = delimiter
            written[tunes, place] = follows
            nats[tunes, step] = -np.take_along_axis(log_softmax(logits), follows[:, None], axis=1)[:, 0]
            held = follows == hold
            sounding = heard[tunes, place] = np.where(held, sounding, follows)
            lasted = np.where(held, np.minimum(lasted + 1, LONGEST), 0).astype(np.int32)
            onsets = np.where(held, onsets, place)
            sizes[tunes, onsets] += 1
            newest = height_of[follows]
            heights = np.where(newest > 0, np.concatenate([newest, heights[:, :-1]], axis=1), heights)
            agreed = np.where(follows[:, None] == earlier, np.minimum(agreed + 1, RUNS[-1]), 0).astype(np.int32)
            if (over := follows == delimiter).any():
                tunes, sounding, lasted, agreed, onsets, heights, hidden, carry = (
                    part[~over] for part in (tunes, sounding, lasted, agreed, onsets, heights, hidden, carry)
                )
                if not len(tunes):
                    break
        return written[:, window:], nats

    def _allowed(
        self, logits: np.ndarray, starts: bool, goes_on: np.ndarray, repeated: np.ndarray, of_kind: np.ndarray
    ) -> np.ndarray:
        """Return logits [n, V] of what may follow: where a tune starts, goes on, repeats a symbol, or is of a kind.

        ``repeated`` are symbols, below 0 for none; ``of_kind`` are rows of `_allowed`.
        """
        allowed, symbols = logits.astype(np.float64), np.arange(len(self.vocabulary))
        if starts:  # nothing to hold at first, and the last given note keeps its length
            allowed[:, self.vocabulary.index(HOLD)] = -np.inf
        allowed[goes_on, self.vocabulary.index(DELIMITER)] = -np.inf  # at least one note follows
        return allowed + _PLANNED * ((repeated[:, None] == symbols) + of_kind.astype(float) - 1)


class PortableLSTM(PortableChoosing, Composer):
    """A `MelodyLSTM` that was exported: composes the same tunes without TensorFlow."""

    def __init__(self, graphs: Graphs) -> None:
        super().__init__(graphs)
        config = graphs.config
        self.vocabulary = StepVocabulary.from_config(config["vocabulary"])
        self.units, self.lookback = config["units"], tuple(config["lookback"])
        self.plans = graphs.arrays["plans"]


def _begun(symbols: np.ndarray, place: int, hold: int) -> np.ndarray:
    """Return the symbol at a place, instead of a hold that of the note that it prolongs; [1], or [0] at the end."""
    onsets = np.flatnonzero(symbols[: place + 1] != hold)
    return symbols[onsets[-1:]] if place < len(symbols) else symbols[:0]


def kinds_of(vocabulary: StepVocabulary) -> np.ndarray:
    """Return the kind of each symbol, see `KINDS`; the delimiter has that of a note. Integers [V]."""
    return np.array([1 if symbol == HOLD else 2 if symbol == REST else 3 for symbol in vocabulary.symbols])


def _allowed(vocabulary: StepVocabulary) -> np.ndarray:
    """Return for each kind whether a rhythm of it allows a symbol; the first kind allows all. [KINDS, V]."""
    rows = np.equal(np.arange(KINDS)[:, None], kinds_of(vocabulary))
    rows[0] = True
    rows[3, vocabulary.index(DELIMITER)] = False
    return rows


def heights_of(vocabulary: StepVocabulary) -> np.ndarray:
    """Return the MIDI number of each symbol, 0 of those that are no pitch. Integers [V]."""
    return np.array([int(symbol) if symbol.isdecimal() else 0 for symbol in vocabulary.symbols], np.int32)
