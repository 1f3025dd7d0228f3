"""One small, untrained model of each kind."""

from dataclasses import replace

import keras
import numpy as np
from scores import random_tunes

from melodygan.data.encoding import ReportedCodec, StepVocabulary
from melodygan.data.grid import to_grid, to_rows
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM
from melodygan.models.networks import build_critic, build_generator
from melodygan.models.reported import ReportedGAN, build_reported_discriminator, build_reported_generator

FORMS = [("3/4", "C major"), ("4/4", "G major"), ("4/4", "A minor")]  # the models know no 6/8, and no 3/4 in minor
TUNES = [
    replace(tune, meter=meter, key=key, pickup_steps=number % 3 * 2)
    for number, (tune, (meter, key)) in enumerate(zip(random_tunes(21, lengths=(8, 12)), FORMS * 7, strict=True))
]
LOWEST, PITCHES = 60, 15


def throw(network, rng, decided=1.0):
    """Give a network weights by the throw of dice; biases, and factors of normalisations, stay as they begin."""
    for weight in network.weights:
        if len(weight.shape) > 1:
            width = np.sqrt(3 / np.prod(weight.shape[:-1]))
            factor = decided if "logits" in weight.path else 1.0
            weight.assign(factor * width * rng.uniform(-1, 1, weight.shape))


def small_gan(tunes=(), *, heads=0, seed=0, decided=0.5, discriminator_units=0, **options):
    """Build a GAN of C4 to D5 to the plans of tunes, whose chains and logits come from the throw of dice."""
    generator = build_generator(PITCHES, latent_dim=4, widths=(8,), channels=(4, 4, 4), heads=heads, **options)
    critic = build_critic(PITCHES, units=0 if heads else 2, channels=(4, 4, 4), widths=(4,), **options)
    rng = np.random.default_rng(seed)
    for network in (generator, critic):
        throw(network, rng)
    plans = to_rows(to_grid(tune).plan for tune in tunes or TUNES)
    model = MelodyGAN(
        generator,
        critic,
        lowest=LOWEST,
        pitches=PITCHES,
        plans=plans,
        discriminator_units=discriminator_units,
        seed=seed,
    )
    for chain in (model.kind_chain, model.pitch_chain):
        chain.weight.assign(decided * rng.normal(size=chain.weight.shape))
    return model


def small_models():
    """Build a model of each kind; their tunes are random, but the same ones each time."""
    keras.utils.set_random_seed(5)
    reported = build_reported_generator(latent_dim=4), build_reported_discriminator(units=2)
    plans = to_rows(to_grid(tune).plan for tune in TUNES)
    models = {
        "lstm": MelodyLSTM(StepVocabulary.from_tunes(TUNES), units=4, plans=plans),
        "gan": small_gan(),
        "attention": small_gan(heads=2, seed=1),
        "reported": ReportedGAN(*reported, codec=ReportedCodec.from_tunes(TUNES)),
    }
    for model in models.values():
        model.build()
    return models
