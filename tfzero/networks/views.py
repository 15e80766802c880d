"""Random views of images: what may change in a picture without changing what it shows."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from tfzero.common.checks import require_choice

# YIQ: brightness and two axes of colour, in which a turn is a change of hue.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
_LUMA = _TO_YIQ[0]
# A crop's sides differ by at most this ratio (Szegedy et al. 2015, arXiv:1409.4842, section 6).
_MAX_ASPECT = 4 / 3


@dataclasses.dataclass(frozen=True)
class Views:
    """How far a random view may be from its image.

    Attributes:
        smallest_crop: Share of the area that a crop keeps at least; 1 keeps everything.
        flip: Whether half of the views are mirrored left to right.
        zoom: Largest relative change of both sides, either way.
        rotation: Largest turn either way, in radians.
        right_angles: Whether views are turned by 0, 90, 180 or 270 degrees, all equally often.
            Images that are not square are turned by 0 or 180 degrees, which keeps their shape.
        jitter: Largest relative change of brightness and of contrast.
        saturation: Largest relative change of saturation, of colour images.
        hue: Largest turn of the hue either way, as a share of the circle, of colour images.
        gray_share: Share of views without colour.
        mask_share: Height and width of the masked bands, as a share of each side.
        shift: Largest shift along the height and along the width, each as a share of it.
    """

    smallest_crop: float = 1.0
    flip: bool = False
    zoom: float = 0.0
    rotation: float = 0.0
    right_angles: bool = False
    jitter: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gray_share: float = 0.0
    mask_share: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)


# Photos as CIFAR-10 in Chen et al. 2020, arXiv:2002.05709, appendix B.9: colours of strength 0.5.
# Unlike there a crop keeps at least 0.3 of the area instead of 0.08, and colours change in every
# view instead of 0.8 of them. Masks as in Park et al. 2019, arXiv:1904.08779. Under a microscope no
# side is up; stains differ between laboratories, but a colour often tells the class, so it changes
# by half as much as a photo's.
VIEWS = {
    "digits": Views(smallest_crop=0.5, rotation=10 / 180 * math.pi, jitter=0.4),
    "clothes": Views(smallest_crop=0.5, flip=True, jitter=0.4),
    "photos": Views(
        smallest_crop=0.3, flip=True, jitter=0.4, saturation=0.4, hue=0.1, gray_share=0.2
    ),
    "microscopy": Views(
        smallest_crop=0.5, flip=True, right_angles=True, jitter=0.4, saturation=0.2, hue=0.05
    ),
    "spectrograms": Views(jitter=0.4, mask_share=0.25, shift=(0.1, 0.15)),
}


def find_views(kind: str) -> Views:
    """Returns the strengths of a kind of data.

    Raises:
        InputError: If there is no such kind; the message names the nearest.
    """
    return VIEWS[require_choice(kind, VIEWS, what="kind of data")]


def random_views(images: tf.Tensor, views: Views, *, seed: tf.Tensor) -> tf.Tensor:
    """Returns one random view of each image.

    Args:
        images: float32 `(B, H, W, C)` in 0..1.
        views: How far they may go.
        seed: int32 `(2,)`; the same seed gives the same views.

    Returns:
        float32 `(B, H, W, C)` in 0..1.
    """
    seeds = tf.unstack(tf.random.split(seed, 3))
    viewed = _warp(images, views, seeds[0])
    viewed = _recolor(viewed, views, seeds[1])
    if views.mask_share:
        viewed = _mask_bands(viewed, views.mask_share, seeds[2])
    return viewed


def _warp(images, views, seed):
    """Crops, turns, shifts and mirrors in one operation."""
    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    draws = tf.random.stateless_uniform(tf.stack([9, shape[0]]), seed)  # (9, B) in 0..1
    area, aspect, place_x, place_y, turn, mirror, shift_x, shift_y, zoom = tf.unstack(draws)
    area = views.smallest_crop + (1 - views.smallest_crop) * area
    # Without crops the sides keep their ratio too.
    log_aspect = math.log(_MAX_ASPECT) * (2 * aspect - 1) * (views.smallest_crop < 1)
    scale_x = tf.minimum(tf.sqrt(area * tf.exp(log_aspect)), 1.0)
    scale_y = tf.minimum(tf.sqrt(area * tf.exp(-log_aspect)), 1.0)
    zoom = 1 + (2 * zoom - 1) * views.zoom
    angle = (2 * turn - 1) * views.rotation
    if views.right_angles:
        angle += _draw_right_angles(images, seed)
    sign = tf.where(mirror < 0.5, -1.0, 1.0) if views.flip else tf.ones_like(mirror)
    # Output (x, y), from the centre, reads input (a x + b y, c x + d y) from the crop's centre.
    cosine, sine = zoom * tf.cos(angle), zoom * tf.sin(angle)
    a, b = sign * scale_x * cosine, -scale_y * sine
    c, d = sign * scale_x * sine, scale_y * cosine
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    center_x = middle_x + (2 * place_x - 1) * (1 - scale_x) * width / 2
    center_y = middle_y + (2 * place_y - 1) * (1 - scale_y) * height / 2
    center_x += (2 * shift_x - 1) * views.shift[1] * width
    center_y += (2 * shift_y - 1) * views.shift[0] * height
    rows, columns = tf.range(height)[None, :, None], tf.range(width)[None, None]
    x = _each(a) * (columns - middle_x) + _each(b) * (rows - middle_y) + _each(center_x)
    y = _each(c) * (columns - middle_x) + _each(d) * (rows - middle_y) + _each(center_y)
    return _read_at(images, x, y)


def _draw_right_angles(images, seed):
    """Returns a turn per image `(B,)`, in radians, by a whole number of right angles."""
    shape = tf.shape(images)
    # A seed of its own, so that the other draws are those of kinds without such turns.
    draws = tf.random.stateless_uniform(
        shape[:1], tf.random.split(seed, 2)[1], maxval=4, dtype=tf.int32
    )
    # Cast once drawn: int64 draws would be other numbers, and int32 is computed on the host.
    draws = tf.cast(draws, tf.int64)
    is_square = tf.equal(shape[1], shape[2])
    turns = tf.where(is_square, draws, 2 * tf.math.mod(draws, 2))
    return tf.cast(turns, tf.float32) * (math.pi / 2)


def _each(values):
    """Shapes one value an image `(B,)` to `(B, 1, 1)`."""
    return values[:, None, None]


def _read_at(images, x, y):
    """Reads images bilinearly at x and y, each `(B, H, W)`; outside repeats the nearest edge.

    By gathering, which XLA can compile, unlike `ImageProjectiveTransformV3`; that is faster, but
    beside the encoder of two views neither is seen. Places are int64: on a GPU TensorFlow computes
    with int32 on the host, and would copy them for each pixel.
    """
    shape, channels = tf.shape(images, out_type=tf.int64), images.shape[-1]
    height, width = shape[1], shape[2]
    x = tf.clip_by_value(x, 0.0, tf.cast(width - 1, tf.float32))
    y = tf.clip_by_value(y, 0.0, tf.cast(height - 1, tf.float32))
    left, top = tf.floor(x), tf.floor(y)
    share_x, share_y = tf.expand_dims(x - left, -1), tf.expand_dims(y - top, -1)
    left, top = tf.cast(left, tf.int64), tf.cast(top, tf.int64)
    right, bottom = tf.minimum(left + 1, width - 1), tf.minimum(top + 1, height - 1)
    pixels = tf.reshape(images, (-1, height * width, channels))

    def read(row, column):
        places = tf.reshape(row * width + column, (-1, height * width))
        return tf.reshape(tf.gather(pixels, places, batch_dims=1), shape)

    upper = read(top, left) * (1 - share_x) + read(top, right) * share_x
    lower = read(bottom, left) * (1 - share_x) + read(bottom, right) * share_x
    return tf.ensure_shape(upper * (1 - share_y) + lower * share_y, images.shape)


def _recolor(images, views, seed):
    """Changes brightness, contrast, saturation and hue by one affine map of colours an image."""
    if not (views.jitter or views.saturation or views.hue or views.gray_share):
        return images
    draws = tf.random.stateless_uniform(tf.stack([5, tf.shape(images)[0]]), seed)  # (5, B)
    brightness, contrast, saturation, hue, gray = tf.unstack(draws)
    brightness = 1 + views.jitter * (2 * brightness - 1)
    contrast = 1 + views.jitter * (2 * contrast - 1)
    luma = images
    colored = images.shape[-1] == 3
    if colored:
        luma = tf.tensordot(images, tf.constant(_LUMA), 1)[..., None]  # (B, H, W, 1)
    mean = tf.reduce_mean(luma, axis=[1, 2, 3])
    gain = (brightness * contrast)[:, None, None, None]
    offset = (brightness * (1 - contrast) * mean)[:, None, None, None]
    if not colored:
        return tf.clip_by_value(images * gain + offset, 0.0, 1.0)
    saturation = 1 + views.saturation * (2 * saturation - 1)
    saturation = tf.where(gray < views.gray_share, 0.0, saturation)
    angle = 2 * math.pi * views.hue * (2 * hue - 1)
    zeros, ones = tf.zeros_like(angle), tf.ones_like(angle)
    cosine, sine = saturation * tf.cos(angle), saturation * tf.sin(angle)
    # Gray is fixed by it, so that the offset above needs no turn.
    turn = tf.reshape(
        tf.stack([ones, zeros, zeros, zeros, cosine, -sine, zeros, sine, cosine], 1), (-1, 3, 3)
    )
    to_yiq = tf.constant(_TO_YIQ)
    matrix = tf.linalg.inv(to_yiq) @ turn @ to_yiq  # (B, 3, 3)
    turned = tf.einsum("bhwc,bdc->bhwd", images, matrix)
    return tf.clip_by_value(turned * gain + offset, 0.0, 1.0)


def _mask_bands(images, share, seed):
    """Sets one band of rows and one of columns to the image's mean."""
    shape = tf.shape(images)
    draws = tf.random.stateless_uniform(tf.stack([4, shape[0]]), seed)  # (4, B) in 0..1
    masked = tf.zeros((shape[0], 1, 1), tf.bool)
    for axis, (size, place) in enumerate(((draws[0], draws[1]), (draws[2], draws[3]))):
        length = tf.cast(shape[1 + axis], tf.float32)
        band = size * share * length
        start = place * (length - band)
        position = tf.range(length)[None]
        inside = (position >= start[:, None]) & (position < (start + band)[:, None])
        masked |= inside[:, :, None] if axis == 0 else inside[:, None, :]
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    return tf.where(tf.expand_dims(masked, -1), mean, images)
