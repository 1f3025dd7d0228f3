"""A folder of models that are too small to be good, and files such as visitors send."""

import io
import zipfile

import keras
import numpy as np
from keras import layers

from audiovae.codes import fingerprint
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioVQVAE
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import write_beat
from drumvae.models.vae import DrumVAE
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.models.gan import FontGAN
from manymodes.files import save_keras
from manymodes.music.audio import RATE_HZ, write_audio
from manymodes.music.midi import write_melody
from melodygan.data.encoding import Note, StepVocabulary, Tune
from melodygan.data.plan import plan_of
from melodygan.models.lstm import MelodyLSTM

STYLES = ["rock", "jazz", "hiphop", "electronic", "latin"]
PEOPLE = ["rock", "jazz"]
SOUNDS = ["piano", "Flöte"]
BLOCK_PX, BLOCKS = 4, 7
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def melodies():
    """Return an LSTM that has heard the plans of four tunes and learned nothing."""
    tunes = [
        Tune(tuple(Note(pitch, 4) for pitch in SCALE * 6), key=key, meter=meter)
        for key in ("G major", "D minor")
        for meter in ("4/4", "3/4")
    ]
    plans = [plan_of(tune) for tune in tunes]
    model = MelodyLSTM(StepVocabulary.from_tunes(tunes), units=8, plans=plans, seed=1)
    model.build()
    return model


def beats(styles):
    return DrumVAE(styles, channels=(4, 4, 4), seed=3)


def letters():
    """Return a GAN that draws a block for each letter, somewhere else for each, and hears no style."""
    drawn = np.full((3 + len(LETTERS), SIZE_PX, SIZE_PX), -3, np.float32)
    for number in range(len(LETTERS)):
        row, column = (BLOCK_PX * place for place in divmod(number, BLOCKS))
        drawn[3 + number, row : row + 3 * BLOCK_PX, column : column + BLOCK_PX] = 3
    drawn[:3] = 0
    latents = keras.Input((3 + len(LETTERS),))
    pixels = layers.Dense(SIZE_PX**2, activation="tanh", use_bias=False)(latents)
    generator = keras.Model(latents, layers.Reshape((SIZE_PX, SIZE_PX, 1))(pixels))
    generator.set_weights([drawn.reshape(len(drawn), -1)])
    images, kinds = keras.Input((SIZE_PX, SIZE_PX, 1)), keras.Input((len(LETTERS),))
    critic = keras.Model([images, kinds], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(images), kinds])))
    return FontGAN(generator, critic, condition_dim=len(LETTERS), labelled=True)


def sounds():
    model = AudioVQVAE(SOUNDS, codes=16, code_width=4, seed=0, fine=4, width=8, dilations=(1,))
    model.build()
    return model


def prior(model):
    maker = fingerprint(model.get_weights()).hex()
    made = CodePrior(model.code_count, model.frames, model.instruments, maker=maker, units=8, embedding=4)
    made.build()
    return made


def save_all(folder):
    """Write every model that the studio knows but the GAN with attention."""
    keras.utils.set_random_seed(5)
    vqvae = sounds()
    made = {
        "melody-lstm": melodies(),
        "drums-styles": beats(STYLES),
        "drums-groove": beats(PEOPLE),
        "letters-conditional": letters(),
        "sounds-vqvae": vqvae,
        "sounds-vqvae-prior": prior(vqvae),
    }
    for name, model in made.items():
        save_keras(model, folder / f"{name}.keras")
    return folder


# --- what visitors send ------------------------------------------------------------------------------------


def tune_file(path, pitches=SCALE):
    write_melody(path, [(pitch, 1.0) for pitch in pitches])
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


def tune_archive(path, count=6, seed=0):
    """Write a zip of random tunes."""
    rng = np.random.default_rng(seed)
    folder = path.parent / f"{path.stem}-files"
    folder.mkdir()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            file = tune_file(folder / f"{number}.mid", rng.choice(SCALE, 30).tolist())
            archive.write(file, f"tunes/Stück {number}.mid")
    path.write_bytes(buffer.getvalue())
    return path
