"""Families of comparisons: which arms are compared, and which question that answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.inits.pixels import Pixels
from tfzero.study.inits.scratch import Scratch
from tfzero.study.planning.plan import SCRATCH
from tfzero.transfer import STRATEGIES

PRETRAINING, ELSEWHERE, UNLABELED, RIVALS = "pretraining", "elsewhere", "unlabeled", "rivals"
# Those that judge pretrained arms against training from scratch.
PRETRAINED = (PRETRAINING, ELSEWHERE)

# An arm, and what it is compared with at the same label counts.
Pair = tuple[Arm, Arm]


@dataclasses.dataclass(frozen=True)
class Family:
    """Comparisons that are decided together, with one probability of any false claim.

    Attributes:
        id: One of the constants above.
        pairs: An arm each, and its baseline.
    """

    id: str
    pairs: tuple[Pair, ...]


def list_families(arms: Iterable[Arm]) -> list[Family]:
    """Returns the families of a study that have a comparison.

    - "pretraining": does pretraining on the own pool help? Such arms against scratch/finetune.
    - "elsewhere": does an encoder help that learned elsewhere, such as public weights? Likewise. A
      question of its own: it is often answered at once, and must not end the study of the first.
    - "unlabeled": do the unlabeled images help without it? Arms that pretrain nothing and read
      them when they learn from labels, against scratch/finetune.
    - "rivals": a pretrained arm against its counterpart without pretraining, an arm with
      something foreign against arms of the target's own pool, a chain against its halves, an
      encoder that learnt from a teacher against that teacher's arms.
    """
    arms = tuple(arms)
    families = (
        Family(PRETRAINING, _pretrained(arms, foreign=False)),
        Family(ELSEWHERE, _pretrained(arms, foreign=True)),
        Family(UNLABELED, _against_scratch(arms, pretrained=False)),
        Family(RIVALS, tuple((arm, rival) for arm in arms for rival in _rivals(arm, arms))),
    )
    return [family for family in families if family.pairs]


def _pretrained(arms: tuple[Arm, ...], *, foreign: bool) -> tuple[Pair, ...]:
    pairs = _against_scratch(arms, pretrained=True)
    return tuple(pair for pair in pairs if read_init(pair[0].init).is_foreign == foreign)


def _against_scratch(arms: tuple[Arm, ...], *, pretrained: bool) -> tuple[Pair, ...]:
    """Returns the arms that owe what they gain to pretraining, or to unlabeled images alone."""
    if SCRATCH not in arms:
        return ()
    found = (arm for arm in arms if read_init(arm.init).is_pretrained == pretrained)
    return tuple((arm, SCRATCH) for arm in found if reads_pool(arm) != pretrained)


def reads_pool(arm: Arm) -> bool:
    """Returns whether an arm learns from labels and unlabeled images together."""
    return STRATEGIES[arm.strategy].reads_pool


def control_of(arm: Arm) -> Arm | None:
    """Returns the rival without pretraining, where training from scratch is not a fair one.

    A strategy that reads unlabeled images gains by them whatever its encoder: what pretraining
    adds shows beside the same strategy on a network that starts at random, or on pixels.
    """
    if not reads_pool(arm) or not read_init(arm.init).is_pretrained:
        return None
    strategy = STRATEGIES[arm.strategy]
    start = Scratch if strategy.trains_network else Pixels
    return Arm(start.word, strategy.control or strategy.name)


def _rivals(arm: Arm, arms: tuple[Arm, ...]) -> list[Arm]:
    """Returns the arms other than scratch/finetune that an arm is compared with.

    An arm with something foreign is compared with arms of the target's own pool: by the same method
    and strategy where there is one, else by the same strategy, else all. One that had a teacher is
    also compared with the teacher's arms, chosen likewise.
    """
    control = control_of(arm)
    found = [control] if control is not None and control in arms else []
    init = read_init(arm.init)
    if not init.is_foreign or not init.is_pretrained:
        return found
    if init.halves:
        halves = [Arm(half, arm.strategy) for half in init.halves]
        return found + [half for half in halves if half in arms]
    own = [each for each in arms if is_own(each)]
    same = [each for each in own if each == Arm(str(init.own_counterpart()), arm.strategy)]
    found += same or _like(arm, own)
    return found + _like(arm, [each for each in arms if is_teacher(each, arm)])


def _like(arm: Arm, rivals: list[Arm]) -> list[Arm]:
    """Returns the rivals with an arm's strategy, or all where none has it."""
    return [each for each in rivals if each.strategy == arm.strategy] or rivals


def is_teacher(rival: Arm, arm: Arm) -> bool:
    """Returns whether an arm's encoder learnt from the encoder that a rival uses as it is."""
    return read_init(rival.init).is_given and read_init(arm.init).is_taught


def is_own(arm: Arm) -> bool:
    """Returns whether an arm is pretrained on the target's own pool alone."""
    init = read_init(arm.init)
    return init.is_pretrained and not init.is_foreign
