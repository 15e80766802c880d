"""The one check of arrays of images: their shape, their type, and what their values stand for."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import (
    OVERSHOOT,
    Extents,
    PixelRange,
    RangeError,
    guess_range,
    name_kind,
    scale_values,
    write_pair,
    write_range,
)

SMALLEST = 8
# Images have as many channels, where nothing else tells which axis has them.
_CHANNELS = (1, 3, 4)


def check_images(
    images: np.ndarray,
    *,
    name: str = "images",
    pixel_range: PixelRange | None = None,
    seen: Extents | None = None,
    offers: Collection[str] = (),
) -> np.ndarray:
    """Returns images as uint8 `(N, H, W, C)`.

    Args:
        images: uint8 in 0..255, floating point in 0..1, or bool, of shape `(N, H, W, C)`. With a
            range, numbers of any type in it.
        name: What the error messages call the array.
        pixel_range: The values of black and white, where somebody said them.
        seen: Takes note of the values. It says that these are a part of the data, so that
            whether values are ambiguous is not decided yet. None: these are all.
        offers: Which of `size` and `pixel_range` the caller has for its own caller.

    Raises:
        InputError: If the shape, type or range is another, or a value is not finite.
    """
    images = np.asarray(images)
    require_image_shape(images.shape, name=name, offers=offers)
    pixels = _to_pixels(images, name, pixel_range, offers)
    if seen is None:
        _require_contrast(pixels, name)
    else:
        seen.add(images)
    return pixels


def require_images(images: np.ndarray, *, name: str = "images") -> np.ndarray:
    """Returns some of a data set's images as they are, if a network can take them.

    Args:
        images: uint8, bool, or floats in 0..1 or as little outside as interpolation leaves them,
            `(N, H, W, C)`; NaN passes.
        name: What the error messages call the array.

    Raises:
        InputError: If shape, type or range are others.
    """
    images = np.asarray(images)
    require_image_shape(images.shape, name=name)
    if images.dtype == np.uint8 or images.dtype == bool:
        return images
    if images.dtype.kind != "f":
        _to_pixels(images, name, None, ())  # refuses them
    require_unit_range(images, name=name, slack=OVERSHOOT)
    return images


def require_image_shape(shape: tuple, *, name: str = "images", offers: Collection[str] = ()):
    """Refuses a shape that is not `(N, H, W, C)` of 8x8 pixels or more; None is any number.

    Raises:
        InputError: If so; the message says what to do.
    """
    got = f"{name} has shape {shape}; expected (N, H, W, C)"
    if len(shape) == 3 and shape[-1] in _CHANNELS:
        raise InputError(f"{got}. For one image, make a batch: {name}[None].")
    if len(shape) == 3:
        raise InputError(f"{got}. Add a channel axis: {name}[..., None].")
    if len(shape) != 4 or 0 in shape:
        raise InputError(f"{got}, none of them 0.")
    sides = [side for side in shape[1:3] if side is not None]
    if not sides or min(sides) >= SMALLEST:
        return
    others = [side for side in shape[2:] if side is not None]
    if shape[1] in _CHANNELS and min(others, default=0) >= SMALLEST:
        raise InputError(f"{got}. Move the channels last: numpy.moveaxis({name}, 1, -1).")
    times = -(-SMALLEST // min(sides))
    remedy = f"{name}.repeat({times}, axis=1).repeat({times}, axis=2)"
    remedy = "with `size`" if "size" in offers else f"for example {remedy}"
    raise InputError(
        f"{name} are {shape[1]}x{shape[2]} pixels; expected at least 8x8. Enlarge them {remedy}."
    )


def _to_pixels(
    images: np.ndarray, name: str, pixel_range: PixelRange | None, offers: Collection[str]
) -> np.ndarray:
    """Returns numbers as uint8, of any shape."""
    if images.dtype == bool:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind not in "uif":
        raise InputError(
            f"{name} has type {images.dtype}; expected uint8 in 0..255 or floats in 0..1. Make an "
            f"array of numbers first: numpy.stack([numpy.asarray(each) for each in {name}])."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise InputError(
            f"{name} contains NaN or infinity; expected finite pixels. Remove those images."
        )
    if pixel_range is not None:
        _require_inside(images, pixel_range, name)
        return scale_values(images, pixel_range)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "f":
        require_unit_range(images, name=name, offers=offers)
        return np.rint(images * 255).astype(np.uint8)
    raise _unknown(images, f"{name} has type {images.dtype} in", name, offers)


def require_unit_range(
    images: np.ndarray, *, name: str = "images", slack: float = 0.0, offers: Collection[str] = ()
) -> None:
    """Raises unless floats lie in 0..1.

    Args:
        images: Floats, at least one; NaN passes.
        name: What the error message calls the array.
        slack: How far they may lie outside.
        offers: As in `check_images`.

    Raises:
        InputError: If one lies further outside.
    """
    low, high = float(images.min()), float(images.max())
    if not (low < -slack or high > 1 + slack):
        return
    if low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        raise InputError(
            f"{name} are floats in {write_range(low, high)}; expected 0..1. If they were resized "
            f"by interpolation, clip them: numpy.clip({name}, 0, 1)."
        )
    raise _unknown(images, f"{name} are floats in", name, offers)


def _unknown(images: np.ndarray, found: str, name: str, offers: Collection[str]) -> RangeError:
    low, high = float(images.min()), float(images.max())
    guessed = guess_range(low, high, whole=_is_whole(images))
    option = f" `pixel_range={write_pair(guessed)}`, or" if "pixel_range" in offers else ""
    return RangeError(
        f"{found} {write_range(low, high)}; expected uint8 in 0..255 or floats in 0..1. Say what "
        f"black and white are:{option} {write_scaling(name, guessed)} if they are "
        f"{guessed[0]:.7g} and {guessed[1]:.7g}."
    )


def write_scaling(name: str, pixel_range: PixelRange) -> str:
    """Returns the expression of NumPy that scales an array of any type to floats in 0..1."""
    low, high = pixel_range
    if low == 0:
        return f"{name} / {high:.7g}"
    offset = f"{name} {'-' if low > 0 else '+'} {_write_float(abs(low))}"
    return f"({offset}) / {_write_float(high - low)}"


def _write_float(value: float) -> str:
    # A float: integers of a few bits would overflow.
    text = f"{value:.7g}"
    return text if set(text) & set(".e") else f"{text}.0"


def _require_inside(images: np.ndarray, pixel_range: PixelRange, name: str) -> None:
    low, high = float(images.min()), float(images.max())
    if low < pixel_range[0] or high > pixel_range[1]:
        raise InputError(
            f"{name} has {name_kind(images.dtype)} in {write_range(low, high)}, but "
            f"`pixel_range` is {write_range(*pixel_range)}; expected no value outside of it. "
            f"Widen it, or clip the values first: numpy.clip({name}, {pixel_range[0]:.7g}, "
            f"{pixel_range[1]:.7g})."
        )


def _require_contrast(pixels: np.ndarray, name: str) -> None:
    """Refuses uint8 images that are all 0 and 1, of which a network sees nothing.

    Raises:
        InputError: If so.
    """
    # Of other images the first few tell.
    step = max(1, 2**20 // max(1, pixels[:1].nbytes))
    highest = 0
    for start in range(0, len(pixels), step):
        highest = max(highest, int(pixels[start : start + step].max()))
        if highest > 1:
            return
    if highest == 1:
        raise InputError(
            f"{name} contain only 0 and 1, but black is 0 and white is 255, so a network "
            f"would see only black. Use {name} * 255 instead."
        )


def _is_whole(images: np.ndarray) -> bool:
    if images.dtype.kind != "f":
        return True
    some = images[:: max(1, len(images) // 100)]
    return bool((some == np.rint(some)).all())
