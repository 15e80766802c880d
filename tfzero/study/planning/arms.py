"""Arms: which there are, which go together, and which are compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tfzero.common.checks import InputError, nearest, require_choice
from tfzero.pretrain import METHODS
from tfzero.study.planning.inits import (
    AT_SOURCE,
    FEATURE_INITS,
    FILE,
    NETWORK_INITS,
    PIXELS,
    PUBLIC,
    SUPERVISED,
    THEN,
    is_transferred,
    list_inits,
    parse_init,
    read_init,
)
from tfzero.study.planning.plan import DEFAULT_ARMS, SCRATCH
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, trains_on_unlabeled

# Without labels, what a source is worth is asked of the method that needs fewest epochs.
_UNLABELED = f"simclr{AT_SOURCE}/lpft"
# A large network is slow to fine-tune; frozen, its features are read once.
_OF_GIVEN = {PUBLIC: ("probe", "svm"), FILE: ("lpft", "probe")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Foreign:
    """What an encoder can come from beside the target's own images.

    Attributes:
        source: Whether there is a source of images.
        labelled: Whether it has labels.
        given: "public" or "file" where an encoder is given, else None.
    """

    source: bool = False
    labelled: bool = False
    given: str | None = None

    @property
    def start(self) -> str | None:
        """The init that a chain starts from where none is named."""
        if self.given or self.labelled:
            return self.given or SUPERVISED
        return _UNLABELED.partition("/")[0] if self.source else None

    def arms(self) -> tuple[str, ...]:
        """Returns the arms that a study gets where none are named."""
        if self.given:
            return tuple(f"{self.given}/{strategy}" for strategy in _OF_GIVEN[self.given])
        return () if self.start is None else (f"{self.start}/lpft",)


def choose_arms(
    arms: Sequence[str] | None, *, foreign: Foreign, then: str | None = None
) -> tuple[str, ...]:
    """Returns the arms of a study, each checked, with the controls that they need.

    Args:
        arms: As INIT/STRATEGY; None takes the default, and those of the source.
        foreign: What there is beside the target's own images.
        then: Method that goes on, on the target's own pool, from what the source gives: the
            chain is then an arm, and each of its halves alone.

    Raises:
        InputError: As `parse_arms`, or if no arm starts from the source that there is, or `then`
            is no method or has nothing to start from.
    """
    chosen = (*DEFAULT_ARMS, *foreign.arms()) if arms is None else tuple(arms)
    if then is not None:
        if foreign.start is None:
            raise InputError(
                f"--then {then} goes on from a source's encoder, but there is no source; "
                "name one with --source."
            )
        require_choice(then, METHODS, what="method")
        chain = (foreign.start, then, f"{foreign.start}{THEN}{then}")
        chosen = tuple(dict.fromkeys([*chosen, *(f"{init}/lpft" for init in chain)]))
    chosen = parse_arms(chosen, foreign=foreign)
    if foreign.start is not None and not any(read_init(init_of(arm)).is_foreign for arm in chosen):
        raise InputError(
            f"A source is given, but no arm starts from it: {', '.join(chosen)}. Add one, as "
            f"{foreign.arms()[0]}, or leave --source out."
        )
    controls = [control for arm in chosen if (control := control_of(arm)) is not None]
    return tuple(dict.fromkeys([*chosen, *controls]))


def parse_arms(arms: Iterable[str], *, foreign: Foreign | None = None) -> tuple[str, ...]:
    """Returns the arms, each checked.

    Raises:
        InputError: If an arm is not INIT/STRATEGY, its init or strategy is unknown, the two do
            not go together, its source is not there, or it is named twice.
    """
    arms = tuple(arms)
    foreign = foreign or Foreign()
    if not arms:
        raise InputError(f"No arm given; expected some of, for example, {', '.join(DEFAULT_ARMS)}.")
    inits = list_inits(labelled=foreign.labelled, source=foreign.source, given=foreign.given)
    known = [f"{init}/{name}" for init in inits for name in STRATEGIES if _go_together(init, name)]
    for arm in arms:
        if arm not in known:
            _explain_missing(arm, foreign)
            raise InputError(
                f'Unknown arm "{arm}"; expected INIT/STRATEGY.{nearest(arm, known)} '
                f"INIT is one of {', '.join(_shown(inits))}; STRATEGY one of "
                f"{', '.join(STRATEGIES)} (pixels and kmeans go with those that train no network)."
            )
        if arms.count(arm) > 1:
            raise InputError(f'Arm "{arm}" is named twice; name each once.')
    return arms


def _go_together(init: str, strategy: str) -> bool:
    no_network = read_init(init).start in FEATURE_INITS
    return not (no_network and STRATEGIES[strategy].trains_network)


def _shown(inits: list[str]) -> list[str]:
    """Returns the words, with chains said once."""
    chains = [init for init in inits if THEN in init]
    return [init for init in inits if THEN not in init] + (
        [f"START{THEN}METHOD as in {chains[0]}"] if chains else []
    )


def _explain_missing(arm: str, foreign: Foreign) -> None:
    """Raises if an arm is one that could be, had the study what it starts from."""
    word, _, strategy = arm.partition("/")
    init = parse_init(word)
    if init is None or strategy not in STRATEGIES or not _go_together(word, strategy):
        return
    if init.start == SUPERVISED and foreign.source:
        raise InputError(
            f'Arm "{arm}" learns from a source\'s labels, but this source has none; expected '
            f"classes in subfolders or a labels.csv. Take {_UNLABELED}, which needs no labels."
        )
    needs = {PUBLIC: "--source imagenet:NAME", FILE: "--source FILE.keras"}
    raise InputError(
        f'Arm "{arm}" starts from a source that this study does not have; name it with '
        f"{needs.get(init.start, '--source DATA')}."
    )


def control_of(arm: str) -> str | None:
    """Returns the arm that does the same without pretraining, where scratch is no fair rival.

    A strategy that reads unlabeled images gains by them whatever its encoder: what pretraining
    adds shows beside the same strategy on a network that starts at random, or on pixels.
    """
    init, _, name = arm.partition("/")
    strategy = STRATEGIES[name]
    if not strategy.reads_pool or not is_transferred(init):
        return None
    return f"{'scratch' if strategy.trains_network else PIXELS}/{name}"


def transfer_family(arms: Iterable[str], label_counts) -> tuple[tuple[str, int], ...]:
    """Returns (arm, label count) of every comparison of a pretrained encoder with scratch."""
    arms = tuple(arms)
    if SCRATCH not in arms:
        return ()
    judged = [arm for arm in arms if is_transferred(init_of(arm)) and control_of(arm) is None]
    return tuple((arm, count) for count in label_counts for arm in judged)


def list_rivals(arms: Iterable[str], label_counts) -> tuple[tuple[str, str, int], ...]:
    """Returns (arm, rival, label count) of every comparison with another arm than scratch.

    An arm whose strategy reads unlabeled images is compared with the same without pretraining. An
    arm with something foreign is compared with arms of the target's own pool: by the same method
    and strategy where there is one, else by the same strategy, else all. A chain is compared with
    each of its halves alone.
    """
    arms = tuple(arms)
    found = []
    for count in label_counts:
        for arm in arms:
            control = control_of(arm)
            rivals = [*([control] if control in arms else []), *_rivals_of(arm, arms)]
            found += [(arm, rival, count) for rival in rivals]
    return tuple(found)


def _rivals_of(arm: str, arms: tuple[str, ...]) -> list[str]:
    word, _, strategy = arm.partition("/")
    init = read_init(word)
    if not init.is_foreign or init.start in FEATURE_INITS:
        return []
    if init.then is not None:
        halves = (f"{word.partition(THEN)[0]}/{strategy}", f"{init.then}/{strategy}")
        return [half for half in halves if half in arms]
    own = [each for each in arms if init_of(each) in METHODS]
    choices = (
        [each for each in own if each == f"{init.start}/{strategy}"],
        [each for each in own if each.partition("/")[2] == strategy],
        own,
    )
    return next((choice for choice in choices if choice), [])


def init_of(arm: str) -> str:
    """Returns the part of an arm before its slash."""
    return arm.partition("/")[0]


def require_generators(arms, unlabeled_from: str) -> None:
    """Raises unless every arm that would train on generated images has a method that makes some.

    Networks that start at random have none, and take the pool: the others' controls.

    Raises:
        InputError: If one has none, if no arm trains on unlabeled images at all, or if there is no
            such source of them.
    """
    require_choice(unlabeled_from, UNLABELED_FROM, what="source of unlabeled images")
    if unlabeled_from == "pool":
        return
    makers = [name for name, method in METHODS.items() if method.generates]
    readers = [
        arm
        for arm in arms
        if trains_on_unlabeled(arm.partition("/")[2]) and init_of(arm) not in NETWORK_INITS
    ]
    if not readers:
        known = ", ".join(name for name in STRATEGIES if trains_on_unlabeled(name))
        raise InputError(
            f'unlabeled_from is "{unlabeled_from}", but no pretrained arm trains a network on '
            f"unlabeled images; expected one with {known}, as in {makers[0]}/selftrain."
        )
    for arm in readers:
        if read_init(arm.partition("/")[0]).learner not in makers:
            raise InputError(
                f'Arm "{arm}" cannot train on generated images, for its init makes none; expected '
                f"{' or '.join(makers)}. Leave it out, or take unlabeled images from the pool."
            )
