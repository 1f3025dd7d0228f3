import argparse

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiovae.config import AudioConfig, levels_of
from manymodes.cli import UserError

DEFAULTS = {
    "sounds": "corpus", "chunks": None, "model": "vqvae", "input": "raw", "mels": None,
    "quantizer": "vq", "codes": 256, "commitment": 0.25, "beta": None, "anneal": None, "free_bits": None,
    "epochs": 15, "batch_size": 16, "updates_per_epoch": 250, "seed": 0,
}  # fmt: skip
LATENTS = {"beta": 0.001, "anneal": "linear", "free_bits": 0.1, **dict.fromkeys(("quantizer", "codes", "commitment"))}


def parsed(line):
    parser = argparse.ArgumentParser()
    AudioConfig.add_options(parser)
    return AudioConfig.from_args(parser.parse_args(line.split()))


@pytest.mark.parametrize(
    ("line", "changed", "name"),
    [
        ("", {}, "vqvae-raw"),
        ("--model vae --beta 0", {**LATENTS, "model": "vae", "beta": 0.0}, "vae-raw"),
        (
            "--model hvae --input mel --mels 256",
            {**LATENTS, "model": "hvae", "input": "mel", "mels": 256},
            "hvae-mel256",
        ),
        ("--quantizer fsq --codes 240", {"quantizer": "fsq", "codes": 240, "commitment": None}, "vqvae-raw-fsq"),
        ("--commitment auto --chunks 50 --seed 3", {"commitment": "auto", "chunks": 50, "seed": 3}, "vqvae-raw"),
        ("--input mel", {"input": "mel", "mels": 128}, "vqvae-mel128"),
    ],
)
def test_settings_are_those_of_the_command(line, changed, name):
    config = parsed(line)
    assert config.to_json() == DEFAULTS | changed
    assert (config.name, config.monitor) == (f"audiovae-{name}", "val_loss")
    assert AudioConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--mels 128", "--mels needs --input mel"),
        ("--model vae --codes 8", "--codes needs --model vqvae"),
        ("--beta 1", "--beta needs --model vae or hvae"),
        ("--model vae --quantizer fsq", "--quantizer needs --model vqvae"),
        ("--quantizer fsq --commitment 1", "--commitment needs --model vqvae --quantizer vq"),
        ("--quantizer fsq --codes 241", "--codes 241 is not a product of numbers from 2 to 8"),
    ],
)
def test_wrong_combinations_are_refused(line, message):
    with pytest.raises(UserError, match=message):
        parsed(line)


@given(st.integers(2, 4096))
def test_a_grid_has_the_requested_number_of_codes(codes):
    try:
        levels = levels_of(codes)
    except ValueError:
        assert any(codes % prime == 0 for prime in range(11, codes + 1) if all(prime % k for k in range(2, prime)))
    else:
        assert np.prod(levels) == codes
        assert all(2 <= level <= 8 for level in levels)
    assert levels_of(256) == (8, 8, 4)
