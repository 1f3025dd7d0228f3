"""The rows of `melodygan.compare` as tables, and these as a Markdown file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluation.features import FEATURES
from evaluation.verdict import number, share
from melodygan.comparison import LOSSES
from modelkit.cli import UserError
from modelkit.files import set_aside, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from melodygan.comparison import Record, Row, Terms

UNKNOWN = "–"
_MARK = "<!-- written by melodygan.compare, sha256 of what is above: {} -->\n"


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


def over_seeds(values: Sequence[float | None], write: Callable[[float], str] = number) -> Cell:
    """Write the mean of a value over seeds and, of several that read differently, the least and the greatest.

    With so few seeds the range says what is known; an interval from their deviation would only seem to say more.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Cell(UNKNOWN)
    least, greatest = write(min(known)), write(max(known))
    return Cell(write(sum(known) / len(known)), f"{least} to {greatest}" if least != greatest else "")


def tables(found: Mapping[Row, Sequence[Record]]) -> list[Table]:
    """Put records into the table of what was composed and that of how the models were trained.

    Args:
        found: the records of each row, one a seed.
    """
    several = any(len(records) > 1 for records in found.values())
    limits = "the least and the greatest of the seeds, as everywhere" if several else "its 95 % interval"
    trained = {row: records for row, records in found.items() if row.arguments is not None}
    music = Table(
        "What they compose",
        (
            "Row", "Score", "Overlap", "its ceiling", "Manhattan", "its ceiling", "Pitches used", "Mean pitch",
            "Spread of pitches used", "Least spread", "Greatest spread", "Distinct", "Collapsed", "Copying",
        ),
        [[Cell(row.title), *_music(records)] for row, records in found.items()],
        f"Score: overlap with held-out tunes, mean over {len(FEATURES)} features, of what these reach with themselves "
        f"at the same number of tunes, with {limits}. Overlap and ceiling: the same two, not divided. "
        "Manhattan: distance of pitch groups to held-out tunes, semitones; short tunes come out low. Pitches used and "
        "mean pitch (MIDI number): mean ± deviation over tunes. Spread: mean distance between two tunes, of that "
        "between two held-out ones; least and greatest over the features that have variety. Distinct: share of tunes "
        "that no earlier one equals. The row of real tunes is one half of the held-out tunes against the other.",
    )  # fmt: skip
    training = Table(
        "How they were trained",
        (
            "Row", "Generator loss", "Discriminator loss", "Bits a sixteenth", "in validation",
            "Updates", "Examples a second", "Epochs", "Judged epoch",
        ),
        [[Cell(row.title), *_training(records)] for row, records in trained.items()],
        "Losses and bits are those of the last epoch, means over it. Losses of different rows have different units: "
        "nats of cross-entropy for a GAN, scores of the critic for a WGAN. An example is a real tune that an update "
        "looked at; as reported it is a window of 100 notes without lengths. As many epochs were planned, for the "
        "learning rates, as a short trial of each model said would fit; the clock ended training. The judged epoch is "
        "chosen on validation tunes, as melodygan.train does: least musical distance, or bits.",
    )  # fmt: skip
    return [music, training] if trained else [music]


def _music(records: Sequence[Record]) -> list[Cell]:
    def values(name: str, write: Callable[[float], str] = number) -> Cell:
        return over_seeds([record.measures[name] for record in records], write)

    return [
        _score(records),
        *(values(name) for name in ("overlap", "overlap_ceiling", "manhattan", "manhattan_ceiling")),
        *(_moments(records, name) for name in ("used_pitch", "pitch")),
        *(values(name, share) for name in ("spread_used_pitch", "spread_least", "spread_greatest", "distinct")),
        *(_times(records, name) for name in ("collapsed", "copying")),
    ]


def _score(records: Sequence[Record]) -> Cell:
    cell = over_seeds([record.measures["score"] for record in records], share)
    low, high = records[0].measures["score_interval"]
    if len(records) > 1 or low is None or high is None:
        return cell
    return cell._replace(limits=f"{share(low)} to {share(high)}")


