"""Pictures of what a method makes: samples, reconstructions, traversals, interpolations."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tfzero.common.files import write_by_path
from tfzero.common.version import KEY, __version__
from tfzero.networks.scaling import scale_images
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.generate import generate_images

# Pixels of gray between the images of a grid.
_GAP, _GRAY = 1, 128
# A traversal goes this many standard deviations of the prior to either side.
_REACH = 3.0


def draw_samples(model: Pretrainer, *, count: int = 64, columns: int = 8, seed: int = 0):
    """Returns a grid of generated images, uint8 `(H', W', C')`; see `make_grid`."""
    return make_grid(generate_images(model, count, seed=seed), columns=columns)


def draw_reconstructions(model: Pretrainer, images: np.ndarray, *, columns: int = 8) -> np.ndarray:
    """Returns a grid of images, each above what the method keeps of it.

    Args:
        model: A method that can reconstruct.
        images: `(N, H, W, C)`, uint8 or floats in 0..1.
        columns: Pairs in a row.

    Returns:
        uint8 `(H', W', C')`.
    """
    originals = scale_images(tf.convert_to_tensor(images)).numpy()
    restored = np.asarray(model.reconstruct(images))
    columns = min(columns, len(originals))
    rows = []
    for start in range(0, len(originals), columns):
        for part in (originals, restored):
            row = part[start : start + columns]
            blank = np.ones((columns - len(row), *row.shape[1:]), row.dtype)
            rows += [row, blank]
    return make_grid(np.concatenate(rows), columns=columns)


def draw_traversals(
    model: Pretrainer,
    *,
    count: int = 8,
    steps: int = 9,
    image: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Returns a grid with a row a latent, which alone changes along the row.

    Shown are the latents that change the picture most from end to end, the strongest first. The
    others stay at one point: the posterior mean of `image`, or a draw from the prior.

    Args:
        model: A method that can decode.
        count: Latents shown, at most all.
        steps: Images in a row, from -3 to 3 standard deviations of the prior.
        image: `(H, W, C)`, uint8 or floats in 0..1; for a method with a posterior.
        seed: Draws the point without an image.

    Returns:
        uint8 `(H', W', C')`.
    """
    if image is None:
        point = _draw_prior(model, 1, seed)[0]
    else:
        point = np.asarray(
            model.posterior(scale_images(tf.convert_to_tensor(image[None])), training=False)[0]
        )[0]
    ends = np.repeat(point[None], 2 * model.latent_dim, axis=0)
    latent = np.arange(model.latent_dim)
    ends[2 * latent, latent], ends[2 * latent + 1, latent] = -_REACH, _REACH
    pixels = np.asarray(model.decode(tf.constant(ends)))
    change = np.square(pixels[1::2] - pixels[::2]).sum(axis=(1, 2, 3))  # (Z,)
    shown = np.argsort(-change, kind="stable")[:count]
    rows = np.repeat(point[None], len(shown) * steps, axis=0)
    rows[np.arange(len(rows)), np.repeat(shown, steps)] = np.tile(
        np.linspace(-_REACH, _REACH, steps), len(shown)
    )
    return make_grid(np.asarray(model.decode(tf.constant(rows))), columns=steps)


def draw_interpolations(
    model: Pretrainer, *, count: int = 8, steps: int = 9, seed: int = 0
) -> np.ndarray:
    """Returns a grid with a row a pair of draws from the prior, and what lies between them.

    The way follows a great circle: points on the straight line are nearer to 0 than draws of
    N(0, 1) in many dimensions are.

    Args:
        model: A method that can decode.
        count: Rows.
        steps: Images in a row, the ends included.
        seed: Draws the pairs.

    Returns:
        uint8 `(H', W', C')`.

    Reference:
        White 2016, arXiv:1609.04468, section 2.1.
    """
    latents = _draw_prior(model, 2 * count, seed)
    rows = [
        interpolate(first, second, steps)
        for first, second in zip(latents[::2], latents[1::2], strict=True)
    ]
    return make_grid(np.asarray(model.decode(tf.constant(np.concatenate(rows)))), columns=steps)


