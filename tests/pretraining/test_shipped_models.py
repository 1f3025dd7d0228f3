"""The models in data/pretrained and their cards; until they have been made there is nothing to look at."""

import hashlib
import re

import pytest

from manymodes.hub import MODELS, folder

FILES = sorted(folder().glob("*.keras"))
CARDS = sorted(file for file in folder().glob("*.md") if file.stem != "LICENSE-MODELS")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FILES, reason="no models have been made yet: make pretrained")]


def test_every_model_has_a_card_and_every_card_a_model():
    assert {card.stem for card in CARDS} == set(MODELS)
    assert {file.stem for file in FILES} == {*MODELS, "sounds-vqvae-prior"}


def test_all_models_together_are_small():
    assert sum(file.stat().st_size for file in FILES) <= 12_000_000


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_says_how_of_what_and_how_well(card):
    shipped, text = MODELS[card.stem], card.read_text(encoding="utf-8")
    for said in (f"`{shipped.command}`", f"| Seed | {shipped.seed} |", shipped.data.what, shipped.data.licence):
        assert said in text
    for title in ("Intended use", "Limits"):
        (part,) = (part for part in text.split("\n## ") if part.startswith(f"{title}\n"))
        assert len(part.split()) > 20
    (measured,) = (part for part in text.split("\n## ") if part.startswith("Measured\n"))
    figures = [line for line in measured.splitlines() if line.startswith("| ") and re.search(r"\d", line)]
    assert len(figures) >= 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_card_is_of_the_file_beside_it(file):
    card = folder() / f"{file.stem.removesuffix('-prior')}.md"
    assert hashlib.sha256(file.read_bytes()).hexdigest() in card.read_text(encoding="utf-8")


def test_every_model_loads_and_makes_something():
    from audiovae import synthesis as sounds
    from drumvae import load as load_drums
    from fontgan import load as load_letters
    from melodygan import load as load_melodies

    files = {file.stem: file for file in FILES}
    for name in ("melody-lstm", "melody-attention"):
        (tune,) = load_melodies(files[name]).generate(1, seed=0)
        assert len(tune) > 5
    for name, labelled in {"letters-conditional": True, "letters-best": False}.items():
        model = load_letters(files[name])
        assert model.labelled is labelled
        assert model.generate(2, seed=0).std() > 0.1
    assert load_drums(files["drums-styles"]).styles == ["rock", "jazz", "hiphop", "electronic", "latin"]
    assert load_drums(files["drums-groove"]).styles == ["rock", "jazz", "hiphop", "latin"]
    model = sounds.load(files["sounds-vqvae"])
    prior = sounds.prior_of(model, files["sounds-vqvae"])
    assert prior.instruments == model.instruments
    assert model.decode_codes(prior.sample([0], seed=0)).std() > 0.01
