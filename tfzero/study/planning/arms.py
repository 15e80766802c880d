"""Arms: which there are, and which go together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError, nearest, require_choice
from tfzero.pretrain import METHODS, list_self_taught
from tfzero.study.inits import list_inits, parse_init, read_init
from tfzero.study.inits.base import AT_SOURCE
from tfzero.study.inits.chain import THEN
from tfzero.study.inits.given import File, Public
from tfzero.study.inits.supervised import Supervised
from tfzero.study.planning.families import control_of
from tfzero.study.planning.plan import DEFAULT_ARMS
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, takes_generated

# Without labels, what a source is worth is asked of the method that needs fewest epochs.
_UNLABELED = Arm(f"simclr{AT_SOURCE}", "lpft")
# An arm whose own method makes images that it trains on.
_GENERATED = Arm("vae", "selftrain")
# A large network is slow to fine-tune; frozen, its features are read once.
_OF_GIVEN = {
    Public.word: ("svm", "spread_probe", "spread_finetune", "lpft"),
    File.word: ("lpft", "probe"),
}
# What a large network sees, in one of the study's own size.
_TAUGHT_BY = {Public.word: (Arm("distillation", "spread_distill"), Arm("distillation", "svm"))}


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
            return self.given or Supervised.word
        return _UNLABELED.init if self.source else None

    def arms(self) -> tuple[Arm, ...]:
        """Returns the arms that a study gets where none are named."""
        if self.given:
            own = (Arm(self.given, strategy) for strategy in _OF_GIVEN[self.given])
            return (*own, *_TAUGHT_BY.get(self.given, ()))
        return () if self.start is None else (Arm(self.start, "lpft"),)


def choose_arms(
    arms: Sequence[str] | None,
    *,
    foreign: Foreign,
    then: str | None = None,
    unlabeled_from: str = UNLABELED_FROM[0],
    has_orientation: bool = True,
) -> tuple[Arm, ...]:
    """Returns the arms of a study, each checked, with the controls that they need.

    Args:
        arms: As INIT/STRATEGY; None takes the default, and those of the source.
        foreign: What there is beside the target's own images.
        then: Method that goes on, on the target's own pool, from what the source gives: the
            chain is then an arm, and each of its halves alone.
        unlabeled_from: Where networks' unlabeled images come from. The default arms that cannot
            have theirs from there are left out, and one that can is added.
        has_orientation: Whether it means something which side of an image is up. Where it does
            not, the default arms have no method that learns just that.

    Raises:
        InputError: As `parse_arms`, or if no arm starts from the source that there is, or `then`
            is not a method or has nothing to start from.
    """
    default = _default_arms(unlabeled_from, has_orientation=has_orientation)
    from_source = _without_generators(foreign.arms(), unlabeled_from)
    chosen: Sequence[str] = (*default, *from_source) if arms is None else tuple(arms)
    if then is not None:
        if foreign.start is None:
            raise InputError(
                f"`then={then}` continues from a source's encoder, but there is no source; "
                "name one with `source`."
            )
        _refuse_taught(foreign.start, then)
        require_choice(then, list_self_taught(), what="method")
        chain = (foreign.start, then, f"{foreign.start}{THEN}{then}")
        chosen = tuple(dict.fromkeys([*chosen, *(Arm(init, "lpft") for init in chain)]))
    parsed = parse_arms(chosen, foreign=foreign)
    if foreign.start is not None and not any(read_init(arm.init).is_foreign for arm in parsed):
        raise InputError(
            f"A source is given, but no arm starts from it: {', '.join(parsed)}. Add an arm "
            f"such as {foreign.arms()[0]}, or leave `source` out."
        )
    controls = [control for arm in parsed if (control := control_of(arm)) is not None]
    return tuple(dict.fromkeys([*parsed, *controls]))


def _default_arms(unlabeled_from: str, *, has_orientation: bool) -> tuple[Arm, ...]:
    arms = [arm for arm in DEFAULT_ARMS if has_orientation or not _learns_orientation(arm)]
    if unlabeled_from == UNLABELED_FROM[0]:
        return tuple(arms)
    return (*_without_generators(arms, unlabeled_from), _GENERATED)


def _without_generators(arms: Iterable[Arm], unlabeled_from: str) -> list[Arm]:
    """Returns the arms that can have their unlabeled images from there; see `require_generators`.

    The controls of those left out are left out with them.
    """
    if unlabeled_from == UNLABELED_FROM[0]:
        return list(arms)
    return [arm for arm in arms if control_of(arm) is None or read_init(arm.init).generates]


def _learns_orientation(arm: Arm) -> bool:
    return any(
        METHODS[stage.word].learns_orientation
        for stage in read_init(arm.init).stages()
        if stage.word in METHODS
    )


def parse_arms(arms: Iterable[str], *, foreign: Foreign | None = None) -> tuple[Arm, ...]:
    """Returns the arms, each checked.

    Raises:
        InputError: If an arm is not INIT/STRATEGY, its init or strategy is unknown, the two do
            not go together, its source is not there, or it is named twice.
    """
    arms = tuple(arms)
    foreign = foreign or Foreign()
    if not arms:
        raise InputError(f"No arm is given; expected arms such as {', '.join(DEFAULT_ARMS)}.")
    inits = list_inits(labelled=foreign.labelled, source=foreign.source, given=foreign.given)
    known = [Arm(init, name) for init in inits for name in STRATEGIES if _go_together(init, name)]
    for arm in arms:
        if arm not in known:
            _explain_missing(arm, foreign)
            raise InputError(
                f'Unknown arm "{arm}"; expected INIT/STRATEGY.{nearest(arm, known)} INIT '
                f"is one of {', '.join(_shown(inits))}. STRATEGY is one of "
                f"{', '.join(STRATEGIES)}. The inits pixels and kmeans need a strategy that "
                "trains no network. The strategy joint needs a method as its init."
            )
        if arms.count(arm) > 1:
            raise InputError(f'Arm "{arm}" is named twice; name each once.')
    return tuple(Arm.parse(arm) for arm in arms)


def _go_together(init: str, strategy: str) -> bool:
    start, how = read_init(init), STRATEGIES[strategy]
    if how.needs_objective and not start.has_objective:
        return False
    return start.has_network or not how.trains_network


def _shown(inits: list[str]) -> list[str]:
    """Returns the words, with chains said once."""
    chains = [init for init in inits if read_init(init).halves]
    return [init for init in inits if init not in chains] + (
        [f"START{THEN}METHOD such as {chains[0]}"] if chains else []
    )


def _explain_missing(text: str, foreign: Foreign) -> None:
    """Raises if an arm is one that could be, had the study what it starts from."""
    try:
        arm = Arm.parse(text)
    except ValueError:
        return
    start, _, method = arm.init.partition(THEN)
    if method or start.endswith(AT_SOURCE):
        _refuse_taught(start.removesuffix(AT_SOURCE), method)
    init = parse_init(arm.init)
    if init is None or arm.strategy not in STRATEGIES or not _go_together(arm.init, arm.strategy):
        return
    if Supervised.word in (init.word, *init.halves) and foreign.source:
        raise InputError(
            f'Arm "{arm}" learns from a source\'s labels, but this source has none; expected '
            f"classes in subfolders or a labels.csv. Use {_UNLABELED} instead, which needs "
            "no labels."
        )
    if init.is_taught:
        raise InputError(
            f'Arm "{arm}" needs a teacher: a network that comes ready. Name it with '
            "`source=lite0`, `source=imagenet:NAME` or `source=FILE.keras`."
        )
    needs = {
        Public.word: "`source=lite0` or `source=imagenet:NAME`",
        File.word: "`source=FILE.keras`",
    }
    start = init.halves[0] if init.halves else init.word
    raise InputError(
        f'Arm "{arm}" starts from a source, but this study has no such source. Name it '
        f"with {needs.get(start, '`source=DATA`')}."
    )


def _refuse_taught(*parts: str) -> None:
    """Raises if a part of a chain, or what is to learn from a source's images, needs a teacher."""
    for part in parts:
        if part in METHODS and METHODS[part].needs_teacher:
            raise InputError(
                f'The method "{part}" learns from the encoder that a source gives, on your own '
                "images and from random weights. It goes on from no other network, and nothing "
                f"goes on from it. Use an arm such as {part}/lpft."
            )


def require_generators(arms: Iterable[Arm], unlabeled_from: str) -> None:
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
        arm for arm in arms if takes_generated(arm.strategy) and not read_init(arm.init).is_random
    ]
    if not readers:
        known = ", ".join(name for name in STRATEGIES if takes_generated(name))
        raise InputError(
            f'unlabeled_from is "{unlabeled_from}", but no pretrained arm can train a '
            f"network on generated images. Expected one with {known}, such as "
            f"{makers[0]}/selftrain."
        )
    for arm in readers:
        if not read_init(arm.init).generates:
            raise InputError(
                f'Arm "{arm}" cannot train on generated images, because its init generates '
                f"none; expected {' or '.join(makers)}. Leave the arm out, or use unlabeled "
                "images from the pool."
            )
