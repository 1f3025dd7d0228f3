import numpy as np
import pytest
import tensorflow as tf
from smalldrums import KICKS, LOG_VARIANCE, NAMES, TOLD, Speller, spelled_grooves, tiny

from drumvae.composing import draw_latents
from drumvae.data.grooves import load_grooves, log_probability
from drumvae.data.kit import INSTRUMENTS
from drumvae.metrics import diagnostics
from drumvae.metrics.diagnostics import analyse, encode, from_prior, swept

STYLES = len(NAMES)
CELLS = 144
SEED = 5


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(diagnostics, "COMPOSED", 60)
    monkeypatch.setattr(diagnostics, "SAMPLES", 5)


@pytest.fixture(scope="module")
def grooves():
    return spelled_grooves()


def told(model, grooves):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnostics, "COMPOSED", 60)
        patch.setattr(diagnostics, "SAMPLES", 5)
        return analyse(model, grooves, seed=SEED, train_seconds=12.5)


@pytest.fixture(scope="module")
def found(grooves):
    """Return what is said of a model that has the style in z_high and all that varies in z_low."""
    return told(Speller(), grooves)


@pytest.fixture(scope="module")
def collapsed(grooves):
    """Return what is said of one that encodes no style."""
    return told(Speller(collapsed=True, deaf=True, supervised=False), grooves)


@pytest.fixture(scope="module")
def by_rule():
    return load_grooves(per_style=10)


@pytest.fixture(scope="module")
def untrained(by_rule):
    """Return what is said of a model that has learned nothing of bars by rule."""
    return told(tiny(by_rule.styles), by_rule)


def normal_divergence(mean, log_variance):
    return 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance)


# --- what the latents tell


def test_divergences_are_those_of_normal_distributions(found):
    # Around its style's own mean a posterior differs from the prior by its narrowness alone.
    assert found["kl_high_per_dimension"] == pytest.approx([normal_divergence(0, LOG_VARIANCE)] * 4, abs=1e-5)
    assert found["kl_low_per_dimension"] == pytest.approx([normal_divergence(1, LOG_VARIANCE)] * TOLD, abs=1e-5)


def test_what_is_told_of_bars_is_what_there_is_to_tell(found, grooves):
    count = len(grooves.test)
    assert (found["active_high"], found["active_low"]) == (4, TOLD)
    assert found["mutual_information_ceiling"] == pytest.approx(np.log(count), abs=1e-5)
    assert found["mutual_information_high"] == pytest.approx(np.log(STYLES), abs=1e-4)
    # Bars that have the same bits cannot be told apart.
    for level, cells in (("_low", grooves.test.hits[:, :TOLD, 2]), ("", grooves.test.hits)):
        _, counts = np.unique(cells.reshape(count, -1), axis=0, return_counts=True)
        entropy = -(counts / count * np.log(counts / count)).sum()
        assert found[f"mutual_information{level}"] == pytest.approx(entropy, abs=1e-3)


def test_an_upper_level_that_has_collapsed_is_said_to_have(collapsed):
    assert (collapsed["active_high"], collapsed["active_low"]) == (0, TOLD)
    assert collapsed["kl_high_nats"] == collapsed["mutual_information_high"] == 0
    assert collapsed["kl_high_per_dimension"] == [0] * 4
    assert collapsed["probe_high"] == pytest.approx(1 / STYLES, abs=0.15)
    assert collapsed["sweeps"]["high"] == [dict.fromkeys([*INSTRUMENTS, "density", "syncopation"], 0)] * 4


def test_a_chain_that_has_collapsed_is_said_to_have(grooves):
    model = tiny(hierarchy="chain", supervised=False)
    last = model.high_encoder.layers[-1]
    last.set_weights([np.zeros_like(weights) for weights in last.get_weights()])
    said = told(model, grooves)
    assert (said["hierarchy"], said["active_high"], said["kl_high_nats"]) == ("chain", 0, 0)
    assert said["mutual_information_high"] == 0
    assert said["kl_low_nats"] > 0


def test_a_divergence_that_tells_nothing_is_no_information(grooves):
    """All bars are encoded alike, far away from where their styles are expected."""
    model = Speller(collapsed=True)
    said = told(model, grooves)
    assert said["kl_high_nats"] == pytest.approx(0.5 * (model.style_means.numpy() ** 2).sum(axis=1).mean(), rel=1e-4)
    assert said["kl_high_nats"] > 4
    assert (said["active_high"], said["mutual_information_high"]) == (0, 0)


