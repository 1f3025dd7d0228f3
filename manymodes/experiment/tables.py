"""Results as tables, and these as a Markdown file that is known again: what was changed by hand is not overwritten."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from manymodes.cli import UserError
from manymodes.files import set_aside, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from manymodes.experiment.compare import Record, Row

UNKNOWN = "–"
_MARK = "<!-- written by {}, sha256 of what is above: {} -->\n"


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: what it says.
        limits: within what that lies; empty where nothing is known of it.
        bad: whether it says something bad.
    """

    text: str
    limits: str = ""
    bad: bool = False


class Table(NamedTuple):
    """A table and what explains it; the first cell of a row is its title."""

    title: str
    headers: tuple[str, ...]
    rows: list[list[Cell]]
    note: str


def over_seeds(values: Sequence[float | None], write: Callable[[float], str]) -> Cell:
    """Write the mean of a value over seeds and, of several that read differently, the least and the greatest.

    With so few seeds the range says what is known; an interval from their deviation would only seem to say more.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Cell(UNKNOWN)
    least, greatest = write(min(known)), write(max(known))
    return Cell(write(sum(known) / len(known)), f"{least} to {greatest}" if least != greatest else "")


def particulars(
    found: Mapping[Row, Sequence[Record]], *, command: str, data: tuple[str, str], time: str
) -> dict[str, str]:
    """Say what the tables of a comparison depend on: command, data, seeds, time, machines, versions, dates.

    A record may be older than the command that shows it, so machines and versions are those of the records.

    Args:
        found: the records of each row, one a seed.
        command: as it was typed.
        data: what the data are called, and which they are.
        time: what each model was given.
    """
    records = [record for kept in found.values() for record in kept]
    seeds = max(len(kept) for kept in found.values())
    dates = sorted({record.date for record in records})
    return {
        "Command": command,
        data[0]: data[1],
        "Seeds": "0" if seeds == 1 else f"0 to {seeds - 1}; figures show seed 0",
        "Time": time,
        "Machine": _each(record.machine for record in records),
        "Versions": _each(", ".join(f"{name} {v}" for name, v in record.versions.items()) for record in records),
        "Date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
    }


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def markdown(title: str, found: Sequence[Table], particular: Mapping[str, str], pictures: Mapping[str, str]) -> str:
    """Write tables, pictures and particulars as Markdown.

    Args:
        title: of the whole.
        found: the tables.
        particular: as `particulars`.
        pictures: a title for each path.
    """
    lines = [f"# {title}", ""]
    for table in found:
        lines += [f"## {table.title}", "", _line(table.headers), _line(["---", *["---:"] * (len(table.headers) - 1)])]
        lines += [_line([_in_markdown(cell) for cell in row]) for row in table.rows]
        lines += ["", table.note, ""]
    for path, text in pictures.items():
        lines += [f"![{text}]({path})", "", f"*{text}.*", ""]
    lines += ["## Particulars", ""]
    lines += [f"- {name}: `{text}`" if name == "Command" else f"- {name}: {text}" for name, text in particular.items()]
    return "\n".join(lines) + "\n"


def _in_markdown(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.bad else cell.text
    return f"{text} ({cell.limits})" if cell.limits else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def check_text(path: Path, program: str, *, force: bool) -> None:
    """Make sure that a text may be written to ``path``, before any work is done.

    Raises:
        UserError: something is there that ``program`` did not write or that was changed since, and no ``force``.
    """
    if path.exists() and not _is_marked(path, program) and not force:
        raise UserError(f"{path} is not as this program wrote it: choose another --out, or --force to set it aside")


def write_marked(path: Path, text: str, program: str) -> None:
    """Write a text with a last line by which ``program`` knows it again; what is not of its making is set aside."""
    if path.exists() and not _is_marked(path, program):
        set_aside(path)
    write_text(path, text + _mark(text, program))


def _is_marked(path: Path, program: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    body = text[: -len(_mark("", program))]
    return text == body + _mark(body, program)


def _mark(text: str, program: str) -> str:
    return _MARK.format(program, hashlib.sha256(text.encode()).hexdigest())
