"""The folders of MIDI files that training writes: generated tunes, and originals to compare them with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from manymodes.files import replacing_folder
from manymodes.music.formats import write_score
from melodygan.composing import numbers, score_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from melodygan.data.encoding import Tune


def write_tunes(folder: Path, tunes: Sequence[Tune], names: Sequence[str] = (), titles: Sequence[str] = ()) -> None:
    """Write tunes as MIDI files, named by numbers by default; an existing folder is moved, see `replacing_folder`.

    They have their own metre, upbeat and mode, or those that fit them best, see `melodygan.composing.score_of`.
    """
    names = names or numbers(len(tunes))
    with replacing_folder(folder) as partial:
        for name, title, tune in zip(names, titles or names, tunes, strict=True):
            write_score(partial / name, score_of(tune, title), ["midi"])


def write_originals(folder: Path, tunes: Sequence[Tune], count: int, *, seed: int) -> int:
    """Write a random choice of up to ``count`` held-out tunes in C major or A minor; return their number."""
    drawn = np.random.default_rng(seed).permutation(len(tunes))[:count]
    chosen = [tunes[index] for index in sorted(drawn)]
    digits = len(str(len(chosen)))
    # of a name, only letters, digits, - and _ stay
    stems = [re.sub(r"[^\w-]", "-", tune.name).strip("-")[:60] or "tune" for tune in chosen]
    names = [f"{number:0{digits}d}-{stem}" for number, stem in enumerate(stems, start=1)]
    write_tunes(folder, chosen, names, [tune.name for tune in chosen])
    return len(chosen)
