"""What the report must know of an init beyond its word.

A run folder holds words alone. A word of a method from outside is not known to every process: it
counts as pretrained, in one stage.
"""

from __future__ import annotations

from tfzero.study.inits import parse_init


def is_baseline(word: str) -> bool:
    """Returns whether an init uses no pretrained network."""
    init = parse_init(word)
    return init is not None and not init.is_pretrained


def describe_init(word: str) -> str:
    """Returns an init, and what it is where its word does not say so."""
    init = parse_init(word)
    return word if init is None or not init.description else f"{word} ({init.description})"


def list_stages(word: str) -> list[str]:
    """Returns what is pretrained for an init, in order: of "a+b", "a" and then "a+b"."""
    init = parse_init(word)
    return [word] if init is None else [stage.word for stage in init.stages()]
