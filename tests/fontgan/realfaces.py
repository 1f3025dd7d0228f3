"""A real face as fields, and a model that draws it whatever the style."""

import functools

import numpy as np

from fontgan.data.sheets import bundled_fonts
from fontgan.data.typefaces import FaceFile, as_floats, measure_face

SIZE = 48


@functools.cache
def face(name="DejaVuSans.ttf"):
    """Return the fields [C, 48, 48] and bearings [C, 2] of a font of matplotlib's."""
    fields, bearings = measure_face(FaceFile("dejavu", bundled_fonts() / name), SIZE)
    return as_floats(fields), bearings


class OneFace:
    """A model of typefaces that knows one face."""

    size, style_dim = SIZE, 2

    def new_styles(self, count, seed):
        return np.full((count, self.style_dim), seed, np.float32)

    def draw(self, styles):
        fields, bearings = face()
        return np.stack([fields] * len(styles)), np.stack([bearings] * len(styles))
