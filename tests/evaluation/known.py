"""Sets whose verdict is known before they are looked at, made from real or made-up tunes."""

from dataclasses import replace

import numpy as np

from evaluation.reading.notes import Notes


def rebuilt(piece, **changed):
    """Copy a piece with other durations, pitches or another name, in its own metre grid."""
    made = replace(piece, **changed)
    order = np.lexsort((made.pitch, made.onset))
    onset, duration = made.onset[order], made.duration[order]
    seconds = (piece.onset_seconds[-1] + 1e-9) / (piece.onset[-1] + 1e-9)
    return replace(
        made,
        duration=duration,
        pitch=np.clip(made.pitch[order], 0, 127),
        onset_seconds=onset * seconds,
        duration_seconds=duration * seconds,
    )


def collapsed(pieces, rng, copies=100):
    """One tune again and again, with 3 % of its notes moved and its lengths a little uneven."""
    tune = max(pieces[:20], key=len)
    result = []
    for number in range(copies):
        pitch = tune.pitch.copy()
        moved = rng.random(len(pitch)) < 0.03
        pitch[moved] += rng.integers(-2, 3, moved.sum())
        duration = tune.duration * rng.uniform(0.9, 1.0, len(pitch))
        result.append(rebuilt(tune, duration=duration, pitch=pitch, name=f"collapsed/{number:03d}.mid"))
    return result


def one_frozen(pieces):
    """Different tunes that all have exactly six pitches: each is squeezed onto six steps of its own scale."""
    result = []
    for piece in pieces:
        used = np.unique(piece.pitch)
        if len(used) < 6:
            continue
        kept = used[np.linspace(0, len(used) - 1, 6).astype(int)]
        nearest = np.abs(piece.pitch[:, None] - kept).argmin(axis=1)
        result.append(rebuilt(piece, pitch=kept[nearest]))
    return result


def shuffled(pieces, rng):
    """The same notes in random order."""
    return [rebuilt(piece, pitch=rng.permutation(piece.pitch)) for piece in pieces]


def uniform(pieces, rng):
    """Pitches from two octaves and lengths from four values, all as likely."""
    result = []
    for piece in pieces:
        duration = rng.choice([0.25, 0.5, 1.0, 2.0], len(piece))
        pitch = rng.integers(55, 80, len(piece))
        result.append(Notes.from_quarters(np.cumsum(duration) - duration, duration, pitch, name=piece.name))
    return result


def transposed(pieces, semitones=5):
    """The same tunes a fourth higher."""
    return [rebuilt(piece, pitch=piece.pitch + semitones) for piece in pieces]


def rewritten(piece, onset, duration, pitch):
    """Make a piece of any notes on the bars of another: as many of them as the notes need, more of the last length."""
    made = Notes.from_quarters(onset, duration, np.clip(pitch, 0, 127), name=piece.name, meter=piece.meter)
    end = float((made.onset + made.duration).max(initial=0.0))
    more = np.arange(piece.bar_starts[-1], end, bar_quarters(piece)) + bar_quarters(piece)
    starts = np.concatenate([piece.bar_starts, more])
    return replace(made, bar_starts=starts[: max(1, int(np.searchsorted(starts, end - 1e-6))) + 1])


def bars_of(piece):
    return len(piece.bar_starts) - 1


def bar_quarters(piece):
    """Length of a bar; an upbeat is a short first bar."""
    return float(np.diff(piece.bar_starts)[1:2].sum() or piece.bar_starts[1])


def first_whole_bar(piece):
    """Number of the bar after the upbeat, 0 or 1."""
    return int(np.diff(piece.bar_starts)[0] < bar_quarters(piece) - 1e-6)


def bars_shuffled(pieces, rng):
    """The bars of each tune in random order; upbeat and last bar stay."""
    result = []
    for piece in pieces:
        bar = np.searchsorted(piece.bar_starts, piece.onset + 1e-6) - 1
        moved = np.arange(first_whole_bar(piece), bars_of(piece) - 1)
        place = np.arange(bars_of(piece))
        place[moved] = rng.permutation(moved)
        onset = piece.onset - piece.bar_starts[bar] + piece.bar_starts[place[bar]]
        order = np.argsort(onset, kind="stable")
        room = np.diff(onset[order], append=np.inf)  # what was tied over a bar line ends where the next note begins
        result.append(rewritten(piece, onset[order], np.minimum(piece.duration[order], room), piece.pitch[order]))
    return result


def shifted(pieces, quarters=0.5):
    """The same tunes an eighth late against their bar lines."""
    return [rewritten(piece, piece.onset + quarters, piece.duration, piece.pitch) for piece in pieces]


