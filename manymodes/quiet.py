"""Importing TensorFlow without its greetings."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keep from the terminal what TensorFlow's native libraries say while they are loaded.

    They write to the file descriptor of standard error before any log level is read, so that nothing in Python can
    filter it. Errors of the import are exceptions and come through. So are those of everything done later: what the
    libraries log as an error besides, such as that there is no GPU, is not said; TF_CPP_MIN_LOG_LEVEL=0 has it all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - os.devnull is a name, not a path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
        # Looking for a GPU is when CUDA's complaint comes that there is none; later it would come in mid-sentence.
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
