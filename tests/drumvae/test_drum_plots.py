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


def latents(seed=0, count=COUNT, apart=0.0):
    """Return both levels of so many bars, and their styles, which are so far apart in the upper one."""
    rng = np.random.default_rng(seed)
    styles = np.arange(count) % len(NAMES)
    high = apart * np.eye(len(NAMES), 4)[styles] + rng.standard_normal((count, 4))
    return Latents(high, rng.standard_normal((count, 12))), styles


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


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw; return the figure, which is not written."""
    figures = []

    @contextlib.contextmanager
    def saved_figure(path, size, *, grid=True):
        figure = Figure(size)
        yield figure
        figures.append(figure)

    monkeypatch.setattr(plots, "saved_figure", saved_figure)

    def draw(save, *arguments, **options):
        save(*arguments, tmp_path / "figure.png", **options)
        return figures.pop()

    return draw


@pytest.mark.parametrize("name", DRAWINGS)
def test_pictures_are_written_and_the_same_again(name, tmp_path):
    paths = [tmp_path / "plots" / f"{number}.png" for number in range(2)]
    for path in paths:
        DRAWINGS[name](path)
    with Image.open(paths[0]) as picture:
        assert picture.format == "PNG"
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # not empty paper
    assert paths[0].read_bytes() == paths[1].read_bytes()


# --- training


# --- latents


def test_changes_are_drawn_by_the_largest_of_their_column(drawn):
    axes = drawn(plots.save_sweeps, SWEEPS).axes[0]
    (image,) = axes.get_images()
    assert np.asarray(image.get_array()) == pytest.approx(np.array([[0.25, -1], [-1, 0], [0.5, 0.5]]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z_high, 0", "z_high, 1", "z_low, 0"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["kick (±0.40)", "density (±0.02)"]


def test_what_hardly_moves_is_hardly_coloured(drawn):
    still = {"high": [{"kick": 0.0, "clap": 5e-5}], "low": [{"kick": 0.0, "clap": 1e-5}]}
    (image,) = drawn(plots.save_sweeps, still).axes[0].get_images()
    assert np.asarray(image.get_array()) == pytest.approx(np.array([[0, 0.01], [0, 0.002]]))


# --- patterns


def test_bars_stand_beside_each_other_the_kick_lowest(drawn):
    bars = np.random.default_rng(3).random((3, STEPS, len(INSTRUMENTS)))
    figure = drawn(plots.save_patterns, {"one": bars[:2], "other": bars[2:]})
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
    assert [label.get_text() for label in first.get_yticklabels()] == [name.replace("_", " ") for name in INSTRUMENTS]
    beats = [(tick, label.get_text()) for tick, label in zip(first.get_xticks(), first.get_xticklabels(), strict=True)]
    assert beats == [(0, "1"), (4, "2"), (8, "3"), (12, "4"), (17, "1"), (21, "2"), (25, "3"), (29, "4")]
    assert figure.axes[-1].get_xlabel() == "beat"
