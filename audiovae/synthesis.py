"""Sounds of a trained model: new ones, reconstructions, interpolations, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from audiovae.codes import CodedSound
from audiovae.config import PRIOR, TEMPERATURE, TOP_P
from audiovae.data.chunks import CHUNK, QUIETEST_RMS, from_chunks, loudness, normalise, to_chunks
from audiovae.models.portable import PortableVQVAE
from manymodes import cli, deadline, hub
from manymodes.music.audio import read_audio

if TYPE_CHECKING:
    from pathlib import Path

    from audiovae.models.prior import CodePrior
    from audiovae.models.vae import AudioModel, AudioVQVAE

SOUND_MODEL = hub.Kind(
    "a model of sounds",
    "audiovae.train",
    {f"audiovae>{name}": "audiovae.models.vae" for name in ("AudioVAE", "HierarchicalAudioVAE", "AudioVQVAE")},
    portable={"audiovae>AudioVQVAE": "audiovae.models.portable:PortableVQVAE"},
)
CODE_PRIOR = hub.Kind(
    "a prior over codes",
    "audiovae.prior",
    {"audiovae>CodePrior": "audiovae.models.prior"},
    portable={"audiovae>CodePrior": "audiovae.models.portable:PortablePrior"},
)
COUNT = 8
OVERLAP = 256
"""Samples that coded chunks have in common, 12 ms, in which they crossfade. More would cost bits."""

HOP = CHUNK - OVERLAP

_FADE = 110  # samples, 5 ms: a new sound may begin and end within a tone

load = SOUND_MODEL.load


def with_codes(model: AudioModel, file: Path) -> AudioVQVAE:
    """Return the model of a file; raise a UserError if it has no codes."""
    if not hasattr(model, "decode_codes"):
        raise cli.UserError(f"{file} is a model without codes: give one of python -m audiovae.train --model vqvae")
    return model


def prior_of(model: AudioVQVAE, file: Path) -> CodePrior:
    """Load the prior beside a model's own file; raise a UserError if there is none, or it is another model's."""
    path = file.with_name(f"{file.stem}-{PRIOR}")
    path = path if path.is_file() else file.with_name(PRIOR)
    if not path.is_file():
        raise cli.UserError(f"{path} does not exist: train it with python -m audiovae.prior {file.parent}")
    runtime = "auto" if isinstance(model, PortableVQVAE) else None
    prior: CodePrior = hub.load_from(path, CODE_PRIOR, runtime=runtime, named="the prior")
    if prior.maker != model.maker:
        raise cli.UserError(
            f"{path} is the prior of another model: train it with python -m audiovae.prior {file.parent}"
        )
    return prior


def make_sounds(
    model: AudioModel,
    *,
    instrument: str | None = None,
    count: int = COUNT,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    prior: CodePrior | None = None,
) -> np.ndarray:
    """Make new sounds of one second, float32 [count, 22050], equally loud, faded in and out.

    Without an instrument, a model with codes takes one after the other, and others mix them. Below a temperature of 1,
    the default, likely codes become likelier; codes are drawn from the likeliest ones whose probabilities reach
    ``top_p``, 0.95 by default. The prior over the codes is by default the one beside the file that `load` has read.
    These three are for models with codes.

    Raises:
        UserError: the model does not know the instrument, has no codes for the last three arguments, or no prior.
    """
    number = _number(model, instrument)
    if hasattr(model, "decode_codes"):
        if prior is None and model.file is None:
            raise cli.UserError(
                "this model was not loaded from a file, beside which its prior could be: give the prior"
            )
        prior = prior or prior_of(model, model.file)
        asked = [index % len(model.instruments) if number is None else number for index in range(count)]
        temperature, top_p = temperature or TEMPERATURE, top_p or TOP_P
        chunks = model.decode_codes(prior.sample(asked, seed=seed, temperature=temperature, top_p=top_p))
    elif temperature is not None or top_p is not None:
        raise cli.UserError("--temperature and --top-p need a model with codes, which this one is not: leave them out")
    else:
        chunks = model.from_latents(model.sample_latents(count, seed, number))
    return faded(normalise(chunks)[0])


def names_of(model: AudioModel, instrument: str | None, count: int) -> list[str]:
    """Name the sounds of `make_sounds` by their instruments; "sound" where these are mixed."""
    number = _number(model, instrument)
    mixed = model.instruments if hasattr(model, "decode_codes") else ["sound"]
    names = mixed if number is None else [model.instruments[number]]
    return [names[index % len(names)] for index in range(count)]


def _number(model: AudioModel, instrument: str | None) -> int | None:
    """Return the number of an instrument; raise a UserError if the model does not know it."""
    if instrument is None:
        return None
    return cli.number_of(instrument, model.instruments, "--instrument", "instrument")


def raw_sounds(model: Any, asked: np.ndarray, seed: int, prior: CodePrior | None = None) -> np.ndarray:
    """Make new sounds as `make_sounds` does, neither equally loud nor faded, float32 [m, 22050].

    ``asked`` are instruments, [m], in ascending order; ``prior`` is that over the codes of a model with codes.
    """
    if prior is not None:
        return model.decode_codes(prior.sample(asked, seed=seed, temperature=TEMPERATURE, top_p=TOP_P))
    numbers, counts = np.unique(asked, return_counts=True)
    latents = [
        model.sample_latents(int(count), seed + int(number), int(number))
        for number, count in zip(numbers, counts, strict=True)
    ]
    return model.from_latents(np.concatenate(latents))


def faded(chunks: np.ndarray) -> np.ndarray:
    """Fade chunks [n, samples] in and out within 5 ms, so that they do not click."""
    rise = np.sin(np.pi / 2 * np.arange(_FADE) / _FADE).astype(np.float32) ** 2
    chunks = chunks.copy()
    chunks[:, :_FADE] *= rise
    chunks[:, -_FADE:] *= rise[::-1]
    return chunks


def read_sound(path: Path) -> np.ndarray:
    """Read a sound, float32 [samples] at 22,050 a second; raise a UserError if there is none, or it is silent."""
    sound = read_audio(path)
    if loudness(to_chunks(sound)).max() < QUIETEST_RMS:
        raise cli.UserError(f"{path} is silent: give a sound that is louder than -60 dB somewhere")
    return sound


def levelled(chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return chunks and their gains as `audiovae.data.chunks.normalise`, with a gain of 0 for silence."""
    normalised, gains = normalise(chunks)
    return normalised, np.where(chunks.any(axis=1), gains, 0).astype(np.float32)


