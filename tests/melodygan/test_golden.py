"""What models compose, note by note: models of the same weights go on composing the same.

The weights come from dice, not from training, which adds up differently from machine to machine. They make choices so
decided that the last digits of a logit never matter: see `test_the_choices_are_decided`. Where a change is meant to
alter what is composed, the tunes here change with it.
"""

import numpy as np
import pytest
import tensorflow as tf
from melodygan.models.attention import (
    AttentionGAN,
    as_vector,
    build_attention_generator,
    build_light_critic,
    note_plans,
)

from melodygan.data.encoding import HOLD, NoteVocabulary, StepVocabulary, Tune, pitch_name
from melodygan.data.form import Form
from melodygan.data.given import read_given
from melodygan.data.plan import plan_of
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.models.lstm import MelodyLSTM

LENGTH = 16
DECIDED = 6.0  # what the weights of the logits are multiplied by
HELD = 4.0  # what is added to the logit of a hold: with as many symbols for notes, all would be short
NUDGE = 1e-4  # a thousand times what float32 rounds off

FIRST = read_given("C4 D4 E4 C4 E4 F4 G4:2 C4 D4 E4 C4").notes
SECOND = read_given("G4:2 E4 C4 A4:1.5 G4:0.5 F4:2 E4:2 D4:2 r C4:3").notes
THIRD = read_given("A4 B4:0.5 C5:0.5 D5 A4 B4:0.5 C5:0.5 D5 B4:3").notes
TUNES = [
    Tune(FIRST, key="C major", meter="4/4"),
    Tune(SECOND, key="C major", meter="3/4"),
    Tune(THIRD, key="A minor", meter="3/4"),
]


