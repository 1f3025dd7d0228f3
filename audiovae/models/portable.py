"""Drawing codes from any network that predicts the next one, and the exported forms of the models with codes.

Without TensorFlow. Notation: n sequences, T codes each, K different ones, N codes a chunk.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from audiovae.data.chunks import CHUNK
from manymodes import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manymodes.portable import Graphs


class Sampler:
    """Draws codes with a network that predicts the next one; subclasses are its forms.

    Attributes:
        code_count: K.
        frames: T.
        units: width of the two states.
        maker: fingerprint of the model of these codes, in hex.
        next_logits: a function of codes [n], K before the first, of instruments [n] and both states; it returns the
            logits of the next codes, [n, K], and the next states.
    """

    code_count: int
    frames: int
    units: int
    maker: str
    next_logits: Callable[..., Sequence[np.ndarray]]

    def sample(
        self, instruments: Sequence[int] | np.ndarray, *, seed: int, temperature: float = 1.0, top_p: float = 1.0
    ) -> np.ndarray:
        """Draw a sequence for each instrument, [n] → int32 [n, T], with ``temperature`` and ``top_p`` as in `draw`.

        The same seed gives the same sequences; the first of few are the first of many.
        """
        asked = np.asarray(instruments, np.int32)
        shares = np.stack([np.random.default_rng([seed, row]).random(self.frames) for row in range(len(asked))])
        hidden, carry = np.zeros((2, len(asked), self.units), np.float32)
        codes = np.full((len(asked), self.frames + 1), self.code_count, np.int32)
        for place in range(self.frames):
            deadline.check()
            logits, hidden, carry = self.next_logits(codes[:, place], asked, hidden, carry)
            codes[:, place + 1] = draw(logits, shares[:, place], temperature=temperature, top_p=top_p)
        return codes[:, 1:]


def draw(logits: np.ndarray, shares: np.ndarray, *, temperature: float = 1.0, top_p: float = 1.0) -> np.ndarray:
    """Draw codes, int32 [n], by inverting their cumulative distribution, the likeliest code first.

    Args:
        logits: [n, K], unnormalised log probabilities.
        shares: [n], uniform in [0, 1): the place in the distribution.
        temperature: divides the logits; below 1 likely codes become likelier.
        top_p: draw from the smallest set of likeliest codes whose probabilities reach p (Holtzman et al., 2020), after
            temperature.
    """
    logits = np.asarray(logits, np.float64)
    weights = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    order = np.argsort(-weights, axis=-1, kind="stable")
    probabilities = np.take_along_axis(weights / weights.sum(axis=-1, keepdims=True), order, axis=-1)
    reached = np.cumsum(probabilities, axis=-1)
    kept = np.where(reached - probabilities < top_p, reached, 0.0).max(axis=-1, keepdims=True)
    ranks = (reached <= np.asarray(shares)[:, None] * kept).sum(axis=-1)
    # rounding may exceed the last code that is kept
    last = (reached < kept).sum(axis=-1)
    return np.take_along_axis(order, np.minimum(ranks, last)[:, None], axis=-1)[:, 0].astype(np.int32)


class PortablePrior(Sampler):
    """A `CodePrior` that was exported."""

    def __init__(self, graphs: Graphs) -> None:
        for name in ("code_count", "frames", "units", "maker"):
            setattr(self, name, graphs.config[name])
        self.next_logits = functools.partial(graphs.run, "step")


class PortableVQVAE:
    """An `AudioVQVAE` that was exported: its methods are those of the model, and need no TensorFlow."""

    file: Any = None

    def __init__(self, graphs: Graphs) -> None:
        config = graphs.config
        self.instruments, self.code_count = config["instruments"], config["codes"]
        self.input_kind, self.mels = config["input_kind"], config["mels"]
        self.frames, self.maker = int(graphs.arrays["frames"]), str(graphs.arrays["maker"])
        self._graphs = graphs

    def features_of(self, chunks: np.ndarray) -> np.ndarray:
        """Return the inputs of networks: the chunks, or their log-mel spectrograms [n, 88, mels]."""
        if self.input_kind == "raw":
            return chunks
        from audiovae.metrics.spectra import log_mel

        return log_mel(chunks, self.mels)

    def encode_codes(self, chunks: np.ndarray) -> np.ndarray:
        """Return the codes of chunks, int32 [n, N]."""
        return self._quantised(self.latents(chunks))

    def decode_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return the chunks of codes [n, N]."""
        features = self._in_batches("decode", codes)
        if self.input_kind == "raw":
            return features
        from audiovae.metrics.spectra import from_log_mel

        return from_log_mel(features, CHUNK)

    def latents(self, chunks: np.ndarray) -> np.ndarray:
        """Return the encodings of chunks before they are rounded to codes, float32 [n, N D]."""
        return self._in_batches("encode", self.features_of(chunks)).reshape(len(chunks), -1)

    def from_latents(self, latents: np.ndarray) -> np.ndarray:
        """Return the chunks of encodings [n, N D], rounded to codes."""
        return self.decode_codes(self._quantised(latents))

    def reconstruct(self, chunks: np.ndarray) -> np.ndarray:
        """Encode and decode chunks."""
        return self.decode_codes(self.encode_codes(chunks))

    def _quantised(self, latents: np.ndarray) -> np.ndarray:
        return self._in_batches("quantise", latents.reshape(len(latents), self.frames, -1))

    def _in_batches(self, name: str, inputs: np.ndarray) -> np.ndarray:
        parts = [self._graphs.run(name, inputs[begin : begin + 32])[0] for begin in range(0, len(inputs), 32)]
        return np.concatenate(parts)
