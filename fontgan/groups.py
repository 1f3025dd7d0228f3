"""Groups of look-alike images, found without any label: what a generator that must forget no letter is asked for.

A generator that is told nothing may leave letters out, and no loss sees it. One that is asked for each group as often
as there are images in it cannot (Liu et al., 2020, self-conditioned GANs): what it leaves out is missed at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BLUR_PX = 1.5  # letters a pixel apart are near each other then
_COMPONENTS = 40
_IMAGES_A_GROUP = 20


class Groups(NamedTuple):
    """Groups of images.

    Attributes:
        of_images: [n] the group of each image.
        shares: [K] how many of the images are in each.
    """

    of_images: np.ndarray
    shares: np.ndarray


def find_groups(images: np.ndarray, *, seed: int, count: int | None = None) -> Groups:
    """Part images into groups by k-means on the principal components of the blurred images.

    Args:
        images: [n, 28, 28, 1].
        seed: of k-means.
        count: K; one for twenty images unless given.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - takes longer to import than everything else here
    from sklearn.cluster import KMeans  # noqa: PLC0415 - the same
    from sklearn.decomposition import PCA  # noqa: PLC0415 - the same

    count = count or max(1, len(images) // _IMAGES_A_GROUP)
    blurred = gaussian_filter(images[..., 0], (0, _BLUR_PX, _BLUR_PX)).reshape(len(images), -1)
    components = PCA(min(_COMPONENTS, len(images)), random_state=seed).fit_transform(blurred)
    found = KMeans(count, n_init=4, random_state=seed).fit_predict(components)
    return Groups(found, np.bincount(found, minlength=count) / len(found))
