"""Letters: from real typefaces to GANs that draw the whole alphabet, and measures of how much of it they draw.

import fontgan
alphabets = fontgan.letters(fontgan.load("letters-conditional"), seed=7)
"""

from typing import Any

__all__ = ["letters", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from fontgan import lettering

        return getattr(lettering, name)
    raise AttributeError(f"module 'fontgan' has no attribute {name!r}")
