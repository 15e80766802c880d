"""Where an arm's encoder comes from, as a word: the part of an arm before its slash.

A word is START or START+METHOD, where START is

- `scratch`, `scratch-long` (random weights), `pixels`, `kmeans` (no network);
- a method, which learns from the target's own pool: `vae`;
- a method, or `kmeans`, that learns from the source's images: `vae@source`;
- `supervised`: trained on the source's labels, the head thrown away;
- `public`: weights that others trained; `file`: the encoder of a `.keras` file.

START+METHOD, as `supervised+vae`, goes on from there by a method on the target's own pool; it
takes a START that comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tfzero.pretrain import METHODS

# Random weights, and the same with the updates that pretraining would have bought.
SCRATCH_LONG = "scratch-long"
NETWORK_INITS = ("scratch", SCRATCH_LONG)
# Features that need no network.
PIXELS, KMEANS = "pixels", "kmeans"
FEATURE_INITS = (PIXELS, KMEANS)
SUPERVISED, PUBLIC, FILE = "supervised", "public", "file"
# Encoders that come ready: one for all replicates.
GIVEN_INITS = (PUBLIC, FILE)
AT_SOURCE, THEN = "@source", "+"


class Init(NamedTuple):
    """An init in parts.

    Attributes:
        start: A word without "@source" and without what follows.
        at_source: Whether the start learns from the source's images.
        then: The method that goes on from there on the target's pool, or None.
    """

    start: str
    at_source: bool = False
    then: str | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether anything of it comes from elsewhere than the target's own images."""
        return self.at_source or self.start in (SUPERVISED, *GIVEN_INITS)

    @property
    def learner(self) -> str:
        """What learns last: a method, "kmeans", "supervised", or the start where nothing does."""
        return self.then or self.start

    @property
    def reads_source(self) -> bool:
        """Whether the last that learns reads the source's images."""
        return self.then is None and (self.at_source or self.start == SUPERVISED)


def parse_init(word: str) -> Init | None:
    """Returns an init in parts; None where there is no such word."""
    start, plus, then = word.partition(THEN)
    at_source = start.endswith(AT_SOURCE)
    name = start.removesuffix(AT_SOURCE)
    learners = (*METHODS, KMEANS)
    starts = (
        learners if at_source else (*NETWORK_INITS, *learners, PIXELS, SUPERVISED, *GIVEN_INITS)
    )
    if name not in starts:
        return None
    found = Init(name, at_source, then if plus else None)
    if plus and (then not in METHODS or not found.is_foreign or name in FEATURE_INITS):
        return None
    return found


def read_init(word: str) -> Init:
    """Returns the parts of an init that a plan holds."""
    found = parse_init(word)
    assert found is not None, word
    return found


def list_stages(word: str) -> tuple[str, ...]:
    """Returns the inits to be learnt for this one, in order: itself is the last, or none is."""
    found = read_init(word)
    if found.then is not None:
        return (*list_stages(word.partition(THEN)[0]), word)
    return (word,) if found.start in (*METHODS, KMEANS, SUPERVISED) else ()


def is_transferred(word: str) -> bool:
    """Returns whether an encoder of this init has learnt before it sees the labels.

    K-means patches and pixels are baselines, of which no claim is made.
    """
    return read_init(word).start not in (*NETWORK_INITS, *FEATURE_INITS)


def list_inits(*, labelled: bool = False, source: bool = False, given: str | None = None) -> list:
    """Returns every init that can be used.

    Args:
        labelled: Whether there is a source with labels.
        source: Whether there is a source of images.
        given: "public" or "file" where an encoder is given.
    """
    return [*NETWORK_INITS, *METHODS, *FEATURE_INITS, *_list_foreign(labelled, source, given)]


def _list_foreign(labelled: bool, source: bool, given: str | None) -> Iterator[str]:
    starts = [*([SUPERVISED] if labelled else []), *([given] if given else [])]
    if source:
        starts += [f"{method}{AT_SOURCE}" for method in METHODS]
    yield from starts
    if source:
        yield f"{KMEANS}{AT_SOURCE}"
    for start in starts:
        for method in METHODS:
            yield f"{start}{THEN}{method}"
