"""The tab that teaches: three small models that collapse, trained in the browser with the values of sliders."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from drumvae.data.kit import INSTRUMENTS
from drumvae.data.rules import STYLES, bundled_rules
from manymodes_studio import pictures
from manymodes_studio.language import say

_EACH = 60  # bars of a style
_DRUMS = ("kick", "snare", "hihat_closed")


class Slider(NamedTuple):
    """A slider of a lesson: its name in the script, its range, step and value; ``power`` shows a power of 2."""

    name: str
    least: float
    most: float
    step: float
    value: float
    power: bool = False


LESSONS = {
    "modes": (Slider("speed", -4, 0, 1, -3, power=True), Slider("ahead", 1, 5, 1, 1)),
    "posterior": (Slider("price", 0.25, 4, 0.25, 1), Slider("latents", 1, 8, 1, 4)),
    "codebook": (Slider("codes", 16, 128, 16, 64), Slider("growth", 1, 5, 0.5, 3)),
}
"""The lessons by their names in the script, and their sliders."""


def add() -> None:
    """Add the tab's contents to the page."""
    gr.Markdown(say("learn.lead"), elem_classes="studio-lead")
    gr.HTML(
        pictures.lesson("modes", LESSONS["modes"])
        + pictures.lesson("posterior", LESSONS["posterior"], bars=_bars())
        + pictures.lesson("codebook", LESSONS["codebook"], switch="moved")
    )


def _bars() -> str:
    """Return bars of all styles by rule as hexadecimal numbers, a bit for each step of three drums."""
    rows = [INSTRUMENTS.index(name) for name in _DRUMS]
    hits = [bundled_rules().sample(number, _EACH, [0]).hits[..., rows] for number in range(len(STYLES))]
    bits = ["".join(map(str, bar.astype(int).flat)) for style in hits for bar in style]
    return " ".join(f"{int(bar, 2):0{len(bar) // 4}x}" for bar in bits)
