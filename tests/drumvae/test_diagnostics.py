import numpy as np
import pytest
from breaking import eagerly
from smalldrums import BITS, KICKS, LOG_VARIANCE, NAMES, Speller, spelled_grooves, tiny, use_little

from drumvae.data.grooves import load_grooves
from drumvae.data.kit import INSTRUMENTS
from drumvae.data.rules import bundled_rules
from drumvae.metrics.diagnostics import analyse

STYLES = len(NAMES)
CELLS = 144
SEED = 5


@pytest.fixture(scope="module")
def grooves():
    return spelled_grooves()


def metrics_of(model, grooves):
    with pytest.MonkeyPatch.context() as patch, eagerly():
        use_little(patch)
        return analyse(model, grooves, seed=SEED, train_seconds=12.5)


@pytest.fixture(scope="module")
def result(grooves):
    """Return the metrics of a model with the style in z_high and all variation in z_low."""
    return metrics_of(Speller(), grooves)


@pytest.fixture(scope="module")
def collapsed(grooves):
    """Return the metrics of one that encodes no style."""
    return metrics_of(Speller(collapsed=True, deaf=True, supervised=False), grooves)


@pytest.fixture(scope="module")
def by_rule():
    return load_grooves(per_style=10)


@pytest.fixture(scope="module")
def untrained(by_rule):
    """Return the metrics of an untrained model of bars by rule."""
    return metrics_of(tiny(by_rule.styles), by_rule)


def test_divergences_are_those_of_normal_distributions(result):
    # Around its style's own mean a posterior differs from the prior by its narrowness alone.
    high, low = (0.5 * (np.exp(LOG_VARIANCE) + mean**2 - 1 - LOG_VARIANCE) for mean in (0, 1))
    assert result["kl_high_per_dimension"] == pytest.approx([high] * 4, abs=1e-5)
    assert result["kl_low_per_dimension"] == pytest.approx([low] * BITS, abs=1e-5)


def test_information_is_the_entropy_of_what_is_encoded(result, grooves):
    count = len(grooves.test)
    assert (result["active_high"], result["active_low"]) == (4, BITS)
    assert result["mutual_information_ceiling"] == pytest.approx(np.log(count), abs=1e-5)
    assert result["mutual_information_high"] == pytest.approx(np.log(STYLES), abs=1e-4)
    # Bars that have the same bits are the same.
    for level, cells in (("_low", grooves.test.hits[:, :BITS, 2]), ("", grooves.test.hits)):
        _, counts = np.unique(cells.reshape(count, -1), axis=0, return_counts=True)
        entropy = -(counts / count * np.log(counts / count)).sum()
        assert result[f"mutual_information{level}"] == pytest.approx(entropy, abs=1e-3)


def test_a_collapsed_upper_level_has_no_information(collapsed):
    assert (collapsed["active_high"], collapsed["active_low"]) == (0, BITS)
    assert collapsed["kl_high_nats"] == collapsed["mutual_information_high"] == 0
    assert collapsed["kl_high_per_dimension"] == [0] * 4
    assert collapsed["probe_high"] == pytest.approx(1 / STYLES, abs=0.15)
    assert collapsed["sweeps"]["high"] == [dict.fromkeys([*INSTRUMENTS, "density", "syncopation"], 0)] * 4


def test_equal_posteriors_have_a_divergence_without_information(grooves):
    """All bars are encoded alike, far away from where their styles are expected."""
    model = Speller(collapsed=True)
    metrics = metrics_of(model, grooves)
    assert metrics["kl_high_nats"] == pytest.approx(0.5 * (model.style_means.numpy() ** 2).sum(axis=1).mean(), rel=1e-4)
    assert metrics["kl_high_nats"] > 4
    assert (metrics["active_high"], metrics["mutual_information_high"]) == (0, 0)


def test_bounds_are_those_of_the_model(result, grooves):
    for name, samples in (("elbo_nats", 1), ("iwae_nats", 5)):
        expected = -Speller().log_likelihood(grooves.test.hits, samples=samples, seed=SEED).mean()
        assert result[name] == pytest.approx(expected, abs=1e-5)


