import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data


def make_table(folder, rows, *, header="file,label", encoding="utf-8"):
    folder.mkdir(exist_ok=True)
    for number, row in enumerate(rows):
        path = folder / row.split(header[4])[0]
        if not path.exists():
            Image.fromarray(make_pixels(8, 10, seed=number)).save(path)
    text = "\n".join([header, *rows]) + "\n"
    (folder / "labels.csv").write_text(text, encoding=encoding)
    return folder


def flat_rows():
    return [f"{number:02}.png,{'cat' if number % 3 else 'dog'}" for number in range(18)]


def test_flat_folder_with_labels(tmp_path):
    folder = make_table(tmp_path / "flat", flat_rows())
    data = load_data(folder)
    assert (data.name, data.class_names) == ("flat", ("cat", "dog"))
    assert data.pool is data.train_images
    for part in ("train", "test"):
        for name, label in zip(data.names[part], getattr(data, f"{part}_labels"), strict=True):
            assert data.class_names[label] == ("cat" if int(name[:2]) % 3 else "dog")
    assert load_data(folder / "labels.csv").fingerprint == data.fingerprint


def test_images_without_a_label_are_the_pool(tmp_path):
    folder = make_table(tmp_path / "flat", [*flat_rows(), "90.png,", "91.png,"])
    Image.fromarray(make_pixels(8, 10, seed=99)).save(folder / "unnamed.png")
    data = load_data(folder)
    assert sorted(data.names["pool"]) == ["90.png", "91.png", "unnamed.png"]
    assert len(data.pool) == len(data.train_images) + 3
    assert data.notes[0] == (
        "1 images are not named in labels.csv. They are unlabeled and belong to the pool."
    )


def test_splits_and_spreadsheets(tmp_path):
    rows = [f"{n}.png;{n % 2 + 9};{'TEST' if n % 4 > 1 else 'train'}" for n in range(16)]
    rows[0] = "0.png;9;pool"
    folder = make_table(tmp_path / "x", rows, header="File;Class;Split", encoding="utf-8-sig")
    data = load_data(folder)
    assert data.class_names == ("9", "10")  # As numbers.
    assert (len(data.train_images), len(data.test_images)) == (7, 8)
    assert list(data.names["pool"]) == ["0.png"]


