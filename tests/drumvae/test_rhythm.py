import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drumvae.data.kit import INSTRUMENTS
from drumvae.metrics.baselines import hit_f1_baselines
from drumvae.metrics.rhythm import (
    density,
    density_calibration,
    expected_f1,
    hit_f1,
    instrument_f1,
    mean_distance,
    nearest_distances,
    struck_steps,
    syncopation,
)

CELLS = 16 * len(INSTRUMENTS)


def bars(*drawn):
    """Return hits of bars, each given as a dict of instruments' rows such as ``x... .... x... ....``."""
    hits = np.zeros((len(drawn), 16, len(INSTRUMENTS)), bool)
    for number, rows in enumerate(drawn):
        for name, row in rows.items():
            hits[number, :, INSTRUMENTS.index(name)] = [mark == "x" for mark in row.replace(" ", "")]
    return hits


NOTHING = {}
STRAIGHT = {"kick": "x... .... x... ....", "snare": ".... x... .... x...", "hihat_closed": "x.x. x.x. x.x. x.x."}
OFFBEAT = {"kick": "..x. ..x. ..x. ..x.", "snare": "...x ...x ...x ...x", "hihat_closed": "x.x. x.x. x.x. x.x."}

any_bars = arrays(bool, st.tuples(st.integers(1, 4), st.just(16), st.just(len(INSTRUMENTS))))


def random_bars(count, seed, chance=0.15):
    return np.random.default_rng(seed).random((count, 16, len(INSTRUMENTS))) < chance


def test_what_is_played_is_counted():
    hits = bars(STRAIGHT, NOTHING)
    assert density(hits) == pytest.approx([12 / CELLS, 0])
    assert struck_steps(hits).sum(axis=1).tolist() == [8, 0]
    assert struck_steps(hits)[0, ::2].all()


@pytest.mark.parametrize(
    ("kick", "expected"),
    [
        ("x... .... .... ....", 0),  # nothing is stronger than the downbeat
        ("x... x... x... x...", 0 + 0 + 0 + 0),  # of beats none rests
        (".... .... .... x...", 1),  # a beat, −1, before the downbeat, 0
        ("..x. .... .... ....", 2),  # an eighth, −2, before a beat, −1; the strongest rest is the next downbeat, 0
        ("..x. x... .... ....", 1),  # the beat after the eighth is struck; that one is before the next downbeat
        ("...x x... .... ....", 1),  # the same, with a sixteenth
        (".x.x .... .... ....", 1 + 3),  # a sixteenth, −3, before an eighth, −2, and one before the downbeat
        (".... .... .... ....", 0),
    ],
)
def test_syncopation_by_hand(kick, expected):
    assert syncopation(bars({"kick": kick})).tolist() == [expected]


def test_f1_by_hand():
    hits, result = np.array([[1, 1, 1, 0, 0]]), np.array([[0.9, 0.5, 0.4, 0.6, 0.1]])
    assert hit_f1(hits, result) == pytest.approx(2 * 2 / (3 + 3))
    assert hit_f1(hits, result, 0.4) == pytest.approx(2 * 3 / (3 + 4))


def test_f1_of_each_instrument():
    hits = bars(STRAIGHT, STRAIGHT)
    result = hits.copy()
    result[1, 0, INSTRUMENTS.index("kick")] = False
    result[:, :, INSTRUMENTS.index("snare")] = False
    by_instrument = instrument_f1(hits, result)
    assert by_instrument["kick"] == pytest.approx(2 * 3 / (4 + 3))
    assert by_instrument["snare"] == 0
    assert by_instrument["hihat_closed"] == 1
    assert np.isnan(by_instrument["clap"])


@given(any_bars, any_bars)
@settings(max_examples=30)
def test_expected_f1_is_that_of_all_pairs_together(ours, theirs):
    left, right = np.repeat(ours, len(theirs), axis=0), np.tile(theirs, (len(ours), 1, 1))
    chances = np.broadcast_to(theirs.mean(axis=0), ours.shape)
    assert expected_f1(ours, chances) == pytest.approx(hit_f1(left, right), nan_ok=True)


def test_nearest_distances_by_hand():
    train = bars(STRAIGHT, OFFBEAT)
    asked = bars(OFFBEAT, NOTHING, {**STRAIGHT, "kick": "x... .... x.x. ...."})
    assert nearest_distances(asked, train).tolist() == [0, 12, 1]


def test_mean_distance_is_that_of_all_pairs():
    hits = random_bars(9, 9)
    pairs = [(hits[i] != hits[j]).sum() for i in range(9) for j in range(i)]
    assert mean_distance(hits) == pytest.approx(np.mean(pairs))
    assert mean_distance(np.repeat(hits[:1], 5, axis=0)) == 0
    assert np.isnan(mean_distance(hits[:1]))


def test_density_calibration_by_hand():
    real = bars(STRAIGHT, NOTHING, STRAIGHT)
    generated = bars(STRAIGHT, STRAIGHT, STRAIGHT)
    styles = np.array([0, 0, 1])
    table = density_calibration(real, styles, generated, styles, ["rock", "jazz", "latin"])
    assert list(table) == ["rock", "jazz"]  # there are no bars of the third style
    full = 12 / CELLS
    half = dict.fromkeys(("real_mean", "real_deviation", "wasserstein"), full / 2)
    assert table["rock"] == pytest.approx({**half, "generated_mean": full, "generated_deviation": 0})
    assert table["jazz"]["wasserstein"] == 0


def test_the_threshold_of_a_baseline_is_chosen_on_training_bars():
    train = np.zeros((10, 16, 9), bool)
    train[:4, 0, 0] = train[4:5, 0, 1] = True
    bars_of_the_rare_one = np.zeros((3, 16, 9), bool)
    bars_of_the_rare_one[:, 0, 1] = True
    # among training bars it is best to predict the common hit alone
    assert hit_f1_baselines(train, bars_of_the_rare_one)["hit_f1_mean_pattern"] == 0
