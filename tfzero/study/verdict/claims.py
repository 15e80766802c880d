"""Which comparisons of a family may be claimed, so that any false claim is rare."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

Name = TypeVar("Name", bound=Hashable)

# In place of a label count: the average over all of them.
AVERAGE = None


class Claim(NamedTuple, Generic[Name]):
    """One hypothesis: an arm at a label count, or (None) on average over all."""

    arm: Name
    count: int | None


# By arm, then by label count or AVERAGE: the p value.
PValues = Mapping[Name, Mapping[int | None, float]]


def claim(
    p_values: PValues, alpha: float, level: Callable[[float], float], already: set[Claim]
) -> set[Claim]:
    """Returns the hypotheses that are rejected, those rejected at earlier looks included.

    Arms that have an open hypothesis share `alpha` equally. An arm gives half of its share to its
    average and half to its label counts, which use theirs by Holm's procedure. Once the average
    is rejected the counts have the whole share, and the other way round. The share of an arm with
    nothing left open goes to the others.

    Args:
        p_values: Of this look.
        alpha: Probability of any false rejection, over all looks.
        level: Returns the level of this look for a share of alpha.
        already: What earlier looks rejected.

    Reference:
        Holm 1979, Scandinavian Journal of Statistics 6:65; Bretz, Maurer, Brannath and Posch 2009,
        Statistics in Medicine 28:586 (passing shares on); Maurer and Bretz 2013, Statistics in
        Biopharmaceutical Research 5:311 (over looks).
    """
    claimed = set(already)
    while True:
        open_arms = [arm for arm in p_values if _open_of(p_values, arm, claimed)]
        if not open_arms:
            return claimed
        share = alpha / len(open_arms)
        new = {
            Claim(arm, count)
            for arm in open_arms
            for count, part in _shares(_open_of(p_values, arm, claimed), share).items()
            if p_values[arm][count] <= level(part)
        }
        if not new:
            return claimed
        claimed |= new


def _open_of(p_values: PValues, arm, claimed: set[Claim]) -> dict[int | None, float]:
    return {count: p for count, p in p_values[arm].items() if Claim(arm, count) not in claimed}


def _shares(left: Mapping[int | None, float], share: float) -> dict[int | None, float]:
    """Returns what an arm's open hypotheses that are next in order may be tested at."""
    counts = [count for count in left if count is not AVERAGE]
    shares: dict[int | None, float] = {}
    if counts:
        ours = share / 2 if AVERAGE in left else share
        first = min(counts, key=lambda count: left[count])
        shares[first] = ours / len(counts)
    if AVERAGE in left:
        shares[AVERAGE] = share / 2 if counts else share
    return shares


def bonferroni_share(count: int | None, *, arms: int, counts: int, alpha: float) -> float:
    """Returns the share of `alpha` that a hypothesis has before anything is rejected.

    Args:
        count: The label count, or AVERAGE.
        arms: How many arms there are.
        counts: How many label counts; a single one has no average beside it.
        alpha: Of the whole family.
    """
    share = alpha / arms
    if counts == 1:
        return share
    return share / 2 if count is AVERAGE else share / (2 * counts)


def adjust(p_values: PValues, level_inverse: Callable[[float], float]) -> dict[Claim, float]:
    """Returns the smallest `alpha` at which each hypothesis is rejected, at this look alone.

    Args:
        p_values: Of this look.
        level_inverse: Returns the share of alpha at which this look rejects a p value.
    """
    left = {
        arm: {count: level_inverse(p) for count, p in by_count.items()}
        for arm, by_count in p_values.items()
    }
    adjusted: dict[Claim, float] = {}
    largest = 0.0
    # Shares only grow while hypotheses are rejected. So they fall one after the other, each time
    # the one that needs the smallest alpha.
    while any(left.values()):
        open_arms = [arm for arm in left if left[arm]]
        needed, arm, count = min(
            (
                (left[arm][count] / share, place, count)
                for place, arm in enumerate(open_arms)
                for count, share in _shares(left[arm], 1 / len(open_arms)).items()
            ),
            key=lambda found: found[0],
        )
        arm = open_arms[arm]
        largest = max(largest, needed)
        adjusted[Claim(arm, count)] = min(1.0, largest)
        left[arm] = {other: p for other, p in left[arm].items() if other != count}
    return adjusted