def _moments(records: Sequence[Record], name: str) -> Cell:
    """Write mean ± deviation; over seeds, the limits are those of the means."""
    means, deviations = (over_seeds([record.measures[name][which] for record in records]) for which in (0, 1))
    return means._replace(text=f"{means.text} ± {deviations.text}")


def _times(records: Sequence[Record], name: str) -> Cell:
    """Say in how many seeds something was found."""
    times = sum(record.measures[name] for record in records)
    text = f"{times} of {len(records)}" if len(records) > 1 else "yes" if times else "no"
    return Cell(text, bad=times > 0)


def _training(records: Sequence[Record]) -> list[Cell]:
    counts = ("updates", "examples_per_second", "epochs", "judged_epoch")
    return [
        *(over_seeds([record.training["losses"].get(name) for record in records]) for name in LOSSES),
        *(over_seeds([record.training[name] for record in records]) for name in counts),
    ]


def particulars(found: Mapping[Row, Sequence[Record]], terms: Terms, command: str, tunes: int) -> dict[str, str]:
    """Say what the tables depend on: command, corpus, seeds, time, machines, versions, dates.

    A record may be older than the command that shows it, so machines and versions are those of the records.
    """
    records = [record for kept in found.values() for record in kept]
    seeds = max(len(kept) for kept in found.values())
    dates = sorted({record.date for record in records})
    return {
        "Command": command,
        "Corpus": f"{terms.corpus}, {tunes} tunes, fingerprint {terms.fingerprint[:12]}",
        "Seeds": "0" if seeds == 1 else f"0 to {seeds - 1}; figures show seed 0",
        "Time": f"{number(terms.minutes)} minutes of updates a model; {terms.count} tunes composed by each",
        "Machine": _each(record.machine for record in records),
        "Versions": _each(", ".join(f"{name} {v}" for name, v in record.versions.items()) for record in records),
        "Date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
    }


def _each(texts: Any) -> str:
    return "; ".join(dict.fromkeys(texts))


def markdown(found: Sequence[Table], particular: Mapping[str, str], pictures: Mapping[str, str]) -> str:
    """Write tables, pictures and particulars as Markdown.

    Args:
        found: the tables.
        particular: as `particulars`.
        pictures: a title for each path.
    """
    lines = ["# Melody models in equal time", ""]
    for table in found:
        lines += [f"## {table.title}", "", _line(table.headers), _line(["---", *["---:"] * (len(table.headers) - 1)])]
        lines += [_line([_in_markdown(cell) for cell in row]) for row in table.rows]
        lines += ["", table.note, ""]
    for path, title in pictures.items():
        lines += [f"![{title}]({path})", "", f"*{title}.*", ""]
    lines += ["## Particulars", ""]
    lines += [f"- {name}: `{text}`" if name == "Command" else f"- {name}: {text}" for name, text in particular.items()]
    return "\n".join(lines) + "\n"


def _in_markdown(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.bad else cell.text
    return f"{text} ({cell.limits})" if cell.limits else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def check_text(path: Path, *, force: bool) -> None:
    """Make sure that a text may be written to ``path``, before any work is done.

    Raises:
        UserError: something is there that this program did not write or that was changed since, and no ``force``.
    """
    if path.exists() and not _is_ours(path) and not force:
        raise UserError(f"{path} is not as this program wrote it: choose another --out, or --force to set it aside")


def write_marked(path: Path, text: str) -> None:
    """Write a text with a last line by which it is known again; what is not ours is set aside."""
    if path.exists() and not _is_ours(path):
        set_aside(path)
    write_text(path, text + _mark(text))


def _is_ours(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    body = text[: -len(_mark(""))]
    return text == body + _mark(body)


def _mark(text: str) -> str:
    return _MARK.format(hashlib.sha256(text.encode()).hexdigest())
