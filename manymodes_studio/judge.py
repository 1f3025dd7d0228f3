"""Two zips of MIDI files in, the report of `evaluation` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evaluation import report
from evaluation.scores.verdict import counted
from manymodes_studio.uploads import MIDI_ARCHIVE, received, unpack

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Judged", "judge"]

_COMMAND = f"python -m {report.PROGRAM} generated original"


class Judged(NamedTuple):
    """What was found.

    Attributes:
        sentences: on closeness, collapse and copying.
        remarks: what was left out, each in one line.
        page: the whole report, as HTML that needs nothing beside it.
        files: of the report.
    """

    sentences: tuple[str, ...]
    remarks: tuple[str, ...]
    page: str
    files: tuple[Path, ...]


def judge(generated: str | Path | None, original: str | Path | None, folder: Path) -> Judged:
    """Compare generated music with original music, as `python -m evaluation.report` does.

    Args:
        generated: a zip of MIDI files.
        original: the same.
        folder: empty, for all that is written.

    Raises:
        UserError: one of them is not as it must be, or there is nothing to compare.
    """
    remarks = []
    for archive, name in ((generated, "generated"), (original, "original")):
        target = folder / name
        target.mkdir()
        found = unpack(received(archive, MIDI_ARCHIVE), target)
        if found.others:
            remarks.append(f"{name}: {counted(found.others, 'file')} left out, not being MIDI")
    out = folder / "report"
    result = report.compare_folders([folder / "generated"], folder / "original")
    (comparison,) = result.comparisons
    files = result.files(_COMMAND)
    report.write_report(out, files, force=False)
    skipped = sum(len(one.skipped) for one in result.sets)
    if skipped:
        remarks.append(f"no notes in {counted(skipped, 'file')}; the report names each, and why")
    return Judged(comparison.verdict, tuple(remarks), files["index.html"], tuple(out / name for name in files))
