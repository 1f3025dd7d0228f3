import numpy as np
import pytest
from smalldrums import ruled

from drumvae.data.rules import STYLES, Rules, bundled_rules
from drumvae.metrics.probes import (
    Factor,
    balanced_accuracy,
    dci,
    disentanglement_scores,
    mutual_information_gaps,
    probe,
    separated_attribute_predictability,
    style_classifier,
    transfer_scores,
    variance_ratio,
)
from drumvae.metrics.rhythm import hit_f1


@pytest.fixture(scope="module")
def classify():
    bars = ruled(200, 1)
    return style_classifier(bars.hits, bars.styles)


def test_a_probe_is_judged_on_what_it_was_not_fitted_on():
    rng = np.random.default_rng(6)
    width, count = 200, 100  # it could learn these by heart
    train, others = rng.standard_normal((2, count, width))
    styles, other_styles = rng.integers(2, size=(2, count))
    assert probe(train, styles, train, styles) == 1
    assert probe(train, styles, others, other_styles) < 0.7


def test_a_style_with_few_bars_has_the_same_weight():
    def lopsided(seed):
        rng = np.random.default_rng(seed)
        styles = (np.arange(1000) < 50).astype(int)
        return 2.0 * styles[:, None] + rng.standard_normal((1000, 1)), styles

    # halfway between two normal distributions, two deviations apart, 84 % are on the right side
    assert probe(*lopsided(12), *lopsided(13)) == pytest.approx(0.84, abs=0.05)


def test_bars_by_rule_are_classified_nearly_optimally(classify):
    bars = ruled(100, 4)
    each = [Rules([style]).log_probability(bars.hits) for style in bundled_rules().styles]
    best = balanced_accuracy(bars.styles, np.argmax(each, axis=0))
    assert best - 0.06 < balanced_accuracy(bars.styles, classify(bars.hits)) <= best + 0.02


def test_bars_left_as_they_are_keep_every_onset_and_are_no_transfer(classify):
    rules, rock, jazz = bundled_rules(), STYLES.index("rock"), STYLES.index("jazz")
    sources, targets = rules.sample(jazz, 60, [6]).hits, np.full(60, rock)
    real = np.concatenate([rules.sample(style, 80, [7]).hits for style in (rock, jazz)])
    styles = np.repeat([rock, jazz], 80)
    result = transfer_scores(classify, sources, sources, targets, real, styles)
    assert result["transfer_onset_f1"] == result["transfer_step_f1"] == 1
    assert result["transfer_success"] == result["transfer_success_unchanged"] < 0.1
    others = np.roll(sources, 1, axis=2)  # the same steps, other instruments
    result = transfer_scores(classify, sources, others, targets, real, styles)
    assert result["transfer_step_f1"] == 1
    assert result["transfer_onset_f1"] == hit_f1(sources, others) < 0.5


def test_chance_is_of_the_target_alone(classify):
    # Of rock's two bars one has the source's only onset, of jazz' none has.
    empty = np.zeros((1, 16, 9), bool)
    source, elsewhere = empty.copy(), empty.copy()
    source[0, 0, 0] = elsewhere[0, 3, 2] = True
    real = np.concatenate([source, elsewhere, elsewhere])
    for style, expected in ((0, 2 * 0.5 / (1 + 1)), (1, 0)):
        result = transfer_scores(classify, source, source, np.array([style]), real, np.array([0, 0, 1]))
        assert result["transfer_onset_f1_random"] == pytest.approx(expected)


COUNT = 1000


