"""Compare two sets of MIDI files and return the report of `evaluation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evaluation.comparison import compare_folders, write_report
from evaluation.report import PROGRAM
from manymodes import watched
from manymodes.cli import UserError
from manymodes_studio.clicks import SECONDS
from manymodes_studio.language import counted, current, say, speak
from manymodes_studio.uploads import gather

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MEMORY = 4_000_000_000
_SIZE, _BARS = 100, 2  # pieces of a reference, and bars of each of drums
_COMMAND = f"python -m {PROGRAM} generated original"


class Judged(NamedTuple):
    """The result of a comparison: sentences, and remarks on skipped files.

    The first sentence says whether the sets can be told apart. The first of the files of the report is a self-contained
    HTML page.
    """

    sentences: tuple[str, ...]
    remarks: tuple[str, ...]
    files: tuple[Path, ...]


def judge(generated: Sequence[str] | None, original: Sequence[str] | str | None, folder: Path) -> Judged:
    """Compare as `compare`, in a process that is killed when the work around it is stopped, see `manymodes.deadline`.

    It also raises a UserError if too much time or memory was needed.
    """
    request = current(), generated, original, folder
    answer = watched.call("manymodes_studio.judge:answer", request, seconds=SECONDS, memory=_MEMORY)
    if isinstance(answer, watched.Death):
        raise UserError(say("judge.death", why=answer))
    if isinstance(answer, UserError):
        raise answer
    return answer


def answer(request: tuple[str, Any, Any, Path]) -> Judged | UserError:
    """Return a comparison, or the error that it raises; called in a watched process, whose language comes first."""
    language, *sets = request
    speak(language)
    try:
        return compare(*sets)
    except UserError as error:
        return error


def compare(generated: Sequence[str] | None, original: Sequence[str] | str | None, folder: Path) -> Judged:
    """Compare generated with original MIDI files in an empty folder, as `python -m evaluation.report`.

    Each set are files or zips, or for the originals one of `REFERENCES`. One that is not usable, or has nothing to
    compare, raises a UserError.
    """
    remarks = []
    for files, name in ((generated, "generated"), (original, "original")):
        target = folder / name
        target.mkdir()
        if isinstance(files, str):
            REFERENCES[files](target)
        elif others := gather(files, target):
            remarks.append(say("judge.others", set=say(f"judge.{name}"), files=counted("files", others)))
    out = folder / "report"
    result = compare_folders([folder / "generated"], folder / "original")
    (comparison,) = result.comparisons
    pages = result.files(_COMMAND)
    write_report(out, pages, force=False)
    if skipped := sum(len(one.skipped) for one in result.sets):
        remarks.append(say("judge.skipped", files=counted("files", skipped)))
    return Judged(comparison.verdict, tuple(remarks), tuple(out / name for name in pages))


def _folk_songs(folder: Path) -> None:
    from melodygan.data.corpus import load_corpus
    from melodygan.output import write_originals

    folder.rmdir()  # it is made with all that is in it, in one step
    write_originals(folder, load_corpus(progress=False).tunes, _SIZE, seed=0)


def _drum_bars(folder: Path) -> None:
    from drumvae.data.midi_grooves import write_beat
    from drumvae.data.rules import STYLES, bundled_rules

    each = _SIZE // len(STYLES)
    for number, style in enumerate(STYLES):
        bars = bundled_rules().sample(number, each * _BARS, [0])
        for beat in range(each):
            write_beat(folder / f"{style}-{beat + 1:02d}.mid", bars[beat * _BARS : (beat + 1) * _BARS])


REFERENCES = {"folk songs": _folk_songs, "drum bars by rule": _drum_bars}
"""Originals that are there, by name: functions that write them to an empty folder."""
