"""Where what visitors send and what is made for them lies: a folder each, which goes when they go."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Workspace"]

_KEPT = 8  # of what was made for a visitor, the latest: players may still read the one before


class Workspace:
    """Folders within one that is the program's own.

    Args:
        root: that one, which exists.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._numbers = itertools.count(1)

    def new(self, session: str | None) -> Path:
        """Make an empty folder for a visitor; but for a few, older ones of theirs are removed.

        Args:
            session: what tells visitors apart; any text.
        """
        home = self._home(session)
        path = home / f"{next(self._numbers):06d}"
        path.mkdir(parents=True)
        for old in sorted(home.iterdir())[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return path

    def forget(self, session: str | None) -> None:
        """Remove all that was made for a visitor."""
        shutil.rmtree(self._home(session), ignore_errors=True)

    def without_folders(self, text: str) -> str:
        """Return a text with the names of files in it instead of their paths here."""
        return re.sub(rf"{re.escape(str(self.root))}/(?:[^/\s]+/)*", "", text)

    def _home(self, session: str | None) -> Path:
        """Return the folder of a visitor; what tells them apart comes from their browsers and is no name of a file."""
        return self.root / "made" / hashlib.sha256(str(session).encode()).hexdigest()[:32]
