"""A comparison as one HTML page and as Markdown, with pictures."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from manymodes.files import replacing_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jinja2 import Template

    from manymodes.experiment.records import Records
    from manymodes.experiment.tables import Table


class Picture(NamedTuple):
    """A picture of a comparison: its title without a full stop, and a function that writes it to a path as PNG."""

    title: str
    draw: Callable[[Path], None]


def template(package: str, name: str) -> Template:
    """Return a template of a package; a missing value is an error, and values in HTML are escaped."""
    html = name.endswith(".html.jinja")
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=html,  # noqa: S701 - the others are Markdown, of our own figures
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=not html,
    )
    return environment.get_template(name)


def write_page(
    out: Path,
    stem: str,
    title: str,
    found: Records,
    tables: Sequence[Table],
    about: Mapping[str, str],
    pictures: Mapping[str, Picture],
) -> None:
    """Write OUT/STEM.md, OUT/STEM/index.html and its pictures; an older folder OUT/STEM becomes OUT/STEM-1.

    The first row of the first table is the ceiling; the page shows the verdict of each row's first record. ``about`` is
    a list of particulars; the pictures are by file name.
    """
    content = {"title": title, "tables": tables, "about": about, "stem": stem, "pictures": pictures}
    sentences = {
        row.title: [f"{text[0].upper()}{text[1:].removesuffix('.')}." for text in first.verdict.values() if text]
        for row, (first, *_) in found.items()
    }
    with replacing_folder(out / stem) as folder:
        images = {}
        for name, picture in pictures.items():
            picture.draw(folder / name)
            images[picture.title] = base64.b64encode((folder / name).read_bytes()).decode()
        page = template("manymodes", "comparison.html.jinja").render(content, sentences=sentences, images=images)
        (folder / "index.html").write_text(page, encoding="utf-8")
    write_text(out / f"{stem}.md", template("manymodes", "comparison.md.jinja").render(content))
