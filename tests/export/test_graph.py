from __future__ import annotations

import functools
import resource
import struct
import time
import zlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from tests.export.conftest import SHAPE, encode
from tfzero.data.decode import decode_image
from tfzero.export.decoding import decode_images


def picture(height=40, width=50, channels=3):
    y, x = np.mgrid[:height, :width]
    waves = [128 + 60 * np.sin(x / (7 + c)) + 60 * np.cos(y / (5 + c)) for c in range(channels)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def png_bomb(side):
    """A PNG of one bit a pixel, small as a file and huge when decoded."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def decode(content, shape):
    return _decoder(tuple(shape))(tf.constant([content])).numpy()[0]


@functools.cache
def _decoder(shape):
    return tf.function(
        lambda contents: decode_images(contents, shape),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def assert_as_in_training(content, channels, tmp_path, suffix):
    """Compares with the decoder that feeds training; Pillow rounds between its two passes."""
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(content)
    whole = decode_image(path, channels=channels, size=None)
    np.testing.assert_array_equal(decode(content, whole.shape), whole)
    wanted = decode_image(path, channels=channels, size=(16, 20)).astype(int)
    difference = decode(content, wanted.shape) - wanted
    assert np.abs(difference).max() <= 1
    assert abs(difference.mean()) < 0.1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_png_becomes_what_training_sees(mode, channels, tmp_path):
    image = PIL.Image.fromarray(picture()).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(PIL.Image.fromarray(picture(channels=5)[..., 4]))
    assert_as_in_training(encode(image), channels, tmp_path, ".png")


def test_png_with_a_transparent_color_becomes_what_training_sees(tmp_path):
    image = PIL.Image.fromarray(picture()).convert("P")
    assert_as_in_training(encode(image, transparency=bytes(range(256))), 3, tmp_path, ".png")


def test_png_with_a_small_palette_becomes_what_training_sees(tmp_path):
    image = PIL.Image.fromarray(picture()).quantize(11)
    assert_as_in_training(encode(image, bits=4), 3, tmp_path, ".png")
    assert_as_in_training(
        encode(image, bits=4, transparency=bytes(range(0, 220, 20))), 1, tmp_path, ".png"
    )


@pytest.mark.parametrize(("mode", "key"), [("L", 128), ("RGB", (128, 128, 128))])
def test_png_with_a_color_that_means_transparent(mode, key, tmp_path):
    pixels = np.asarray(PIL.Image.fromarray(picture()).convert(mode)).copy()
    pixels[10:20, 10:20] = key
    content = encode(pixels, transparency=key)
    assert_as_in_training(content, 3, tmp_path, ".png")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_becomes_what_training_sees(channels, options, tmp_path):
    content = encode(picture(), "JPEG", quality=95, **options)
    assert_as_in_training(content, channels, tmp_path, ".jpg")


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_of_the_right_size_is_left_as_it_is(channels):
    image = np.random.default_rng(0).integers(0, 256, (16, 20, channels), dtype=np.uint8)
    content = encode(image[..., 0] if channels == 1 else image)
    np.testing.assert_array_equal(decode(content, (16, 20, channels)), image)


@functools.cache
def bad_files():
    gray = picture()[..., 0]
    cmyk = PIL.Image.fromarray(picture()).convert("CMYK")
    return {
        "empty": (b"", "neither PNG nor JPEG"),
        "text": (b"hello", "neither PNG nor JPEG"),
        "gif": (encode(gray, "GIF"), "neither PNG nor JPEG"),
        "webp": (encode(picture(), "WEBP"), "neither PNG nor JPEG"),
        "magic alone": (encode(gray)[:8], "neither PNG nor JPEG"),
        "cut PNG": (encode(gray)[:200], "PNG"),
        "cut JPEG": (encode(gray, "JPEG")[:200], "JPEG"),
        "CMYK": (encode(cmyk, "JPEG"), "CMYK JPEG"),
        "bomb": (png_bomb(20_000), "20000x20000 pixels; expected at most 50000000"),
        "overflow": (encode(gray)[:16] + b"\xff" * 8 + encode(gray)[24:], "4294967295x4294967295"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_bad_files_are_refused_and_the_next_request_works(signatures, images, expected, name):
    content, message = bad_files()[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures["serving_bytes"](image_bytes=tf.constant([content]))
    good = signatures["serving_bytes"](image_bytes=tf.constant([encode(images[0, ..., 0])]))
    np.testing.assert_allclose(good["scores"], expected[:1], atol=1e-5)


def test_a_bomb_costs_neither_time_nor_memory(signatures, images):
    bomb = png_bomb(20_000)
    assert 40_000 < len(bomb) < 60_000
    serve = signatures["serving_bytes"]
    serve(image_bytes=tf.constant([encode(images[0, ..., 0])]))  # the first call builds kernels
    seconds, before = [], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        begin = time.perf_counter()
        with pytest.raises(tf.errors.InvalidArgumentError):
            serve(image_bytes=tf.constant([bomb]))
        seconds.append(time.perf_counter() - begin)
    # Decoded, it takes 6.6 s and 1.4 GB.
    assert min(seconds) < 0.1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize(
    ("signature", "image", "message"),
    [
        ("serving_default", np.zeros((2, 9, 12, 1), np.uint8), r"\[2,9,12,1\] is not compatible"),
        ("serving_float", np.zeros((2, 9, 12, 1), np.float32), r"\[2,9,12,1\] is not compatible"),
        ("features", np.zeros((2, 9, 12, 1), np.uint8), r"\[2,9,12,1\] is not compatible"),
        ("serving_default", np.zeros((0, *SHAPE), np.uint8), "The batch is empty"),
        ("serving_float", np.zeros((0, *SHAPE), np.float32), "The batch is empty"),
        ("serving_float", np.full((1, *SHAPE), 255, np.float32), "outside 0..1"),
        ("serving_float", np.full((1, *SHAPE), -1, np.float32), "outside 0..1"),
        ("serving_float", np.full((1, *SHAPE), np.nan, np.float32), "outside 0..1"),
        ("serving_default", np.zeros((1, *SHAPE), np.float32), "uint8"),
    ],
)
def test_bad_pixels_are_refused(signatures, images, expected, signature, image, message):
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError, ValueError), match=message):
        signatures[signature](image=tf.constant(image))
    good = signatures["serving_default"](image=tf.constant(images))
    np.testing.assert_allclose(good["scores"], expected, atol=1e-5)


def test_an_empty_batch_of_files(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="The batch is empty"):
        signatures["serving_bytes"](image_bytes=tf.constant([], tf.string))
