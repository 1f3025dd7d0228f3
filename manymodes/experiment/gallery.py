"""A comparison as one page with tables, a few sentences a row and pictures, which needs nothing beside it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from manymodes.experiment.page import template, write_results
from manymodes.experiment.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from manymodes.experiment.compare import Record, Row
    from manymodes.experiment.tables import Table


class Picture(NamedTuple):
    """A picture of a comparison.

    Attributes:
        title: what it shows, without a full stop.
        draw: writes it as a PNG to the path that it is given.
    """

    title: str
    draw: Callable[[Path], None]


class Gallery(NamedTuple):
    """What is shown of a comparison.

    Attributes:
        title: of the whole.
        kind: of the first table, a name for its style.
        tables: the first row of the first one is the ceiling.
        about: what they depend on, as `manymodes.experiment.tables.particulars`.
        first: of each row the record whose verdict is told.
        pictures: by the names of their files.
    """

    title: str
    kind: str
    tables: Sequence[Table]
    about: Mapping[str, str]
    first: Mapping[Row, Record]
    pictures: Mapping[str, Picture]

    def page(self, folder: Path) -> str:
        """Render the page, its pictures being in a folder already."""
        sentences = [
            (row.title, [f"{said[0].upper()}{said[1:]}." for said in record.verdict.values() if said])
            for row, record in self.first.items()
        ]
        images = {
            picture.title: base64.b64encode((folder / name).read_bytes()).decode()
            for name, picture in self.pictures.items()
        }
        return template("manymodes", "gallery.html.jinja").render(
            title=self.title,
            first_table=self.kind,
            tables=self.tables,
            about=self.about,
            sentences=sentences,
            images=images,
        )

    def write(self, out: Path, stem: str, program: str, *, force: bool) -> None:
        """Write OUT/STEM.md, OUT/STEM/index.html and the pictures, as `manymodes.experiment.page.write_results`."""
        titles = {f"{stem}/{name}": picture.title for name, picture in self.pictures.items()}
        write_results(
            out,
            stem,
            program,
            page=self.page,
            text=markdown(self.title, self.tables, self.about, titles),
            pictures={name: picture.draw for name, picture in self.pictures.items()},
            force=force,
        )


def name_rows(axes: Axes, rows: Collection[Row]) -> None:
    """Name what is drawn at 0, 1, … from above downwards."""
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
