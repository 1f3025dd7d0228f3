"""How the verbs that compare models come by the records of their rows: finished ones are read, others made and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manymodes.experiment.compare import Record, Row, Terms, set_foreign_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class LeftOutError(Exception):
    """There is nothing of a row that tables could say; the message is why."""


class DivergedError(LeftOutError):
    """The weights of a model are no numbers any more."""

    def __init__(self) -> None:
        super().__init__("its training diverged")


def records_of(
    rows: Sequence[Row], seed: int, terms: Terms, make: Callable[[Row], Record], *, force: bool
) -> Iterator[tuple[Row, Record]]:
    """Yield rows with their records of one seed; a row of which there is nothing to say is left out, and named.

    Args:
        rows: in the order in which they are made.
        seed: of them all.
        terms: what they are made with.
        make: gives the record of a row that is not finished; it may raise `LeftOutError`.
        force: set aside what stands where a row is to be kept and is somebody else's.
    """
    for row in rows:
        record = terms.finished(row, seed)
        if record is None:
            if force:
                set_foreign_aside(terms.work, row, seed, terms.program)
            try:
                record = make(row)
            except LeftOutError as error:
                print(f"{row.name}, seed {seed}: left out of the tables, for {error}")
                continue
            terms.keep(record, row, seed)
        yield row, record
