"""Pictures of tunes show what is to be seen."""

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from manymodes.experiment.plots import GENERATED, REAL
from melodygan.data.encoding import Note
from melodygan.plots import save_spread

SAME = [[Note(60, 4), Note(62, 4), Note(64, 8)]] * 3
OTHERS = [[Note(60 + step * number, 2 + 2 * number) for step in range(4 + number)] for number in range(1, 5)]


def pixels_of(colour, path):
    image = np.asarray(Image.open(path).convert("RGB"), float)
    return int((np.abs(image - 255 * np.array(to_rgb(colour))).max(axis=-1) < 8).sum())


def test_a_collapsed_set_is_a_line_where_there_is_no_density(tmp_path):
    path = tmp_path / "spread.png"
    save_spread(SAME, OTHERS, path)
    collapsed = pixels_of(GENERATED, path)
    save_spread(OTHERS, SAME, path)
    assert pixels_of(REAL, path) > 4 * 100
    assert collapsed > 4 * 100
