"""At how many seeds the judge looks at a study."""

from __future__ import annotations

# Each number is about 1.4 times the last. More looks would cost power and would save few seeds.
_LOOKS = (3, 5, 7, 10, 14, 20, 28, 40, 56, 80)


def choose_looks(most_seeds: int, *, early_stop: bool = True) -> tuple[int, ...]:
    """Returns the numbers of seeds at which the judge looks; the last is all seeds.

    Args:
        most_seeds: All seeds that the study may use.
        early_stop: Whether the study may stop before; without, there is one look.
    """
    earlier = [seeds for seeds in _LOOKS if seeds < most_seeds] if early_stop else []
    return (*earlier, most_seeds)
