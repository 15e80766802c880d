"""The version of this package, and how files tell it."""

from typing import Any

__version__ = "0.1.0"
# In JSON files the key, in archives and pictures the name, of the version that wrote them.
KEY = "tfzero"


def stamp(value: Any) -> Any:
    """Returns what a JSON file holds, with the version that writes it; a list stays as it is."""
    return {**value, KEY: __version__} if isinstance(value, dict) else value