def interpolate(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """Returns float32 `(steps, Z)` from `first` to `second`, both `(Z,)`, on a great circle."""
    share = np.linspace(0.0, 1.0, steps)[:, None]
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    angle = np.arccos(np.clip(first @ second / norms, -1.0, 1.0)) if norms > 0 else 0.0
    if np.sin(angle) < 1e-6:  # one direction, or opposite ones, between which no circle is chosen
        path = (1 - share) * first + share * second
    else:
        path = np.sin((1 - share) * angle) * first + np.sin(share * angle) * second
        path /= np.sin(angle)
    return path.astype(np.float32)


def make_grid(images: np.ndarray, *, columns: int = 8) -> np.ndarray:
    """Lays images out in rows, from the left and from the top, a gray line between them.

    Args:
        images: `(N, H, W, C)`, uint8 or floats in 0..1. Of other than 1 or 3 channels the mean
            is shown.
        columns: Images in a row.

    Returns:
        uint8 `(H', W', 1 or 3)`; places without an image are gray.
    """
    pixels = np.asarray(images)
    if pixels.dtype != np.uint8:
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    if pixels.shape[-1] not in (1, 3):
        pixels = np.rint(pixels.mean(axis=-1, keepdims=True)).astype(np.uint8)
    count, height, width, channels = pixels.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    down, across = height + _GAP, width + _GAP
    grid = np.full((rows * down + _GAP, columns * across + _GAP, channels), _GRAY, np.uint8)
    for place, image in enumerate(pixels):
        top, left = _GAP + place // columns * down, _GAP + place % columns * across
        grid[top : top + height, left : left + width] = image
    return grid


def write_png(path: pathlib.Path, grid: np.ndarray, *, zoom: int | None = None) -> None:
    """Writes a grid as PNG.

    Args:
        path: The file; replaced if it is there.
        grid: From `make_grid`.
        zoom: Screen pixels a pixel; None enlarges small images to be seen.

    Raises:
        StopError: If the file cannot be written.
    """
    zoom = zoom or max(1, min(6, 800 // max(grid.shape[:2])))
    enlarged = grid.repeat(zoom, axis=0).repeat(zoom, axis=1)
    picture = Image.fromarray(enlarged[..., 0] if grid.shape[-1] == 1 else enlarged)
    told = PngInfo()
    told.add_text("Software", f"{KEY} {__version__}")
    write_by_path(pathlib.Path(path), functools.partial(picture.save, pnginfo=told))


def list_pictures(
    model: Pretrainer,
    *,
    images: np.ndarray | None = None,
    count: int = 64,
    traversals: int = 8,
    interpolations: int = 8,
    seed: int = 0,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields all that a method can show, as (name, grid), in an order that tells a story.

    Args:
        model: A method.
        images: `(N, H, W, C)` to reconstruct, and the first to start traversals from; None
            leaves reconstructions out.
        count: Samples.
        traversals: Rows of traversals; 0 for none.
        interpolations: Rows of interpolations; 0 for none.
        seed: Decides all draws.
    """
    if model.can("generate"):
        yield "samples", draw_samples(model, count=count, seed=seed)
    if model.can("reconstruct") and images is not None:
        yield "reconstructions", draw_reconstructions(model, images)
    if model.can("decode") and traversals:
        image = images[0] if images is not None and model.can("posterior") else None
        yield "traversals", draw_traversals(model, count=traversals, image=image, seed=seed)
    if model.can("decode") and interpolations:
        yield "interpolations", draw_interpolations(model, count=interpolations, seed=seed)


def _draw_prior(model, count: int, seed: int) -> np.ndarray:
    return tf.random.stateless_normal((count, model.latent_dim), (seed, 0)).numpy()
