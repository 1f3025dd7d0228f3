"""What models compose, note by note: models of the same weights go on composing the same.

The weights come from dice, not from training, which adds up differently from machine to machine. They make choices so
decided that the last digits of a logit never matter: see `test_the_choices_are_decided`. Where a change is meant to
alter what is composed, the tunes here change with it.
"""

import numpy as np
import pytest

from melodygan.attention import AttentionGAN, build_attention_generator, build_light_critic, note_plans
from melodygan.encoding import HOLD, NoteVocabulary, StepVocabulary, Tune, pitch_name
from melodygan.form import Form
from melodygan.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.lstm import MelodyLSTM
from melodygan.plan import plan_of
from melodygan.start import read_given

LENGTH = 16
DECIDED = 6.0  # what the weights of the logits are multiplied by
HELD = 2.5  # what is added to the logit of a hold: with as many symbols for notes, all would be short
NUDGE = 1e-3  # a thousand times what float32 rounds off

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
    throw(generator, 8)
    critic = build_light_critic(LENGTH, *alphabets, channels=(4,))
    return AttentionGAN(generator, critic, vocabulary=vocabulary, plans=note_plans(TUNES, LENGTH))

