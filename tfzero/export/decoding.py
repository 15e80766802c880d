"""From encoded files to pixels inside the graph, as training sees them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfzero.common.pixels import PixelRange, scale_values, write_range
from tfzero.export.fresh_process import MAX_PIXELS

# Channels to which an encoded picture can be brought.
DECODABLE_CHANNELS = (1, 3)

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"
_HEADER_BYTES = 26  # of a PNG: magic 8, length 4, "IHDR" 4, width 4, height 4, depth 1, type 1
# Pillow's weights of red, green and blue for "L" in 1/65536 (ITU-R 601-2); they sum to 65536.
_GRAY_WEIGHTS = (19595, 38470, 7471)
# The largest transparent picture takes 1.3 GB on the way (measured).
_DECODED_AT_ONCE = 2


def decode_images(
    image_bytes: tf.Tensor,
    image_shape: tuple[int, int, int],
    *,
    resize: str = "stretch",
    file_range: PixelRange | None = None,
) -> tf.Tensor:
    """Decodes PNG and JPEG files to the pixels that training saw.

    Args:
        image_bytes: string `(N,)`, whole files.
        image_shape: `(H, W, C)`, C 1 or 3.
        resize: "stretch", "pad" or "crop", as `tfzero.data.decode.decode_image` has them.
        file_range: The stored values that became 0 and 255 in training; None: 0..255 of 8 bits.

    Returns:
        uint8 `(N, H, W, C)`.
    """
    image_bytes = require_batch(image_bytes, ())
    with tf.device("/CPU:0"):  # no other device has kernels for strings
        return tf.map_fn(
            lambda encoded: _decode_image(encoded, image_shape, resize, file_range),
            image_bytes,
            fn_output_signature=tf.TensorSpec(image_shape, tf.uint8),
            parallel_iterations=_DECODED_AT_ONCE,
        )


def _decode_image(
    encoded: tf.Tensor,
    image_shape: tuple[int, int, int],
    resize: str,
    file_range: PixelRange | None,
) -> tf.Tensor:
    """Decodes one file, `()` to `(H, W, C)`; its header is judged before it is decoded."""
    height, width, channels = image_shape
    with tf.control_dependencies([_require_decodable(encoded)]):
        encoded = tf.identity(encoded)
    # The accurate transform gives Pillow's pixels to the bit; the default is off by up to 7.
    pixels = tf.cond(
        tf.strings.substr(encoded, 0, 3) == _JPEG_MAGIC,
        lambda: _decode_jpeg(encoded, file_range),
        lambda: _decode_png(encoded, file_range),
    )  # (h, w, 3)
    if channels == 1:  # not by libpng and libjpeg, which have weights of their own
        red, green, blue = (
            tf.cast(plane, tf.int32) * weight
            for plane, weight in zip(tf.unstack(pixels, axis=-1), _GRAY_WEIGHTS, strict=True)
        )
        gray = tf.cast((red + green + blue + 32768) // 65536, tf.uint8)  # (h, w)
        pixels = gray[:, :, tf.newaxis]  # (h, w, 1)
    if resize == "pad":
        return _pad(pixels, height, width)
    if resize == "crop":
        pixels = _crop(pixels, height, width)
    return _resize(pixels, (height, width))  # (H, W, C)


def _resize(pixels: tf.Tensor, size) -> tf.Tensor:
    resized = tf.image.resize(pixels, size, "bilinear", antialias=True)
    return tf.saturate_cast(tf.round(resized), tf.uint8)


def _pad(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Keeps the aspect with black margins: `padded_size` of tfzero.data.fit as a graph."""
    high, wide = tf.unstack(tf.shape(pixels, tf.int64)[:2])
    inner_height = tf.clip_by_value((2 * high * width + wide) // (2 * wide), 1, height)
    inner_width = tf.clip_by_value((2 * wide * height + high) // (2 * high), 1, width)
    inner = _resize(pixels, tf.cast(tf.stack([inner_height, inner_width]), tf.int32))
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    margins = [[top, height - inner_height - top], [left, width - inner_width - left], [0, 0]]
    return tf.ensure_shape(tf.pad(inner, margins), (height, width, pixels.shape[-1]))


def _crop(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Cuts the middle out: `crop_box` of tfzero.data.fit as a graph."""
    high, wide = tf.unstack(tf.shape(pixels, tf.int64)[:2])
    inner_height = tf.clip_by_value((2 * wide * height + width) // (2 * width), 1, high)
    inner_width = tf.clip_by_value((2 * high * width + height) // (2 * height), 1, wide)
    top, left = (high - inner_height) // 2, (wide - inner_width) // 2
    return pixels[top : top + inner_height, left : left + inner_width]


def _decode_jpeg(encoded: tf.Tensor, file_range: PixelRange | None) -> tf.Tensor:
    """Decodes a JPEG to `(h, w, 3)`."""
    pixels = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    return pixels if file_range is None else _scale(pixels, file_range)


def _scale(
    pixels: tf.Tensor, file_range: PixelRange, visible: tf.Tensor | None = None
) -> tf.Tensor:
    """Scales stored values `(h, w, C)` to 0..255 as training did; refuses others than it had."""
    most = pixels.dtype.max
    low, high = file_range
    if high > most:
        words = "image_bytes holds an image of 8 bits; expected 16 bits with values in "
        inside = require(tf.constant(False), words + f"{write_range(low, high)}.")
    else:
        values = tf.cast(pixels, tf.int32)
        fits = (values >= int(np.ceil(low))) & (values <= int(high))
        if visible is not None:
            fits = tf.logical_or(fits, tf.logical_not(visible))
        words = "image_bytes holds pixels outside of the range that training had; expected "
        inside = require(tf.reduce_all(fits), words + f"values in {write_range(low, high)}.")
    table = scale_values(np.arange(most + 1, dtype=pixels.dtype.as_numpy_dtype), file_range)
    with tf.control_dependencies([inside]):
        return tf.gather(tf.constant(table), tf.cast(pixels, tf.int32))


def _decode_png(encoded: tf.Tensor, file_range: PixelRange | None) -> tf.Tensor:
    """Decodes a PNG to `(h, w, 3)`, transparent pixels laid on white as in training."""
    # Where a file of 1, 2 or 4 bits has no alpha, decode_png fills in 2**bits - 1, not 255.
    depth, color_type = tf.unstack(
        tf.io.decode_raw(tf.strings.substr(_read_head(encoded), 24, 2), tf.uint8), num=2
    )

    def read_ranged(kind: tf.DType) -> tf.Tensor:
        assert file_range is not None
        stored = tf.io.decode_png(encoded, channels=4, dtype=kind)  # (h, w, 4)
        colors = _scale(stored[:, :, :3], file_range, stored[:, :, 3:] > 0)
        alpha = stored[:, :, 3:]
        if kind == tf.uint16:
            alpha = tf.cast((tf.cast(alpha, tf.int32) + 128) // 257, tf.uint8)
        return tf.concat([colors, alpha], axis=-1)

    def read_plain() -> tf.Tensor:
        return tf.io.decode_png(encoded, channels=4)

    if file_range is None:
        pixels = read_plain()  # (h, w, 4)
    else:
        # Of one bit 0 is black and 1 is white, whatever the range.
        pixels = tf.switch_case(
            tf.where((depth == 1) & (color_type == 0), 0, tf.where(depth == 16, 2, 1)),
            [read_plain, lambda: read_ranged(tf.uint8), lambda: read_ranged(tf.uint16)],
        )
    *colors, alpha = tf.unstack(pixels, axis=-1)
    filled = tf.cast(
        tf.bitwise.left_shift(1, tf.cast(tf.minimum(depth, 8), tf.int32)) - 1, tf.uint8
    )

    def lay_on_white():
        opacity = tf.cast(alpha, tf.int32)  # (h, w)
        planes = []
        for color in colors:  # as Pillow's alpha_composite, to the bit
            mixed = tf.cast(color, tf.int32) * opacity + 255 * (255 - opacity) + 128
            planes.append(tf.cast((mixed + mixed // 256) // 256, tf.uint8))  # mixed / 255
        return tf.stack(planes, axis=-1)

    # Most are opaque, and large ones should not pay for numbers of 32 bits.
    opaque = tf.reduce_all(alpha == 255) | tf.reduce_all(alpha == filled)
    return tf.cond(opaque, lambda: pixels[:, :, :3], lay_on_white)


def _read_head(encoded: tf.Tensor) -> tf.Tensor:
    """Returns the first bytes of a file, padded if it has fewer."""
    return tf.strings.substr(tf.strings.join([encoded, b"\0" * _HEADER_BYTES]), 0, _HEADER_BYTES)


def _require_decodable(encoded: tf.Tensor) -> tf.Operation:
    """Asserts that a file is a PNG or JPEG of bearable size, from its header alone."""
    head = _read_head(encoded)
    is_png = (tf.strings.substr(head, 0, 8) == _PNG_MAGIC) & (
        tf.strings.substr(head, 12, 4) == b"IHDR"
    )
    is_jpeg = tf.strings.substr(head, 0, 3) == _JPEG_MAGIC
    known = require(
        is_png | is_jpeg,
        "image_bytes holds something that is neither PNG nor JPEG (GIF, TIFF, WebP, an empty "
        "or cut file?); expected whole PNG or JPEG files. Convert it first.",
    )
    with tf.control_dependencies([known]):
        size = tf.cond(
            is_jpeg,
            lambda: tf.cast(tf.io.extract_jpeg_shape(encoded), tf.int64),  # height, width, channels
            lambda: _read_png_size(head),
        )
    colors = require(
        size[2] <= 3,
        "image_bytes holds a CMYK JPEG, which is for printing; expected gray or RGB. "
        "Convert it first.",
    )
    extent = tf.strings.join([tf.strings.as_string(size[1]), "x", tf.strings.as_string(size[0])])
    # Each side is bounded first, so that the product cannot overflow.
    bearable = (size[0] <= MAX_PIXELS) & (size[1] <= MAX_PIXELS) & (size[0] * size[1] <= MAX_PIXELS)
    small = require(
        bearable,
        tf.strings.join(
            [
                "image_bytes holds an image of ",
                extent,
                f" pixels; expected at most {MAX_PIXELS}. Make it smaller first.",
            ]
        ),
    )
    return tf.group(colors, small)


def _read_png_size(head: tf.Tensor) -> tf.Tensor:
    """Returns int64 `(3,)`: height, width and 3, from the first bytes of a PNG."""
    sides = tf.reshape(tf.io.decode_raw(tf.strings.substr(head, 16, 8), tf.uint8), (2, 4))
    powers = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)  # big-endian
    width_height = tf.reduce_sum(tf.cast(sides, tf.int64) * powers, axis=1)  # (2,)
    return tf.concat([width_height[::-1], [3]], axis=0)


def require_batch(values: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Asserts the shape, which a signature alone does not, and that there is a row."""
    values = tf.ensure_shape(values, [None, *shape])
    # oneDNN fails on an empty batch with a message about shapes inside the network.
    enough = require(
        tf.shape(values)[0] > 0, "The batch is empty; expected at least one row. Skip the call."
    )
    with tf.control_dependencies([enough]):
        return tf.identity(values)


def require(condition: tf.Tensor, message: str | tf.Tensor) -> tf.Operation:
    """Returns an operation that fails with `message` and nothing else."""
    return tf.debugging.Assert(condition, [message])
