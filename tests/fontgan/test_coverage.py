import numpy as np
import pytest

from fontgan.data.glyphs import LETTERS
from fontgan.metrics import coverage
from fontgan.metrics.coverage import (
    COMPARED,
    LEAST_SHARE,
    Reading,
    covered_letters,
    distances_to,
    draw,
    kernel_distance,
    kl_floor,
    kl_uniform,
    letter_table,
    missing_letters,
    naive_coverage,
    nearest,
    nearest_distances,
    nearest_ratio,
    rejected_share,
    strict_coverage,
    strict_shares,
    survival,
    two_sample_accuracy,
)

SURE, UNSURE = 0.99, 0.5


def reading(text, confidence=SURE, features=None):
    """Return what a classifier would say who reads this text, a letter an image."""
    letters = np.array([LETTERS.index(letter) for letter in text])
    confidence = np.broadcast_to(confidence, letters.shape).astype(np.float32)  # as networks give it
    return Reading(letters, confidence, np.zeros((len(letters), 1)) if features is None else features)


def of_features(features):
    return reading("A" * len(features), features=features)


def normal(count, seed, width=4, centre=0.0):
    return np.random.default_rng(seed).normal(centre, size=(count, width))


# --- letters


def test_shares_of_what_is_read_with_confidence_are_shares_of_all_images():
    shares = strict_shares(reading("AABZ", [SURE, UNSURE, SURE, UNSURE]))
    assert shares.tolist() == [0.25, 0.25] + 24 * [0]


def test_a_confidence_that_is_no_number_is_none():
    found = reading("ABC", [np.nan, np.nan, 1.0])
    assert covered_letters(found) == "C"
    assert rejected_share(found) == pytest.approx(2 / 3)


def test_a_letter_in_a_hundred_is_covered_and_one_in_more_is_not():
    assert LEAST_SHARE == 0.01
    assert covered_letters(reading("Q" + 99 * "A")) == "AQ"
    assert covered_letters(reading("Q" + 100 * "A")) == "A"


def test_images_that_nobody_can_read_cover_the_alphabet_naively_and_nothing_strictly():
    noise = reading(10 * LETTERS, UNSURE)
    assert (naive_coverage(noise), strict_coverage(noise), covered_letters(noise)) == (26, 0, "")
    assert rejected_share(noise) == 1


@pytest.mark.parametrize("seed", range(5))
def test_what_is_covered_is_what_is_not_missing(seed):
    rng = np.random.default_rng(seed)
    letters = rng.choice(26, 300, p=rng.dirichlet(np.full(26, 0.3)))
    found = Reading(letters, rng.uniform(0.5, 1, 300), np.zeros((300, 1)))
    covered = covered_letters(found)
    assert len(covered) == strict_coverage(found) < naive_coverage(found)
    assert sorted(covered + missing_letters(covered)) == list(LETTERS)
    assert strict_shares(found).sum() == pytest.approx(1 - rejected_share(found))


def test_letter_table_by_hand():
    table = letter_table(reading("AABZ", [1.0, 0.5, 0.25, 0.75]))
    assert list(table) == list(LETTERS)
    assert table["A"] == {"share": 0.5, "confidence": 0.75}
    assert table["B"] == {"share": 0.25, "confidence": 0.25}
    assert table["C"] == {"share": 0.0, "confidence": 0.0}
    assert sum(entry["share"] for entry in table.values()) == 1


# --- how even they are


def test_divergence_of_two_letters_by_hand():
    assert kl_uniform(reading("ABAB")) == pytest.approx(np.log(13))
    assert kl_uniform(reading("AAAB")) == pytest.approx(0.75 * np.log(0.75 * 26) + 0.25 * np.log(0.25 * 26))


def test_kl_floor_is_what_letters_drawn_evenly_reach():
    for count in (520, 2600):
        rng = np.random.default_rng(count)
        drawn = [
            kl_uniform(Reading(rng.integers(26, size=count), np.ones(count), np.zeros((count, 1)))) for _ in range(1000)
        ]
        assert np.mean(drawn) == pytest.approx(kl_floor(count), rel=0.04)


# --- distances in a classifier's features


def test_kernel_distance_by_hand():
    # Kernels (x y + 1)³: 1 within the first set and within the second, 1, 1, 27 and 1 between them.
    assert kernel_distance(np.array([[0.0], [1.0]]), np.array([[2.0], [0.0]])) == 1 + 1 - 2 * 30 / 4
    # Of two features the kernel takes the mean product: 1 and 8 within, 8 between.
    assert kernel_distance(np.array([[2.0, 0.0], [0.0, 2.0]]), np.ones((2, 2))) == 1 + 8 - 2 * 8


