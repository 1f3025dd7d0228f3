from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr
from smalldrums import pretrained, ruled

from drumvae.composing import compose, draw_latents, humanise, loop, repeated, restyled, vary
from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.data.rules import STYLES
from drumvae.metrics.rhythm import hit_f1
from drumvae.playing import beats

CLOSED, OPEN = (INSTRUMENTS.index(name) for name in ("hihat_closed", "hihat_open"))
SKINS = [INSTRUMENTS.index(name) for name in ("snare", "tom_low", "tom_high")]
ROCK, JAZZ = (STYLES.index(name) for name in ("rock", "jazz"))
COMPLEXITIES = np.linspace(0, 1, 11)


@pytest.fixture(scope="module")
def model():
    return pretrained()


def of_style(model, style, count, seed=0):
    return draw_latents(model, np.eye(len(STYLES))[[style] * count], seed=seed)


def values(latents):
    return np.concatenate([np.asarray(level) for level in latents], axis=1)


def stray(latents, model):
    """Return how far lower levels are from what their upper ones expect, in deviations."""
    expected = model.low_given(latents.high)
    return (latents.low - np.asarray(expected.mean)) / np.exp(np.asarray(expected.log_variance) / 2)


def test_latents_are_around_their_style_and_a_mixture_in_between(model):
    means = model.style_means.numpy()
    assert of_style(model, JAZZ, 4000).high.mean(axis=0) == pytest.approx(means[JAZZ], abs=0.08)
    shares = np.tile(0.25 * np.eye(len(STYLES))[ROCK] + 0.75 * np.eye(len(STYLES))[JAZZ], (4000, 1))
    mixed = draw_latents(model, shares, seed=1).high
    assert mixed.mean(axis=0) == pytest.approx(0.25 * means[ROCK] + 0.75 * means[JAZZ], abs=0.08)
    assert mixed.std(axis=0) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_variations_are_as_the_model_expects_and_further_away_the_more_is_varied(model, amount):
    latents = of_style(model, ROCK, 3000)
    before, after = (stray(part, model) for part in (latents, vary(latents, model, amount, seed=2)))
    assert after.std() == pytest.approx(1, abs=0.03)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] == pytest.approx(np.sqrt(1 - amount**2), abs=0.03)


def test_another_upper_level_leaves_how_far_the_lower_one_strays(model):
    latents, others = of_style(model, ROCK, 6), of_style(model, JAZZ, 6, seed=4)
    moved = restyled(latents, model, others.high)
    assert (moved.high == others.high).all()
    assert stray(moved, model) == pytest.approx(stray(latents, model), abs=1e-3)
    assert values(restyled(moved, model, latents.high)) == pytest.approx(values(latents), abs=1e-3)


@pytest.mark.parametrize(("style", "temperature"), [(ROCK, 1.0), (JAZZ, 0.3)])
def test_more_complexity_is_more_hits(model, style, temperature):
    latents = of_style(model, style, 4)
    pieces = [
        loop(model, latents, 4, seed=1, complexity=complexity, temperature=temperature) for complexity in COMPLEXITIES
    ]
    counts = np.stack([hits.sum(axis=(2, 3)) for hits in pieces])
    assert (np.diff(counts, axis=0) >= 0).all()  # in every bar, fills too
    assert spearmanr(COMPLEXITIES, counts.sum(axis=(1, 2))).statistic >= 0.95
    assert counts[0].sum() < counts[5].sum() / 2
    assert counts[-1].sum() > counts[5].sum()


def test_of_two_hi_hats_the_likelier_one_stays(model):
    both = np.zeros((1, STEPS, len(INSTRUMENTS)), bool)
    both[:, ::2, OPEN] = True
    hits = compose(model, of_style(model, ROCK, 1), seed=0, complexity=20, keep=(both, 0.999))
    assert (hits[0, ::2, OPEN] & ~hits[0, ::2, CLOSED]).all()
    assert hits[0].any(axis=1).all()


