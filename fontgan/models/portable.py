"""Latent vectors of letters, styles of typefaces, and the exported forms of their models, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.portable import Graphs

_PARENTS = 3


class Coder:
    """Draws codes and their images; subclasses are the forms of a model."""

    latent_dim: int
    condition_dim: int  # K
    planes: int = 1  # of an image, each of which has a kind of its own
    labelled: bool  # whether the kinds are the 26 letters
    shares: np.ndarray  # [K / planes] how often each kind is drawn where none is given
    spread: float  # standard deviation of latent vectors

    def draw(self, codes: Any) -> np.ndarray:
        """Return the images of codes [n, latent_dim + K], float32 [n, 28, 28, 1] in [−1, 1]."""
        raise NotImplementedError

    def generate(self, count: int, *, seed: int, kinds: Any = None) -> np.ndarray:
        """Draw letters, float32 [count, 28, 28, 1] in [−1, 1], of ``kinds`` as in `codes`; same seed, same images."""
        return self.draw(self.codes(count, seed, kinds=kinds))

    def codes(self, count: int, seed: int, *, kinds: Any = None, stream: int = 0) -> np.ndarray:
        """Draw latent vectors with their kinds one-hot, float32 [count, latent_dim + K].

        ``kinds`` [count], or [count, planes], are random by default, and ignored by models without kinds. Each
        ``stream`` of a seed has other latent vectors.
        """
        latents = self.latents(count, seed, stream)
        if not self.condition_dim:
            return latents
        if kinds is None:
            kinds = np.random.default_rng(seed).choice(len(self.shares), (count, self.planes), p=self.shares)
        asked = np.eye(len(self.shares), dtype=np.float32)[kinds].reshape(count, self.condition_dim)
        return np.concatenate([latents, asked], axis=1)

    def latents(self, count: int, seed: int, stream: int = 0) -> np.ndarray:
        """Draw latent vectors, float32 [count, latent_dim]."""
        # The one at the end, because a seed and the same with zeros after it are the same to NumPy.
        rng = np.random.default_rng([seed, stream, 1])
        return np.float32(self.spread) * rng.standard_normal((count, self.latent_dim), np.float32)


class PortableFontGAN(Coder):
    """A `FontGAN` that was exported: draws the same letters without TensorFlow."""

    def __init__(self, graphs: Graphs) -> None:
        self.latent_dim = int(graphs.arrays["latent_dim"])
        self.condition_dim, self.labelled = graphs.config["condition_dim"], graphs.config["labelled"]
        self.shares, self.spread = np.array(graphs.config["shares"]), graphs.config.get("spread", 1.0)
        self._graphs = graphs

    def draw(self, codes: Any) -> np.ndarray:
        """Return the images of codes, see `Coder`."""
        parts = [self._graphs.run("generator", codes[begin : begin + 64])[0] for begin in range(0, len(codes), 64)]
        return np.concatenate(parts)


class TypeDesigner:
    """Draws typefaces by their styles; subclasses are the forms of a model.

    Notation: D numbers of a style, C characters, fields of S × S.
    """

    characters: int  # C
    size: int  # S

    def known_styles(self) -> np.ndarray:
        """Return the styles of the faces of the training set, [faces, D]."""
        raise NotImplementedError

    def drawn(self, styles: np.ndarray, numbers: np.ndarray) -> Sequence[np.ndarray]:
        """Return fields float32 [n, S, S] and bearings [n, 2] in units, of styles [n, D] and numbers of characters."""
        raise NotImplementedError

    def draw(self, styles: np.ndarray, numbers: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return some characters, by default all, of the faces of styles [n, D]: fields [n, C, S, S], bearings."""
        asked = np.arange(self.characters) if numbers is None else np.asarray(numbers)
        faces = (self.drawn(np.repeat(style[None], len(asked), axis=0), asked) for style in styles)
        fields, bearings = zip(*faces, strict=True)
        return np.stack(fields), np.stack(bearings)

    def new_styles(self, count: int, seed: int) -> np.ndarray:
        """Return styles [count, D] that no face has: each lies between ``_PARENTS`` faces that a seed chooses.

        Far from all faces the model has seen nothing, and draws blends that fit together badly.
        """
        rng, known, made = np.random.default_rng(seed), self.known_styles(), []
        for _ in range(count):
            parents = known[rng.choice(len(known), min(_PARENTS, len(known)), replace=False)]
            made.append(rng.dirichlet(np.ones(len(parents))) @ parents)
        return np.array(made, np.float32)


class PortableTypefaces(TypeDesigner):
    """A `TypefaceModel` that was exported: draws the same typefaces without TensorFlow."""

    def __init__(self, graphs: Graphs) -> None:
        self.characters, self.size = (int(graphs.arrays[name]) for name in ("characters", "size"))
        self._graphs = graphs

    def known_styles(self) -> np.ndarray:
        """Return the styles of the faces of the training set."""
        return self._graphs.arrays["styles"]

    def drawn(self, styles: np.ndarray, numbers: np.ndarray) -> Sequence[np.ndarray]:
        """Return fields and bearings, see `TypeDesigner`."""
        return self._graphs.run("draw", styles, numbers)
