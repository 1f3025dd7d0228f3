"""What models compose, note by note: models of the same weights go on composing the same.

The weights come from dice, not from training, which adds up differently from machine to machine. They make choices so
decided that the last digits of a logit never matter: see `test_the_choices_are_decided`. Where a change is meant to
alter what is composed, the tunes in golden.json change with it.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from smallmodels import throw

from melodygan.data.encoding import HOLD, StepVocabulary, Tune, pitch_name
from melodygan.data.form import Form
from melodygan.data.given import read_given
from melodygan.data.grid import to_grid, to_rows
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM
from melodygan.models.networks import build_critic, build_generator

LOWEST, PITCHES = 60, 15
DECIDED = 6.0  # what the weights of the logits are multiplied by
HELD = 3.0  # what is added to the logit of a hold: with as many symbols for notes, all would be short
NUDGE = 1e-4  # a thousand times what float32 rounds off

FIRST = read_given("C4 D4 E4 C4 E4 F4 G4:2 C4 D4 E4 C4").notes
SECOND = read_given("G4:2 E4 C4 A4:1.5 G4:0.5 F4:2 E4:2 D4:2 r C4:3").notes
THIRD = read_given("A4 B4:0.5 C5:0.5 D5 A4 B4:0.5 C5:0.5 D5 B4:3").notes
TUNES = [
    Tune(FIRST, key="C major", meter="4/4"),
    Tune(SECOND, key="C major", meter="3/4"),
    Tune(THIRD, key="A minor", meter="3/4"),
]


def lstm():
    plans = to_rows(to_grid(tune).plan for tune in TUNES)
    model = MelodyLSTM(StepVocabulary.from_tunes(TUNES), units=8, plans=plans, discriminator_units=8)
    model.build()
    throw(model, np.random.default_rng(1), DECIDED)
    model.logits.bias.assign(HELD * np.eye(len(model.vocabulary))[model.vocabulary.index(HOLD)])
    return model


def gan(heads=0):
    generator = build_generator(PITCHES, latent_dim=4, widths=(8,), channels=(4, 4, 4), heads=heads)
    throw(generator, np.random.default_rng(3 + heads), DECIDED)
    critic = build_critic(PITCHES, units=2, channels=(4, 4, 4), widths=(4,))
    plans = to_rows(to_grid(tune).plan for tune in TUNES)
    model = MelodyGAN(generator, critic, lowest=LOWEST, pitches=PITCHES, plans=plans)
    rng = np.random.default_rng(2)
    for chain in (model.kind_chain, model.pitch_chain):
        chain.set_weights([rng.uniform(-1, 1, weight.shape) for weight in chain.weights])
    head = model.averaged_generator.get_layer("logits")
    head.bias.assign(HELD * np.eye(head.bias.shape[0])[0])
    return model


@pytest.fixture(scope="module")
def models():
    return {"lstm": lstm(), "gan": gan(), "attention": gan(heads=2)}


COMPOSED = {
    "lstm": lambda model: model.generate(4, seed=0, max_steps=48),
    "lstm, of a length": lambda model: model.generate(2, seed=1, bars=3),
    "lstm, in a form, from a start": lambda model: model.generate(
        2, seed=0, meter="3/4", mode="major", start=FIRST[:3]
    ),
    "lstm, variations": lambda model: model.vary(FIRST, 3, amount=0.5, seed=0, form=Form("4/4", "major")),
    "lstm, from one tune to another": lambda model: model.interpolate(FIRST, SECOND, 5, seed=0),
    "gan": lambda model: model.compose(3, seed=0),
    "gan, of a length, at a temperature": lambda model: model.compose(
        3, seed=1, bars=4, temperature=0.5, ending="free"
    ),
    "gan, some bars anew": lambda model: model.recompose(TUNES[1], 2, 3, 2, seed=0),
    "attention": lambda model: model.compose(3, seed=0),
    "attention, in a form": lambda model: model.compose(3, seed=1, meter="3/4", mode="minor", temperature=0.5),
    "attention, like a tune": lambda model: model.compose(2, seed=2, like=TUNES[0]),
}
GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


def spelt(composed):
    tunes = [one.notes if isinstance(one, Tune) else one for one in composed]
    names = {None: "r"} | {pitch: pitch_name(pitch) for pitch in range(128)}
    return [" ".join(f"{names[note.pitch]}:{note.steps}" for note in notes) for notes in tunes]


@pytest.mark.parametrize("what", COMPOSED)
def test_composed_tunes_stay_the_same(models, what):
    assert spelt(COMPOSED[what](models[what.partition(",")[0]])) == GOLDEN[what]


@pytest.mark.slow
@pytest.mark.parametrize("what", COMPOSED)
def test_the_choices_are_decided(models, what):
    model = models[what.partition(",")[0]]
    weights = [weight for weight in model.weights if "float" in weight.dtype]
    before = [weight.numpy() for weight in weights]
    rng = np.random.default_rng(0)
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value * (1 + NUDGE * rng.uniform(-1, 1, value.shape)))
    nudged = spelt(COMPOSED[what](model))
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value)
    assert nudged == GOLDEN[what]