def crossed(pieces):
    """The pitches of one tune to the rhythm of another of about the same length, cut to the shorter."""
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
    other = dict(zip(order, [*order[1:], order[0]], strict=True))
    for left, right in zip(order[::2], order[1::2], strict=False):
        other[left], other[right] = right, left
    result = []
    for i, piece in enumerate(pieces):
        pitch = pieces[other[i]].pitch[: len(piece)]
        result.append(rewritten(piece, piece.onset[: len(pitch)], piece.duration[: len(pitch)], pitch))
    return result


def looped(pieces, bars=2):
    """The first whole bars of each tune again and again, for as long as the tune."""
    result = []
    for piece in pieces:
        first = first_whole_bar(piece)
        begin, end = piece.bar_starts[first], piece.bar_starts[min(first + bars, bars_of(piece))]
        turns = int(np.ceil((piece.bar_starts[-1] - begin) / max(end - begin, 1e-6)))
        before, inside = piece.onset < begin - 1e-6, (piece.onset > begin - 1e-6) & (piece.onset < end - 1e-6)
        if not inside.any():
            continue
        length = np.minimum(piece.duration, end - piece.onset)
        onset = [piece.onset[inside] + turn * (end - begin) for turn in range(turns)]
        onset = np.concatenate([piece.onset[before], *onset])
        duration = np.concatenate([piece.duration[before], np.tile(length[inside], turns)])
        pitch = np.concatenate([piece.pitch[before], np.tile(piece.pitch[inside], turns)])
        kept = onset < (piece.onset + piece.duration).max() - 1e-6
        result.append(rewritten(piece, onset[kept], duration[kept], pitch[kept]))
    return result


def endings_cut(pieces, rng):
    """Tunes without their last bar, or last two."""
    result = []
    for piece in pieces:
        end = piece.bar_starts[max(bars_of(piece) - rng.integers(1, 3), 1)]
        kept = piece.onset < end - 1e-6
        if not kept.any():
            continue
        length = np.minimum(piece.duration, end - piece.onset)
        result.append(rewritten(piece, piece.onset[kept], length[kept], piece.pitch[kept]))
    return result


def babble(pieces, rng, order, size, most=11):
    """Chains of notes in which each is likely after the `order` notes before it, as long as real tunes.

    A note is its pitch, its length and the time to the next one. Each follows notes of a real tune in the same metre,
    never more than `most` on end from one tune; where no other tune goes on, fewer notes before it are looked at.
    """
    tunes = [piece for piece in pieces if len(piece) > order]
    steps, places = [], {}
    for number, piece in enumerate(tunes):
        gap = np.diff(piece.onset, append=(piece.onset + piece.duration)[-1])
        notes = list(zip(piece.pitch.tolist(), piece.duration.tolist(), gap.tolist(), strict=True))
        steps.append(notes)
        for place in range(len(notes)):
            for past in range(min(place, order) + 1):
                key = (bar_quarters(piece), *notes[place - past : place])
                places.setdefault(key, []).append((number, place))
    result = []
    for number in rng.permutation(len(tunes))[:size]:
        model = tunes[number]
        bar, at, run, notes = bar_quarters(model), (-1, 0), 0, []
        while len(notes) < len(model):
            for past in range(min(order, len(notes)), -1, -1):
                found = places.get((bar, *notes[len(notes) - past :]), [])
                if run >= most:
                    found = [place for place in found if place != (at[0], at[1] + 1)]
                if found:
                    break
            chosen = found[rng.integers(len(found))]
            run = run + 1 if chosen == (at[0], at[1] + 1) else 1
            at = chosen
            notes.append(steps[at[0]][at[1]])
        pitch, duration, gap = np.array(notes).T
        onset = np.cumsum(gap) - gap
        result.append(rewritten(model, onset, duration, pitch.astype(int)))
    return result


def without_minor(pieces):
    """Only the tunes that end on another note than A, of tunes in C major and A minor."""
    return [piece for piece in pieces if piece.pitch[-1] % 12 != 9]


def without_triple(pieces):
    """Only the tunes whose bars are not three or six beats long: 4/4 and 2/4, without 3/4, 6/8 and the like."""
    return [piece for piece in pieces if bar_quarters(piece) % 1.5 > 1e-6]


def sets(held, org, rng):
    """Sets with a known verdict, made from 100 tunes and from the originals that they are compared with."""
    return {
        "half": held,
        "collapsed": collapsed(org, rng),
        "partly": [*held[:60], *collapsed(org, rng, copies=40)],
        "frozen": one_frozen(held),
        "shuffled": shuffled(held, rng),
        "uniform": uniform(held, rng),
        "transposed": transposed(held),
        "copied": [*org[:50], *held[:50]],
    }
