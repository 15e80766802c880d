"""How many labels: what is asked, checked against what there is."""

from __future__ import annotations

from tfzero.common.checks import InputError

# Labels per class up to which the default counts include all of them.
_FEW_LABELS = 50
# All labels are this many times as many as the next smaller count.
_APART = 1.5


def parse_label_counts(counts, *, most: int, num_classes: int) -> tuple[int, ...]:
    """Returns label counts in rising order, "all" resolved.

    Args:
        counts: Numbers, or "all".
        most: Labelled images that a classifier can be trained on.
        num_classes: K.

    Raises:
        InputError: If a count is no number, below one label a class, or more than exist.
    """
    resolved = []
    for count in counts:
        if count == "all":
            resolved.append(most)
            continue
        try:
            number = int(count)
        except (TypeError, ValueError):
            raise InputError(
                f'Label count "{count}" is not a number; expected numbers or "all", such as '
                "100,1000,all."
            ) from None
        if number > most:
            raise InputError(
                f"The label count {number} is larger than the number of labelled training "
                f'images, {most}. Ask for fewer labels, or for "all".'
            )
        if number < num_classes:
            raise InputError(
                f"The label count {number} is too small for {num_classes} classes; expected "
                "at least one label per class."
            )
        resolved.append(number)
    if not resolved:
        raise InputError("No label count is given; expected numbers such as 100,1000,all.")
    return tuple(sorted(set(resolved)))


def default_label_counts(most: int, num_classes: int) -> tuple[int, ...]:
    """Returns 2, 5 and 20 labels per class, as far as they exist, and all where these are few.

    The answer is wanted at the labels that there are. A count close to all of them says the same
    at the same cost, and is left out.
    """
    counts = [num_classes * per_class for per_class in (2, 5, 20)]
    if most > _FEW_LABELS * num_classes:
        return tuple(counts)
    return (*(count for count in counts if most >= _APART * count), most)
