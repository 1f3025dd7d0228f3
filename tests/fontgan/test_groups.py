import importlib

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fontgan.data.fonts import load_fonts
from fontgan.data.glyphs import STILL
from fontgan.data.groups import centred, find_groups
from fontgan.data.sheets import bundled_fonts

SANS = bundled_fonts() / "DejaVuSans.ttf"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep k-means to one thread: for so few images threads do nothing but wait for each other."""
    importlib.import_module("sklearn.cluster")  # only what is loaded has threads to limit
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def jittered():
    return load_fonts(SANS, train=10, validation=1, progress=False)


def test_shares_are_of_the_images_in_each_group(jittered):
    result = find_groups(jittered.train.images, seed=0)
    assert result.of_images.shape == (260,)
    assert len(result.shares) == 13
    assert result.shares.sum() == pytest.approx(1)
    assert result.shares.min() > 0
    for group, share in enumerate(result.shares):
        assert (result.of_images == group).mean() == pytest.approx(share)


def test_letters_without_jitter_are_one_group_each():
    images, labels, _ = load_fonts(SANS, train=20, validation=1, jitter=STILL, progress=False).train
    result = find_groups(images, seed=0)
    assert len(set(zip(result.of_images.tolist(), labels.tolist(), strict=True))) == 26
    assert result.shares.tolist() == [1 / 26] * 26


def test_centred_ink_is_in_the_middle_of_the_frame(jittered):
    moved = centred(jittered.train.images[..., 0])
    ink = np.maximum((moved + 1) / 2 - 0.1, 0)
    middles = [np.average(np.arange(28), weights=ink.sum(axis=axis).sum(axis=0)) for axis in (1, 2)]
    assert middles == pytest.approx([13.5, 13.5], abs=0.02)


def test_same_images_same_groups(jittered):
    one, again, other = (find_groups(jittered.train.images.copy(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.of_images, again.of_images)
    np.testing.assert_array_equal(one.shares, again.shares)
    assert (one.of_images != other.of_images).any()