def test_groups_from_a_column(tmp_path):
    rows = [f"{n:02}.png,{'ab'[n % 2]},patient{n // 4}" for n in range(40)]
    folder = make_table(tmp_path / "x", rows, header="file,label,patient")
    data = load_data(folder, group="patient")
    sides = [{int(name[:2]) // 4 for name in data.names[part]} for part in ("train", "test")]
    assert not sides[0] & sides[1] and len(sides[1]) == 3
    assert "(12 images, 3 of 10 groups)" in data.notes[0]


def speaker_rows():
    """Rows of 4 speakers with 6 labelled and 2 unlabeled images each."""
    speakers = ("ann", "bob", "eve", "max")
    return [
        f"{name}_{n}.png,{'' if n > 5 else 'ab'[n % 2]},{name}"
        for name in speakers
        for n in range(8)
    ]


@pytest.mark.parametrize("group", ["speaker", r"(\w+)_\d"])
def test_unlabeled_images_of_test_groups_are_not_in_the_pool(tmp_path, group):
    folder = make_table(tmp_path / "x", speaker_rows(), header="file,label,speaker")
    data = load_data(folder, group=group)
    tested = {name[:3] for name in data.names["test"]}
    assert len(tested) == 1
    assert len(data.names["pool"]) == 6 and len(data.pool) == len(data.train_images) + 6
    assert not tested & {name[:3] for name in data.names["pool"]}
    said = "Left out 2 unlabeled images of groups that have test images"
    assert any(note.startswith(said) for note in data.notes)
    assert len(load_data(folder, group=group, transductive=True).names["pool"]) == 8


def test_a_pool_beside_has_groups_where_the_pattern_matches(tmp_path):
    rows = [row for row in speaker_rows() if ",," not in row]
    labelled = make_table(tmp_path / "ann_0", rows, header="file,label,speaker")
    make_table(tmp_path / "more", speaker_rows(), header="file,label,speaker")
    (tmp_path / "more" / "labels.csv").unlink()
    Image.fromarray(make_pixels(8, 10, seed=99)).save(tmp_path / "more" / "nobody.png")
    sources = [labelled, tmp_path / "folder"]
    for row in rows:
        name, label, _ = row.split(",")
        (sources[1] / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(labelled / name, sources[1] / label / name)
    for source in sources:
        data = load_data(source, pool=tmp_path / "more", group=r"(\w+)_\d\.png")
        names = [name.rpartition("/")[2] for name in data.names["pool"]]
        tested = {name.rpartition("/")[2][:3] for name in data.names["test"]}
        assert len(names) == 25 and not tested & {name[:3] for name in names}
        said = " ".join(data.notes)
        assert "Left out 8 unlabeled" in said and "For 1 unlabeled images" in said


def test_a_pool_of_test_groups_alone_is_said(tmp_path):
    rows = [f"{n:02}.png,{'ab'[n % 2]},test,{n}" for n in range(6)]
    rows += [f"{n:02}.png,{'ab'[n % 2]},train,{n % 6 + 6}" for n in range(6, 18)]
    rows.append("90.png,,,1")
    folder = make_table(tmp_path / "x", rows, header="file,label,split,person")
    data = load_data(folder, group="person")
    assert data.pool is data.train_images and "pool" not in data.names
    with pytest.raises(InputError, match="leaves no unlabeled image .*Leave `pool_only`"):
        load_data(folder, group="person", pool_only=True)


def test_a_missing_file_is_set_aside(tmp_path):
    folder = make_table(tmp_path / "x", flat_rows())
    (folder / "03.png").unlink()
    assert [aside.name for aside in load_data(folder).set_aside] == ["03.png"]


def test_pool_beside_a_table(tmp_path):
    folder = make_table(tmp_path / "x", flat_rows())
    shutil.copytree(folder, tmp_path / "more")
    (tmp_path / "more" / "labels.csv").unlink()
    data = load_data(folder, pool=tmp_path / "more", pool_only=True)
    assert len(data.pool) == 18 and not data.pool_has_train


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("file,label\n", "has no rows"),
        ("name,label\na.png,x\n", "has the columns name, label, but none called file"),
        ("file,species\na.png,x\n", "has the columns file, species, but none called label"),
        ("file,label\na.png,x\nb.png,x\n", "has 1 different labels"),
        (
            "file,label\na.png,x\n./a.png,y\n",
            "line 3: the file is './a.png', which was named before",
        ),
        ("file,label\n,x\na.png,y\n", "line 2: the file is '', which is empty"),
        ("file,label\na.png,x,y\n", "line 2 has more fields than the header"),
        ("file,label,split\na.png,x,tset\nb.png,y,\n", 'split is "tset".*Did you mean "test"'),
    ],
)
def test_tables_refused(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        load_data(tmp_path)


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes("file,label\né.png,x\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        load_data(tmp_path)


def test_pool_folder_flat_and_nested(tmp_path):
    make_classes(tmp_path / "labelled", {"a": 6, "b": 6})
    make_classes(tmp_path / "pool", {"deep/er": 3, ".hidden": 2}, start=100)
    Image.fromarray(make_pixels(8, 10, seed=500)).save(tmp_path / "pool" / "top.png")
    data = load_data(tmp_path / "labelled", pool=tmp_path / "pool")
    names = ["deep/er/00.png", "deep/er/01.png", "deep/er/02.png", "top.png"]
    assert sorted(data.names["pool"]) == names
    np.testing.assert_array_equal(data.pool[: len(data.train_images)], data.train_images)
    assert len(data.pool) == len(data.train_images) + 4 and data.pool_has_train
    only = load_data(tmp_path / "labelled", pool=tmp_path / "pool", pool_only=True)
    np.testing.assert_array_equal(only.pool, data.pool[len(data.train_images) :])


def test_pool_of_color_makes_all_color(tmp_path):
    make_classes(tmp_path / "labelled", {"a": 6, "b": 6})
    (tmp_path / "pool").mkdir()
    Image.fromarray(make_pixels(8, 10, 3)).save(tmp_path / "pool" / "x.png")
    assert load_data(tmp_path / "labelled", pool=tmp_path / "pool").image_shape == (8, 10, 3)
    gray = load_data(tmp_path / "labelled", pool=tmp_path / "pool", channels=1)
    assert gray.image_shape == (8, 10, 1)
    assert "1 of 13 images have colors and were loaded as gray." in gray.notes


def test_pool_of_files_beside_arrays(tmp_path):
    make_classes(tmp_path / "pool", {"": 5}, size=(8, 8))
    data = load_data("digits", pool=tmp_path / "pool")
    assert len(data.pool) == len(data.train_images) + 5
    make_classes(tmp_path / "large", {"": 5}, size=(16, 8))
    with pytest.raises(InputError, match="labelled images are 8x8. Use `size`"):
        load_data("digits", pool=tmp_path / "large")
    assert len(load_data("digits", pool=tmp_path / "large", size=12).pool) == 1302


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "nowhere"}, 'There is no "nowhere"'),
        ({"pool": "empty"}, "empty has no images"),
        ({"pool": "file.txt"}, "`pool` is file.txt, a file; expected a folder"),
        ({"channels": 2}, "channels is 2; expected 1 for gray or 3 for RGB"),
        ({"resize": "strech"}, 'Unknown way to resize "strech". Did you mean "stretch"'),
        ({"group": "x"}, "`group` needs file names"),
    ],
)
def test_options_refused(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    with pytest.raises(InputError, match=message):
        load_data("digits", **options)


def test_channels_of_arrays():
    assert load_data("digits", channels=3).image_shape == (8, 8, 3)
    assert load_data("digits", channels=1).fingerprint == load_data("digits").fingerprint


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("p(\\d", "is not a regular expression"),
        ("person", "is not found in a/00.png; expected a match in every path"),
        ("a|b", "cannot be on both sides of the test part"),
    ],
)
def test_groups_refused(tmp_path, group, message):
    make_classes(tmp_path, {"a": 4, "b": 4})
    with pytest.raises(InputError, match=message):
        load_data(tmp_path, group=group)
