"""Processor time of PyTorch, eager, divided by ours, for the same networks, batches and data.

Rows: training updates, averaged over the interval of a penalty; a minute of sound encoded and decoded by the VQ-VAE;
and 1,000 tunes of 128 symbols drawn. Both take turns in one process, on as many threads as it has processors
(`taskset` fixes that); the table has the medians. Beside them are the first eight updates of new models, ours divided
by PyTorch: what tracing and compiling cost. PyTorch is in the extra ``[bench]``.

    taskset -c 1 python benchmarks/pytorch.py --repeats 7
"""

# ruff: noqa: E402 - a part of PyTorch crashes unless it is loaded before TensorFlow
from __future__ import annotations

import atexit
import functools
import importlib
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
importlib.import_module("torch._dynamo")

import common
import keras
import numpy as np
import tensorflow as tf
import torch
from torch import nn
from torch_melodies import Critic, Emission, Generator
from torch_networks import Adversarial, Composer, Drums, SharpCritic, SharpGenerator, Sounds, shifted, updating

import audiovae
import audiovae.trainer
import drumvae.trainer
import fontgan.trainer
import melodygan.trainer
from audiovae.config import AudioConfig
from audiovae.data.sounds import SoundChunks
from audiovae.data.sounds import Sounds as SoundSets
from drumvae.config import DrumConfig
from drumvae.data.grooves import load_grooves
from fontgan.config import FontConfig
from fontgan.data.groups import Groups
from manymodes import export, hub
from manymodes.files import save_keras
from melodygan.composing import MELODY_MODEL
from melodygan.config import MelodyConfig
from melodygan.data.corpus import Split
from melodygan.data.encoding import DELIMITER, Note, StepVocabulary, Tune
from melodygan.data.grid import STEP_COLUMNS
from melodygan.models.choosing import CANDIDATES
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


TUNES, STEPS, CHUNKS, SAMPLED = 16, 128, 60, 1000
FIRST = 8
_LETTER_GROUPS = 260  # of the letters that come with matplotlib


class Pair(NamedTuple):
    """The same work by ours and by PyTorch, in ``calls`` calls; ``trains`` if they are updates of new models."""

    ours: Callable[[], object]
    theirs: Callable[[], object]
    calls: int = 1
    trains: bool = False


def updates_of(model: keras.Model, batch: Any) -> Callable[[], object]:
    """Return the function that makes an update of a compiled model with a batch, as ``fit`` does."""
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.make_train_function()
    return lambda: {name: float(value) for name, value in model.train_function(batches).items()}


# --- training ----------------------------------------------------------------------------------------------


def melody_lstm() -> MelodyLSTM:
    """Return a new LSTM of the size that ships."""
    model = MelodyLSTM(StepVocabulary(("/", "_", "r", *map(str, range(52, 82)))))
    model.build()
    return model


def lstm_training() -> Pair:
    """16 tunes of 128 sixteenths."""
    model = melody_lstm()
    model.compile_for_tunes(keras.optimizers.AdamW(5e-3, weight_decay=0.05, clipnorm=1.0))
    rng, symbols = np.random.default_rng(0), len(model.vocabulary)
    inputs = np.zeros((TUNES, STEPS, 1 + len(STEP_COLUMNS)), np.int32)
    inputs[..., 0] = rng.integers(symbols, size=(TUNES, STEPS))
    targets, weights = rng.integers(symbols, size=(TUNES, STEPS)), np.ones((TUNES, STEPS), np.float32)
    twin = Composer(model)
    hot = torch.from_numpy(rng.integers(twin.features, size=(TUNES, STEPS, 12)))
    earlier = torch.from_numpy(rng.integers(symbols, size=(TUNES, STEPS, len(model.lookback))))
    update = updating(twin, torch.optim.AdamW(twin.parameters(), 5e-3, weight_decay=0.05), 1.0)
    expected = torch.from_numpy(targets)
    ours = updates_of(model, (inputs, targets, weights))
    return Pair(ours, lambda: update(hot, earlier, expected), trains=True)