# --- how well bars are modelled


def test_bounds_are_those_of_the_model(found, grooves):
    hits = grooves.test.hits
    for name, samples in (("elbo_nats", 1), ("iwae_nats", 5)):
        expected = -Speller().log_likelihood(hits, samples=samples, seed=SEED).mean()
        assert found[name] == pytest.approx(expected, abs=1e-5)


def test_hits_are_found_again_and_what_never_sounds_has_no_score(found, collapsed, grooves):
    never = set(INSTRUMENTS) - {"kick", "hihat_closed"}
    sounding = {"kick": 1, "hihat_closed": 1}
    assert found["hit_f1"] == 1
    assert found["hit_f1_per_instrument"] == {**dict.fromkeys(never), **sounding}
    bits = int(grooves.test.hits[:, :, 2].sum())
    kicks = KICKS * len(grooves.test)
    assert collapsed["hit_f1"] == pytest.approx(2 * bits / (2 * bits + kicks), abs=1e-6)
    assert collapsed["hit_f1_per_instrument"] == {**dict.fromkeys(never), **sounding, "kick": 0}
    assert found["hit_f1_mean_pattern"] < found["hit_f1_pca16"] <= 1
    # Kicks are in one beat of three, hi-hats in half of twelve steps: nothing is better than to expect all of them.
    for name, expected in (("kick", 1 / 2), ("hihat_closed", 2 / 3)):
        assert found["hit_f1_mean_pattern_per_instrument"][name] == pytest.approx(expected, abs=0.05)


def test_only_bars_by_rule_have_a_bound(found, untrained, by_rule):
    assert found["entropy_bound_nats"] is found["gap_nats"] is found["gap_error"] is None
    exact = -log_probability(by_rule.test.hits)
    assert untrained["entropy_bound_nats"] == pytest.approx(exact.mean(), abs=1e-5)
    assert untrained["gap_nats"] == pytest.approx(untrained["iwae_nats"] - exact.mean(), abs=1e-5)
    assert 0 < untrained["gap_error"] < untrained["gap_nats"]


# --- whether the style is where it should be


def test_a_probe_finds_the_style_where_it_is(found, grooves):
    assert (found["probe_high"], found["probe_raw"], found["chance"]) == (1, 1, pytest.approx(1 / STYLES, abs=1e-6))
    assert found["probe_low"] == pytest.approx(1 / STYLES, abs=0.15)
    assert found["style_hit"] == found["style_hit_real"] == 1


def test_the_variance_ratio_does_not_see_collapse_and_a_probe_does(found, untrained):
    assert untrained["variance_ratio_collapsed"] == pytest.approx(untrained["variance_ratio_high"], rel=1e-3)
    assert min(found["variance_ratio_high"], found["variance_ratio_collapsed"]) > 1e6  # a style has one place
    assert found["probe_high"] == 1
    assert found["probe_collapsed"] == pytest.approx(1 / STYLES, abs=0.15)


def test_swapping_the_upper_level_changes_the_style_and_nothing_else(found, grooves):
    bits = int(grooves.test.hits[:, :, 2].sum())
    kept = bits / (bits + KICKS * len(grooves.test))
    for name in ("swap", "transfer"):
        assert found[f"{name}_success"] == 1
        assert found[f"{name}_onset_f1"] == pytest.approx(kept, abs=1e-6)
    assert found["transfer_success_unchanged"] == 0
    assert found["transfer_onset_f1_random"] < kept - 0.1


def test_a_swap_takes_the_upper_level_of_real_bars_of_the_style():
    styles, targets = np.array([2, 0, 2, 1, 0, 2]), np.array([0, 1, 2] * 200)
    rows = diagnostics._partners(styles, targets, SEED)
    np.testing.assert_array_equal(styles[rows], targets)
    assert set(rows.tolist()) == set(range(6))


def test_each_factor_is_told_by_the_level_that_has_it(found):
    high, low = found["disentanglement_high"], found["disentanglement_low"]
    assert high["dci_informativeness_style"] == pytest.approx(1)
    assert low["dci_informativeness_density"] > 0.3 > high["dci_informativeness_density"]
    assert low["dci_informativeness_style"] < 0.3


# --- sweeps