def throw(network, seed):
    """Give a network weights by the throw of dice; biases, and factors of normalisations, stay as they begin."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if len(weight.shape) > 1:
            width = np.sqrt(3 / np.prod(weight.shape[:-1]))
            factor = DECIDED if "logits" in weight.path else 1.0
            weight.assign(factor * width * rng.uniform(-1, 1, weight.shape))


def lstm():
    model = MelodyLSTM(StepVocabulary.from_tunes(TUNES), units=8, plans=[plan_of(tune) for tune in TUNES])
    model.build()
    throw(model, 1)
    model.logits.bias.assign(HELD * np.eye(len(model.vocabulary))[model.vocabulary.index(HOLD)])
    return model


def gan():
    vocabulary = NoteVocabulary.from_tunes(TUNES)
    sizes = (LENGTH, vocabulary.n_pitches + vocabulary.n_durations)
    generator = build_generator(*sizes, latent_dim=4, widths=(8,), plan=8, channels=(8, 8))
    throw(generator, 3)
    return MelodyGAN(generator, build_discriminator(*sizes, units=2, widths=(4,)), vocabulary=vocabulary)


def attention():
    vocabulary = NoteVocabulary.from_tunes(TUNES)
    alphabets = (vocabulary.n_pitches, vocabulary.n_durations)
    generator = build_attention_generator(LENGTH, sum(alphabets), latent_dim=4, channels=(8, 8, 8), heads=2)
    throw(generator, 2)
    critic = build_light_critic(LENGTH, *alphabets, channels=(4,))
    return AttentionGAN(generator, critic, vocabulary=vocabulary, plans=note_plans(TUNES, LENGTH))


@pytest.fixture(scope="module")
def models():
    return {build.__name__: build() for build in (lstm, gan, attention)}


COMPOSED = {
    "lstm": (
        "lstm",
        lambda model: model.generate(4, seed=0, max_steps=48),
        ["C4:20 D5:1 A4:4", "C4:8 C4:15", "B4:18", "B4:8 G4:12 B4:20 B4:6 D4:2"],
    ),
    "lstm, of a length": (
        "lstm",
        lambda model: model.generate(2, seed=1, bars=3),
        [
            "r:10 D4:9 D5:6 B4:2 B4:2 B4:2 A4:1 B4:1 B4:1 E4:1 B4:1 D4:1 r:2 C5:1 D4:3 D5:3 F4:1 C4:1",
            "B4:23 B4:5 B4:3 D4:1 B4:3 B4:7 B4:4 D5:1 B4:1",
        ],
    ),
    "lstm, in a form, from a start": (
        "lstm",
        lambda model: model.generate(2, seed=0, meter="3/4", mode="major", start=FIRST[:3]),
        ["C4:4 D4:4 E4:4 D5:8 D5:1 A4:5 D4:2 D4:2 A4:3 D4:1 B4:3 B4:15 A4:7 A4:3 D4:4", "C4:4 D4:4 E4:4 B4:10 A4:1"],
    ),
    "lstm, variations": (
        "lstm",
        lambda model: model.vary(FIRST, 3, amount=0.5, seed=0, form=Form("4/4", "major")),
        [
            "C4:4 D4:4 E4:4 C4:5 C5:3 D5:4 B4:2 D4:1 D4:1 D4:1 D4:1 A4:1 B4:2 D4:1 B4:3 B4:4 B4:7",
            "B4:1 E4:14 B4:1 E4:4 F4:4 G4:13 B4:5 B4:3 B4:3",
            "C4:2 G4:12 C4:2 E4:4 F4:4 G4:8 D4:8 B4:8",
        ],
    ),
    "lstm, from one tune to another": (
        "lstm",
        lambda model: model.interpolate(FIRST, SECOND, 5, seed=0),
        [
            "C4:4 D4:4 E4:4 C4:4 E4:4 F4:4 G4:8 C4:4 D4:4 E4:4 C4:4",
            "C4:4 D4:4 E4:32 E4:12",
            "C4:40 D4:12 C4:4",
            "G4:8 E4:32 D4:12 C4:8",
            "G4:8 E4:4 C4:4 A4:6 G4:2 F4:8 E4:8 D4:8 r:4 C4:12",
        ],
    ),
    "gan": (
        "gan",
        lambda model: model.generate(3, seed=0),
        [
            "r:4 C5:12 D5:2 D5:2 F4:2 A4:8 E4:12 D4:12 D5:12 r:8 F4:8 F4:8 A4:12",
            "A4:6 F4:12 D4:12 D4:12 D4:8 F4:12 F4:2 D5:12 F4:2 D5:12 r:2 C5:2 C5:2",
            "F4:8 A4:2 D5:2 G4:2 A4:8 A4:12 C5:2 F4:12 F4:12 D4:12 E4:12 E4:12 C5:4",
        ],
    ),
    "gan, of a length, at a temperature": (
        "gan",
        lambda model: model.generate(3, seed=1, bars=1, temperature=0.5),
        ["E4:12 D4:4", "A4:6 C5:10", "E4:6 C5:4 A4:6"],
    ),
    "attention, to its plans": (
        "attention",
        lambda model: model.compose(3, [0, 1], conditions=as_vector(tf.constant(model.plans))),
        [
            "r:2 r:8 C4:2 D4:2 D4:2 D4:2 D4:2 r:2 r:8 C4:2 D4:2",
            "r:2 A4:8 C4:8 D4:2 C4:8 D4:2 C4:2 F4:2 F4:2 A4:2",
            "A4:2 D5:8 D5:8 A4:8 A4:2 D5:8 D5:8 A4:8 A4:2",
        ],
    ),
    "attention, in a form": (
        "attention",
        lambda model: model.generate(3, seed=1, meter="3/4", mode="minor", temperature=0.5),
        [
            "A4:8 A4:8 D5:8 D5:8 A4:8 A4:8 D5:8 D5:8 D5:8",
            "A4:8 A4:8 D5:8 A4:8 A4:8 A4:8 D5:8 A4:8 D5:8",
            "r:2 D5:8 D5:8 D5:8 r:2 D5:8 D5:8 D5:8 D5:8",
        ],
    ),
}


def spelt(tunes):
    return [
        " ".join(f"{'r' if note.pitch is None else pitch_name(note.pitch)}:{note.steps}" for note in notes)
        for notes in tunes
    ]


@pytest.mark.parametrize("what", COMPOSED)
def test_composed_tunes_stay_the_same(models, what):
    kind, compose, tunes = COMPOSED[what]
    assert spelt(compose(models[kind])) == tunes


@pytest.mark.slow
@pytest.mark.parametrize("what", COMPOSED)
def test_the_choices_are_decided(models, what):
    kind, compose, tunes = COMPOSED[what]
    model = models[kind]
    weights = [weight for weight in model.weights if "float" in weight.dtype]
    before = [weight.numpy() for weight in weights]
    rng = np.random.default_rng(0)
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value * (1 + NUDGE * rng.uniform(-1, 1, value.shape)))
    nudged = spelt(compose(model))
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value)
    assert nudged == tunes