def melody_gan(config: MelodyConfig) -> Pair:
    """Melodies on the grid; the chains stay untrained, which changes nothing of the work of an update."""
    rng = np.random.default_rng(0)

    def tune() -> Tune:
        count = rng.integers(32, 72)
        pitches, steps = rng.integers(55, 80, count), rng.choice([2, 4, 4, 6, 8], count)
        return Tune(tuple(map(Note, pitches.tolist(), steps.tolist())))

    config = config.check()
    tunes = tuple(tune() for _ in range(300))
    with mock.patch.object(MelodyGAN, "learn_chains"):
        training = melodygan.trainer.prepare(config, Split(tunes[:100], tunes[100:200], tunes[200:]), 0, None)
    model, batch, size = training.model, training.batches[0], config.batch_size
    heads = melodygan.trainer.HEADS if config.attention else 0
    scale = model.discriminator.layers[-1].scale if config.wgan else 1.0
    twin = Adversarial(
        model,
        Generator(model.pitches, latent_dim=model.latent_dim, heads=heads, noise=config.noise),
        Critic(model.pitches, units=config.units or 0, group_size=size, noise=config.noise, score_scale=scale),
        emit=Emission(model),
        l2=config.l2,
    )
    symbols, conditions = torch.from_numpy(batch[0]).long(), torch.from_numpy(batch[1])

    def theirs() -> dict[str, float]:
        return twin.update(nn.functional.one_hot(symbols, model.pitches + 3).float(), conditions)

    return Pair(updates_of(model, batch), theirs, model.penalty_interval, trains=True)


def letters() -> Pair:
    """Letters, by the best fix."""
    config = FontConfig(updates_per_epoch=100).check()
    rng = np.random.default_rng(0)
    model = fontgan.trainer.model_of(config, Groups(np.arange(0), np.full(_LETTER_GROUPS, 1 / _LETTER_GROUPS)), None)
    images = rng.uniform(-1, 1, (config.batch_size, 28, 28, 1)).astype(np.float32)
    kinds = rng.integers(_LETTER_GROUPS, size=config.batch_size)
    twin = Adversarial(
        model,
        SharpGenerator(model.latent_dim + _LETTER_GROUPS),
        SharpCritic(_LETTER_GROUPS, config.batch_size),
        augment=lambda examples: shifted(examples, model.translation_px),
    )
    real, numbers = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(kinds)

    def theirs() -> dict[str, float]:
        return twin.update(real, nn.functional.one_hot(numbers, _LETTER_GROUPS).float())

    return Pair(updates_of(model, (images, kinds)), theirs, model.penalty_interval, trains=True)


def drums() -> Pair:
    """Bars of drums made by rule."""
    training = drumvae.trainer.prepare(DrumConfig().check(), load_grooves(progress=False), 0, None)
    examples, styles = batch = training.batches[0]
    twin, bars, known = Drums(training.model), [*map(torch.from_numpy, examples)], torch.from_numpy(styles)
    update = updating(twin, torch.optim.AdamW(twin.parameters(), 2e-3, weight_decay=1e-4), 10.0)
    return Pair(updates_of(training.model, batch), lambda: update(bars, known.long()), trains=True)


def sounds() -> Pair:
    """Sounds of a second, by the VQ-VAE."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=(CHUNKS, 22050)).astype(np.float32)
    some = SoundChunks(noise, np.zeros(CHUNKS, np.int64), np.ones(CHUNKS, np.float32), np.zeros(CHUNKS, np.int64))
    sets = SoundSets("", ("piano",), ("",), some, some, some, (), silent=0, seed=0)
    training = audiovae.trainer.prepare(AudioConfig().check(), sets, 0, None)
    batch = training.batches[0]
    twin, heard = Sounds(training.model), torch.from_numpy(batch)
    update = updating(twin, torch.optim.Adam(twin.parameters(), 3e-3, eps=1e-7), 1.0)
    return Pair(updates_of(training.model, batch), lambda: update(heard), trains=True)


# --- using -------------------------------------------------------------------------------------------------


def coding(row: str) -> Pair:
    """A minute, in chunks of a second, by the VQ-VAE that ships."""
    model, rng = audiovae.load("sounds-vqvae"), np.random.default_rng(0)
    minute = rng.normal(scale=0.1, size=(CHUNKS, 22050)).astype(np.float32)
    coded = rng.integers(model.code_count, size=(CHUNKS, model.frames)).astype(np.int32)
    twin = Sounds(model).eval()

    @torch.no_grad()
    def encode() -> torch.Tensor:
        return torch.cat([twin.nearest(twin.encode(part)) for part in torch.from_numpy(minute).split(32)])

    @torch.no_grad()
    def decode() -> torch.Tensor:
        return torch.cat([twin.decode(twin.codebook[part]) for part in torch.from_numpy(coded).split(32)])

    if row == "encode":
        return Pair(lambda: model.encode_codes(minute), encode)
    return Pair(lambda: model.decode_codes(coded), decode)


@functools.cache
def endless() -> tuple[MelodyLSTM, Path]:
    """Return an LSTM whose tunes never end, and a folder with its file and its ONNX form."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    model = melody_lstm()
    bias = model.logits.bias.numpy()
    bias[model.vocabulary.index(DELIMITER)] = -1e9
    model.logits.bias.assign(bias)
    save_keras(model, folder / "model.keras")
    export.export(MELODY_MODEL.load(folder, runtime="tensorflow"), folder / "onnx" / "model", int8=True)
    return model, folder


