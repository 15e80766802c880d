"""What the numbers of pixels stand for: which is black, which is white, what is ambiguous."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError

PixelRange = tuple[float, float]
# How far floats may lie outside 0..1, as interpolation leaves them.
OVERSHOOT = 0.1
# A whole data set of 8 bits that stays below this value is rather one of masks, or of 4-bit
# pixels, than of photographs: scikit-learn's two reach 21 when exposed 8 stops too short. Digits
# whose white is 1, 3, 7, 15 or 31 instead of 255 give a network with 200 labels 10, 72, 92, 96 or
# 97 % instead of 98.
DIM = 16
# Values that whites have: of a mask, and of 8, 10, 12, 14, 15 and 16 bits.
_WHITES = (1, 255, 1023, 4095, 16383, 32767, 65535)
# What is white where nobody says it.
_FULL = {"8-bit values": 255.0, "16-bit values": 65535.0, "floats": 1.0}
# Data that use less than this share of the range are of little contrast.
_NARROW = 0.25
_BYTES_AT_ONCE = 2**24


class RangeError(InputError):
    """Nobody can tell from the values of pixels what is black and what is white."""


class Extent(NamedTuple):
    """The least and the greatest value of all pixels of one type."""

    kind: str
    low: float
    high: float

    def describe(self) -> str:
        """Returns words as "16-bit values in 0..4095"."""
        return f"{self.kind} in {write_range(self.low, self.high)}"


class Extents:
    """What values the pixels of a whole data set have, by their type; threads may add some."""

    def __init__(self):
        self._found: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def add(self, values: np.ndarray) -> None:
        """Takes note of some images' values, of any shape."""
        if not values.size or values.dtype == bool:
            return
        ends = float(values.min()), float(values.max())
        self.add_extent(Extent(name_kind(values.dtype), *ends))

    def add_extent(self, extent: Extent) -> None:
        """Takes note of what was found elsewhere."""
        kind, low, high = extent
        with self._lock:
            known = self._found.get(kind, (low, high))
            self._found[kind] = min(low, known[0]), max(high, known[1])

    def __iter__(self) -> Iterator[Extent]:
        return iter([Extent(kind, *ends) for kind, ends in sorted(self._found.items())])


def merge_extents(*all_extents: Iterable[Extent]) -> tuple[Extent, ...]:
    """Returns what values there are in several collections of images."""
    merged = Extents()
    for extents in all_extents:
        for extent in extents:
            merged.add_extent(extent)
    return tuple(merged)


def name_kind(kind: np.dtype) -> str:
    """Returns "floats", or "16-bit values"."""
    return "floats" if kind.kind == "f" else f"{8 * kind.itemsize}-bit values"


def write_range(low: float, high: float) -> str:
    """Returns "0..4095"; floats are rounded outwards."""
    low, high = _outwards(low, high)
    return f"{low:.7g}..{high:.7g}"


