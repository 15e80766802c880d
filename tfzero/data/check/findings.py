"""What a check says: findings, each with examples to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tfzero.common.numbers import write_number
from tfzero.data.collection import Part

# "stop" keeps a study from starting, "look" is for a person to judge, "fine" is nothing.
LEVELS = ("stop", "look", "fine")
# Examples that a result holds; counts count all.
MOST_EXAMPLES = 24


class Sight(NamedTuple):
    """One image that a finding points to."""

    part: str
    row: int
    name: str
    label: str | None


class Example(NamedTuple):
    """One image, or two that belong together, and what there is to say about it."""

    sights: tuple[Sight, ...]
    remark: str = ""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name: "files", "duplicates", ...
        level: "stop", "look" or "fine".
        sentence: Complete by itself; says what to do where something is to be done.
        count: How many images, pairs or classes it is about.
        examples: Some of them.
        names: Files without a picture, with the reason.
    """

    check: str
    level: str
    sentence: str
    count: int = 0
    examples: tuple[Example, ...] = ()
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Subject:
    """What is checked.

    Attributes:
        parts: "train", and where they are there "test" and "pool" (unlabeled images only).
        class_names: K names.
        transductive: Whether the pool may hold test images.
    """

    parts: Mapping[str, Part]
    class_names: Sequence[str]
    transductive: bool = False

    def see(self, part: str, row: int) -> Sight:
        """Returns where an image is, what it is called and how it is labelled."""
        images = self.parts[part]
        label = None if images.labels is None else self.class_names[int(images.labels[row])]
        return Sight(part, int(row), str(images.names[row]), label)


@dataclass(frozen=True, eq=False)
class CheckResult:
    """All findings about a data set.

    Attributes:
        name: Of the data set.
        source: What the user gave.
        facts: What there is, as pairs of words.
        findings: In the order to read them.
        left_out: What was not looked at, in sentences.
        seconds: How long it took.
        subject: The images, for pictures.
        sizes: How often each (height, width) occurs among files; empty for arrays and clips.
    """

    name: str
    source: str
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Finding]
    left_out: Sequence[str]
    seconds: float
    subject: Subject = field(repr=False)
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether a study of these data would be refused."""
        return any(finding.level == "stop" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Returns everything but the pictures, for scripts."""
        return {
            "schema": 1,
            "name": self.name,
            "source": self.source,
            "facts": dict(self.facts),
            "stops": self.stops,
            "findings": [
                {
                    "check": finding.check,
                    "level": finding.level,
                    "sentence": finding.sentence,
                    "count": finding.count,
                    "examples": [
                        {
                            "images": [sight._asdict() for sight in example.sights],
                            "remark": example.remark,
                        }
                        for example in finding.examples
                    ],
                    "names": [{"name": name, "reason": why} for name, why in finding.names],
                }
                for finding in self.findings
            ],
            "left_out": list(self.left_out),
            "seconds": round(self.seconds, 1),
        }


def stack_rows(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Returns for all images, part after part, the part's number and the row in it."""
    sizes = [len(part.images) for part in subject.parts.values()]
    numbers = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    rows = np.concatenate([np.arange(size, dtype=np.uint32) for size in sizes])
    return numbers, rows


# A share so near 0 or 1 is only said to be so near.
_TINY = 1e-7


def percent(share: float) -> str:
    """Returns "40 %", "99.7 %", "0.02 %": never 0 or 100 of what only comes near it."""
    if share not in (0, 1) and not _TINY < share < 1 - _TINY:
        return "more than 99.99999 %" if share > 0.5 else "less than 0.00001 %"
    return f"{write_number(100 * share, 0)} %"


def plural(count: int, word: str) -> str:
    """Returns "1 image", "2 images"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