def test_kernel_distance_of_two_draws_of_one_distribution_is_nought_on_average():
    draws = [kernel_distance(normal(20, (0, turn)), normal(30, (1, turn))) for turn in range(400)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 4 * error
    assert np.mean(np.array(draws) < 0) > 0.2
    # with the pairs of an image and itself it would be this much more, which would show
    own = np.mean([((x**2).sum(axis=1) / 4 + 1) ** 3 for x in (normal(1000, 2),)]) - 1
    assert own / 20 + own / 30 > 20 * error


def test_what_is_further_away_is_further_away():
    real = of_features(normal(200, 8))
    alike, shifted, away = (
        distances_to(of_features(normal(200, 9, centre=centre)), real, seed=0) for centre in (0, 1, 9)
    )
    for name in ("frechet", "kid"):
        assert alike[name] < shifted[name] < away[name]
    for name in ("precision", "recall", "density", "coverage"):
        assert alike[name] > shifted[name] > away[name] == 0


def test_one_image_repeated_is_precise_and_recalls_nothing():
    real = of_features(normal(100, 10))
    middle = np.full((100, 4), 0.01) + 1e-6 * normal(100, 11)
    found = distances_to(of_features(middle), real, seed=0)
    assert found["precision"] == 1
    assert found["recall"] < 0.05


@pytest.fixture
def compared(monkeypatch):
    """Return a list of the sets whose Fréchet distance was taken; the distance is how many there were by then."""
    seen = []
    monkeypatch.setattr(coverage, "frechet_distance", lambda *sets: seen.append(sets) or float(len(seen)))
    return seen


def test_a_set_is_compared_with_the_same_real_images_as_another(compared):
    real = of_features(normal(70, 13))
    for count in (50, 90):
        distances_to(of_features(normal(count, 12)), real, seed=3, size=40)
    (_, one), (_, other) = compared
    np.testing.assert_array_equal(one, other)


def test_figures_are_means_over_parts_that_share_no_image(compared):
    fake, real = of_features(normal(100, 12)), of_features(normal(30, 13))
    assert distances_to(fake, real, seed=0, parts=3)["frechet"] == 2
    parts = [ours for ours, _ in compared]
    assert [len(part) for part in parts] == [30, 30, 30]
    assert len(np.unique(np.concatenate(parts), axis=0)) == 90
    # The first part is what would be compared without others, and there are no more parts than images allow.
    compared.clear()
    assert distances_to(fake, real, seed=0)["frechet"] == 1
    assert distances_to(fake, real, seed=0, parts=9)["frechet"] == (2 + 3 + 4) / 3
    np.testing.assert_array_equal(compared[0][0], parts[0])


def test_a_draw_is_without_replacement():
    drawn = draw(50, 20, seed=4)
    assert len(set(drawn.tolist())) == 20
    assert sorted(draw(50, COMPARED, seed=4)) == list(range(50))
    assert drawn.tolist() == draw(50, COMPARED, seed=4)[:20].tolist()
    assert drawn.tolist() != draw(50, 20, seed=5).tolist()


# --- copies


def test_nearest_distances_by_hand():
    train = np.array([[0.0, 0.0], [3.0, 4.0]]).reshape(2, 1, 2, 1)
    images = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 5.5], [-3.0, -4.0]]).reshape(4, 1, 2, 1)
    assert nearest_distances(images, train).tolist() == [0, 1, 1.5, 5]


def test_the_nearest_is_not_the_one_of_most_ink():
    train = np.array([[0.0, 0.1], [1.0, 1.0], [9.0, 9.0]]).reshape(3, 1, 2, 1)
    images = np.array([[0.2, 0.2], [2.0, 2.0], [6.0, 7.0], [-8.0, -8.0]]).reshape(4, 1, 2, 1)
    assert nearest(images, train).tolist() == [0, 1, 2, 0]


def test_nearest_ratio_by_hand():
    train, validation = np.zeros((3, 2, 2, 1)), np.ones((5, 2, 2, 1))
    assert nearest_ratio(np.full((4, 2, 2, 1), 0.25), validation, train) == 0.25
    assert nearest_ratio(np.full((4, 2, 2, 1), -3.0), validation, train) == 3
    # a few copies among new images do not show: it is the median image that counts
    few = np.array([0.0, 0.5, 0.5, 0.5, 0.5])[:, None, None, None] * validation
    assert nearest_ratio(few, validation, train) == 0.5


def test_two_sample_accuracy_by_hand():
    # the nearest is of the same set for 0, 1 and 12.5
    assert two_sample_accuracy(np.array([[0.0], [1], [10]]), np.array([[2.5], [11], [12.5]])) == 3 / 6
    # for all but 10 and 10.5
    assert two_sample_accuracy(np.array([[0.0], [1], [10]]), np.array([[10.5], [20], [21]])) == 4 / 6


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    found = [two_sample_accuracy(normal(100, (21, turn)), normal(100, (22, turn))) for turn in range(20)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)


# --- what becomes of letters


def test_survival_by_hand():
    history = [
        {"epoch": 10, "covered": "AB"},
        {"epoch": 20, "covered": "A"},
        {"epoch": 30, "covered": "C"},
        {"epoch": 40, "covered": "CB"},
        {"epoch": 50, "covered": "AC"},
    ]
    found = survival(history)
    assert list(found) == list(LETTERS)
    assert found["A"] == {"vanished": [30], "returned": [10, 50]}
    assert found["B"] == {"vanished": [20, 50], "returned": [10, 40]}
    assert found["C"] == {"vanished": [], "returned": [30]}
    assert all(found[letter] == {"vanished": [], "returned": []} for letter in LETTERS[3:])
