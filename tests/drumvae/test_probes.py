import numpy as np
import pytest
from smalldrums import ruled

from drumvae.data.rules import STYLES, Rules, bundled_rules
from drumvae.metrics.probes import balanced_accuracy, probe, style_classifier, transfer_scores
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
    result = {
        style: transfer_scores(classify, source, source, np.array([style]), real, np.array([0, 0, 1]))
        for style in (0, 1)
    }
    assert result[0]["transfer_onset_f1_random"] == pytest.approx(2 * 0.5 / (1 + 1))
    assert result[1]["transfer_onset_f1_random"] == 0