def test_a_dimension_moves_what_it_stands_for(found):
    for swept_dimension in found["sweeps"]["low"]:
        moved = {name: change for name, change in swept_dimension.items() if change and name != "syncopation"}
        assert moved == pytest.approx({"hihat_closed": 1 / 16, "density": 1 / CELLS}, abs=1e-5)
    for swept_dimension in found["sweeps"]["high"]:
        # another beat has the kicks, as many as before
        assert {name for name, change in swept_dimension.items() if change} <= {"syncopation"}


def test_a_sweep_goes_as_far_as_real_bars_do(grooves):
    model = Speller()
    seen = encode(model, grooves.test, seed=SEED)
    heard = []
    model.decode = lambda latents: heard.append(latents) or tf.zeros([2, 16, 9])
    swept(model, seen, "low", 3, (-2.0, 0.0, 2.0), bars=2)
    drawn = seen.drawn.low[:, 3]
    places = [latents.low.numpy()[:, 3] for latents in heard]
    expected = drawn.mean() + drawn.std() * np.array([-2.0, 0, 2])
    assert np.array(places) == pytest.approx(np.tile(expected[:, None], (1, 2)), abs=1e-5)
    for latents in heard:  # the others stay as they are
        np.testing.assert_array_equal(np.delete(latents.low, 3, axis=1), np.delete(seen.means.low[:2], 3, axis=1))
        np.testing.assert_array_equal(latents.high, seen.means.high[:2])


def test_under_the_upper_level_the_lower_one_follows(grooves):
    model = tiny()
    seen = encode(model, grooves.test, seed=SEED)
    heard = []
    model.decode = lambda latents: heard.append(latents) or tf.zeros([3, 16, 9])
    swept(model, seen, "high", 1, (1.5,), bars=3)
    ((high, low),) = heard
    assert high.numpy()[:, 1] == pytest.approx(seen.drawn.high[:, 1].mean() + 1.5 * seen.drawn.high[:, 1].std())
    before, after = model.low_given(tf.constant(seen.means.high[:3])), model.low_given(high)
    strays = [
        (values - around.mean) * tf.exp(-around.log_variance / 2)
        for values, around in ((seen.means.low[:3], before), (low, after))
    ]
    assert strays[1].numpy() == pytest.approx(strays[0].numpy(), abs=1e-4)


# --- bars, and draws


def test_the_prior_is_of_all_styles_alike():
    model = tiny()
    drawn = from_prior(model, 6000, seed=SEED)
    means = model.style_means.numpy()
    assert drawn.high.mean(axis=0) == pytest.approx(means.mean(axis=0), abs=0.1)
    assert drawn.high.var(axis=0) == pytest.approx(1 + means.var(axis=0), rel=0.1)
    again = draw_latents(model, np.eye(STYLES)[np.arange(6000) % STYLES], seed=SEED)
    np.testing.assert_array_equal(drawn.low, again.low)


def test_the_prior_of_an_unsupervised_model_knows_no_styles():
    model = tiny(supervised=False)
    drawn = from_prior(model, 6000, seed=SEED)
    assert drawn.high.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.06)
    assert drawn.high.std(axis=0) == pytest.approx(np.ones(4), abs=0.06)
    around = model.low_given(tf.constant(drawn.high))
    stray = (drawn.low - around.mean.numpy()) / np.exp(around.log_variance.numpy() / 2)
    assert (stray.mean(), stray.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))


# --- the whole


def test_composed_bars_are_compared_with_real_ones(found, grooves):
    for style, name in enumerate(NAMES):
        of_style = grooves.test.hits[grooves.test.styles == style].mean(axis=(1, 2))
        assert found["density"][name]["real_mean"] == pytest.approx(of_style.mean(), abs=1e-6)
        assert found["density"][name]["generated_mean"] == pytest.approx((KICKS + TOLD / 2) / CELLS, abs=0.01)
    # both sides are drawn alike
    assert found["nearest_training"] == pytest.approx(found["nearest_training_held_out"], abs=0.5)


def test_the_same_seed_says_the_same(found, grooves):
    assert told(Speller(), grooves) == found


def test_with_one_style_alone_there_is_no_other_to_take_on():
    grooves = spelled_grooves(names=NAMES[:1])
    said = told(Speller(NAMES[:1]), grooves)
    unsaid = {name for name in said if name.startswith(("transfer_", "swap_"))}
    assert len(unsaid) == 9
    assert {said[name] for name in unsaid} == {None}
    assert said["probe_high"] == said["style_hit"] == said["chance"] == 1
    assert "mig_density" in said["disentanglement_low"]
    assert "mig_style" not in said["disentanglement_low"]
