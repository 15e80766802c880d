import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.data.decode import SUFFIXES, decode_image, read_header
from tfzero.data.fit import crop_box, padded_size

GRAY = make_pixels(9, 12, seed=1)
COLOR = make_pixels(9, 12, 3, seed=2)
SMOOTH = np.add.outer(np.arange(9) * 12, np.arange(12) * 8).astype(np.uint8)
ORIENTATION = 0x112
# What a viewer shows for each EXIF orientation, by rows and columns of the stored image.
UPRIGHT = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


def save(path, pixels, mode=None, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format(tmp_path, suffix, channels):
    path = save(tmp_path / f"image{suffix}", SMOOTH, "L" if channels == 1 else "RGB")
    header = read_header(path)
    assert (header.height, header.width) == (9, 12)
    assert not header.transparent and not header.deep
    pixels = decode_image(path, channels=channels, size=None)
    assert pixels.dtype == np.uint8 and pixels.shape == (9, 12, channels)
    loss = 6 if suffix in {".jpg", ".jpeg", ".webp"} else 0
    assert abs(pixels.astype(int) - SMOOTH[..., None]).max() <= loss


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".gif"])
def test_color_is_kept(tmp_path, suffix):
    few = COLOR // 128 * 255  # Few enough colors for a GIF.
    path = save(tmp_path / f"image{suffix}", few)
    assert not read_header(path).gray
    np.testing.assert_array_equal(decode_image(path, channels=3, size=None), few)


@pytest.mark.parametrize(
    ("mode", "suffix", "gray"),
    [
        ("1", ".png", True),
        ("1", ".tif", True),
        ("1", ".bmp", True),
        ("L", ".png", True),
        ("L", ".jpg", True),
        ("L", ".gif", True),
        ("LA", ".png", True),
        ("P", ".png", True),
        ("L", ".webp", False),  # WebP stores no gray.
        ("RGB", ".png", False),
        ("RGBA", ".webp", False),
        ("CMYK", ".jpg", False),
        ("CMYK", ".tif", False),
    ],
)
def test_gray_is_told_from_color(tmp_path, mode, suffix, gray):
    assert read_header(save(tmp_path / f"image{suffix}", GRAY, mode)).gray is gray


