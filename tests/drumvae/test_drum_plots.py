import contextlib

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from drumvae import plots
from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.models.vae import Latents

NAMES = ("rock", "jazz", "latin")
COUNT = 45
SWEEPS = {
    "high": [{"kick": 0.1, "density": -0.02}, {"kick": -0.4, "density": 0.0}],
    "low": [{"kick": 0.2, "density": 0.01}],
}


def latents(seed=0, count=COUNT):
    """Return both levels of bars, and their styles."""
    rng = np.random.default_rng(seed)
    styles = np.arange(count) % len(NAMES)
    return Latents(rng.standard_normal((count, 4)), rng.standard_normal((count, 12))), styles


def epoch(number, **others):
    row = {"reconstruction_nats": 50 - number, "kl_high_nats": 1 + number, "kl_low_nats": 4.0, "playing_loss": -2.0}
    each = {
        f"kl_{level}_{one}": 0.1 * number + one for level, count in (("high", 2), ("low", 3)) for one in range(count)
    }
    return {
        **row,
        **{f"val_{name}": value + 1 for name, value in row.items()},
        "val_nats": 60 - number,
        **each,
        **others,
    }


HISTORY = [epoch(number, style_accuracy=0.2 * number) for number in range(1, 4)]
EACH = {name: 0.1 * number for number, name in enumerate(INSTRUMENTS)}
FOUND = {
    "hit_f1": 0.8,
    "hit_f1_per_instrument": {**EACH, "clap": None},
    "hit_f1_mean_pattern": 0.4,
    "hit_f1_mean_pattern_per_instrument": dict.fromkeys(INSTRUMENTS, 0.3),
    "hit_f1_pca16": 0.7,
    "hit_f1_pca16_per_instrument": dict.fromkeys(INSTRUMENTS, 0.6),
}
DRAWINGS = {
    "hits": lambda path: plots.save_hits(FOUND, path),
    "history": lambda path: plots.save_history(HISTORY, path, bound_nats=30.0),
    "divergence": lambda path: plots.save_divergences(HISTORY, path),
    "maps": lambda path: plots.save_maps(*latents(), NAMES, path, seed=1),
    "clusters": lambda path: plots.save_clusters(*latents(), NAMES, path, seed=1),
    "histograms": lambda path: plots.save_histograms(latents()[0], latents(1, 200)[0], path),
    "sweeps": lambda path: plots.save_sweeps(SWEEPS, path),
    "patterns": lambda path: plots.save_patterns({"one": np.zeros((2, 16, 9)), "other": np.ones((1, 16, 9))}, path),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_pictures_are_written_and_the_same_again(name, tmp_path):
    paths = [tmp_path / "plots" / f"{number}.png" for number in range(2)]
    for path in paths:
        DRAWINGS[name](path)
    with Image.open(paths[0]) as picture:
        assert picture.format == "PNG"
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # not empty paper
    assert paths[0].read_bytes() == paths[1].read_bytes()


# --- patterns


def test_bars_stand_beside_each_other_the_kick_lowest(monkeypatch, tmp_path):
    figure = Figure()
    monkeypatch.setattr(plots, "saved_figure", lambda *_, **__: contextlib.nullcontext(figure))
    bars = np.random.default_rng(3).random((3, STEPS, len(INSTRUMENTS)))
    plots.save_patterns({"one": bars[:2], "other": bars[2:]}, tmp_path / "figure.png")
    first, second = figure.axes
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("one", "other")
    table = first.get_images()[0].get_array()
    assert table.shape == (len(INSTRUMENTS), 2 * STEPS + 1)
    np.testing.assert_array_equal(table[:, :STEPS], bars[0].T)
    np.testing.assert_array_equal(table[:, STEPS + 1 :], bars[1].T)
    assert table.mask[:, STEPS].all()
    table = second.get_images()[0].get_array()
    np.testing.assert_array_equal(table[:, :STEPS], bars[2].T)
    assert table.mask[:, STEPS:].all()  # no bar there
    bottom, top = first.get_ylim()
    assert bottom < top
    beats = [(tick, label.get_text()) for tick, label in zip(first.get_xticks(), first.get_xticklabels(), strict=True)]
    assert beats == [(0, "1"), (4, "2"), (8, "3"), (12, "4"), (17, "1"), (21, "2"), (25, "3"), (29, "4")]
