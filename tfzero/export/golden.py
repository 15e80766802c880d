"""Golden pairs: fixed inputs, and what the Keras model itself makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.pixels import PixelRange, scale_values
from tfzero.data.logmel import LogMel, make_image
from tfzero.export.fresh_process import store_values
from tfzero.export.graph import SLACK

_ROW_SUM_TOLERANCE = 1e-3
_NUM_LATENTS = 4
# Pixels of so wide a range that all lie in 0..1 do not belong to it.
_WIDE = 10
_MOST_SECONDS = 2.0


def draw_images(
    image_shape: tuple[int, int, int], file_range: PixelRange | None = None
) -> np.ndarray:
    """Returns uint8 `(4, H, W, C)`: fine and coarse noise, bright and dim.

    Different kinds, because a trained model may be certain of one class on any fine noise, which
    would hide an error. With a range of files, those that a file can hold.
    """
    height, width, channels = image_shape
    random = np.random.default_rng(0)
    images = []
    for cell, brightest in ((1, 256), (4, 256), (4, 96), (max(height, width) // 2 + 1, 256)):
        grid = (-(-height // cell), -(-width // cell), channels)
        noise = random.integers(0, brightest, grid, dtype=np.uint8)
        images.append(noise.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width])
    drawn = np.stack(images)
    if file_range is None:
        return drawn
    return scale_values(store_values(drawn, file_range), file_range)


def draw_clips(sound: LogMel) -> np.ndarray:
    """Returns int16 `(4, S)`: a rising tone, noise, two vowel-like sounds, and clicks.

    Each with silence at its ends and, where little is kept of a clip, longer than that, so that
    both cuts show.
    """
    random = np.random.default_rng(0)
    seconds = min(1.3 * sound.seconds, _MOST_SECONDS)  # they are stored, and sent as warm-up
    count = max(sound.window, round(seconds * sound.rate))
    time = np.arange(count) / sound.rate
    part = np.arange(count) / count
    sweep = np.sin(2 * np.pi * (0.02 + 0.1 * part) * np.arange(count))
    noise = random.standard_normal(count) * np.sin(np.pi * part) ** 2
    vowels = sum(np.sin(2 * np.pi * np.where(part < 0.5, f, 1.7 * f) * time) for f in (150, 700))
    clicks = np.where(np.arange(count) % (count // 5) < 20, 1.0, 0.001) * np.sign(noise)
    clips = []
    for sound_wave, quiet in ((sweep, 0.1), (noise, 0.0), (vowels, 0.3), (clicks, 0.02)):
        inside = (part >= quiet) & (part <= 1 - quiet / 2)
        wave = np.where(inside, sound_wave, 0.0)
        clips.append(np.rint(20_000 * wave / np.abs(wave).max()).astype(np.int16))
    return np.stack(clips)


def hear(clips: np.ndarray, sound: LogMel) -> np.ndarray:
    """Returns the images uint8 `(4, H, W, 1)` of clips, as training has them of files."""
    with tf.device("/CPU:0"):
        return np.stack(
            [make_image(tf.constant(clip / np.float32(32768)), sound).numpy() for clip in clips]
        )


def draw_latents(latent_dim: int) -> np.ndarray:
    """Returns float32 `(4, Z)` from N(0, 1)."""
    random = np.random.default_rng(0)
    return random.standard_normal((_NUM_LATENTS, latent_dim)).astype(np.float32)


def unit_pixels(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images as float32 in 0..1."""
    return images.astype(np.float32) / np.float32(255)


def call_model(
    answer: Callable[[tf.Tensor], dict[str, tf.Tensor]], inputs: np.ndarray, *, who: str
) -> dict[str, np.ndarray]:
    """Returns the answers on the CPU, where they depend least on the machine.

    Raises:
        InputError: If the model cannot be called so, or gives no rows by name.
    """
    try:
        with tf.device("/CPU:0"):
            outputs = answer(tf.constant(inputs))
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{who} cannot be called on an input of shape {inputs.shape}: {error} Give the "
            "image_shape (height, width, channels) that it takes."
        ) from error
    for name, output in outputs.items():
        if not re.fullmatch(r"\w+", name) or output.shape.rank < 2 or len(output) != len(inputs):
            raise InputError(
                f'{who} returns "{name}" of shape {output.shape}; expected one tensor (N, ...), '
                "or several in a dict with names of letters, digits and _."
            )
    return {name: output.numpy() for name, output in outputs.items()}


def require_probabilities(scores: np.ndarray) -> None:
    """Refuses rows that are no probabilities.

    Raises:
        InputError: If a value is negative or not finite, or a row does not sum to 1.
    """
    sums = scores.sum(axis=1)
    if not _are_probabilities(scores):
        raise InputError(
            f"The model's outputs lie in {scores.min():g}..{scores.max():g} and its rows sum "
            f"to {sums.min():g}..{sums.max():g}; expected probabilities that sum to 1. If "
            "the model returns logits, use `from_logits=True`. Otherwise end it with a "
            "softmax: keras.layers.Dense(K, activation='softmax')."
        )


def require_logits(outputs: np.ndarray) -> None:
    """Refuses probabilities `(N, K)`, which a second softmax would flatten."""
    if outputs.shape[1] > 1 and _are_probabilities(outputs.astype(np.float32)):
        raise InputError(
            "The model already returns probabilities, but `from_logits` says that they are "
            "logits. Leave `from_logits` out."
        )


def _are_probabilities(rows: np.ndarray) -> bool:
    near_one = np.abs(rows.sum(axis=1) - 1) <= _ROW_SUM_TOLERANCE  # a NaN is not
    return bool(near_one.all() and (rows >= 0).all())


def require_pixels(images: np.ndarray, pixel_range: tuple[float, float]) -> None:
    """Refuses what is no image in `pixel_range`.

    Raises:
        InputError: If the shape is not `(N, H, W, C)`, or pixels lie outside the range, or belong
            to a far smaller one.
    """
    low, high = pixel_range
    slack = SLACK * (high - low)
    if images.ndim != 4:
        raise InputError(f"The generator returns shape {images.shape}; expected (N, H, W, C).")
    if not (images >= low - slack).all() or not (images <= high + slack).all():
        raise InputError(
            f"The generator's pixels lie in {images.min():g}..{images.max():g}; expected "
            f"{low:g}..{high:g}. Give the right range, for example `pixel_range=(-1, 1)` "
            "after tanh. After logits, end the generator with a sigmoid."
        )
    if high - low > _WIDE and images.min() >= 0 and images.max() <= 1:
        raise InputError(
            f"The generator's pixels lie in {images.min():g}..{images.max():g}, but "
            f"`pixel_range` is {low:g}..{high:g}, which would make all of them black. Leave "
            "it out."
        )