def sampling(runtime: str) -> Pair:
    """1,000 tunes of 128 symbols that never end; the runtime is one of `hub.RUNTIMES`."""
    model, folder = endless()
    features, units = model.lstm.cell.kernel.shape[0], model.units
    cell, logits = nn.LSTMCell(features, units), nn.Linear(units, len(model.vocabulary))
    offsets = torch.arange(12) * (features // 12)

    @torch.no_grad()
    def theirs() -> torch.Tensor:
        hidden, carry = torch.zeros(2, SAMPLED, units)
        drawn = [torch.zeros(SAMPLED, dtype=torch.long)]
        for _ in range(STEPS):
            hot = (drawn[-1][:, None] + offsets).clamp(max=features - 1)
            hidden, carry = cell(torch.zeros(SAMPLED, features).scatter_(1, hot, 1.0), (hidden, carry))
            drawn.append(torch.multinomial(torch.softmax(logits(hidden), -1), 1)[:, 0])
        return torch.stack(drawn)

    loaded, tunes = MELODY_MODEL.load(folder, runtime=runtime), -(-SAMPLED // CANDIDATES)
    return Pair(lambda: loaded.candidates(tunes, seed=0, max_steps=STEPS, ending="free"), theirs)


ROWS: dict[str, Callable[[], Pair]] = {
    "LSTM training": lstm_training,
    "WGAN training": lambda: melody_gan(MelodyConfig(wgan=True, noise=0.1, l2=0.01)),
    "attention GAN training": lambda: melody_gan(MelodyConfig(attention=True)),
    "letters training": letters,
    "drums training": drums,
    "VQ-VAE training": sounds,
    **{f"{row} sound": functools.partial(coding, row) for row in ("encode", "decode")},
    **{f"1,000 tunes, {runtime}": functools.partial(sampling, runtime) for runtime in hub.RUNTIMES},
}
"""What is measured, by name; built when its turn comes."""


def repeated(work: Callable[[], object], count: int) -> float:
    """Return the processor seconds of so many calls."""
    return common.timed(lambda: [work() for _ in range(count)], time.process_time)[1]


def main() -> None:
    """Measure and print."""
    options = common.parser(__doc__, repeats=7)
    options.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    args = options.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    print(f"{'':>23} {'processor seconds of each':>26}   {f'of the first {FIRST} updates':>26}")
    print(f"{'':>23} {'ours':>8} {'PyTorch':>8} {'PyT/ours':>8}   {'ours':>8} {'PyTorch':>8} {'ours/PyT':>8}")
    for name in args.rows or ROWS:
        pair = ROWS[name]()
        both = (pair.ours, pair.theirs)
        # compiled before it is timed, but of new models
        begun = [repeated(work, FIRST if pair.trains else 2) for work in both]
        turns = [[repeated(work, pair.calls) / pair.calls for work in both] for _ in range(args.repeats)]
        ours, theirs = map(statistics.median, zip(*turns, strict=True))
        line = f"{name:>23} {ours:>8.3f} {theirs:>8.3f} {theirs / ours:>8.2f}"
        if pair.trains:
            line += f"   {begun[0]:>8.2f} {begun[1]:>8.2f} {begun[0] / begun[1]:>8.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