def test_one_bit_spans_the_range(tmp_path):
    path = save(tmp_path / "image.png", GRAY > 100)
    np.testing.assert_array_equal(
        decode_image(path, channels=1, size=None)[..., 0], np.where(GRAY > 100, 255, 0)
    )


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "<u2"), (".tif", "<u2"), (".tif", ">u2")])
def test_sixteen_bits_are_scaled(tmp_path, suffix, kind):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 12)).astype(kind)
    deep[0, :2] = 0, 65535
    path = save(tmp_path / f"image{suffix}", deep)
    header = read_header(path)
    assert header.gray and header.deep
    expected = np.rint(deep / 65535 * 255)
    np.testing.assert_array_equal(decode_image(path, channels=1, size=None)[..., 0], expected)
    np.testing.assert_array_equal(decode_image(path, channels=3, size=None)[..., 2], expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_transparency_is_laid_on_white(tmp_path, suffix):
    pixels = np.zeros((9, 12, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[:, 4:8, 3] = 128
    pixels[:, 8:, 3] = 255
    path = save(tmp_path / f"image{suffix}", pixels, lossless=True)
    assert read_header(path).transparent
    decoded = decode_image(path, channels=3, size=None)
    assert decoded[0, 0].tolist() == [255, 255, 255]
    half = [255 + (value - 255) * 128 / 255 for value in (200, 0, 0)]
    np.testing.assert_allclose(decoded[0, 5], half, atol=1)
    assert decoded[0, 11].tolist() == [200, 0, 0]


def test_gray_transparency_stays_gray(tmp_path):
    pixels = np.stack([GRAY, np.where(GRAY > 100, 255, 0)], axis=-1).astype(np.uint8)
    path = save(tmp_path / "image.png", Image.fromarray(pixels, "LA"))
    decoded = decode_image(path, channels=1, size=None)[..., 0]
    np.testing.assert_array_equal(decoded, np.where(GRAY > 100, GRAY, 255))


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_transparent_color_of_a_png(tmp_path, mode):
    image = Image.new(mode, (12, 9))
    image.putpixel((3, 4), (9, 9, 9) if mode == "RGB" else 1)
    key = (0, 0, 0) if mode == "RGB" else 0
    path = save(tmp_path / "image.png", image, transparency=key)
    assert read_header(path).transparent
    decoded = decode_image(path, channels=3, size=None)
    assert (decoded == 255).all(axis=-1).sum() == 9 * 12 - 1
    assert (decoded[4, 3] < 255).all()


def test_palette_with_partial_transparency(tmp_path):
    image = Image.new("P", (12, 9))
    image.putpalette([0, 0, 0, 255, 0, 0])
    path = save(tmp_path / "image.png", image, transparency=bytes([128, 255]))
    assert abs(int(decode_image(path, channels=3, size=None)[0, 0, 0]) - 127) <= 1


def test_cmyk_becomes_rgb(tmp_path):
    ink = np.zeros((9, 12, 4), np.uint8)
    ink[..., 0] = 255  # Cyan lets no red through.
    path = save(tmp_path / "image.tif", Image.fromarray(ink, "CMYK"))
    assert decode_image(path, channels=3, size=None)[0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = save(
        tmp_path / f"image{suffix}",
        SMOOTH,
        exif=exif,
        **({"lossless": True} if suffix == ".webp" else {}),
    )
    expected = UPRIGHT[orientation](SMOOTH)
    header = read_header(path)
    assert (header.height, header.width) == expected.shape
    decoded = decode_image(path, channels=1, size=None)[..., 0]
    assert decoded.shape == expected.shape
    assert abs(decoded.astype(int) - expected).max() <= (6 if suffix == ".jpg" else 1)


def test_exif_orientation_behind_the_pixels_of_a_png(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    content = save(tmp_path / "image.png", SMOOTH, exif=exif).read_bytes()
    start = content.index(b"eXIf") - 4
    stop = start + 12 + int.from_bytes(content[start : start + 4], "big")
    end = content.index(b"IEND") - 4
    late = content[:start] + content[stop:end] + content[start:stop] + content[end:]
    (tmp_path / "late.png").write_bytes(late)
    header = read_header(tmp_path / "late.png")
    assert (header.height, header.width) == (12, 9)
    decoded = decode_image(tmp_path / "late.png", channels=1, size=None)[..., 0]
    np.testing.assert_array_equal(decoded, np.rot90(SMOOTH, -1))


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp"])
def test_first_frame_is_taken(tmp_path, suffix):
    frames = [Image.new("L", (12, 9), value) for value in (0, 255)]
    frames[0].save(tmp_path / f"i{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    assert (decode_image(tmp_path / f"i{suffix}", channels=1, size=None) == 0).all()


def test_resize_averages(tmp_path):
    checks = (np.indices((32, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    path = save(tmp_path / "image.png", checks)
    small = decode_image(path, channels=1, size=(8, 16))
    assert small.shape == (8, 16, 1)
    assert abs(small[1:-1, 1:-1].astype(int) - 127.5).max() < 3  # Not 0 or 255: antialiased.


@pytest.mark.parametrize("read", [read_header, lambda p: decode_image(p, channels=1, size=None)])
class TestRefusals:
    def test_empty(self, tmp_path, read):
        (tmp_path / "a.png").touch()
        with pytest.raises(InputError, match=r"a\.png is empty \(0 bytes\)"):
            read(tmp_path / "a.png")

    def test_no_image(self, tmp_path, read):
        (tmp_path / "a.png").write_text("hello")
        with pytest.raises(InputError, match=r"a\.png cannot be read as an image.*PNG, JPEG"):
            read(tmp_path / "a.png")

    def test_other_format_under_a_known_suffix(self, tmp_path, read):
        save(tmp_path / "a.png", GRAY, format="PPM")
        with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
            read(tmp_path / "a.png")

    def test_gone(self, tmp_path, read):
        (tmp_path / "a.png").symlink_to(tmp_path / "nowhere.png")
        with pytest.raises(InputError, match=r"a\.png is a link to .*nowhere\.png, which does not"):
            read(tmp_path / "a.png")

    @pytest.mark.parametrize("factor", [1.5, 4])
    def test_bomb(self, tmp_path, read, factor, monkeypatch):
        save(tmp_path / "a.png", GRAY)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(GRAY.size / factor))
        with pytest.raises(InputError, match=r"a\.png has more pixels than the limit of"):
            read(tmp_path / "a.png")

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_bomb_that_pillow_only_warns_of(self, tmp_path, read, monkeypatch):
        save(tmp_path / "a.png", GRAY)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", GRAY.size - 1)
        with pytest.raises(InputError, match="has more pixels than the limit of 107"):
            read(tmp_path / "a.png")

    @pytest.mark.parametrize("kind", [np.int32, np.float32])
    def test_thirty_two_bits(self, tmp_path, read, kind):
        save(tmp_path / "a.tif", GRAY.astype(kind))
        with pytest.raises(InputError, match=r"a\.tif has 32-bit pixels"):
            read(tmp_path / "a.tif")

    def test_no_permission(self, tmp_path, read, monkeypatch):
        save(tmp_path / "a.png", GRAY)

        def refuse(*args, **kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Image, "open", refuse)
        with pytest.raises(InputError, match=r"No permission to read .*a\.png"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_truncated(tmp_path, suffix):
    content = save(tmp_path / f"whole{suffix}", COLOR).read_bytes()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"a\{suffix} cannot be read as an image"):
        decode_image(path, channels=3, size=None)


def test_padding_keeps_all_and_adds_black(tmp_path):
    path = save(tmp_path / "image.png", np.full((10, 20), 200, np.uint8))
    wide = decode_image(path, channels=1, size=(20, 20), resize="pad")[..., 0]
    assert wide.shape == (20, 20)
    assert (wide[5:15] == 200).all() and (wide[:5] == 0).all() and (wide[15:] == 0).all()
    tall = decode_image(path, channels=3, size=(16, 8), resize="pad")
    assert (tall[6:10] == 200).all() and (tall[:6] == 0).all() and (tall[10:] == 0).all()


def test_cropping_takes_the_middle(tmp_path):
    pixels = np.zeros((10, 20), np.uint8)
    pixels[:, 5:15] = 255
    path = save(tmp_path / "image.png", pixels)
    assert (decode_image(path, channels=1, size=(10, 10), resize="crop") == 255).all()
    stretched = decode_image(path, channels=1, size=(10, 10), resize="stretch")
    assert stretched.min() == 0 and stretched.max() == 255


def test_same_aspect_is_the_same_in_every_way(tmp_path):
    path = save(tmp_path / "image.png", GRAY)
    ways = [decode_image(path, channels=1, size=(18, 24), resize=r) for r in ("pad", "crop")]
    for way in ways:
        np.testing.assert_array_equal(way, decode_image(path, channels=1, size=(18, 24)))


@settings(max_examples=200, deadline=None)
@given(*[st.integers(1, 3000)] * 2, *[st.integers(8, 300)] * 2)
def test_extents_keep_the_aspect_within_a_pixel(wide, high, height, width):
    inner_width, inner_height = padded_size((wide, high), (height, width))
    assert 1 <= inner_width <= width and 1 <= inner_height <= height
    assert inner_width == width or inner_height == height
    scale = min(width / wide, height / high)
    assert abs(inner_width - max(wide * scale, 0.5)) <= 0.5 + 1e-9
    left, top, right, bottom = crop_box((wide, high), (height, width))
    assert 0 <= left < right <= wide and 0 <= top < bottom <= high
    assert right - left == wide or bottom - top == high
    assert abs((left + right) - wide) <= 1 and abs((top + bottom) - high) <= 1
