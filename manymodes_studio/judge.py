"""Compare two zip archives of MIDI files and return the report of `evaluation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evaluation.comparison import compare_folders, write_report
from evaluation.report import PROGRAM
from evaluation.scores.verdict import counted
from manymodes import watched
from manymodes.cli import UserError
from manymodes_studio.clicks import SECONDS
from manymodes_studio.uploads import MIDI_ARCHIVE, received, unpack

if TYPE_CHECKING:
    from pathlib import Path

_MEMORY = 4_000_000_000
_COMMAND = f"python -m {PROGRAM} generated original"


class Judged(NamedTuple):
    """The result of a comparison: sentences about closeness, collapse and copying, and remarks on skipped files.

    The first of the files of the report is a self-contained HTML page.
    """

    sentences: tuple[str, ...]
    remarks: tuple[str, ...]
    files: tuple[Path, ...]


def judge(generated: str | None, original: str | None, folder: Path) -> Judged:
    """Compare as `compare`, in a process that is killed when the work around it is stopped, see `manymodes.deadline`.

    Raises:
        UserError: as `compare`, or too much time or memory was needed.
    """
    request = generated, original, folder
    answer = watched.call("manymodes_studio.judge:answer", request, seconds=SECONDS, memory=_MEMORY)
    if isinstance(answer, watched.Death):
        raise UserError(f"the archives cannot be compared ({answer}): give fewer or smaller files")
    if isinstance(answer, UserError):
        raise answer
    return answer


def answer(request: tuple[Any, Any, Path]) -> Judged | UserError:
    """Return a comparison, or the error that it raises; called in a watched process."""
    try:
        return compare(*request)
    except UserError as error:
        return error


def compare(generated: str | Path | None, original: str | Path | None, folder: Path) -> Judged:
    """Compare two zips of generated and of original MIDI files in an empty folder, as `python -m evaluation.report`.

    An archive that is not usable, or has nothing to compare, raises a UserError.
    """
    remarks = []
    for archive, name in ((generated, "generated"), (original, "original")):
        target = folder / name
        target.mkdir()
        if others := unpack(received(archive, MIDI_ARCHIVE), target):
            remarks.append(f"{name}: {counted(others, 'file')} skipped: not MIDI")
    out = folder / "report"
    result = compare_folders([folder / "generated"], folder / "original")
    (comparison,) = result.comparisons
    files = result.files(_COMMAND)
    write_report(out, files, force=False)
    if skipped := sum(len(one.skipped) for one in result.sets):
        remarks.append(f"{counted(skipped, 'file')} without notes; the report lists the reasons")
    return Judged(comparison.verdict, tuple(remarks), tuple(out / name for name in files))
