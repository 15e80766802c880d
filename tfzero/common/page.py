"""Self-contained pages: rendered from a template, written whole or not at all."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.common.files import atomic_file


def render_page(
    template: pathlib.Path, values: dict[str, Any], *, shared: pathlib.Path | None = None
) -> str:
    """Returns a page as text. Every value is escaped, and a missing one is an error.

    Args:
        template: The file; it may include others of its folder.
        values: What it shows, by name.
        shared: One more folder of files that it may include.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, shared or template.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(values)


def write_page_file(path: pathlib.Path, page: str) -> None:
    """Writes a page under another name and renames it: a reader never sees half of it.

    Raises:
        StopError: If it cannot be written.
    """
    # A folder name that is no text can put lone surrogates into a class name.
    content = page.encode("utf-8", errors="replace")
    with atomic_file(path) as file:
        file.write(content)
