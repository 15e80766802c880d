"""Where an arm's encoder comes from: the part of an arm before its slash.

A word is START or START+METHOD, where START is

- `scratch`, `scratch-long` (random weights), `pixels`, `kmeans` (no network);
- a method, which learns from the target's own pool: `vae`;
- a method, or `kmeans`, that learns from the source's images: `vae@source`;
- a method with a teacher, which learns on the target's own pool what `public` or `file` sees:
  `distillation`;
- `supervised`: trained on the source's labels, the head thrown away;
- `public`: weights that others trained; `file`: the encoder of a `.keras` file.

START+METHOD, such as `supervised+vae`, goes on from there by a method on the target's own pool. It
takes a START that comes from elsewhere, and a METHOD without a teacher.

This file alone reads words. What an init can do is in the classes beside it, one file per kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tfzero.pretrain import METHODS, list_self_taught
from tfzero.study.inits.base import AT_SOURCE, Init, Learner
from tfzero.study.inits.chain import THEN, Chain
from tfzero.study.inits.given import File, Public
from tfzero.study.inits.kmeans import KMeans
from tfzero.study.inits.method import Method
from tfzero.study.inits.pixels import Pixels
from tfzero.study.inits.scratch import Scratch, ScratchLong
from tfzero.study.inits.supervised import Supervised
from tfzero.study.inits.taught import Taught

# Adding an init: one file, one line here, one test file. Methods are inits without a line.
_SIMPLE = {init.word: init for init in (Scratch, ScratchLong, Pixels, Supervised, Public, File)}


def parse_init(word: str) -> Init | None:
    """Returns the init of a word; None where there is no such word."""
    start, plus, method = word.partition(THEN)
    init = _parse_start(start)
    if not plus or init is None:
        return init
    starts = init.is_foreign and init.has_network and not init.is_taught
    return Chain(init, method) if starts and method in list_self_taught() else None


def read_init(word: str) -> Init:
    """Returns the init of a word that a plan holds."""
    init = parse_init(word)
    assert init is not None, word
    return init


def read_learner(word: str) -> Learner:
    """Returns the init of a word that a plan holds among what has to be learnt."""
    init = read_init(word)
    assert init.learns(), word
    return cast(Learner, init)


def list_inits(*, labelled: bool = False, source: bool = False, given: str | None = None) -> list:
    """Returns the word of every init that can be used.

    Args:
        labelled: Whether there is a source with labels.
        source: Whether there is a source of images.
        given: "public" or "file" where an encoder is given.
    """
    own = [init for init in _SIMPLE.values() if not init.is_foreign]
    networks = [init.word for init in own if init.has_network]
    others = [init.word for init in own if not init.has_network]
    foreign = _list_foreign(labelled, source, given)
    return [*networks, *list_self_taught(), *others, KMeans.word, *foreign]


def _parse_start(word: str) -> Init | None:
    name, at_source = word.removesuffix(AT_SOURCE), word.endswith(AT_SOURCE)
    if name == KMeans.word:
        return KMeans(name, at_source=at_source)
    if name in METHODS and METHODS[name].needs_teacher:
        return None if at_source else Taught(name)
    if name in METHODS:
        return Method(name, at_source=at_source)
    return _SIMPLE[name]() if name in _SIMPLE and not at_source else None


def _list_foreign(labelled: bool, source: bool, given: str | None) -> Iterator[str]:
    starts = [*([Supervised.word] if labelled else []), *([given] if given else [])]
    methods = list_self_taught()
    if source:
        starts += [f"{method}{AT_SOURCE}" for method in methods]
    yield from starts
    if given:
        yield from (name for name in METHODS if name not in methods)
    if source:
        yield f"{KMeans.word}{AT_SOURCE}"
    for start in starts:
        for method in methods:
            yield f"{start}{THEN}{method}"
