import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data


def load_pixels(path):
    return np.asarray(Image.open(path))[..., None]


def test_classes_with_a_test_part_held_out(tmp_path):
    folder = tmp_path / "my pets!"
    paths = make_classes(folder, {"dog": 10, "cat": 20})
    data = load_data(folder)
    assert (data.name, data.source) == ("my-pets", str(folder))
    assert data.class_names == ("cat", "dog")
    assert data.pool is data.train_images
    assert np.bincount(data.test_labels).tolist() == [6, 3]
    assert data.notes == ("No test part: a stratified 30 % (9 images) was held out.",)
    names = {load_pixels(path).tobytes(): path.parent.name for path in paths}
    for images, labels in (
        (data.train_images, data.train_labels),
        (data.test_images, data.test_labels),
    ):
        for image, label in zip(images, labels, strict=True):
            assert names.pop(image.tobytes()) == data.class_names[label]
    assert not names


def test_train_and_test(tmp_path):
    train = make_classes(tmp_path / "Train", {"a": 2, "b": 3})
    test = make_classes(tmp_path / "test", {"b": 1, "a": 2}, start=50)
    data = load_data(str(tmp_path))
    assert data.notes == ()
    assert np.bincount(data.train_labels).tolist() == [2, 3]
    for part, paths in (("train", train), ("test", test)):
        names = list(data.names[part])
        assert sorted(names) == sorted(str(path.relative_to(tmp_path)) for path in paths)
        pixels = [load_pixels(tmp_path / name) for name in names]
        np.testing.assert_array_equal(getattr(data, f"{part}_images"), pixels)
        labels = getattr(data, f"{part}_labels")
        assert [data.class_names[label] for label in labels] == [n.split("/")[1] for n in names]


def test_a_class_may_be_called_train(tmp_path):
    make_classes(tmp_path, {"train": 4, "bus": 4})
    assert load_data(tmp_path).class_names == ("bus", "train")


def test_same_content_whatever_the_path(tmp_path):
    make_classes(tmp_path / "one", {"a": 9, "b": 9})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    one, two = load_data(tmp_path / "one"), load_data(tmp_path / "two")
    assert one.fingerprint == two.fingerprint
    assert list(one.names["train"]) == list(two.names["train"])
    for path in (tmp_path / "two" / "a").iterdir():
        path.rename(path.with_name(f"{99 - int(path.stem)}.png"))
    renamed = load_data(tmp_path / "two")
    assert renamed.fingerprint == one.fingerprint
    assert list(renamed.names["test"]) != list(one.names["test"])


def test_what_is_no_image_is_passed_over_and_counted(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4})
    for name in (".DS_Store", "a/Thumbs.db", "a/.hidden.png", "b/notes.txt", "readme.md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "a" / "deeper.png").mkdir()
    data = load_data(tmp_path)
    assert len(data.train_images) + len(data.test_images) == 8
    assert data.notes[0] == (
        "Passed over: hidden (1 without suffix, 1 .png; for example .DS_Store); "
        "neither image nor WAV file (1 .db, 1 .md, 1 .txt; for example a/Thumbs.db)."
    )


def test_other_folders_beside_train_and_test_are_counted(tmp_path):
    for part in ("train", "test", "val"):
        make_classes(tmp_path / part, {"a": 2, "b": 2})
    assert load_data(tmp_path).notes[0] == (
        "Passed over: outside of the class folders (4 .png; for example val/a/00.png)."
    )


def test_one_color_image_makes_all_color(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4})
    assert load_data(tmp_path).image_shape == (8, 10, 1)
    Image.fromarray(make_pixels(8, 10, 3)).save(tmp_path / "a" / "color.PNG")
    data = load_data(tmp_path)
    assert data.image_shape == (8, 10, 3)
    assert data.notes[0] == "8 of 9 images are gray and were loaded as RGB like the others."


def test_notes_on_depth_and_transparency(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4})
    Image.fromarray(make_pixels(8, 10, 2), "LA").save(tmp_path / "a" / "clear.png")
    Image.fromarray(make_pixels(8, 10).astype(np.uint16) * 257).save(tmp_path / "b" / "deep.png")
    data = load_data(tmp_path)
    assert data.image_shape == (8, 10, 1)
    assert data.notes[:2] == (
        "1 of 10 images have transparency and were placed on white.",
        "1 of 10 images have 16 bits and were scaled to 8.",
    )


def test_size_brings_mixed_sizes_together(tmp_path):
    make_classes(tmp_path / "x", {"a": 4, "b": 4}, size=(4, 6))
    make_classes(tmp_path / "x", {"c": 4}, size=(16, 8))
    data = load_data(tmp_path / "x", size=(16, 8))
    assert data.image_shape == (16, 8, 1)
    assert data.notes[0] == "8 of 12 images were resized to 16x8."
    assert load_data(tmp_path / "x", size=9).image_shape == (9, 9, 1)


