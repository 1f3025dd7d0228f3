"""Groups of similar images, made without labels, as conditions of a generator that must not lose a letter.

An unconditional generator may leave letters out without any loss showing it. One that is conditioned on groups, each
as often as there are images in it, cannot (Liu et al., 2020, self-conditioned GANs).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

_FAINT = 0.1  # ink that counts for nothing: the noise of an empty background
_COMPONENTS = 40
_IMAGES_A_GROUP = 20


class Groups(NamedTuple):
    """Groups of images: ``of_images`` [n] the group of each image, ``shares`` [K] the share of the images in each."""

    of_images: np.ndarray
    shares: np.ndarray


def find_groups(images: np.ndarray, *, seed: int) -> Groups:
    """Group images [n, 28, 28, 1] by k-means on the principal components of the images, centred.

    Without centring, letters are grouped by their place in the frame as much as by their shape: O with D and Q with U,
    and a generator that is asked for such a group draws something in between. There is a group for twenty images.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    count = max(1, len(images) // _IMAGES_A_GROUP)
    pixels = centred(images[..., 0]).reshape(len(images), -1)
    components = PCA(min(_COMPONENTS, len(images)), random_state=seed).fit_transform(pixels)
    groups = KMeans(count, n_init=4, random_state=seed).fit_predict(components)
    return Groups(groups, np.bincount(groups, minlength=count) / len(groups))


def centred(images: np.ndarray) -> np.ndarray:
    """Move images [n, height, width] in [−1, 1] so that the middle of their ink is that of the frame; −1 comes in."""
    ink = np.maximum((images + 1) / 2 - _FAINT, 0)
    total = np.maximum(ink.sum(axis=(1, 2)), np.finfo(np.float32).tiny)
    places = np.indices(images.shape, float)
    for axis, other in ((1, 2), (2, 1)):
        size = images.shape[axis]
        shift = ink.sum(axis=other) @ np.arange(size) / total - (size - 1) / 2
        places[axis] += np.where(total > _FAINT, shift, 0)[:, None, None]
    return ndimage.map_coordinates(images, places, order=1, cval=-1.0)
