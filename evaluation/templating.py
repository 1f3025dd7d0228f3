"""Templates of pages, set up alike for every package that has some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Template


def template(package: str, name: str, filters: Mapping[str, Callable[..., Any]] | None = None) -> Template:
    """Return a template of a package: what is put into it is escaped, and what is missing is an error.

    Args:
        package: in whose folder ``templates`` it is.
        name: of the file.
        filters: beside Jinja's own.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= dict(filters or {})
    return environment.get_template(name)