def test_too_small(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4}, size=(7, 9))
    with pytest.raises(InputError, match="are 7x9 pixels; expected at least 8x8.*`size`"):
        load_data(tmp_path)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "is empty; expected one subfolder of images per class"),
        ({"a": 5}, r"has only one class \(a\); expected at least two"),
        (
            {"a": 5, "b": 2},
            r'Class "b" has 2 labelled images; expected at least 3, 1 of them for the test',
        ),
        ({"a": 5, "b": 0}, 'Class "b" has 0 labelled images; expected at least 3'),
        ({"a": 0, "b": 0}, "has no images in its subfolders a, b; expected at least 3 images"),
        ({"train/a": 5, "train/b": 5}, "has train/ but no test/"),
        (
            {"train/a": 5, "train/b": 1, "test/a": 5, "test/b": 5},
            'Class "b" has 1 training image; expected at least 2',
        ),
        (
            {"train/a": 5, "train/b": 2, "test/a": 5, "test/b": 0},
            'Class "b" has 0 test images; expected at least 1',
        ),
        (
            {"train/a": 5, "train/b": 5, "test/a": 5, "test/c": 5},
            r"different class subfolders \(only in train/: b; only in test/: c\)",
        ),
        (
            {"train/a": 5, "train/b": 5, "train/c": 5, "test/a": 5, "test/b": 5},
            r"different class subfolders \(only in train/: c\); expected the same",
        ),
        ({"a/x": 5, "b/y": 5}, "a has no images.*Images in deeper folders are not read"),
    ],
)
def test_layouts_refused(tmp_path, counts, message):
    make_classes(tmp_path, counts)
    with pytest.raises(InputError, match=message):
        load_data(tmp_path)


def test_images_without_class_folders(tmp_path):
    make_classes(tmp_path, {"a": 3})
    with pytest.raises(InputError, match="has 3 images but no class subfolders; expected one sub"):
        load_data(tmp_path / "a")


def test_no_images_at_all(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(
        InputError, match="has 1 files that are not images, and no class subfolders"
    ):
        load_data(tmp_path)


def test_broken_images_are_named_and_set_aside(tmp_path):
    paths = make_classes(tmp_path, {"a": 6, "b": 6})
    content = paths[5].read_bytes()
    paths[5].write_bytes(content[:-30])  # The header is whole.
    paths[7].write_bytes(b"")
    paths[8].write_text("no image")
    data = load_data(tmp_path)
    assert len(data.train_images) + len(data.test_images) == 9
    broken = {("train", name) for name in ("a/05.png", "b/01.png", "b/02.png")}
    assert {(aside.part, aside.name) for aside in data.set_aside} == broken
    reasons = {aside.name: aside.reason for aside in data.set_aside}
    assert "a/05.png cannot be read as an image" in reasons["a/05.png"]
    assert "b/01.png is empty (0 bytes)" in reasons["b/01.png"]
    assert all(path.exists() for path in paths)
    with pytest.raises(InputError, match=r"b/01\.png is empty.*1 other files have.*`strict=True`"):
        load_data(tmp_path, strict=True)


def test_links(tmp_path):
    make_classes(tmp_path / "x", {"a": 6, "b": 6})
    make_classes(tmp_path / "pool", {"deep/deeper": 3}, start=50)
    for place in (tmp_path / "x" / "a", tmp_path / "pool"):
        (place / "circle.png").symlink_to("circle.png")
        (place / "nowhere.png").symlink_to("missing.png")
        (place / "folder.png").symlink_to(tmp_path)
    data = load_data(tmp_path / "x", pool=tmp_path / "pool", pool_only=True)
    assert len(data.train_images) + len(data.test_images) == 12
    assert sorted(data.names["pool"]) == [f"deep/deeper/{number:02}.png" for number in range(3)]
    broken = ["a/circle.png", "a/nowhere.png", "circle.png", "nowhere.png"]
    assert sorted(aside.name for aside in data.set_aside) == broken


def test_nothing_readable_is_refused(tmp_path):
    for path in make_classes(tmp_path, {"a": 3, "b": 3}):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"a/00\.png is empty.*5 other files have problems"):
        load_data(tmp_path)


def test_classes_that_are_too_small_are_left_out(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 1, "c": 5, "d": 2})
    data = load_data(tmp_path)
    assert data.class_names == ("a", "c")
    assert sorted(np.concatenate([data.train_labels, data.test_labels])) == [0] * 4 + [1] * 5
    assert data.notes[0] == (
        'Left out 2 of 4 classes with too few images: "b" (1 to train and test), "d" (2 to train '
        "and test). A class needs 3 images, or 2 to train and 1 to test."
    )
    assert {aside.name for aside in data.set_aside} == {"b/00.png", "d/00.png", "d/01.png"}
    with pytest.raises(InputError, match='Class "b" has 1 labelled image; expected at least 3'):
        load_data(tmp_path, strict=True)


def test_an_empty_class_folder_is_a_class_with_too_few_images(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 0, "c": 5})
    data = load_data(tmp_path)
    assert data.class_names == ("a", "c")
    assert data.notes[0].startswith('Left out 1 of 3 classes with too few images: "b" (0 to train')
    with pytest.raises(InputError, match="b has no images; expected at least 3 images per class"):
        load_data(tmp_path, strict=True)


def test_folder_without_permission(tmp_path, monkeypatch):
    make_classes(tmp_path, {"a": 4, "b": 4})
    listdir, scandir = os.listdir, os.scandir

    def guard(function):
        def call(path="."):
            if str(path).endswith("b"):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path)

        return call

    monkeypatch.setattr(os, "listdir", guard(listdir))
    monkeypatch.setattr(os, "scandir", guard(scandir))
    with pytest.raises(InputError, match=r"No permission to read .*/b; .*chmod"):
        load_data(tmp_path)
