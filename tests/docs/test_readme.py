"""What the READMEs show of Python works, in a folder such as their readers have."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from docpages import PAGE, follow
from test_architecture import ROOT

from manymodes.files import save_keras
from melodygan.data.encoding import Note, NoteVocabulary, Tune
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.output import write_tunes

LENGTH = 8


def thrown(count, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.choice([60, 62, 64, 65, 67], (count, 4 * LENGTH)), rng.choice([2, 4], (count, 4 * LENGTH))
    return [
        [Note(int(pitch), int(steps)) for pitch, steps in zip(*tune, strict=True)] for tune in zip(*drawn, strict=True)
    ]


def untrained_gan():
    vocabulary = NoteVocabulary.from_tunes([Tune(tuple(notes), "thrown") for notes in thrown(8, 0)])
    symbols = vocabulary.n_pitches + vocabulary.n_durations
    generator = build_generator(LENGTH, symbols, latent_dim=4, widths=(8,))
    return MelodyGAN(generator, build_discriminator(LENGTH, symbols, units=2, widths=(8,)), vocabulary=vocabulary)


@pytest.fixture
def after_a_run(tmp_path, monkeypatch):
    """Stand in a folder where `make run` has left a model, and tunes to compare."""
    monkeypatch.chdir(tmp_path)
    model = untrained_gan()
    model.build()
    save_keras(model, Path("runs/melodygan-wgan-noise-l2/model.keras"))
    for seed, folder in enumerate(("gen", "org")):
        write_tunes(Path(folder), thrown(12, seed))


@pytest.mark.parametrize("page", ["README.md", "evaluation/README.md"])
def test_python_of_a_readme_runs(page, after_a_run):
    assert list(itertools.islice(PAGE.parse(ROOT / page).examples(), 1)), "there is something to run"
    follow(ROOT / page)
