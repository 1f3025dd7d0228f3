"""A folder of small untrained models, and files to upload."""

import zipfile

import keras
import numpy as np

from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioVQVAE
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import write_beat
from drumvae.models.vae import DrumVAE
from fontgan.data.typefaces import CHARACTERS
from fontgan.models.typeface import TypefaceModel
from manymodes.files import save_keras
from manymodes.music.audio import RATE_HZ, write_audio
from manymodes.music.midi import write_melody
from manymodes.music.score import Score
from melodygan.data.encoding import Note, StepVocabulary, Tune
from melodygan.data.grid import to_grid, to_rows
from melodygan.models.lstm import MelodyLSTM

STYLES = ["rock", "jazz", "hiphop", "electronic", "latin"]
SOUNDS = ["piano", "Flöte"]
FIELD_PX = 24
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def melodies():
    """Return an LSTM with the plans of four tunes."""
    tunes = [
        Tune(tuple(Note(pitch, 4) for pitch in SCALE * 6), key=key, meter=meter)
        for key in ("G major", "D minor")
        for meter in ("4/4", "3/4")
    ]
    plans = to_rows(to_grid(tune).plan for tune in tunes)
    return MelodyLSTM(StepVocabulary.from_tunes(tunes), units=8, plans=plans, seed=1)


def typefaces():
    """Return a model that draws a bar for each character, whose height the style sets."""
    styles, asked = keras.Input((1,)), keras.Input((len(CHARACTERS),))
    level = np.linspace(1, -1, FIELD_PX)[:, None] + np.zeros(FIELD_PX)
    level[:, : FIELD_PX // 3] = level[:, FIELD_PX // 2 :] = -1
    level[-4:] = -1
    bars = keras.layers.Dense(FIELD_PX**2, use_bias=False, name="bars")(asked)
    heights = keras.layers.Dense(FIELD_PX**2, use_bias=False, name="heights")(styles)
    fields = keras.layers.Reshape((FIELD_PX, FIELD_PX, 1))(keras.layers.Add()([bars, heights]))
    drawer = keras.Model([styles, asked], fields)
    drawer.get_layer("bars").set_weights([np.tile(-level.ravel(), (len(CHARACTERS), 1))])
    drawer.get_layer("heights").set_weights([np.full((1, FIELD_PX**2), 0.2)])
    spacer = keras.Model([styles, asked], keras.layers.Dense(2, bias_initializer="ones")(asked))
    model = TypefaceModel(drawer=drawer, spacer=spacer, faces=3)
    model.styles.assign(np.linspace(-1, 1, 3)[:, None])
    return model


def save_all(folder):
    """Write every model of the studio but the GAN with attention."""
    keras.utils.set_random_seed(5)
    sounds = AudioVQVAE(SOUNDS, codes=16, code_width=4, seed=0, fine=4, width=8, dilations=(1,))
    sounds.build()
    prior = CodePrior(16, sounds.frames, SOUNDS, maker=sounds.maker, units=8, embedding=4)
    models = {
        "melody-lstm": melodies(),
        "drums-styles": DrumVAE(STYLES, channels=(4, 4, 4), seed=3),
        "drums-groove": DrumVAE(STYLES[:2], channels=(4, 4, 4), seed=3),
        "typefaces": typefaces(),
        "sounds-vqvae": sounds,
        "sounds-vqvae-prior": prior,
    }
    for name, model in models.items():
        model.build()
        save_keras(model, folder / f"{name}.keras")
    return folder


def tune_file(path, pitches=SCALE, fifths=0):
    write_melody(path, Score([(pitch, 4) for pitch in pitches], path.stem, fifths=fifths))
    return path


def beat_file(path, bars=2):
    hits = np.zeros((bars, STEPS, len(INSTRUMENTS)), bool)
    hits[:, ::4, INSTRUMENTS.index("kick")] = True
    hits[:, ::2, INSTRUMENTS.index("hihat_closed")] = True
    write_beat(path, Bars.of(hits, np.full(hits.shape, 0.7), np.zeros(hits.shape), tempo=100))
    return path


def sound_file(path, seconds=1.0, hertz=220):
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    write_audio(path, 0.5 * np.sin(2 * np.pi * hertz * times))
    return path


def tune_archive(path, seed=0):
    """Write a zip of six random tunes."""
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(6):
            file = tune_file(path.with_suffix(".mid"), rng.choice(SCALE, 30).tolist())
            archive.write(file, f"tunes/Stück {number}.mid")
    return path
