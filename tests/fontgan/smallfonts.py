"""Letters that anybody can read, a classifier that reads them, and networks that train in no time."""

import hashlib

import keras
import numpy as np
from keras import layers

from fontgan.data.fonts import Face, LetterImages, Letters
from fontgan.data.glyphs import LETTERS, SIZE_PX, STILL
from fontgan.data.sheets import from_pixels, to_pixels
from fontgan.metrics.classifiers import Classifiers
from fontgan.models.gan import FontGAN
from manymodes.nn.adversarial import FEATURES
from manymodes.nn.layers import MinibatchDiscrimination

BLOCK_PX = 4
BLOCKS = SIZE_PX // BLOCK_PX  # along each side: 49 in all, of which 26 stand for letters


def marked(labels):
    """Return images [n, 28, 28, 1] of letters: ink in the one block of 4×4 pixels that stands for the letter."""
    images = np.full((len(labels), SIZE_PX, SIZE_PX, 1), -1, np.float32)
    for image, label in zip(images, labels, strict=True):
        row, column = (BLOCK_PX * place for place in divmod(int(label), BLOCKS))
        image[row : row + BLOCK_PX, column : column + BLOCK_PX] = 1
    return images


def small_letters(train=4, validation=3, seed=0):
    """Return a set of letters as `marked` draws them, with a little noise; ``train`` and ``validation`` of each."""
    rng = np.random.default_rng(seed)

    def split(count):
        labels = np.arange(len(LETTERS)).repeat(count)
        images = marked(labels) + rng.normal(scale=0.1, size=(len(labels), SIZE_PX, SIZE_PX, 1))
        return LetterImages(from_pixels(to_pixels(images)), labels, np.zeros_like(labels))

    splits = split(train), split(validation)
    return Letters(
        source="blocks",
        faces=(Face("blocks", "blocks.ttf"),),
        train=splits[0],
        validation=splits[1],
        alphabets=marked(range(len(LETTERS)))[None],
        skipped=(),
        seed=seed,
        jitter=STILL,
        fingerprint=hashlib.sha256(b"".join(one.images.tobytes() for one in splits)).hexdigest(),
    )


class BlockClassifier:
    """Read the letter whose block has most ink, with confidence if the others have none."""

    def predict(self, images, **options):
        blocks = images.reshape(-1, BLOCKS, BLOCK_PX, BLOCKS, BLOCK_PX).mean(axis=(2, 4)).reshape(len(images), -1)
        likely = np.exp(10 * blocks[:, : len(LETTERS)])
        return [blocks, likely / likely.sum(axis=1, keepdims=True)]


def block_classifiers(reporting=None):
    """Return classifiers that are right; another one that reports, if given."""
    shares = {"selecting": 1.0, "reporting": 1.0}
    return Classifiers(BlockClassifier(), reporting or BlockClassifier(), shares, shares)


LATENTS = 3


def drawing_gan(images, *, latents=0.0, labelled=False, **options):
    """Build a GAN that draws an image for each kind, to which latent vectors add their share of ``latents``."""
    drawn = np.concatenate([np.broadcast_to(latents, (LATENTS, SIZE_PX, SIZE_PX, 1)), 10 * images])
    codes = keras.Input((len(drawn),))
    pixels = layers.Dense(SIZE_PX**2, activation="tanh", use_bias=False)(codes)
    generator = keras.Model(codes, layers.Reshape((SIZE_PX, SIZE_PX, 1))(pixels))
    generator.set_weights([drawn.reshape(len(drawn), -1)])
    kinds = len(images)
    return FontGAN(generator, tiny_critic(condition_dim=kinds), condition_dim=kinds, labelled=labelled, **options)


def tiny_gan(condition_dim=0, **options):
    """Build a GAN of tiny networks with random weights."""
    keras.utils.set_random_seed(0)
    networks = tiny_generator(condition_dim=condition_dim), tiny_critic(condition_dim=condition_dim, group_size=4)
    return FontGAN(*networks, condition_dim=condition_dim, **options)


def tiny_generator(*, latent_dim=3, condition_dim=0, planes=1):
    """Build a generator with all that a real one has in it, but hardly any weights."""
    latents = keras.Input((latent_dim + condition_dim,), name="latents")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(8, use_bias=False)(latents)))
    images = layers.Reshape((SIZE_PX, SIZE_PX, planes))(layers.Dense(SIZE_PX**2 * planes, activation="tanh")(x))
    return keras.Model(latents, images, name="generator")


def tiny_critic(*, condition_dim=0, planes=1, minibatch=True, group_size=None):
    """Build a critic with all that a real one has in it, but hardly any weights."""
    images = keras.Input((SIZE_PX, SIZE_PX, planes), name="images")
    inputs, x = images, layers.Flatten()(layers.AveragePooling2D(BLOCK_PX)(images))
    if condition_dim:
        conditions = keras.Input((condition_dim,), name="conditions")
        inputs, x = [images, conditions], layers.Concatenate()([x, conditions])
    x = layers.Dropout(0.25)(layers.LeakyReLU(0.2, name=FEATURES)(layers.Dense(8)(x)))
    if minibatch:
        x = MinibatchDiscrimination(2, 2, group_size=group_size)(x)
    return keras.Model(inputs, layers.Dense(1, name="score")(x), name="critic")


def use_tiny_networks(monkeypatch):
    """Have every variant built of tiny networks."""
    for generator, critic in (("generator", "discriminator"), ("sharp_generator", "sharp_critic")):
        monkeypatch.setattr(f"fontgan.trainer.build_{generator}", tiny_generator)
        monkeypatch.setattr(f"fontgan.trainer.build_{critic}", tiny_critic)


def use_easy_letters(monkeypatch):
    """Have comparisons load letters of blocks instead of fonts, and classifiers that read them."""

    def load(source=None, *, seed=0, train=4, validation=3, jitter=None):
        return small_letters(train, validation, seed)

    for module in ("data.fonts", "metrics.assessment"):
        monkeypatch.setattr(f"fontgan.{module}.load_fonts", load)
    monkeypatch.setattr("fontgan.metrics.classifiers.classifiers_of", lambda _: block_classifiers())
