"""Whatever bytes a file holds, the scan ends with an image or with a sentence."""

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.messy import make_bomb
from tests.data.pictures import make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.decode import SUFFIXES, decode_image, read_header


def encode(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(make_pixels(12, 10, 3)).save(stream, kind, **options)
    return stream.getvalue()


WHOLE = {
    "png": encode("PNG"),
    "jpg": encode("JPEG"),
    "gif": encode("GIF"),
    "bmp": encode("BMP"),
    "webp": encode("WEBP"),
    "tiff": encode("TIFF", compression="tiff_lzw"),
}


def scan(path):
    """Decodes as loading does; returns whether there was an image."""
    try:
        header = read_header(path)
        assert header.height > 0 and header.width > 0
        pixels = decode_image(path, channels=3, size=(8, 8))
    except InputError as error:
        assert str(path) in str(error)
        return False
    assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8
    return True


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some of what it repairs.
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_damaged_files(path, kind, data):
    content = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    written = bytes(content[: end if data.draw(st.booleans()) else len(content)])
    path.write_bytes(written)
    # Broken or not, the answer is the same each time, and the file is as it was.
    assert scan(path) == scan(path)
    assert path.read_bytes() == written


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=200))
def test_a_head_and_rubbish(path, kind, rubbish):
    written = WHOLE[kind][:16] + rubbish
    path.write_bytes(written)
    assert scan(path) == scan(path)
    assert path.read_bytes() == written


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_a_file_cut_anywhere_is_never_taken_for_whole(path, kind):
    whole = WHOLE[kind]
    path.write_bytes(whole)
    assert scan(path)
    for end in np.linspace(0, len(whole) * 0.8, 12).astype(int):
        path.write_bytes(whole[:end])
        assert not scan(path)


def test_a_bomb_is_refused_by_its_header(path):
    content = make_bomb(60_000)
    assert len(content) < 2000
    path.write_bytes(content)
    with pytest.raises(InputError, match="decompression bombs"):
        read_header(path)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=15, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6))
def test_a_folder_with_rubbish_in_it_loads(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("rubbish")
    make_classes(folder, {"a": 4, "b": 4})
    for number, content in enumerate(contents):
        suffix = sorted(SUFFIXES)[number % len(SUFFIXES)]
        (folder / "a" / f"rubbish{number}{suffix}").write_bytes(content)
    data = load_data(folder)
    assert len(data.set_aside) == len(contents)
    assert len(data.train_images) + len(data.test_images) == 8


def test_names_that_are_no_text(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4})
    os.rename(tmp_path / "a" / "00.png", os.fsencode(tmp_path / "a") + b"/\xff\xfe.png")
    data = load_data(tmp_path)
    names = [*data.names["train"], *data.names["test"]]
    assert "a/\ufffd\ufffd.png" in names
    "".join(names).encode("utf-8")
