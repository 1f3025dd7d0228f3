"""Sets whose verdict is known before they are looked at, made from real or made-up tunes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.reading.notes import Notes


def rebuilt(piece, *, onset=None, duration=None, pitch=None, name=None):
    """Copy a piece with other onsets, durations or pitches, in its own metre grid."""
    onset = piece.onset if onset is None else onset
    duration = piece.duration if duration is None else duration
    pitch = piece.pitch if pitch is None else pitch
    order = np.lexsort((pitch, onset))
    seconds = (piece.onset_seconds[-1] + 1e-9) / (piece.onset[-1] + 1e-9)
    return replace(
        piece,
        name=name or piece.name,
        onset=onset[order],
        duration=duration[order],
        pitch=np.clip(pitch[order], 0, 127),
        onset_seconds=onset[order] * seconds,
        duration_seconds=duration[order] * seconds,
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
        onset = np.concatenate([[0.0], np.cumsum(duration)[:-1]])
        pitch = rng.integers(55, 80, len(piece))
        result.append(Notes.from_quarters(onset, duration, pitch, name=piece.name))
    return result


def transposed(pieces, semitones=5):
    """The same tunes a fourth higher."""
    return [rebuilt(piece, pitch=piece.pitch + semitones) for piece in pieces]


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
