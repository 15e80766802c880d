"""The versions that a study's results depend on, and what chose the processor's kernels."""

from __future__ import annotations

import platform
from importlib import metadata

from tfzero.common.surroundings import processor_variables
from tfzero.common.version import __version__


def current_versions() -> dict[str, str]:
    """Returns the versions that can alter a result."""
    names = ("keras", "numpy", "scikit-learn", "scipy")
    tensorflow = next(
        (found for name in ("tensorflow", "tensorflow-cpu") if (found := _version(name))), ""
    )
    return {
        "tfzero": __version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow,
        **{name: _version(name) for name in names},
        **processor_variables(),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
