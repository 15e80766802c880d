"""Images of several sizes, of which nobody says which one they get."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_classes, make_pixels
from tfzero.data import load_data
from tfzero.data.load import load
from tfzero.data.options import LoadOptions
from tfzero.data.square import SizeChoice, Survey, choose_square


def survey(sizes, **counts):
    return Survey("here/Images", Counter(sizes), counts or {"train": 9}, 3, 1)


@pytest.mark.parametrize(
    ("sizes", "offered", "side", "reason"),
    [
        ({(600, 400): 5, (610, 300): 1}, (32, 64, 96, 128), 64, "side of 64 pixels or more"),
        ({(60, 20): 5, (20, 64): 1}, (32, 64), 32, "half of the images are shorter than 64"),
        ({(20, 63): 3, (20, 64): 3}, (32, 64), 64, "side of 64 pixels or more"),
        ({(20, 127): 3, (20, 64): 3}, (32, 64, 96), 64, "side of 64 pixels or more"),
        ({(8, 20): 3, (16, 9): 8}, (20,), 20, "No image is longer than 20 pixels"),
        ({(4, 4): 3, (5, 5): 8}, (8,), 8, "No image is longer than 5 pixels"),
        ({(20, 40): 3, (16, 9): 8}, (32,), 32, "No image is longer than 40 pixels"),
    ],
)
def test_the_fixed_rule_and_what_it_chooses_from(sizes, offered, side, reason):
    found = survey(sizes)
    assert found.offer() == offered
    choice = choose_square(found)
    assert choice.size == (side, side) and reason in choice.reason and choice.resize is None


def test_images_of_several_sizes_are_padded_and_that_is_said(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4}, size=(8, 40))
    make_classes(tmp_path, {"c": 3}, size=(70, 70))
    data = load_data(tmp_path)
    assert data.image_shape == (32, 32, 1) and data.resize == "pad"
    assert data.notes[0] == (
        "The images have 2 sizes, 8x40 to 70x70 pixels. All became 32x32, padded with black "
        "(`size` and `resize` change that). More than half of the images are shorter than 64 "
        "pixels."
    )
    wide = [image for image in data.train_images if not image[:8].any()]
    assert wide and all(image[13:19].any() for image in wide)  # 6 rows of 32 pixels in the middle
    assert load_data(tmp_path, resize="crop").resize == "crop"
    assert "cropped to their middle" in load_data(tmp_path, resize="crop").notes[0]
    asked = load_data(tmp_path, size=16)
    assert asked.image_shape == (16, 16, 1) and asked.resize == "stretch"
    assert asked.notes[0] == "11 of 11 images were resized to 16x16."


def test_parts_of_different_sizes_get_one(tmp_path):
    make_classes(tmp_path / "train", {"a": 4, "b": 4})
    make_classes(tmp_path / "test", {"a": 4, "b": 4}, size=(9, 9))
    assert load_data(tmp_path).image_shape == (10, 10, 1)


def test_a_rule_sees_what_the_headers_say_before_any_image_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "Many images").mkdir()
    folder, rows = tmp_path / "Many images", ["file,label"]
    for number in range(12):
        side = 20 + number
        Image.fromarray(make_pixels(side, 2 * side, seed=number)).save(folder / f"{number}.png")
        if number < 8:
            rows.append(f"{number}.png,{'xyz'[number % 3]}")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "labels.csv").write_text("\n".join(rows))
    decoded, seen = [], []
    monkeypatch.setattr("tfzero.data.files.decode_parts", lambda *_: decoded.append(1) or 1 / 0)

    def rule(survey):
        assert not decoded
        seen.append(survey)
        return SizeChoice((24, 24), "Because.", "crop")

    with pytest.raises(ZeroDivisionError):
        load(folder, LoadOptions(size_rule=rule))
    [found] = seen
    assert found.name == "Many-images" and found.counts == {"train": 8, "pool": 4}
    assert found.num_classes == 3 and found.channels == 1
    assert found.longest == 62 and found.usual == 52 and len(found.sizes) == 12
    monkeypatch.undo()
    decoded.clear()
    data = load(folder, LoadOptions(size_rule=rule))
    assert data.image_shape == (24, 24, 1) and data.resize == "crop"
    assert any(note.endswith("Because.") for note in data.notes)


def test_where_a_size_is_said_or_all_have_one_no_rule_is_asked(tmp_path):
    make_classes(tmp_path / "one", {"a": 4, "b": 4})
    make_classes(tmp_path / "two", {"a": 4, "b": 4})
    make_classes(tmp_path / "two", {"c": 4}, size=(20, 20))

    def rule(survey):
        raise AssertionError("asked")

    assert load(tmp_path / "one", LoadOptions(size_rule=rule)).image_shape == (8, 10, 1)
    assert load(tmp_path / "two", LoadOptions(size=9, size_rule=rule)).image_shape == (9, 9, 1)
    with pytest.raises(AssertionError, match="asked"):
        load(tmp_path / "two", LoadOptions(size_rule=rule))
    # Unlabeled files beside arrays have a size to match.
    np.savez(tmp_path / "x.npz", x_train=make_pixels(12, 9, 9), y_train=np.arange(12) % 3)
    data = load(tmp_path / "x.npz", LoadOptions(pool=tmp_path / "two", size=9, size_rule=rule))
    assert data.image_shape == (9, 9, 1)
