"""What the report must know of an init beyond its name.

`tfzero.study` decides which inits there are; the run folder holds their names alone.
"""

from __future__ import annotations

# Inits without a pretrained network.
_BASELINES = ("scratch", "pixels", "kmeans")
_DESCRIPTIONS = {
    "scratch": "random weights",
    "pixels": "raw pixels",
    "kmeans": "k-means patches",
}


def is_baseline(init: str) -> bool:
    """Returns whether an init uses no pretrained network."""
    return init in _BASELINES or init.startswith("scratch")


def describe_init(init: str) -> str:
    """Returns an init, and what it is where its name does not say so."""
    return f"{init} ({_DESCRIPTIONS[init]})" if init in _DESCRIPTIONS else init


def list_stages(init: str) -> list[str]:
    """Returns what is pretrained for an init, in order: of "a+b", "a" and then "a+b"."""
    parts = init.split("+")
    return ["+".join(parts[: count + 1]) for count in range(len(parts))]