def factors(seed, count=COUNT):
    """Return a style and two quantities that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return [
        Factor("style", rng.permutation(np.arange(count) % 4), categorical=True),
        Factor("density", rng.uniform(0.05, 0.3, count), categorical=False),
        Factor("syncopation", rng.exponential(4, count), categorical=False),
    ]


def one_each(known, seed):
    """Return latents of which each dimension is one factor, in units of its deviation, and two more are noise."""
    rng = np.random.default_rng(seed)
    latents = np.stack([(factor.values - factor.values.mean()) / factor.values.std() for factor in known], axis=1)
    return np.hstack([latents, rng.standard_normal((len(latents), 2))])


def rotated(latents, seed=0):
    """Mix all dimensions evenly."""
    width = latents.shape[1]
    mixing, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    return latents @ mixing


TRAIN, TEST = factors(0), factors(1)


def scores_of(change=lambda latents: latents):
    return disentanglement_scores(change(one_each(TRAIN, 2)), TRAIN, change(one_each(TEST, 3)), TEST, seed=0)


def test_mixed_dimensions_are_worse_than_one_for_each_factor_though_they_are_as_informative():
    clean, mixed = scores_of(), scores_of(rotated)
    # an estimated mutual information leaves no dimension at 0
    for measure, least, lead in (("mig", 0.85, 0.6), ("sap", 0.95, 0.5), ("dci_disentanglement", 0.95, 0.4)):
        assert clean[measure] > least
        assert mixed[measure] < clean[measure] - lead
    assert clean["dci_completeness"] > 0.95
    assert mixed["dci_completeness"] < clean["dci_completeness"] - 0.4
    assert clean["dci_informativeness"] > 0.95
    assert mixed["dci_informativeness"] > 0.5


def test_what_does_not_vary_is_left_out():
    latents, others = one_each(TRAIN, 2), one_each(TEST, 3)
    constant = Factor("constant", np.zeros(COUNT, int), categorical=True)
    varying = Factor("constant", TRAIN[0].values, categorical=True)
    for known, asked in ((constant, varying), (varying, constant)):
        result = disentanglement_scores(latents, [known, *TRAIN[1:]], others, [asked, *TEST[1:]], seed=0)
        assert result == disentanglement_scores(latents, TRAIN[1:], others, TEST[1:], seed=0)


def test_a_gap_by_hand():
    # Four styles; the first dimension has all 2 bits, the second has one.
    style = np.tile(np.arange(4), 100)
    factor = Factor("style", style, categorical=True)
    latents = np.stack([style, style // 2], axis=1).astype(float)
    assert mutual_information_gaps(latents, [factor]) == pytest.approx([(2 - 1) / 2])
    assert mutual_information_gaps(latents[:, :1], [factor]) == pytest.approx([1])
    # alone, the first predicts every style, the second two of four: above guessing, a third of the way
    result = separated_attribute_predictability(latents, [factor], latents, [factor])
    assert result == pytest.approx([1 - (1 / 2 - 1 / 4) / (1 - 1 / 4)], abs=0.01)


def test_predictability_of_a_quantity_by_hand():
    rng = np.random.default_rng(11)
    quantity = rng.standard_normal(50_000)
    factor = Factor("density", quantity, categorical=False)
    # correlations of 1/√2 and 1/√5: signal over signal and noise
    latents = np.stack([quantity, quantity], axis=1) + rng.standard_normal((50_000, 2)) * [1, 2]
    result = separated_attribute_predictability(latents, [factor], latents, [factor])
    assert result == pytest.approx([1 / 2 - 1 / 5], abs=0.02)


def test_one_dimension_for_two_factors_is_complete_and_not_disentangled():
    rng = np.random.default_rng(12)
    first, second = rng.integers(2, size=(2, COUNT))
    both = [Factor("a", first, categorical=True), Factor("b", second, categorical=True)]
    latents = np.stack([2 * first + second, rng.standard_normal(COUNT)], axis=1).astype(float)
    disentanglement, completeness, informativeness = dci(latents, both, latents, both, seed=0)
    assert disentanglement < 0.3
    assert completeness > 0.95
    assert informativeness == pytest.approx([1, 1])


def test_the_ratio_by_hand():
    latents, styles = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    assert variance_ratio(latents, styles) == 5**2 / 1
    assert variance_ratio(latents, np.array([0, 1, 0, 1])) == pytest.approx(1 / 25)
    assert variance_ratio(np.array([[0.0], [0.0], [1.0]]), np.array([0, 0, 1])) == np.inf
    assert np.isnan(variance_ratio(np.ones((4, 1)), styles))
