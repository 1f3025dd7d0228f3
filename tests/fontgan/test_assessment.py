import re

import numpy as np
import pytest
from smallfonts import BlockClassifier, small_letters

from fontgan.data.glyphs import LETTERS
from fontgan.metrics import assessment, coverage
from fontgan.metrics.assessment import assess

DISTANCES = ("frechet", "kid", "precision", "recall", "density", "coverage", "two_sample")
MEASURES = {*DISTANCES, "strict_coverage", "naive_coverage", "rejected", "kl_uniform", "nn_ratio"}


@pytest.fixture(scope="module")
def easy():
    """Return letters that the classifier reads without fail."""
    return small_letters(train=12, validation=6)


@pytest.fixture(scope="module")
def assessed(easy):
    """Return a function: assess images."""

    def run(images, seed=0, **options):
        return assess(images, easy, BlockClassifier(), seed=seed, train_seconds=1.5, **options)

    return run


@pytest.fixture(scope="module")
def replay(easy, assessed):
    return assessed(easy.train.images)


def test_every_key_is_documented_and_every_documented_one_is_there(easy, assessed):
    result = assessed(easy.train.images, asked=easy.train.labels)
    assert list(result["controls"]) == ["validation", "replay", "one_letter", "noise"]
    assert all(set(control) == MEASURES for control in result["controls"].values())
    assert list(result["letters"]) == list(LETTERS)
    written = {name.removesuffix("_ceiling") for name in (*result, *result["controls"], *result["letters"]["A"])}
    assert {*written, "_ceiling"} == set(re.findall(r"``(\w+)``", assessment.__doc__))


def test_images_are_read_by_the_classifier(easy, assessed):
    half = np.isin(easy.train.labels, range(13))
    result = assessed(easy.train.images[half])
    assert (result["n"], result["strict_coverage"], result["naive_coverage"]) == (156, 13, 13)
    assert (result["covered"], result["missing"]) == ("ABCDEFGHIJKLM", "NOPQRSTUVWXYZ")
    assert result["kl_uniform"] == pytest.approx(np.log(2), abs=1e-6)
    assert result["rejected"] == 0
    shares = [letter["share"] for letter in result["letters"].values()]
    assert shares == pytest.approx([1 / 13] * 13 + [0] * 13, abs=1e-6)
    assert min(result["letters"][letter]["confidence"] for letter in "ABCDEFGHIJKLM") > 0.9


def test_letters_that_were_asked_for_are_counted(easy, assessed):
    images, labels = easy.train.images[::4], easy.train.labels[::4]
    assert assessed(images, asked=(labels + 1) % 26)["asked"] == 0
    assert assessed(images, asked=np.where(labels < 13, labels, 0))["asked"] == 0.5


def test_the_ceilings_are_those_of_training_images(replay):
    assert all(replay[name] == replay[f"{name}_ceiling"] for name in DISTANCES)
    assert "asked" not in replay


@pytest.mark.parametrize(
    ("count", "most", "compared", "parts"),
    [(30, 2000, 30, 1), (200, 2000, 156, 1), (200, 40, 40, 4), (100, 40, 40, 2), (312, 100, 100, 3)],
)
def test_all_sets_are_compared_at_one_size_and_with_the_same_real_images(
    monkeypatch, easy, assessed, count, most, compared, parts
):
    seen = []

    def frechet_distance(ours, theirs):
        seen.append((ours, theirs))
        return float(len(seen))

    monkeypatch.setattr(coverage, "frechet_distance", frechet_distance)
    monkeypatch.setattr(coverage, "COMPARED", most)
    result = assessed(easy.train.images[:count])
    assert (result["compared"], result["parts"]) == (compared, parts)
    assert len(seen) == parts + parts + 4  # the ceiling, the images, the controls
    assert {len(features) for pair in seen for features in pair} == {compared}
    assert all(np.array_equal(theirs, seen[0][1]) for _, theirs in seen)
    for pairs, name in ((seen[:parts], "frechet_ceiling"), (seen[parts : 2 * parts], "frechet")):
        of_all = np.concatenate([ours for ours, _ in pairs])
        assert len(np.unique(of_all, axis=0)) == parts * compared  # no image is in two
        assert result[name] in {(1 + parts) / 2, (1 + parts) / 2 + parts}


def test_controls_are_ranked(replay):
    measures = {name: [control[name] for control in replay["controls"].values()] for name in MEASURES}
    assert measures["strict_coverage"][:2] == measures["naive_coverage"][:2] == [26, 26]
    assert measures["rejected"][:2] == [0, 0]
    assert 0 == measures["kl_uniform"][0] < measures["kl_uniform"][1] < 0.2
    assert measures["nn_ratio"][:3] == [1, 0, 0]
    assert measures["nn_ratio"][3] > 2
    assert measures["precision"][0] == measures["recall"][0] == 1
    assert min(*measures["precision"][1:3], measures["recall"][1]) > 0.6
    assert measures["recall"][2] < 0.1
    assert measures["precision"][3] == measures["recall"][3] == 0
    for name in ("frechet", "kid"):
        validation, copies, one_letter, noise = measures[name]
        assert validation < copies < min(one_letter, noise)


def test_same_seed_same_result(easy, assessed, replay):
    assert assessed(easy.train.images) == replay
    other = assessed(easy.train.images, seed=1)
    assert other["controls"]["replay"] != replay["controls"]["replay"]
    assert other["letters"] == replay["letters"]
