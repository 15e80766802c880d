"""How images are read and divided into parts: one object for all functions that load data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from numbers import Integral

from tfzero.common.checks import InputError, require_between, require_choice
from tfzero.common.images import SMALLEST
from tfzero.common.pixels import check_pixel_range
from tfzero.data.clips import RATES
from tfzero.data.decode import PAGES
from tfzero.data.fit import RESIZE_MODES
from tfzero.data.logmel import LONGEST, SHORTEST, LogMel
from tfzero.data.square import SizeRule, choose_square

# What is held out where nobody says how much.
TEST_SHARE = 0.3

Size = int | tuple[int, int] | list[int] | None


@dataclass(frozen=True)
class LoadOptions:
    """All arguments of `load_data` but the source, checked once; and what its callers add.

    The last four attributes are set by the library itself.

    Attributes:
        pool: Folder of unlabeled images, or None.
        pool_only: Whether the pool is the unlabeled images alone.
        labels: Table of the labels of a folder's images, or None.
        pages: What the pages of a TIFF file are: see `tfzero.data.tiff`.
        size: As the user gave it; see `image_size`.
        channels: 1 for gray, 3 for RGB, None for what the images are.
        resize: What happens to the aspect: "stretch", "pad" or "crop"; None for `resize_mode`.
        pixel_range: The darkest and the brightest value that a pixel can have, or None.
        test_share: Share in (0, 1) that is held out where there is no test part; None for 0.3,
            or for cross-fitting in a study where labelled images are few.
        group: Column of labels.csv, or pattern in a file's path, that tells which images belong
            together; None if nothing does.
        strict: Whether what cannot be used is refused instead of set aside.
        drop_leaks: Whether training and unlabeled images that equal a test image are left out.
        transductive: Whether the pool may hold test images.
        balanced: Whether label subsets have as many images of each class.
        rate: Samples per second to resample clips to, or None where all have one rate.
        clip_seconds: The most that is kept of a clip; None chooses by the clips.
        trim_db: How far below its loudest moment a clip's ends are silence; None for the default.
        lenient: Whether images may be too small and classes may be missing: for a check, which has
            to see them.
        is_source: Whether the images are another data set beside a target, and size, channels and
            resize are the target's. Clips that cannot follow them take what is nearest.
        sound: How the target's clips became images. It replaces the three settings of clips.
        size_rule: Chooses the size of images that have several sizes, where `size` is None.

    Raises:
        InputError: If a value cannot be used.
    """

    pool: str | os.PathLike[str] | None = None
    pool_only: bool = False
    labels: str | os.PathLike[str] | None = None
    pages: str = "first"
    size: Size = None
    channels: int | None = None
    resize: str | None = None
    pixel_range: tuple[float, float] | None = None
    test_share: float | None = None
    group: str | None = None
    strict: bool = False
    drop_leaks: bool = False
    transductive: bool = False
    balanced: bool = False
    rate: int | None = None
    clip_seconds: float | None = None
    trim_db: float | None = None
    lenient: bool = False
    is_source: bool = False
    sound: LogMel | None = None
    size_rule: SizeRule = choose_square

    def __post_init__(self):
        if self.test_share is not None:
            _check_share(self.test_share)
        if self.resize is not None:
            require_choice(self.resize, RESIZE_MODES, what="way to resize")
        require_choice(self.pages, PAGES, what="meaning of pages")
        if self.channels not in (None, 1, 3):
            raise InputError(f"channels is {self.channels!r}; expected 1 for gray or 3 for RGB.")
        check_clip_options(rate=self.rate, clip_seconds=self.clip_seconds, trim_db=self.trim_db)
        parse_size(self.size)
        if self.pixel_range is not None:
            check_pixel_range(self.pixel_range)

    @property
    def values(self) -> tuple[float, float] | None:
        """`pixel_range` as two floats."""
        return None if self.pixel_range is None else check_pixel_range(self.pixel_range)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) to bring the images to, or None where all have one size."""
        return parse_size(self.size)

    @property
    def resize_mode(self) -> str:
        """`resize`, and "stretch" where nobody says it and there is a size or there are clips."""
        return self.resize or RESIZE_MODES[0]

    def require_no_clip_options(self, *, where: str) -> None:
        """Refuses options for clips of sound where there are images.

        Raises:
            InputError: If one is given.
        """
        if (self.rate, self.clip_seconds, self.trim_db) != (None, None, None):
            raise InputError(
                f"{where} has images, but `rate`, `clip_seconds` and `trim_db` are for clips of "
                "sound. Leave them out."
            )


def parse_size(size: Size) -> tuple[int, int] | None:
    """Returns (height, width), or None for None; one number means a square.

    Raises:
        InputError: If it is no size, or a side is under 8.
    """
    if size is None:
        return None
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(_is_whole(side) for side in sides):
        raise InputError(f"size is {size!r}; expected one whole number or (height, width).")
    height, width = int(sides[0]), int(sides[1])
    if min(height, width) < SMALLEST:
        raise InputError(
            f"size is {height}x{width} pixels; expected at least 8x8. Give a larger size."
        )
    return height, width


def check_clip_options(
    *, rate: int | None, clip_seconds: float | None, trim_db: float | None
) -> None:
    """Refuses options that no clip can be read with.

    Raises:
        InputError: If one is out of range.
    """
    low, high = RATES
    for name, value, least, most in (
        ("rate", rate, low, high),
        ("clip_seconds", clip_seconds, SHORTEST, LONGEST),
        ("trim_db", trim_db, 0, 200),
    ):
        if value is not None:
            require_between(value, least, most, name=f"`{name}`")


def _check_share(share: float) -> None:
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
        raise InputError(
            f"test_share is {share!r}; expected a number between 0 and 1, "
            "for example 0.3 to hold out 30 % of the images."
        )


def _is_whole(side: object) -> bool:
    return isinstance(side, Integral) and not isinstance(side, bool)