def check_pixel_range(pixel_range: Sequence[float], *, name: str = "pixel_range") -> PixelRange:
    """Returns (low, high).

    Raises:
        InputError: If it is no such pair.
    """
    try:
        low, high = (float(bound) for bound in pixel_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(
            f"{name} is {pixel_range!r}; expected the pixel values of black and white, for "
            "example (0, 1), (0, 255), (0, 4095) or (-1, 1)."
        )
    return low, high


def scale_values(values: np.ndarray, pixel_range: PixelRange) -> np.ndarray:
    """Returns uint8 of the same shape: the range's ends become 0 and 255.

    Args:
        values: Numbers, `(N, ...)`; those outside are clipped.
        pixel_range: (low, high).
    """
    low, high = pixel_range

    def scale(some: np.ndarray) -> np.ndarray:
        share = (some.astype(np.float64) - low) / (high - low)
        return np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)

    if values.dtype in (np.uint8, np.uint16):  # a table takes less memory and time
        return scale(np.arange(np.iinfo(values.dtype).max + 1))[values]
    pixels = np.empty(values.shape, np.uint8)
    step = max(1, _BYTES_AT_ONCE // max(1, values[:1].nbytes))
    for start in range(0, len(values), step):
        pixels[start : start + step] = scale(values[start : start + step])
    return pixels


def guess_range(low: float, high: float, *, whole: bool) -> PixelRange:
    """Returns what black and white may be, for a person to confirm.

    Args:
        low: The least value that was found.
        high: The greatest.
        whole: Whether the values are whole numbers.
    """
    if low >= 0:
        if whole and 1 < high < DIM:
            return 0, high
        white = next((white for white in _WHITES if high <= white), None)
        if white is not None:
            return 0, white
    elif low >= -1 and high <= 1 and not whole:
        return -1, 1
    elif low >= -128 and high <= 127 and whole:
        return -128, 127
    return _outwards(low, high)


def require_clear(extents: Iterable[Extent], pixel_range: PixelRange | None, *, where: str) -> None:
    """Refuses what nobody can tell the meaning of, from the values of a whole data set.

    Args:
        extents: What was found.
        pixel_range: What black and white are, if somebody said it.
        where: What the error messages call the data set.

    Raises:
        RangeError: If values lie outside of the range that was said, or none was said and they use
            so little of what their type can hold that it may not be their range.
    """
    for extent in extents:
        problem = find_doubt(extent, pixel_range, where=where)
        if problem is not None:
            raise RangeError(problem)


def find_doubt(extent: Extent, pixel_range: PixelRange | None, *, where: str) -> str | None:
    """Returns why values are ambiguous, in sentences with the remedy, or None if they are not."""
    kind, low, high = extent
    if pixel_range is not None:
        return _find_misfit(extent, pixel_range, where)
    full = _FULL.get(kind)
    if full is None:
        guessed = guess_range(low, high, whole=kind != "floats")
        return (
            f"{where} has {extent.describe()}. Their type does not say which values are "
            f"black and white. Give them, for example `pixel_range={write_pair(guessed)}`."
        )
    least = {"8-bit values": DIM, "16-bit values": 32768, "floats": DIM / 255}[kind]
    if not 0 < high < least:
        return None
    guessed = guess_range(low, high, whole=kind != "floats")
    if kind == "floats":
        guessed = (0.0, 1 / 255) if high <= 1 / 255 + 1e-6 else _outwards(0.0, high)
    remedy = f"`pixel_range={write_pair(guessed)}` if {guessed[1]:.7g} is white"
    if not _is_black(extent, (0.0, full)):
        remedy += f", or `pixel_range={write_pair((0, full))}` if the images are really this dark"
    return (
        f"{where} has {extent.describe()} in all its images, but black is 0 and white is "
        f"{full:g}. A network would see masks, or pixels of few bits, as nearly black. Give "
        f"the values of black and white: {remedy}."
    )


def is_narrow(extent: Extent, pixel_range: PixelRange | None) -> bool:
    """Whether images use so little of the range that they are of little contrast."""
    low, high = pixel_range or (0.0, _FULL.get(extent.kind, 0.0))
    return extent.high - extent.low < _NARROW * (high - low)


def is_inside(extent: Extent, pixel_range: PixelRange) -> bool:
    """Whether all values lie in the range, its ends included."""
    return extent.low >= pixel_range[0] and extent.high <= pixel_range[1]


def _find_misfit(extent: Extent, pixel_range: PixelRange, where: str) -> str | None:
    """Returns why values do not fit the range that somebody said, or None if they do."""
    kind, low, high = extent
    got = f"{where} has {extent.describe()}, but `pixel_range` is {write_range(*pixel_range)}"
    whole = kind != "floats"
    if not is_inside(extent, pixel_range):
        wider = guess_range(min(low, pixel_range[0]), max(high, pixel_range[1]), whole=whole)
        return (
            f"{got}; expected no value outside of it. Give the values of black and white, "
            f"for example `pixel_range={write_pair(wider)}`."
        )
    if not _is_black(extent, pixel_range):
        return None
    narrower = guess_range(low, high, whole=whole)
    return (
        f"{got}, which would make all of them black. Give the values of black and white, for "
        f"example `pixel_range={write_pair(narrower)}`."
    )


def _is_black(extent: Extent, pixel_range: PixelRange) -> bool:
    """Whether a range leaves of values that are not all its low end 0 and 1 of 255 alone."""
    white = scale_values(np.array([extent.high]), pixel_range)[0]
    return white <= 1 and extent.high > pixel_range[0]


def write_pair(pair: PixelRange) -> str:
    """Returns "(0, 4095)"."""
    return f"({pair[0]:.7g}, {pair[1]:.7g})"


def _outwards(low: float, high: float) -> PixelRange:
    """Returns the ends as they can be typed: whole, or rounded to what includes them."""
    if low == round(low) and high == round(high):
        return low, high
    unit = 10.0 ** (np.floor(np.log10(max(high - low, 1e-30))) - 3)
    return float(np.floor(low / unit) * unit), float(np.ceil(high / unit) * unit)
