"""Settings of the documentation site: sphinx-build -W -b html docs docs/_build."""

from __future__ import annotations

import os
import pathlib
import re
import sys

import latex2mathml.converter
from docutils.nodes import SkipNode
from sphinx.errors import SphinxError

# What is documented is the code beside this file, whether installed or not.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tfzero  # noqa: E402 - the path above comes first

project = "tfzero"
copyright = "the tfzero authors; Apache License 2.0"
version = release = tfzero.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.typer",
]
exclude_patterns = ["_build", "jupyter_execute"]
# A name in single backticks is code, as in all our docstrings.
default_role = "code"

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Notebooks are executed by tests/test_notebooks.py; the site shows them as they are stored.
nb_execution_mode = "off"

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# What classes inherit from Keras is documented there.
autodoc_default_options = {
    "members": True,
    "exclude-members": "train_step, test_step, call, get_config, from_config, compile, build, "
    "get_compile_config, compile_from_config, build_from_config, fit, evaluate, predict_step, "
    "make_optimizer, follow_rate, compute_output_shape",
}
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "tfzero"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"

# What a browser fetches by itself; links to other sites do not count.
_REMOTE = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|srcset|href)=\"(?:https?:)?//[^\"]*"
)


def _write_math(translator, node) -> None:
    """Writes a formula as MathML, which browsers show without any script."""
    display = "block" if node.tagname == "math_block" else "inline"
    formula = latex2mathml.converter.convert(node.astext(), display=display)
    translator.body.append(
        f'<div class="math">{formula}</div>\n' if display == "block" else formula
    )
    raise SkipNode


def _require_offline(app, error) -> None:
    """Fails if a page would load anything from the network when it is read."""
    if error is not None or app.builder.format != "html":
        return
    for page in pathlib.Path(app.outdir).rglob("*.html"):
        found = _REMOTE.search(page.read_text("utf-8"))
        if found:
            raise SphinxError(f"{page.name} loads from the network: {found[0]}")


def setup(app) -> None:
    """Adds the renderer of formulas, and the check of the finished pages."""
    app.add_html_math_renderer("mathml", (_write_math, None), (_write_math, None))
    app.connect("build-finished", _require_offline)
