"""Which options of a single stage go together."""

from __future__ import annotations

from tfzero.common.checks import InputError, require_choice
from tfzero.data.kinds import KINDS
from tfzero.pretrain import METHODS, require_teacher


def require_uses(
    method: str, *, kind: str | None, watched: bool, settings, teacher: str | None
) -> None:
    """Raises unless the method is there and has a use for the options that were given.

    Raises:
        InputError: If it has not.
    """
    from tfzero.study.inits.supervised import Supervised

    require_choice(method, [*METHODS, Supervised.word], what="method")
    if method == Supervised.word and (watched or settings or teacher is not None):
        raise InputError(
            "--probe, --keep, --tensorboard, --set and --teacher need a method that learns without "
            "labels; --method supervised does not use them. Leave them out."
        )
    if method != Supervised.word:
        require_teacher(method, given=teacher is not None)
    if kind is None:
        return
    require_choice(kind, KINDS, what="kind of data")
    told = [*(name for name, entry in METHODS.items() if entry.takes_kind), Supervised.word]
    if method not in told:
        raise InputError(
            f"--kind needs a method with augmentation ({', '.join(told)}); --method {method} "
            "does not use it. Leave it out."
        )
