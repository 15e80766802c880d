"""Equal images, across all parts: leaks, repetitions, and labels that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfzero.data.check.findings import (
    MOST_EXAMPLES,
    Example,
    Finding,
    Subject,
    plural,
    stack_rows,
)
from tfzero.data.digests import digest_rows


def check_duplicates(subject: Subject) -> list[Finding]:
    """Looks for images of equal pixels within and across the parts."""
    names = list(subject.parts)
    numbers, rows = stack_rows(subject)
    groups = _find_equal(subject)
    pairs: dict[str, list[tuple[int, int]]] = {"leak": [], "pool": [], "same": [], "labels": []}
    test = names.index("test") if "test" in names else -1
    for group in groups:
        inside = group[numbers[group] == test]
        outside = group[numbers[group] != test]
        for row in outside if len(inside) else ():
            kind = "pool" if names[numbers[row]] == "pool" else "leak"
            pairs[kind].append((int(inside[0]), int(row)))
        pairs["same"] += [(int(group[0]), int(row)) for row in group[1:]]
        pairs["labels"] += _contradictions(subject, names, numbers, rows, group)

    def show(kind: str) -> tuple[Example, ...]:
        return tuple(
            Example(tuple(subject.see(names[numbers[i]], rows[i]) for i in pair))
            for pair in pairs[kind][:MOST_EXAMPLES]
        )

    return [
        _say_leaks(len(pairs["leak"]), show("leak")),
        *_say_pool(len(pairs["pool"]), show("pool"), subject),
        *_say_contradictions(len(pairs["labels"]), show("labels")),
        _say_same(len(pairs["same"]), len(groups), show("same")),
    ]


def _find_equal(subject: Subject) -> list[np.ndarray]:
    """Returns the places, all parts counted through, of each picture that is there twice or more.

    Nothing is kept of the others but a hash: a pool may have more images than memory holds.
    """
    digests = np.empty(sum(len(part.images) for part in subject.parts.values()), np.uint64)
    start = 0
    for part in subject.parts.values():
        digests[start : start + len(part.images)] = digest_rows(part.images)
        start += len(part.images)
    order = np.argsort(digests, kind="stable")
    in_order = digests[order]
    same = in_order[1:] == in_order[:-1]
    del in_order
    repeated = order[np.append(same, False) | np.append(False, same)]
    if not len(repeated):
        return []
    return np.split(repeated, np.flatnonzero(np.diff(digests[repeated])) + 1)


def _contradictions(subject, names, numbers, rows, group) -> Iterable[tuple[int, int]]:
    labelled = [
        (int(i), int(part.labels[rows[i]]))
        for i in group
        if (part := subject.parts[names[numbers[i]]]).labels is not None
    ]
    return [(labelled[0][0], i) for i, label in labelled[1:] if label != labelled[0][1]]


def _say_leaks(count: int, examples: tuple[Example, ...]) -> Finding:
    if not count:
        return Finding("leaks", "fine", "No training image equals a test image.")
    return Finding(
        "leaks",
        "stop",
        f"{plural(count, 'training image')} {'equals' if count == 1 else 'equal'} a test "
        "image, pixel by pixel, so test scores say nothing about new images. Remove them, "
        "or use `drop_leaks=True` to leave the training images out.",
        count=count,
        examples=examples,
    )


def _say_pool(count: int, examples: tuple[Example, ...], subject: Subject) -> list[Finding]:
    if "pool" not in subject.parts:
        return []
    if not count:
        return [Finding("pool leaks", "fine", "No unlabeled image equals a test image.")]
    sentence = f"{plural(count, 'unlabeled image')} {'equals' if count == 1 else 'equal'} a test "
    sentence += "image. "
    if subject.transductive:
        sentence += "This is intended: the setting is transductive."
        return [Finding("pool leaks", "fine", sentence, count, examples)]
    sentence += (
        "Use `drop_leaks=True` to leave them out of the pool. If the images to classify are "
        "already known when you pretrain, use `transductive=True` instead."
    )
    return [Finding("pool leaks", "stop", sentence, count, examples)]


def _say_contradictions(count: int, examples: tuple[Example, ...]) -> list[Finding]:
    if not count:
        return []
    return [
        Finding(
            "contradictions",
            "look",
            f"{plural(count, 'pair')} of equal images with different labels: at least one "
            "label of each pair is wrong. Correct or remove it.",
            count=count,
            examples=examples,
        )
    ]


def _say_same(count: int, groups: int, examples: tuple[Example, ...]) -> Finding:
    if not count:
        return Finding("duplicates", "fine", "No two images are equal, pixel by pixel.")
    return Finding(
        "duplicates",
        "look",
        f"{plural(count, 'image')} {'repeats' if count == 1 else 'repeat'} another, pixel by "
        f"pixel ({plural(groups, 'different picture')}). They count twice. If a test part is "
        "held out, copies stay on one side.",
        count=count,
        examples=examples,
    )
