"""Self-contained pages, rendered from a template."""

from __future__ import annotations

import pathlib
import re
from typing import Any

# What every page may include.
_COMMON = pathlib.Path(__file__).parent / "templates"
# Arguments, as sentences write them; file names may hold anything.
_CODE = re.compile(r"`([A-Za-z_][\w=(), .]*)`")


def render_page(
    template: pathlib.Path, values: dict[str, Any], *, shared: pathlib.Path | None = None
) -> str:
    """Returns a page as text. Every value is escaped, and a missing one is an error.

    The filter `with_code` shows `names` in a sentence as code.

    Args:
        template: The file; it may include others of its folder.
        values: What it shows, by name.
        shared: One more folder of files that it may include.
    """
    import jinja2
    import markupsafe

    def with_code(text: str) -> markupsafe.Markup:
        escaped = str(markupsafe.escape(text))
        return markupsafe.Markup(_CODE.sub(r"<code>\1</code>", escaped))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, shared or template.parent, _COMMON]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = with_code
    return environment.get_template(template.name).render(values)
