"""Letters: from real typefaces to GANs that draw the whole alphabet, and measures of how much of it they draw.

import fontgan
alphabets = fontgan.letters(fontgan.load("letters-conditional"), seed=7)
"""

from manymodes.lazy import lazily

__all__ = ["letters", "load"]

__getattr__ = lazily(__name__, {"lettering": __all__})