@pytest.mark.parametrize("temperature", [0.01, 1.0])
def test_the_more_is_kept_the_nearer_to_the_source(model, temperature):
    source = ruled(4, seed=2).hits
    latents = of_style(model, JAZZ, len(source))
    composed = [
        compose(model, latents, seed=3, temperature=temperature, keep=(source, share))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    scores = [hit_f1(source, hits) for hits in composed]
    assert all(first < second for first, second in pairwise(scores))
    assert (composed[-1] == source).all()
    assert (composed[0] == compose(model, latents, seed=3, temperature=temperature)).all()


def test_a_loop_varies_its_first_bar_and_ends_with_a_fill(model):
    latents = of_style(model, ROCK, 40)
    pieces = loop(model, latents, 6, seed=4)
    assert pieces.shape == (40, 6, STEPS, len(INSTRUMENTS))
    always = np.zeros_like(pieces[:, 0])
    always[:, 4, SKINS[0]] = True
    assert (loop(model, latents, 1, seed=4, always=always)[:, 0] >= pieces[:, 0] | always).all()
    assert (pieces[:, 1:-1:2] != pieces[:, :1]).any(axis=(2, 3)).mean() > 0.95  # a variation may draw the same hits
    nearness = [hit_f1(pieces[:, 0], pieces[:, number]) for number in range(1, 5)]
    assert min(nearness[1::2]) > max(nearness[::2])  # every other bar is a variation, those between are others
    assert (pieces[:, -1, :12] == pieces[:, 0, :12]).all()
    first, last = (pieces[:, number, 12:][..., SKINS].any(axis=2).sum(axis=1).mean() for number in (0, -1))
    assert last > first + 0.5


def test_beats_begin_with_the_plain_groove_of_a_style_that_has_one(model):
    for style, plain in (("rock", True), ("hiphop", True), ("jazz", False)):
        hits = np.stack([beat.hits[0] for beat in beats(model, style, count=30, bars=1, complexity=0.3)])
        assert (hits[:, 0, 0] & hits[:, 4, SKINS[0]] & hits[:, 12, SKINS[0]]).all() == plain


def played(model, count=200, *, style=ROCK, tempo=110.0, amount=1.0, seed=0):
    latents = of_style(model, style, count)
    return humanise(model, latents, compose(model, latents, seed=1), tempo=tempo, amount=amount, seed=seed)


def test_timing_and_loudness_spread_with_the_amount(model):
    by_amount = [played(model, amount=amount) for amount in (0.0, 0.25, 0.5, 1.0)]
    hits = by_amount[0].hits
    for bars in by_amount:
        assert (bars.hits == hits).all()
        assert 1 / 127 <= bars.velocities[hits].min() < bars.velocities.max() <= 1
        assert -0.5 <= bars.offsets.min() <= bars.offsets.max() < 0.5
    still, little, half, whole = (bars.offsets_ms.std() for bars in by_amount)
    assert still == 0
    assert half == pytest.approx(2 * little, rel=0.02)
    assert whole == pytest.approx(2 * half, rel=0.1)  # beyond half a step there is another step
    assert (np.diff([bars.velocities[bars.hits].std() for bars in by_amount]) > 0).all()


def test_people_are_as_uneven_in_milliseconds_at_any_tempo(model):
    def unevenness(tempo):
        # what two seeds share, such as swing, is a matter of steps
        first, second = (played(model, tempo=tempo, amount=0.3, seed=seed) for seed in (1, 2))
        return (first.offsets_ms - second.offsets_ms).std()

    assert unevenness(160) == pytest.approx(unevenness(80), rel=0.02)


def test_hits_of_a_step_are_late_together_and_those_of_a_bar_a_little(model):
    hits = np.ones((1500, STEPS, len(INSTRUMENTS)), bool)
    latents = repeated(of_style(model, ROCK, 1), len(hits))
    bars = humanise(model, latents, hits, tempo=40, amount=0.5, seed=0)
    late = bars.offsets - bars.offsets.mean(axis=0)
    late /= late.std(axis=0)

    others = np.stack([late[:, 5, 7], late[:, 9, 0], np.roll(late[:, 5, 0], 1)])  # of the step, the bar, another bar
    assert (late[:, 5, 0] * others).mean(axis=1) == pytest.approx([0.44, 0.28, 0], abs=0.07)
