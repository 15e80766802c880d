"""TIFF files with several pages or channels: what becomes of each, against the arrays written."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, scale_values
from tfzero.data import load_data
from tfzero.data.decode import decode_image, read_header

GRAY = {"photometric": "minisblack"}


def write(array, **options):
    return lambda path: tifffile.imwrite(path, array, **{**GRAY, **options})


def write_pages(images, **options):
    return lambda path: images[0].save(path, save_all=True, append_images=images[1:], **options)


def read(path, pages="first", page=0):
    channels = read_header(path, pages=pages).channels
    return decode_image(path, channels=channels, size=None, pages=pages, page=page)


STACK = make_pixels(4, 12, 10)
DEEP = (make_pixels(7, 2, 12, 10).astype(np.uint16)) * 257
BANDS = make_pixels(5, 12, 10)
COLORS = make_pixels(3, 12, 10, 3)
BITS = make_pixels(3, 12, 10) > 127
PALETTES = [Image.fromarray(page).quantize(16) for page in COLORS]
IN_OME = make_pixels(2, 3, 4, 12, 10)
ONE = make_pixels(12, 10)
LAST_AXIS = BANDS.transpose(1, 2, 0)

# What is written, what pages are taken for, which page, the pixels expected.
RIGHT = {
    "gray": (write(ONE), "first", 0, ONE[..., None]),
    "first": (write(STACK), "first", 0, STACK[0, ..., None]),
    "each": (write(STACK), "each", 2, STACK[2, ..., None]),
    "channels": (write(STACK), "channels", 0, STACK.transpose(1, 2, 0)),
    "deflate": (write(STACK, compression="zlib"), "channels", 0, STACK.transpose(1, 2, 0)),
    "big-endian": (write(DEEP[:, 0], byteorder=">"), "each", 3, DEEP[3, 0, ..., None] // 257),
    "tiles": (write(STACK, tile=(16, 16)), "each", 1, STACK[1, ..., None]),
    "colours": (write(COLORS, photometric="rgb"), "each", 2, COLORS[2]),
    "bands": (write(LAST_AXIS, planarconfig="contig"), "first", 0, LAST_AXIS),
    "planar": (write(BANDS, planarconfig="separate"), "first", 0, LAST_AXIS),
    "infrared": (
        write(LAST_AXIS[..., :4], photometric="rgb", extrasamples=[0]),
        "first",
        0,
        LAST_AXIS[..., :4],
    ),
    "ImageJ's channels": (
        write(STACK[:3], imagej=True, metadata={"axes": "CYX"}),
        "first",
        0,
        STACK[:3].transpose(1, 2, 0),
    ),
    "ImageJ's slices": (
        write(DEEP, imagej=True, metadata={"axes": "ZCYX"}),
        "each",
        5,
        DEEP[5].transpose(1, 2, 0) // 257,
    ),
    "OME": (
        write(IN_OME, metadata={"axes": "TCZYX"}, ome=True),
        "each",
        6,
        IN_OME[1, :, 2].transpose(1, 2, 0),
    ),
    "white is zero": (write(STACK, photometric="miniswhite"), "each", 1, 255 - STACK[1, ..., None]),
    "LZW": (
        write_pages([Image.fromarray(page) for page in STACK], compression="tiff_lzw"),
        "each",
        3,
        STACK[3, ..., None],
    ),
    "fax": (
        write_pages([Image.fromarray(page) for page in BITS], compression="group4"),
        "each",
        2,
        BITS[2, ..., None] * np.uint8(255),
    ),
    "palettes": (write_pages(PALETTES), "each", 1, np.asarray(PALETTES[1].convert("RGB"))),
}


@pytest.mark.parametrize("what", RIGHT)
def test_pixels(tmp_path, what):
    make, pages, page, expected = RIGHT[what]
    make(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif", pages, page), expected)
    header = read_header(tmp_path / "a.tif", pages=pages)
    assert (header.height, header.width, header.channels) == expected.shape


WRONG = {
    "pages of colours as channels": (
        write(COLORS, photometric="rgb"),
        "channels",
        "has 3 pages of 3 channels; expected pages of one channel",
    ),
    "pages of several sizes": (
        write_pages([Image.fromarray(ONE), Image.fromarray(ONE[:9])]),
        "each",
        "has 2 pages of different sizes or kinds; expected equal pages",
    ),
    "floats": (
        write(STACK / np.float32(255)),
        "first",
        r"has 32-bit pixels, here in 0\.\.0\.97.*`pixel_range=\(0, 1\)`",
    ),
    "floats as channels": (write(STACK.astype(np.float64)), "channels", r"has 64-bit .*\(0, 255\)"),
    "not a number": (write(STACK * np.float32("nan")), "first", "contains NaN or infinity"),
    "complex numbers": (write(STACK.astype(np.complex64)), "first", "has pixels of type complex64"),
    "white is zero in floats": (
        write(STACK.astype(np.float32), photometric="miniswhite"),
        "each",
        "has pixels of type float32 and says that white is zero",
    ),
    "more than a bomb": (write(STACK), "first", "has more pixels than the limit of 100"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_decided_is_refused(tmp_path, what, monkeypatch):
    make, pages, message = WRONG[what]
    make(tmp_path / "a.tif")
    if "bomb" in what:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=rf"a\.tif {message}"):
        read(tmp_path / "a.tif", pages)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i2", "u4", "i4", ">f4"])
@pytest.mark.parametrize("pages", ["each", "channels"])
def test_pixels_of_any_range_in_stacks(tmp_path, kind, pages):
    values = (STACK.astype(np.float64) * 3 - 300).clip(0 if "u" in kind else -300).astype(kind)
    write(values)(tmp_path / "stack.tif")
    with pytest.raises(InputError, match=r"stack\.tif has .*-bit pixels, here in .*pixel_range="):
        read_header(tmp_path / "stack.tif", pages=pages)
    header = read_header(tmp_path / "stack.tif", pages=pages, ranged=True)
    assert header.images == (len(STACK) if pages == "each" else 1)
    seen, given = Extents(), {"size": None, "pixel_range": (-100.0, 400.0)}
    expected = scale_values(values, (-100.0, 400.0))
    for page in range(header.images):
        found = decode_image(
            tmp_path / "stack.tif",
            channels=header.channels,
            pages=pages,
            page=page,
            seen=seen,
            **given,
        )
        right = expected[page, ..., None] if pages == "each" else expected.transpose(1, 2, 0)
        np.testing.assert_array_equal(found, right)
    [extent] = seen
    assert (extent.low, extent.high) == (values.min(), values.max())
    if kind in ("f4", "i4", "i2"):  # a page alone is read by Pillow, to the same pixels and kind
        write(values[0])(tmp_path / "one.tif")
        alone = Extents()
        one = decode_image(tmp_path / "one.tif", channels=1, seen=alone, **given)
        np.testing.assert_array_equal(one[..., 0], expected[0])
        assert next(iter(alone)).kind == extent.kind


def test_a_data_set_of_float_stacks(tmp_path):
    for number in range(10):
        place = tmp_path / "ab"[number % 2] / f"{number}.tif"
        place.parent.mkdir(exist_ok=True)
        write(make_pixels(3, 8, 9, seed=number).astype(np.float32))(place)
    with pytest.raises(InputError, match=r"`pixel_range=\(0, 255\)`"):
        load_data(tmp_path, pages="each")
    data = load_data(tmp_path, pages="each", pixel_range=(0, 255))
    assert data.train_images.dtype == np.uint8 and len(data.train_images) > 10
    with pytest.raises(InputError, match="expected no value outside of it"):
        load_data(tmp_path, pages="channels", pixel_range=(0, 1))


def make_stacks(folder, *, num_pages=3, name="a.tif"):
    """Writes 5 stacks of two classes each, in which every page differs."""
    for number in range(10):
        place = folder / "ab"[number % 2] / f"{number}.tif"
        place.parent.mkdir(parents=True, exist_ok=True)
        write(make_pixels(num_pages, 8, 9, seed=number))(place)
    return folder


def test_pages_that_are_not_read_are_counted(tmp_path):
    data = load_data(make_stacks(tmp_path))
    assert data.image_shape == (8, 9, 1) and len(data.train_images) + len(data.test_images) == 10
    [kind] = data.passed_over
    assert (kind.reason, kind.suffix, kind.count) == ("pages or frames after the first", ".tif", 20)
    assert "pages or frames after the first (20 .tif; for example a/0.tif)" in data.notes[0]


def test_pages_of_one_file_stay_on_one_side(tmp_path):
    data = load_data(make_stacks(tmp_path), pages="each")
    assert not data.passed_over
    assert len(data.train_images) + len(data.test_images) == 30
    sides = [{name.partition("[")[0] for name in data.names[part]} for part in ("train", "test")]
    assert not sides[0] & sides[1] and sides[1]
    assert len(np.unique(data.train_groups)) == len(sides[0])
    assert data.notes[0].startswith("10 files have several pages or frames, which became 30 images")
    for name, image in zip(data.names["test"], data.test_images, strict=True):
        path, _, page = name.rstrip("]").partition("[")
        np.testing.assert_array_equal(image, tifffile.imread(tmp_path / path)[int(page), ..., None])


def test_pages_as_channels(tmp_path):
    data = load_data(make_stacks(tmp_path, num_pages=5), pages="channels", size=12)
    assert data.image_shape == (12, 12, 5) and not data.passed_over
    write(make_pixels(4, 8, 9))(tmp_path / "a" / "odd.tif")
    with pytest.raises(InputError, match=r"different numbers of channels, for example a/.*\.tif"):
        load_data(tmp_path, pages="channels")


def test_other_channels_are_not_made_gray(tmp_path):
    make_stacks(tmp_path, num_pages=5)
    with pytest.raises(InputError, match="have 5 channels, .*; expected 3. Only gray"):
        load_data(tmp_path, pages="channels", channels=3)


def test_frames_of_animations_are_counted_or_read(tmp_path):
    frames = [Image.fromarray(make_pixels(8, 9, seed=number)) for number in range(4)]
    for number in range(8):
        place = tmp_path / "ab"[number % 2]
        place.mkdir(exist_ok=True)
        for suffix in ("gif", "png", "webp"):
            lossless = {"lossless": True} if suffix == "webp" else {}
            shown = [frame.rotate(90 * number % 360, expand=False) for frame in frames]
            path = place / f"{number}.{suffix}"
            shown[0].save(path, save_all=True, append_images=shown[1:], **lossless)
    data = load_data(tmp_path)
    assert {kind.suffix: kind.count for kind in data.passed_over} == {
        suffix: 24 for suffix in (".gif", ".png", ".webp")
    }
    each = load_data(tmp_path, pages="each")
    assert len(each.train_images) + len(each.test_images) == 96
    with pytest.raises(InputError, match="is an animation .* with 4 frames; expected a TIFF file"):
        load_data(tmp_path, pages="channels")


@pytest.mark.parametrize("source", ["digits", "clips"])
def test_what_has_no_pages_takes_no_option_for_them(tmp_path, source):
    from tests.data.sounds import make_clips

    if source == "clips":
        make_clips(tmp_path, {"a": 3, "b": 3})
        source = tmp_path
    with pytest.raises(InputError, match="have no pages; leave `pages` out"):
        load_data(source, pages="each")
