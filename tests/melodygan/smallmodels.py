"""One small, untrained model of each kind."""

from dataclasses import replace

import keras
from melodygan.models.attention import AttentionGAN, build_attention_generator, build_light_critic, note_plans
from scores import random_tunes

from melodygan.data.encoding import NoteVocabulary, ReportedCodec, StepVocabulary
from melodygan.data.plan import plan_of
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.models.lstm import MelodyLSTM
from melodygan.models.reported import ReportedGAN, build_reported_discriminator, build_reported_generator

KINDS = ("lstm", "gan", "attention", "reported")
LENGTH = 16
FORMS = [("3/4", "C major"), ("4/4", "G major"), ("4/4", "A minor")]  # the models know no 6/8, and no 3/4 in minor
TUNES = [replace(tune, meter=meter, key=key) for tune, (meter, key) in zip(random_tunes(21), FORMS * 7, strict=True)]
SHORT = [replace(tune, notes=tune.notes[:LENGTH]) for tune in TUNES]


def small_models():
    """Build a model of each kind; their tunes are random, but the same ones each time."""
    keras.utils.set_random_seed(5)
    notes, steps, names = (kind.from_tunes(TUNES) for kind in (NoteVocabulary, StepVocabulary, ReportedCodec))
    sizes = (LENGTH, notes.n_pitches + notes.n_durations)
    light = {"embedding": 4, "channels": (4,), "width": 4, "histogram_width": 4}
    attention = (
        build_attention_generator(*sizes, latent_dim=4, channels=(8, 8, 8), heads=2),
        build_light_critic(LENGTH, notes.n_pitches, notes.n_durations, **light),
    )
    recurrent = build_generator(*sizes, latent_dim=4, widths=(8,)), build_discriminator(*sizes, units=2, widths=(4,))
    reported = build_reported_generator(latent_dim=4), build_reported_discriminator(units=2)
    models = {
        "lstm": MelodyLSTM(steps, units=4, plans=[plan_of(tune) for tune in TUNES]),
        "gan": MelodyGAN(*recurrent, vocabulary=notes),
        "attention": AttentionGAN(*attention, vocabulary=notes, plans=note_plans(SHORT, LENGTH)),
        "reported": ReportedGAN(*reported, codec=names),
    }
    for model in models.values():
        model.build()
    return models
