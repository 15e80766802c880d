"""Numbers as people read them: none says 100.0 or 0.0 of what only comes near it."""

from __future__ import annotations

# Farther apart than what adding floats in another order changes.
_NOISE = 1e-9
# More digits than this are not needed to tell numbers that are apart by more than noise.
_MOST_DIGITS = 10


def write_number(value: float, digits: int = 1, *, sign: str = "-", whole: float = 100.0) -> str:
    """Returns a finite number with so many digits behind the point, and more only where it must.

    99.97 stays 99.97, and does not become 100.0; 0.02 does not become 0.0. What is 0 is never -0.0.

    Args:
        value: The number, such as a share in percent.
        digits: Behind the point, of most numbers.
        sign: "+" to write the sign of positive numbers, too.
        whole: The number that, beside 0, means all or nothing: 100 of percent, 1 of a probability.
    """
    for places in range(digits, _MOST_DIGITS + 1):
        rounded = round(value, places) + 0.0
        if abs(rounded) not in (0.0, whole) or abs(value - rounded) < _NOISE:
            break
    return f"{rounded:{sign},.{places}f}"


def count_of(number: int, noun: str) -> str:
    """Returns a count with its noun: "1 seed", "1,200 images"; the plural takes an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