def test_reconstructed_hits_and_instruments_without_hits(result, collapsed, grooves):
    never = set(INSTRUMENTS) - {"kick", "hihat_closed"}
    sounding = {"kick": 1, "hihat_closed": 1}
    assert result["hit_f1"] == 1
    assert result["hit_f1_per_instrument"] == {**dict.fromkeys(never), **sounding}
    bits = int(grooves.test.hits[:, :, 2].sum())
    kicks = KICKS * len(grooves.test)
    assert collapsed["hit_f1"] == pytest.approx(2 * bits / (2 * bits + kicks), abs=1e-6)
    assert collapsed["hit_f1_per_instrument"] == {**dict.fromkeys(never), **sounding, "kick": 0}
    assert result["hit_f1_mean_pattern"] < result["hit_f1_pca16"] <= 1
    # Kicks are in one beat of three, hi-hats in half of twelve steps: nothing is better than to expect all of them.
    for name, expected in (("kick", 1 / 2), ("hihat_closed", 2 / 3)):
        assert result["hit_f1_mean_pattern_per_instrument"][name] == pytest.approx(expected, abs=0.05)


def test_only_bars_by_rule_have_a_bound(result, untrained, by_rule):
    assert result["entropy_bound_nats"] is result["gap_nats"] is result["gap_error"] is None
    exact = -bundled_rules().log_probability(by_rule.test.hits)
    assert untrained["entropy_bound_nats"] == pytest.approx(exact.mean(), abs=1e-5)
    assert untrained["gap_nats"] == pytest.approx(untrained["iwae_nats"] - exact.mean(), abs=1e-5)
    assert 0 < untrained["gap_error"] < untrained["gap_nats"]


def test_a_probe_finds_the_style_where_it_is(result, grooves):
    assert (result["probe_high"], result["probe_raw"], result["chance"]) == (1, 1, pytest.approx(1 / STYLES, abs=1e-6))
    assert result["probe_low"] == pytest.approx(1 / STYLES, abs=0.15)
    assert result["style_hit"] == result["style_hit_real"] == 1


def test_the_variance_ratio_does_not_see_collapse_and_a_probe_does(result, untrained):
    assert untrained["variance_ratio_collapsed"] == pytest.approx(untrained["variance_ratio_high"], rel=1e-3)
    assert min(result["variance_ratio_high"], result["variance_ratio_collapsed"]) > 1e6  # a style has one place
    assert result["probe_collapsed"] == pytest.approx(1 / STYLES, abs=0.15)


def test_swapping_the_upper_level_changes_the_style_and_nothing_else(result, grooves):
    bits = int(grooves.test.hits[:, :, 2].sum())
    kept = bits / (bits + KICKS * len(grooves.test))
    for name in ("swap", "transfer"):
        assert result[f"{name}_success"] == 1
        assert result[f"{name}_onset_f1"] == pytest.approx(kept, abs=1e-6)
    assert result["transfer_success_unchanged"] == 0
    assert result["transfer_onset_f1_random"] < kept - 0.1


def test_each_factor_is_predicted_by_the_level_that_has_it(result):
    high, low = result["disentanglement_high"], result["disentanglement_low"]
    assert high["dci_informativeness_style"] == pytest.approx(1)
    assert low["dci_informativeness_density"] > 0.3 > high["dci_informativeness_density"]
    assert low["dci_informativeness_style"] < 0.3


def test_a_dimension_moves_what_it_stands_for(result):
    for swept_dimension in result["sweeps"]["low"]:
        moved = {name: change for name, change in swept_dimension.items() if change and name != "syncopation"}
        assert moved == pytest.approx({"hihat_closed": 1 / 16, "density": 1 / CELLS}, abs=1e-5)
    for swept_dimension in result["sweeps"]["high"]:
        # another beat has the kicks, as many as before
        assert {name for name, change in swept_dimension.items() if change} <= {"syncopation"}


def test_composed_bars_are_compared_with_real_ones(result, grooves):
    for style, name in enumerate(NAMES):
        of_style = grooves.test.hits[grooves.test.styles == style].mean(axis=(1, 2))
        assert result["density"][name]["real_mean"] == pytest.approx(of_style.mean(), abs=1e-6)
        assert result["density"][name]["generated_mean"] == pytest.approx((KICKS + BITS / 2) / CELLS, abs=0.01)
    # both sides are drawn alike
    assert result["nearest_training"] == pytest.approx(result["nearest_training_held_out"], abs=0.5)


def test_same_seed_same_metrics(result, grooves):
    assert metrics_of(Speller(), grooves) == result


def test_one_style_alone_cannot_be_transferred():
    grooves = spelled_grooves(names=NAMES[:1])
    metrics = metrics_of(Speller(NAMES[:1]), grooves)
    unknown = {name for name in metrics if name.startswith(("transfer_", "swap_"))}
    assert len(unknown) == 9
    assert {metrics[name] for name in unknown} == {None}
    assert metrics["probe_high"] == metrics["style_hit"] == metrics["chance"] == 1
    assert "mig_density" in metrics["disentanglement_low"]
    assert "mig_style" not in metrics["disentanglement_low"]
