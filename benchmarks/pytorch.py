"""Processor time of PyTorch, eager, divided by ours, for the same networks, batches and data.

Rows: a training step of the melody LSTM (16 tunes of 128 sixteenths, AdamW, clipped gradients), a minute of sound
encoded and decoded by the VQ-VAE, and 1,000 tunes of 128 symbols drawn. Both take turns in one process, on as many
threads as it has processors (`taskset` fixes that); the table has the medians. PyTorch is in the extra ``[bench]``.

    taskset -c 1 python benchmarks/pytorch.py --repeats 7
"""

# ruff: noqa: E402 - a part of PyTorch crashes unless it is loaded before TensorFlow
from __future__ import annotations

import importlib
import os
import statistics
import time
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
importlib.import_module("torch._dynamo")

import keras
import numpy as np
import tensorflow as tf
import torch
from timing import parser, timed
from torch import nn

import audiovae
from melodygan.data.encoding import DELIMITER, StepVocabulary
from melodygan.data.grid import STEP_COLUMNS
from melodygan.models.lstm import MelodyLSTM

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = tuple[Callable[[], object], Callable[[], object]]

TUNES, STEPS, CHUNKS, SAMPLED = 16, 128, 60, 1000
DROPOUT, WIDTH = 0.2, 16


def melody_lstm() -> MelodyLSTM:
    """Return a new LSTM of the size that ships."""
    model = MelodyLSTM(StepVocabulary(("/", "_", "r", *map(str, range(52, 82)))))
    model.build()
    return model


def lstm_training() -> Pair:
    """Return a training step of ours and of PyTorch, both on features that are one-hot but for the lookbacks."""
    model = melody_lstm()
    model.compile_for_tunes(keras.optimizers.AdamW(5e-3, weight_decay=0.05, clipnorm=1.0))
    rng, symbols = np.random.default_rng(0), len(model.vocabulary)
    inputs = np.zeros((TUNES, STEPS, 1 + len(STEP_COLUMNS)), np.int32)
    inputs[..., 0] = rng.integers(symbols, size=(TUNES, STEPS))
    targets, weights = rng.integers(symbols, size=(TUNES, STEPS)), np.ones((TUNES, STEPS), np.float32)
    batches = iter(tf.data.Dataset.from_tensors((inputs, targets, weights)).repeat())
    model.make_train_function()
    step = model.train_function

    lookbacks = len(model.lookback)
    features = model.lstm.cell.kernel.shape[0] - lookbacks * WIDTH
    network = nn.ModuleDict(
        {
            "embedding": nn.Embedding(symbols, WIDTH),
            "lstm": nn.LSTM(features + lookbacks * WIDTH, model.units, batch_first=True),
            "logits": nn.Linear(model.units, symbols),
        }
    )
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3, weight_decay=0.05)
    hot = torch.from_numpy(rng.integers(features, size=(TUNES, STEPS, 12)))
    earlier = torch.from_numpy(rng.integers(symbols, size=(TUNES, STEPS, lookbacks)))
    expected = torch.from_numpy(targets).flatten()

    def theirs() -> float:
        optimizer.zero_grad()
        embedded = nn.functional.dropout(network["embedding"](earlier), DROPOUT).flatten(2)
        read = torch.cat([torch.zeros(TUNES, STEPS, features).scatter_(2, hot, 1.0), embedded], -1)
        logits = network["logits"](nn.functional.dropout(network["lstm"](read)[0], DROPOUT))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), expected)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return (lambda: float(step(batches)["loss"])), theirs


class Residual(nn.Module):
    """`audiovae.models.networks._residual`, over [B, C, T]."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-3)
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the output of a dilated convolution."""
        added = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return x + self.narrow(nn.functional.silu(self.wide(added)))


def sound() -> tuple[Pair, Pair]:
    """Return encoding and decoding of a minute, of ours and of PyTorch."""
    model = audiovae.load("sounds-vqvae")
    form, width, codes = model.form, model.form.width, model.frames
    sounds = np.random.default_rng(0).normal(scale=0.1, size=(CHUNKS, 22050)).astype(np.float32)
    coded = np.random.default_rng(0).integers(model.code_count, size=(CHUNKS, codes)).astype(np.int32)
    stacks = [[Residual(width, dilation) for dilation in form.dilations] for _ in range(2)]
    encoder = nn.Sequential(
        nn.Conv1d(32, form.fine, 3), Residual(form.fine), nn.SiLU(),
        nn.Conv1d(form.fine, width, 8, stride=4, padding=2), *stacks[0], nn.Conv1d(width, 8, 1),
    )  # fmt: skip
    spread = nn.Sequential(
        nn.Conv1d(8, width, 3, padding=1), *stacks[1], nn.SiLU(), nn.Conv1d(width, 4 * form.fine, 3, padding=1)
    )
    written = nn.Sequential(Residual(form.fine), nn.SiLU(), nn.Conv1d(form.fine, 32, 3, padding=2))
    book = torch.randn(model.code_count, 8)

    @torch.no_grad()
    def encode() -> torch.Tensor:
        parts = []
        for part in torch.from_numpy(sounds).split(32):
            patches = nn.functional.pad(part, (0, 690 * 32 - 22050)).reshape(len(part), 690, 32).transpose(1, 2)
            parts.append(torch.cdist(encoder(patches).transpose(1, 2), book).argmin(-1))
        return torch.cat(parts)

    @torch.no_grad()
    def decode() -> torch.Tensor:
        parts = []
        for part in torch.from_numpy(coded).split(32):
            x = spread(book[part].transpose(1, 2)).transpose(1, 2).reshape(len(part), -1, form.fine).transpose(1, 2)
            parts.append(written(x).transpose(1, 2).flatten(1)[:, :22050])
        return torch.cat(parts)

    return ((lambda: model.encode_codes(sounds)), encode), ((lambda: model.decode_codes(coded)), decode)


def sampling() -> Pair:
    """Return 1,000 tunes of 128 symbols that never end, of ours and of PyTorch."""
    model = melody_lstm()
    symbols, units = len(model.vocabulary), model.units
    bias = model.logits.bias.numpy()
    bias[model.vocabulary.index(DELIMITER)] = -1e9
    model.logits.bias.assign(bias)
    features = model.lstm.cell.kernel.shape[0]
    cell, logits = nn.LSTMCell(features, units), nn.Linear(units, symbols)
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

    return (lambda: model.generate(SAMPLED, seed=0, max_steps=STEPS, ending="free")), theirs


def main() -> None:
    """Measure and print."""
    args = parser(__doc__, repeats=7).parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    keras.utils.set_random_seed(0)
    encoding, decoding = sound()
    rows: dict[str, Any] = {"LSTM training": lstm_training(), "encode sound": encoding, "decode sound": decoding}
    rows["1,000 tunes sampled"] = sampling()
    print(f"{'processor seconds':>20} {'ours':>8} {'PyTorch':>8} {'ratio':>6}")
    for name, pair in rows.items():
        for function in pair:
            function()  # compiled before it is timed
            function()
        taken: list[list[float]] = [[], []]
        for _ in range(args.repeats):
            for times, function in zip(taken, pair, strict=True):
                times.append(timed(function, time.process_time)[1])
        ours, theirs = map(statistics.median, taken)
        print(f"{name:>20} {ours:>8.3f} {theirs:>8.3f} {theirs / ours:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