def reconstruct(model: AudioModel, sound: np.ndarray) -> np.ndarray:
    """Return a model's reconstruction of a sound [samples]: as long and, chunk by chunk, as loud."""
    chunks, gains = levelled(to_chunks(sound))
    return from_chunks(model.reconstruct(chunks) * gains[:, None], len(sound))


def interpolate(model: AudioModel, first: np.ndarray, second: np.ndarray, steps: int) -> list[np.ndarray]:
    """Return at least 2 sounds that lead from one to another, [samples] each; the ends are their reconstructions.

    Chunk by chunk, latents are mixed before they are decoded; of a model with codes, encodings before they are rounded
    to codes. Loudness and length are mixed, too. Where one of the sounds is silent or over, the chunk of the other one
    only fades.
    """
    longest = max(len(first), len(second))
    ends = [levelled(to_chunks(np.pad(sound, (0, longest - len(sound))))) for sound in (first, second)]
    (chunks, gains), (other_chunks, other_gains) = ends
    points = model.latents(np.where(gains[:, None] > 0, chunks, other_chunks))
    other_points = model.latents(np.where(other_gains[:, None] > 0, other_chunks, chunks))

    def between(one: Any, other: Any, share: float) -> Any:
        return (1 - share) * one + share * other

    sounds = []
    for share in np.linspace(0, 1, steps):
        deadline.check()
        mixed = model.from_latents(between(points, other_points, share))
        loud = mixed * between(gains, other_gains, share)[:, None]
        sounds.append(from_chunks(loud, round(between(len(first), len(second), share))))
    return sounds


def encode(model: AudioVQVAE, sound: np.ndarray) -> CodedSound:
    """Turn a sound of any length, [samples], into codes."""
    chunks, gains = levelled(to_chunks(sound, HOP))
    return CodedSound(model.encode_codes(chunks), gains, len(sound), HOP, model.code_count, bytes.fromhex(model.maker))


def decode(model: AudioVQVAE, coded: CodedSound) -> np.ndarray:
    """Turn codes back into a sound, float32 [samples]; its chunks crossfade.

    Raises:
        UserError: no sound coded by this model has such codes.
    """
    shape, made = (coded.codes.shape[1], coded.code_count, coded.hop), (model.frames, model.code_count, HOP)
    if shape != made:
        raise cli.UserError(
            f"the codes are not those of this model: {shape} codes, kinds and samples a chunk, not {made}"
        )
    return from_chunks(model.decode_codes(coded.codes) * coded.gains[:, None], coded.length, coded.hop)
