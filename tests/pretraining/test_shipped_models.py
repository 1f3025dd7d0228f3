"""The models in data/pretrained and their cards."""

import hashlib
import re

import pytest

from fontgan import load as load_letters
from manymodes.hub import MODELS, folder
from manymodes_studio.models import load_models
from manymodes_studio.sound import new_sounds

FILES = sorted(folder().glob("*.keras"))
CARDS = sorted(file for file in folder().glob("*.md") if file.stem != "LICENSE-MODELS")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FILES, reason="no models have been made yet: make pretrained")]


def test_every_model_has_a_card_and_all_are_small():
    assert {card.stem for card in CARDS} == set(MODELS)
    assert {file.stem for file in FILES} == {*MODELS, "sounds-vqvae-prior"}
    assert sum(file.stat().st_size for file in FILES) <= 16_000_000


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_has_training_data_measures_and_limits(card):
    shipped, text = MODELS[card.stem], card.read_text(encoding="utf-8")
    for fact in (f"`{shipped.command}`", f"| Seed | {shipped.seed} |"):
        assert fact in text
    parts = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    assert all(len(parts[name].split()) > 20 for name in ("Intended use", "Limits"))
    data, licence = parts["Data and licence"].split("\n\nLicence: ")
    assert len(data.split()) > 10
    assert licence.strip()
    figures = [line for line in parts["Measured"].splitlines() if line.startswith("| ") and re.search(r"\d", line)]
    assert len(figures) >= 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_card_is_of_the_file_beside_it(file):
    card = folder() / f"{file.stem.removesuffix('-prior')}.md"
    assert hashlib.sha256(file.read_bytes()).hexdigest() in card.read_text(encoding="utf-8")


def test_every_model_loads_and_generates():
    models = load_models()
    assert (set(models.loaded) | {"letters-best", "letters-conditional"}, models.missing) == (set(MODELS), {})
    for name in ("melody-lstm", "melody-wgan"):
        assert len(models.loaded[name].generate(1, seed=0)[0]) > 5
    for model in map(load_letters, ("letters-conditional", "letters-best")):
        assert model.generate(2, seed=0).std() > 0.1
    styles = {name: models.loaded[name].styles for name in ("drums-styles", "drums-groove")}
    assert styles["drums-styles"] == ["rock", "jazz", "hiphop", "electronic", "latin"]
    assert styles["drums-groove"] == ["rock", "jazz", "hiphop", "latin"]
    model = models.loaded["sounds-vqvae"]
    assert new_sounds(model, model.instruments[0], 1, temperature=1.0, seed=0).std() > 0.01
