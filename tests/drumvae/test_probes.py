import numpy as np
import pytest

from drumvae.data.rules import bundled_rules
from drumvae.data.templates import STYLES
from drumvae.metrics.probes import balanced_accuracy, probe, style_classifier, transfer_scores
from drumvae.metrics.rhythm import hit_f1


def drawn_latents(count, seed, apart, width=4, styles=3):
    """Return latents around a mean for each style, ``apart`` deviations from the others, and the styles."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(styles, size=count)
    return apart * np.eye(styles, width)[numbers] + rng.standard_normal((count, width)), numbers


def ruled_bars(count, seed):
    """Return hits and styles of so many bars of each style by rule."""
    rules = bundled_rules()
    hits = [rules.sample(style, count, [seed]).hits for style in range(len(STYLES))]
    return np.concatenate(hits), np.repeat(np.arange(len(STYLES)), count)


@pytest.fixture(scope="module")
def reader():
    return style_classifier(*ruled_bars(200, 1))


# --- probes


def test_styles_weigh_alike_in_balanced_accuracy():
    styles = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    assert balanced_accuracy(styles, np.zeros(8, int)) == 0.5
    assert balanced_accuracy(styles, np.array([0, 0, 0, 0, 0, 2, 1, 0])) == pytest.approx((5 / 6 + 1 / 2) / 2)


def test_a_probe_of_noise_guesses():
    train, styles = drawn_latents(2000, 0, apart=0)
    others, other_styles = drawn_latents(2000, 1, apart=0)
    assert probe(train, styles, others, other_styles) == pytest.approx(1 / 3, abs=0.04)


def test_a_probe_is_judged_on_what_it_was_not_fitted_on():
    rng = np.random.default_rng(6)
    width, count = 200, 100  # it could learn these by heart
    train, others = rng.standard_normal((2, count, width))
    styles, other_styles = rng.integers(2, size=(2, count))
    assert probe(train, styles, train, styles) == 1
    assert probe(train, styles, others, other_styles) < 0.7


def test_a_probe_does_not_see_how_large_latents_are():
    train, others = drawn_latents(400, 7, apart=2), drawn_latents(400, 8, apart=2)
    small = probe(1e-6 * train[0], train[1], 1e-6 * others[0], others[1])
    assert small == probe(*train, *others)


def test_draws_of_a_collapsed_latent_tell_nothing_though_its_means_do():
    (means, styles), (other_means, other_styles) = (
        (1e-6 * latents, styles) for latents, styles in (drawn_latents(2000, seed, apart=8) for seed in (9, 10))
    )
    assert probe(means, styles, other_means, other_styles) > 0.99
    rng = np.random.default_rng(11)
    draws, other_draws = (part + rng.standard_normal(part.shape) for part in (means, other_means))
    assert probe(draws, styles, other_draws, other_styles) == pytest.approx(1 / 3, abs=0.04)


def test_a_style_with_few_bars_is_not_given_up():
    def lopsided(seed):
        rng = np.random.default_rng(seed)
        styles = (np.arange(1000) < 50).astype(int)
        return 2.0 * styles[:, None] + rng.standard_normal((1000, 1)), styles

    # halfway between two normal distributions, two deviations apart, 84 % are on the right side
    assert probe(*lopsided(12), *lopsided(13)) == pytest.approx(0.84, abs=0.05)


def test_where_there_is_one_style_guessing_is_right():
    latents, styles = drawn_latents(20, 14, apart=0, styles=1)
    assert probe(latents, styles, latents, styles) == 1
    assert (style_classifier(np.ones((5, 16, 9)), np.full(5, 3))(np.zeros((7, 16, 9))) == np.full(7, 3)).all()


# --- who reads the style


def test_bars_by_rule_are_read_nearly_as_well_as_they_can_be(reader):
    hits, styles = ruled_bars(100, 4)
    rules = bundled_rules()
    each = [rules.log_probability(hits, np.full(len(hits), style)) for style in range(len(STYLES))]
    best = balanced_accuracy(styles, np.argmax(each, axis=0))
    assert best - 0.06 < balanced_accuracy(styles, reader(hits)) <= best + 0.02


# --- transfer


@pytest.fixture(scope="module")
def jazz_to_rock():
    """Return bars of jazz, the number of rock for each, and real bars of rock and jazz."""
    rules = bundled_rules()
    rock, jazz = STYLES.index("rock"), STYLES.index("jazz")
    sources = rules.sample(jazz, 60, [6]).hits
    real = [rules.sample(style, 80, [7]).hits for style in (rock, jazz)]
    return sources, np.full(60, rock), np.concatenate(real), np.repeat([rock, jazz], 80)


def test_bars_left_as_they_are_keep_every_onset_and_are_no_transfer(reader, jazz_to_rock):
    sources, targets, real, styles = jazz_to_rock
    found = transfer_scores(reader, sources, sources, targets, real, styles)
    assert found["transfer_onset_f1"] == found["transfer_step_f1"] == 1
    assert found["transfer_success"] == found["transfer_success_unchanged"] < 0.1


def test_instruments_count_in_onsets_and_not_in_steps(reader, jazz_to_rock):
    sources, targets, real, styles = jazz_to_rock
    found = transfer_scores(reader, sources, np.roll(sources, 1, axis=2), targets, real, styles)
    assert found["transfer_step_f1"] == 1
    assert found["transfer_onset_f1"] == hit_f1(sources, np.roll(sources, 1, axis=2)) < 0.5


def test_chance_is_of_the_target_alone(reader):
    # Of rock's two bars one has the source's only onset, of jazz' none has.
    empty = np.zeros((1, 16, 9), bool)
    source, elsewhere = empty.copy(), empty.copy()
    source[0, 0, 0] = elsewhere[0, 3, 2] = True
    real = np.concatenate([source, elsewhere, elsewhere])
    found = {
        style: transfer_scores(reader, source, source, np.array([style]), real, np.array([0, 0, 1])) for style in (0, 1)
    }
    assert found[0]["transfer_onset_f1_random"] == pytest.approx(2 * 0.5 / (1 + 1))
    assert found[1]["transfer_onset_f1_random"] == 0
