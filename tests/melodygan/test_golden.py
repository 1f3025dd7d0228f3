"""What models compose, note by note: models of the same weights go on composing the same.

The weights come from dice, not from training, which adds up differently from machine to machine. They make choices so
decided that the last digits of a logit never matter: see `test_the_choices_are_decided`. Where a change is meant to
alter what is composed, the tunes here change with it.
"""

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


def attention():
    return gan(heads=2)


@pytest.fixture(scope="module")
def models():
    return {build.__name__: build() for build in (lstm, gan, attention)}


COMPOSED = {
    "lstm": (
        lambda model: model.generate(4, seed=0, max_steps=48),
        [
            "D5:1 D5:2 D5:10 D4:11 F4:1 D5:2 D5:9 D4:2 D4:2 F4:1 C4:6 B4:3 r:2 C4:1 C4:6 D5:4 D4:1",
            "C5:1 G4:2 C5:9 C5:1 G4:2 C5:9 B4:1 A4:1 r:10",
            "C4:3 E4:1 G4:5 r:3 C4:3 E4:1 G4:5 r:3 D5:9 C5:3",
            "D5:6 D4:1 D5:1 D5:3 D4:2 D4:1 D4:2 C4:7 D4:1 D4:6 A4:1 F4:1 E4:3 B4:3 D5:3 B4:1 D5:11 D5:1 B4:9 B4:1",
        ],
    ),
    "lstm, of a length": (
        lambda model: model.generate(2, seed=1, bars=3),
        [
            "D4:8 C5:8 A4:8 D4:8 D4:8 C5:8",
            "E4:3 E4:5 B4:3 C5:5 C5:3 C5:5 G4:3 C5:5 E4:3 E4:5 B4:3 C5:5",
        ],
    ),
    "lstm, in a form, from a start": (
        lambda model: model.generate(2, seed=0, meter="3/4", mode="major", start=FIRST[:3]),
        [
            "C4:4 D4:4 E4:4 D4:1 D4:6 C4:5 A4:4 D5:4 D4:6 D4:2 B4:1 G4:3 C4:3 B4:3 D4:2 D4:1 C4:3 C4:3 B4:4 F4:1",
            "C4:4 D4:4 E4:4 D4:3 D4:2 D4:1 r:1 r:1 F4:4 D4:4 C4:4 D4:7 r:2 r:1 r:1 B4:10 r:1 r:1 C4:9",
        ],
    ),
    "lstm, variations": (
        lambda model: model.vary(FIRST, 3, amount=0.5, seed=0, form=Form("4/4", "major")),
        [
            "C4:4 D4:4 E4:4 C4:6 D4:3 r:2 D5:8 D4:4 D5:1 B4:8 E4:4",
            "C5:3 D5:6 F4:5 B4:2 E4:4 F4:4 G4:9 D5:7 D5:1 G4:1 B4:6",
            "C4:3 E4:2 D5:2 D4:1 E4:1 r:2 B4:5 E4:4 F4:4 G4:15 D4:7 D5:2",
        ],
    ),
    "lstm, from one tune to another": (
        lambda model: model.interpolate(FIRST, SECOND, 5, seed=0),
        [
            "C4:4 D4:4 E4:4 C4:4 E4:4 F4:4 G4:8 C4:4 D4:4 E4:4 C4:4",
            "C4:4 D4:4 E4:4 C4:4 E4:4 F4:4 F4:12 D4:4 E4:4 C4:8",
            "C4:8 E4:4 C4:4 E4:20 D4:4 D4:8 r:4 C4:4",
            "G4:8 E4:4 C4:4 A4:8 F4:16 D4:8 r:4 C4:8",
            "G4:8 E4:4 C4:4 A4:6 G4:2 F4:8 E4:8 D4:8 r:4 C4:12",
        ],
    ),
    "gan": (
        lambda model: notes_of(model.compose(3, seed=0)),
        [
            (
                "E4:1 C4:1 F4:2 F4:1 F4:1 r:1 C#5:1 G4:1 G4:3 E4:1 C4:1 F4:2 F4:1 F4:1 r:1 C#5:1 G4:1 G4:7 "
                "G4:1 G4:1 G4:6"
            ),
            (
                "G#4:1 G#4:1 G#4:1 C4:1 C4:1 F4:1 G#4:10 r:1 G#4:1 r:6 G4:1 G4:1 G4:1 G4:1 D4:1 D#4:1 G4:8 "
                "r:6 C#5:5 C5:7 C4:8"
            ),
            (
                "G#4:1 G4:1 G#4:2 C4:1 G#4:3 G#4:1 C4:8 r:7 G4:1 G4:1 G4:2 C#5:1 A#4:3 G4:1 G4:8 r:5 G4:3 "
                "C4:4 r:5 G#4:4 r:2"
            ),
        ],
    ),
    "gan, of a length, at a temperature": (
        lambda model: notes_of(model.compose(3, seed=1, bars=4, temperature=0.5, ending="free")),
        [
            "G#4:1 F4:1 G#4:2 C4:1 A#4:3 F4:1 G4:8 r:7 G4:1 G4:1 D#4:2 C4:1 G4:3 G4:1 G4:5 D#4:4 r:3 G4:3",
            "G#4:1 G#4:1 C#4:2 C4:1 A#4:1 r:2 F4:1 G4:8 r:7 G4:1 G4:1 G4:2 A#4:1 D5:1 r:2 A#4:1 G4:8 r:7",
            (
                "G#4:1 G#4:1 C#4:2 C4:1 A#4:1 F4:2 E4:1 C4:7 G4:1 B4:4 A#4:1 G4:2 G4:1 G4:1 D#4:2 C4:1 G4:1 "
                "G4:2 G4:1 G4:7 G4:1 r:7"
            ),
        ],
    ),
    "gan, some bars anew": (
        lambda model: notes_of(model.recompose(TUNES[1], 2, 3, 2, seed=0)),
        [
            "G4:8 E4:4 r:7 B4:1 G4:1 A#4:2 r:1 G4:12 E4:4 D4:8 r:4 C4:12",
            "G4:8 E4:4 r:1 C4:2 A#4:2 C5:1 C#5:7 G4:11 E4:4 D4:8 r:4 C4:12",
        ],
    ),
    "attention": (
        lambda model: notes_of(model.compose(3, seed=0)),
        [
            (
                "E4:1 D#4:1 G4:2 r:1 D#4:1 r:1 A#4:1 C#4:1 F#4:2 r:1 E4:1 D#4:1 G4:2 r:1 D#4:1 r:1 A#4:1 "
                "C#4:1 F#4:2 r:1 F#4:1 F#4:1 r:2 F#4:1 F#4:1 C#4:6"
            ),
            (
                "C#4:1 C4:1 F#4:2 G4:1 D#4:4 D#4:1 E4:1 r:1 D#4:5 r:4 D#4:1 D#4:1 r:1 D#4:1 D#4:1 G4:2 G4:1 "
                "D#4:4 D#4:1 G#4:1 r:1 G#4:1 r:7 E4:1 E4:1 r:1 G#4:1 r:1 D#4:7 C#4:1 F#4:1 r:1 F#4:1 F#4:1 "
                "r:3"
            ),
            (
                "G#4:1 G4:1 D#4:2 D#4:1 D#4:3 E4:1 F#4:1 r:1 A#4:4 r:1 D4:1 D#4:2 r:1 D#4:1 A#4:2 r:1 E4:1 "
                "D#4:1 G4:2 D#4:1 D#4:3 D#4:1 D#4:1 r:1 G4:1 G4:1 r:8 D#4:4 r:8 G4:3 D#4:4"
            ),
        ],
    ),
    "attention, in a form": (
        lambda model: notes_of(model.compose(3, seed=1, meter="3/4", mode="minor", temperature=0.5)),
        [
            (
                "E4:1 D#4:1 G4:2 D#4:1 D#4:1 r:2 C#4:1 D#4:1 r:1 G4:1 E4:1 D#4:1 G4:2 D#4:1 D#4:1 r:2 C#4:1 "
                "D#4:1 r:1 G4:1 G4:1 D#4:1 G4:2 G4:1 D#4:1 r:3 G4:3"
            ),
            (
                "E4:1 D#4:1 G4:2 G4:1 D#4:1 r:1 A#4:2 F#4:2 F#4:1 E4:1 D#4:1 G4:2 G4:1 D#4:1 r:1 A#4:2 "
                "F#4:2 F#4:1 F#4:1 r:3 C#4:1 D#4:1 r:3 G4:3"
            ),
            (
                "E4:1 D#4:1 G4:2 G4:1 r:3 C#4:1 F#4:2 C#5:1 E4:1 D#4:1 G4:2 G4:1 r:3 C#4:1 F#4:2 C#5:1 G4:1 "
                "r:1 D#4:2 D#4:1 D#4:1 r:3 D#4:3"
            ),
        ],
    ),
    "attention, like a tune": (
        lambda model: notes_of(model.compose(2, seed=2, like=TUNES[0])),
        [
            (
                "C#4:1 F#4:5 G#4:2 D#4:1 D#4:5 D#4:2 D#4:1 D#4:5 E4:2 D#4:1 D#4:4 D#4:1 E4:2 C#4:1 F#4:5 "
                "G#4:2 D#4:1 D#4:5 D#4:2"
            ),
            (
                "C#4:1 F#4:4 D#4:2 r:1 D#4:1 D#4:4 D#4:2 r:1 D#4:1 D#4:4 D#4:2 r:1 D#4:1 F#4:4 F#4:1 C#5:2 "
                "C#4:1 F#4:4 D#4:2 r:1 D#4:1 D#4:4 D#4:2 r:1"
            ),
        ],
    ),
}


def kind_in(what):
    return what.partition(",")[0]


def notes_of(tunes):
    return [tune.notes for tune in tunes]


def spelt(tunes):
    return [
        " ".join(f"{'r' if note.pitch is None else pitch_name(note.pitch)}:{note.steps}" for note in notes)
        for notes in tunes
    ]


@pytest.mark.parametrize("what", COMPOSED)
def test_composed_tunes_stay_the_same(models, what):
    compose, tunes = COMPOSED[what]
    assert spelt(compose(models[kind_in(what)])) == tunes


@pytest.mark.slow
@pytest.mark.parametrize("what", COMPOSED)
def test_the_choices_are_decided(models, what):
    compose, tunes = COMPOSED[what]
    model = models[kind_in(what)]
    weights = [weight for weight in model.weights if "float" in weight.dtype]
    before = [weight.numpy() for weight in weights]
    rng = np.random.default_rng(0)
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value * (1 + NUDGE * rng.uniform(-1, 1, value.shape)))
    nudged = spelt(compose(model))
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value)
    assert nudged == tunes
