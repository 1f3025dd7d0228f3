"""Compare two zip archives of MIDI files and return the report of `evaluation`."""

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
    """The result of a comparison.

    Attributes:
        sentences: one each about closeness, collapse and copying.
        remarks: one line for each kind of skipped file.
        page: the report as one self-contained HTML page.
        files: the files of the report.
    """

    sentences: tuple[str, ...]
    remarks: tuple[str, ...]
    page: str
    files: tuple[Path, ...]


def judge(generated: str | Path | None, original: str | Path | None, folder: Path) -> Judged:
    """Compare generated with original music, as `python -m evaluation.report` does.

    Args:
        generated: a zip of MIDI files.
        original: a zip of MIDI files.
        folder: an empty folder for the output.

    Raises:
        UserError: an archive is not usable, or there is nothing to compare.
    """
    remarks = []
    for archive, name in ((generated, "generated"), (original, "original")):
        target = folder / name
        target.mkdir()
        unpacked = unpack(received(archive, MIDI_ARCHIVE), target)
        if unpacked.others:
            remarks.append(f"{name}: {counted(unpacked.others, 'file')} skipped: not MIDI")
    out = folder / "report"
    result = report.compare_folders([folder / "generated"], folder / "original")
    (comparison,) = result.comparisons
    files = result.files(_COMMAND)
    report.write_report(out, files, force=False)
    skipped = sum(len(one.skipped) for one in result.sets)
    if skipped:
        remarks.append(f"{counted(skipped, 'file')} without notes; the report lists the reasons")
    return Judged(comparison.verdict, tuple(remarks), files["index.html"], tuple(out / name for name in files))
