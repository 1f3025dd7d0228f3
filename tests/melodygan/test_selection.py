import numpy as np
import pytest
from scores import walking_tunes

from melodygan.data.encoding import Note
from melodygan.metrics.musical import as_pieces, distinct_share, musical_distance


def walks(seed):
    return [tune.notes for tune in walking_tunes(60, seed)]


def noise(count, seed):
    rng = np.random.default_rng(seed)
    return [
        tuple(Note(int(p), int(n)) for p, n in zip(rng.integers(0, 128, 30), rng.integers(1, 17, 30), strict=True))
        for _ in range(count)
    ]


def test_pieces_are_the_tunes_in_quarters():
    (piece,) = as_pieces([(Note(60, 4), Note(None, 2), Note(62, 6), Note(64, 1))])
    assert piece.onset.tolist() == [0.0, 1.5, 3.0]
    assert piece.duration.tolist() == [1.0, 1.5, 0.25]
    assert piece.pitch.tolist() == [60, 62, 64]


def test_distinct_share():
    one, two = (Note(60, 4),), (Note(60, 2),)
    assert distinct_share([one]) == 1
    assert distinct_share([one, two, list(one), one]) == 0.5


def test_known_distances():
    real = walks(0)
    sets = {"itself": real, "alike": walks(1), "noise": noise(60, seed=0), "collapsed": [real[0]] * 60}
    distances = {name: musical_distance(tunes, real) for name, tunes in sets.items()}
    assert distances["itself"] == pytest.approx(
        {"musical_distance": 0, "told_apart": 0.5, "overlap": 1, "distinct": 1, "spread": 1}, abs=0.05
    )
    in_order = sorted(distances, key=lambda name: distances[name]["musical_distance"])
    assert in_order == ["itself", "alike", "noise", "collapsed"]
    assert distances["alike"]["musical_distance"] < 0.3
    assert distances["noise"]["musical_distance"] > 0.5
    # no variety at all in any of the four
    collapsed = distances["collapsed"]
    assert (collapsed["distinct"], collapsed["spread"]) == (pytest.approx(1 / 60), 0)
    known = 2 - collapsed["overlap"] - 1 / 60 + 2 * (collapsed["told_apart"] - 0.5) + np.log(1000)
    assert collapsed["musical_distance"] == pytest.approx(known)
    assert collapsed["told_apart"] > 0.95
