"""Tables of images that were chosen for labelling: written, filled in, and read by a study."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.draw import draw_test
from tfzero.data.labelling import read_folder, write_rows
from tfzero.data.options import LoadOptions


def make_folder(folder, count, *, start=0):
    """Writes gray images NN.png that all differ."""
    folder.mkdir(exist_ok=True)
    for number in range(start, start + count):
        Image.fromarray(make_pixels(8, 10, seed=number)).save(folder / f"{number:02}.png")
    return folder


def write_table(path, *rows, header="file,label,split,chosen"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read(folder, table=None, **options):
    return read_folder(folder, table, LoadOptions(**options))


def class_of(name):
    return "ab"[int(name[:2]) % 2]


def make_study(tmp_path, *, suggested=(), test=(), random=()):
    """Writes 40 images and a table in which some are labelled; returns folder and table."""
    folder = make_folder(tmp_path / "x", 40)
    marks = [(suggested, "train,suggested"), (test, "test,random"), (random, ",")]
    rows = [f"{n:02}.png,{class_of(f'{n:02}')},{mark}" for of, mark in marks for n in of]
    return folder, write_table(tmp_path / "labels.csv", *rows)


def numbers(names):
    return sorted(int(name[:2]) for name in names)


def test_without_a_table_every_image_is_free(tmp_path):
    folder = make_folder(tmp_path / "x", 5)
    make_folder(folder / "inside", 2, start=5)
    found = read(folder)
    assert sorted(found.free.names)[-2:] == ["inside/05.png", "inside/06.png"]
    assert len(found.free.images) == 7 and found.labelled is None and found.test is None
    assert found.columns == ("file", "label", "split", "chosen") and found.rows == ()


def test_a_table_says_what_is_free(tmp_path):
    folder = make_folder(tmp_path / "x", 9)
    rows = ["00.png,cat,,", "01,dog,train,suggested", "02.png,cat,test,", "03.png,,test,random"]
    rows += ["04.png,,train,suggested", "05.png,,pool,", "06.png,cat,pool,"]
    found = read(folder, write_table(folder / "labels.csv", *rows))
    assert found.labelled is not None and found.test is not None
    assert numbers(found.labelled.names) == [0, 1] and found.num_random == 1
    assert numbers(found.test.names) == [2, 3]
    assert numbers(found.free.names) == [4, 7, 8]  # what has no label yet may come again
    assert [row["file"] for row in found.rows] == [
        *("00.png", "01", "02.png", "03.png", "05.png", "06.png")
    ]


def test_a_table_keeps_its_columns_and_rows(tmp_path):
    folder = make_folder(tmp_path / "x", 4)
    table = write_table(
        folder / "t.csv", "00.png;été;ann", "01.png;;bob", header="File;Class;Patient"
    )
    found = read(folder, table)
    text = write_rows(found, ["02.png"], ["01.png"], table=table)
    rows = list(csv.reader(text.splitlines()))
    assert rows == [
        ["File", "Class", "Patient", "split", "chosen"],
        ["00.png", "été", "ann", "", ""],
        ["02.png", "", "", "train", "suggested"],
        ["01.png", "", "", "test", "random"],
    ]


def test_names_that_a_table_cannot_hold_are_left_out(tmp_path):
    folder = make_folder(tmp_path / "x", 3)
    (folder / "00.png").rename(folder / "00 .png")  # blanks inside are no trouble
    (folder / "01.png").rename(folder / " 01.png")
    found = read(folder)
    assert sorted(found.free.names) == ["00 .png", "02.png"]
    assert any("1 image cannot be named in a table" in note for note in found.notes)


def test_pages_and_a_folder_without_unlabeled_images_are_refused(tmp_path):
    folder = make_folder(tmp_path / "x", 2)
    with pytest.raises(InputError, match="single pages cannot be suggested"):
        read(folder, pages="each")
    table = write_table(folder / "labels.csv", "00.png,a,,", "01.png,b,,")
    with pytest.raises(InputError, match="has no unlabeled image"):
        read(folder, table)


def test_a_study_tests_on_the_marked_images_and_says_that_labels_were_chosen(tmp_path):
    folder, table = make_study(tmp_path, suggested=range(8), test=range(20, 26), random=[30, 31])
    data = load_data(folder, labels=table)
    assert numbers(data.names["test"]) == list(range(20, 26))
    assert numbers(data.names["train"]) == [*range(8), 30, 31]
    assert data.cross_fit is None and data.cross_fitted() is data
    [note] = [note for note in data.notes if "suggested" in note]
    assert note.startswith("8 of 10 labelled training images were suggested, not drawn at random.")


def test_test_images_without_a_label_are_left_out_and_it_is_said(tmp_path):
    folder, table = make_study(tmp_path, suggested=range(8), test=range(20, 26))
    text = table.read_text()
    table.write_text(text.replace("24.png,a,", "24.png,,").replace("25.png,b,", "25.png,,"))
    data = load_data(folder, labels=table)
    assert numbers(data.names["test"]) == list(range(20, 24))
    assert not {24, 25} & set(numbers(data.names["pool"]))
    [note] = [note for note in data.notes if "have no label" in note]
    assert note.startswith("2 of 6 test images have no label. They are neither tested on nor")
    table.write_text("\n".join(re.sub(r",\w,test", ",,test", row) for row in text.splitlines()))
    with pytest.raises(InputError, match="marks 6 images as test images, but none of them has a l"):
        load_data(folder, labels=table)


def test_unlabelled_test_rows_of_other_tables_are_in_the_pool_as_ever(tmp_path):
    folder, table = make_study(tmp_path, random=range(20, 32))
    table.write_text(table.read_text() + "39.png,,test,\n")
    assert 39 in numbers(load_data(folder, labels=table).names["pool"])


def test_suggested_images_are_never_held_out(tmp_path):
    folder, table = make_study(tmp_path, suggested=range(8), random=range(20, 32))
    data = load_data(folder, labels=table)
    assert set(numbers(data.names["test"])) < set(range(20, 32)) and len(data.test_images) == 4
    assert set(range(8)) < set(numbers(data.names["train"]))
    assert data.cross_fit is None  # which would predict them, too
    assert "No test part: a stratified 30 % of the images that were not suggested (4 images)" in (
        " ".join(data.notes)
    )
    before = load_data(folder, labels=make_study(tmp_path, random=range(20, 32))[1])
    assert before.cross_fit is not None  # without suggestions it is as ever


@pytest.mark.parametrize(
    ("random", "words"),
    [
        ((), "all 8 labelled images were suggested"),
        ((20, 22), "8 of the 10 labelled images were suggested, and the other 2 do not have"),
    ],
)
def test_suggestions_without_test_images_are_refused(tmp_path, random, words):
    folder, table = make_study(tmp_path, suggested=range(8), random=random)
    with pytest.raises(InputError, match=r"not a random sample.*`tfzero.suggest\(test=100\)`") as e:
        load_data(folder, labels=table)
    assert words in str(e.value)


def test_what_equals_a_suggested_image_is_not_held_out(tmp_path):
    folder, table = make_study(tmp_path, suggested=range(4), random=range(20, 30))
    for copied, twin in ((0, 20), (1, 21)):
        (folder / f"{twin}.png").write_bytes((folder / f"{copied:02}.png").read_bytes())
    data = load_data(folder, labels=table)
    assert not {20, 21} & set(numbers(data.names["test"]))


def test_test_images_are_drawn_uniformly_and_by_the_seed(tmp_path):
    free = read(make_folder(tmp_path / "x", 10)).free
    drawn = [draw_test(free, 3, labelled=None, seed=seed) for seed in range(200)]
    assert all(len(set(rows)) == 3 for rows in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=10)
    assert counts.min() > 35 and counts.max() < 85  # 60 each; 3.7 standard deviations
    assert draw_test(free, 3, labelled=None, seed=7).tolist() == drawn[7].tolist()
    with pytest.raises(InputError, match="`test` is 11; expected at most 10"):
        draw_test(free, 11, labelled=None, seed=0)


def test_test_images_are_of_groups_without_labels(tmp_path):
    folder = tmp_path / "x"
    for number in range(10):
        make_folder(folder, 0)
        make_folder(folder / f"patient{number}", 4, start=4 * number)
    table = write_table(folder / "labels.csv", "patient0/00.png,a,,")
    found = read(folder, table, group=r"patient\d")
    few = draw_test(found.free, 5, labelled=found.labelled, seed=0)
    many = draw_test(found.free, 30, labelled=found.labelled, seed=0)
    groups = found.free.groups
    assert groups is not None
    assert len(set(groups[few])) in (2, 3) and "patient0" not in groups[many]
    with pytest.raises(InputError, match="`test` is 37; expected at most 36"):
        draw_test(found.free, 37, labelled=found.labelled, seed=0)
