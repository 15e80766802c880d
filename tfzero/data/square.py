"""The one size of images that have several sizes, where nobody says which.

All are brought to a square. A rule chooses its side from what the headers say, before any image is
decoded. The rule here is fixed; a caller may have another, which knows more than this folder does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tfzero.common.images import SMALLEST
from tfzero.data.names import safe_name

# The sides that are offered, and those that the fixed rule takes one of: more pixels take more
# time, which that rule knows nothing of.
SIDES = (32, 64, 96, 128)
_USUAL_SIDES = SIDES[:2]


@dataclass(frozen=True)
class Survey:
    """What the headers of a source's files say.

    Attributes:
        where: What the error messages call the source: its folder.
        sizes: How often each (height, width) occurs.
        counts: How many images can be read, by the part's name: "train", "test" or "pool".
        num_classes: How many classes the labelled images have.
        channels: How many channels all images will have.
    """

    where: str
    sizes: Mapping[tuple[int, int], int]
    counts: Mapping[str, int]
    num_classes: int
    channels: int

    @property
    def name(self) -> str:
        """What the data set will be called."""
        return safe_name(Path(self.where).resolve().name)

    @property
    def longest(self) -> int:
        """The longest side of any image."""
        return max(max(size) for size in self.sizes)

    @property
    def usual(self) -> int:
        """The median of the images' longer sides, of which half are not below it."""
        sides = Counter[int]()
        for size, times in self.sizes.items():
            sides[max(size)] += times
        return sorted(sides.elements())[sides.total() // 2]

    def offer(self) -> tuple[int, ...]:
        """Returns the sides to choose from: none is above the longest side of any image."""
        offered = tuple(side for side in SIDES if side <= self.longest)
        return offered or (max(SMALLEST, self.longest),)


class SizeChoice(NamedTuple):
    """What a rule decides.

    Attributes:
        size: Height and width that all images get.
        reason: Why, as a sentence.
        resize: How they get it; None leaves it to the options, and pads where these say nothing.
    """

    size: tuple[int, int]
    reason: str
    resize: str | None = None


SizeRule = Callable[[Survey], SizeChoice]


def choose_square(survey: Survey) -> SizeChoice:
    """Returns the square by the fixed rule: 64 pixels, or 32 where most images are smaller."""
    offered = survey.offer()
    fitting = [side for side in offered if side in _USUAL_SIDES and side <= survey.usual]
    side = max(fitting, default=min(offered))
    if len(offered) == 1:
        reason = f"No image is longer than {survey.longest} pixels."
    elif side == max(_USUAL_SIDES):
        reason = f"At least half of the images have a longer side of {side} pixels or more."
    else:
        reason = f"More than half of the images are shorter than {max(_USUAL_SIDES)} pixels."
    return SizeChoice((side, side), reason)


_HOW = {"stretch": "stretched", "pad": "padded with black", "crop": "cropped to their middle"}


def note_choice(survey: Survey, choice: SizeChoice, *, resize: str) -> str:
    """Returns what was decided and why, in sentences."""
    smallest, largest = (
        f"{height}x{width}"
        for height, width in (
            least(survey.sizes, key=lambda size: size[0] * size[1]) for least in (min, max)
        )
    )
    return (
        f"The images have {len(survey.sizes):,} sizes, {smallest} to {largest} pixels. All "
        f"became {choice.size[0]}x{choice.size[1]}, {_HOW[resize]} (`size` and `resize` "
        f"change that). {choice.reason}"
    )
