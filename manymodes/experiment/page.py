"""Pages that show a comparison: a template that packages extend, and what is written beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from manymodes.experiment.tables import check_text, write_marked
from manymodes.files import output_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jinja2 import Template


def template(package: str, name: str) -> Template:
    """Return a template of a package, which may extend those here, such as ``comparison.html.jinja``.

    What is put into it is escaped, and what is missing is an error.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("manymodes")]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)


def write_results(
    out: Path,
    stem: str,
    program: str,
    *,
    page: Callable[[Path], str],
    text: str,
    pictures: Mapping[str, Callable[[Path], None]],
    force: bool,
) -> None:
    """Write OUT/STEM.md, OUT/STEM/index.html and its pictures.

    Args:
        out: where to.
        stem: what they are called.
        program: the verb that compares.
        page: gives the HTML, from the folder where the pictures are already.
        text: Markdown.
        pictures: what draws each one to the path it is given, by the name of its file.
        force: set aside what somebody else put there.

    Raises:
        UserError: something of somebody else's is there, and no ``force``.
    """
    check_text(out / f"{stem}.md", program, force=force)
    with output_folder(out / stem, force=force) as folder:
        for name, draw in pictures.items():
            draw(folder / name)
        (folder / "index.html").write_text(page(folder), encoding="utf-8")
    write_marked(out / f"{stem}.md", text, program)
