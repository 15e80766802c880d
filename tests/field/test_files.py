"""Folders, tables and names as people have them: one row per situation.

A row makes files, reads them, and says what must come out: which files are used, and what is said.
"""

import os
import re
import unicodedata
from dataclasses import dataclass, field

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from tests.data.pictures import make_classes, make_pixels
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.check import check_briefly, check_data
from tfzero.data.options import LoadOptions

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@dataclass
class Row:
    """A situation.

    Attributes:
        make: Writes files into a folder; may return options of `load_data`.
        labelled: How many labelled images come out.
        unlabeled: How many unlabeled ones.
        classes: Their names, or None for "a" and "b".
        says: Parts of the notes, each of which must be there.
        silent: Words that no note may have.
        look: Whether the check says to look at what was passed over.
        refused: Part of the error instead; "" where there must be none.
    """

    make: object
    labelled: int = 12
    unlabeled: int = 0
    classes: tuple = ("a", "b")
    says: tuple = ()
    silent: tuple = ()
    look: bool = False
    refused: str = ""
    options: dict = field(default_factory=dict)


def two_classes(folder, names=("a", "b"), *, part="", start=0, count=6):
    return make_classes(folder / "x" / part, dict.fromkeys(names, count), start=start)


def save(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(make_pixels(8, 10, seed=seed)).save(path)


def table(folder, rows, *, name="x/labels.csv", header="file,label"):
    """Writes 12 flat images `x/00.png` to `x/11.png` and a table of the rows."""
    for number in range(12):
        save(folder / "x" / f"{number:02}.png", number)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def rows(write="{:02}.png", separator=","):
    return [f"{write.format(number)}{separator}{'ab'[number % 2]}" for number in range(12)]


def pool_of_links(folder):
    two_classes(folder)
    for number in range(20):
        save(folder / "elsewhere" / f"{number}.png", 100 + number)
    save(folder / "pool" / "own.png", 99)
    (folder / "pool" / "linked").symlink_to(folder / "elsewhere")
    return {"pool": folder / "pool"}


def pool_in_a_circle(folder):
    options = pool_of_links(folder)
    (folder / "elsewhere" / "back").symlink_to(folder / "pool")
    (folder / "pool" / "up").symlink_to(folder)
    (folder / "pool" / "again").symlink_to(folder / "elsewhere")
    return options


def pool_is_the_labelled_folder(folder):
    two_classes(folder)
    save(folder / "x" / "more" / "new.png", 99)
    for number in range(5):
        save(folder / "x" / "more" / f"{number}.png", 100 + number)
    return {"pool": folder / "x"}


def links_to_labelled_images(folder):
    paths = two_classes(folder)
    save(folder / "pool" / "own.png", 99)
    for number, path in enumerate(paths):
        (folder / "pool" / f"link{number}.png").symlink_to(path)
    return {"pool": folder / "pool"}


def a_link_beside_its_image(folder):
    paths = two_classes(folder)
    (folder / "x" / "a" / "link.png").symlink_to(paths[0])


def absolute_paths(folder):
    table(folder, rows(str(folder / "x") + "/{:02}.png"))


def roundabout_paths(folder):
    (folder / "x" / "deep").mkdir(parents=True)
    (folder / "link").symlink_to(folder / "x" / "deep")
    table(folder, rows("./deep/../{:02}.png")[:6] + rows("../link/../{:02}.png")[6:])


def absolute_paths_and_the_same_pool(folder):
    absolute_paths(folder)
    save(folder / "x" / "more.png", 99)
    return {"pool": folder / "x", "drop_leaks": True}


def named_twice(folder):
    table(folder, [*rows(), f"{folder}/x/00.png,a"])


def train_and_test_in_two_forms(folder):
    two_classes(folder, ("dog", NFC), part="train")
    two_classes(folder, ("dog", NFD), part="test", start=50)


def one_class_in_two_forms(folder):
    two_classes(folder, ("dog", NFC))
    two_classes(folder, (NFD,), start=50)


def files_in_another_form(folder):
    for number in range(12):
        save(folder / "x" / f"{NFD}{number:02}.png", number)
    (folder / "x" / "labels.csv").write_text(
        "\n".join(["file,label", *rows(NFC + "{:02}.png")]), encoding="utf-8"
    )


def labels_in_two_forms(folder):
    named = [f"{n:02}.png,{'dog' if n % 2 else (NFC, NFD)[n // 2 % 2]}" for n in range(12)]
    table(folder, named)


def groups_in_two_forms(folder):
    named = [f"{n:02}.png,{'ab'[n // 6]},{(NFC, NFD)[n % 2]}{n % 6 // 2}" for n in range(12)]
    table(folder, named, header="file,label,person")
    return {"group": "person"}


def a_table_of_any_name(folder):
    table(folder, rows("{:02}.png", "\t"), name="tables/birds 2024.tsv", header="file\tlabel")
    return {"labels": folder / "tables" / "birds 2024.tsv"}


def names_without_suffix(folder):
    table(folder, rows("{:02}"))
    os.rename(folder / "x" / "00.png", folder / "x" / "00.PNG")


def a_name_that_may_be_two(folder):
    table(folder, rows("{:02}"))
    save(folder / "x" / "03.jpg", 50)


def backslashes(folder):
    table(folder, rows("deep\\{:02}.png"))
    os.rename(folder / "x", folder / "y")
    (folder / "x").mkdir()
    os.rename(folder / "y", folder / "x" / "deep")
    os.rename(folder / "x" / "deep" / "labels.csv", folder / "x" / "labels.csv")


def one_file_missing(folder):
    table(folder, [*rows(), "99.png,a", "no\\such.png,b"])


def paths_of_elsewhere(folder):
    table(folder, rows("images/{:02}.png"))


def labels_that_are_a_number(folder):
    two_classes(folder)
    return {"labels": "100"}


def labels_of_arrays(folder):
    np.savez(folder / "x.npz", x_train=make_pixels(6, 8, 8), y_train=np.arange(6) % 2)
    return {"source": folder / "x.npz", "labels": folder / "table.csv"}


def an_empty_class(folder):
    two_classes(folder)
    (folder / "x" / "c").mkdir()


def an_empty_class_in_the_test_part(folder):
    two_classes(folder, ("a", "b", "c"), part="train")
    two_classes(folder, part="test", start=50)
    (folder / "x" / "test" / "c").mkdir()


def hidden_images(folder):
    two_classes(folder)
    save(folder / "x" / "a" / ".one.png", 50)
    save(folder / "x" / "a" / ".ipynb_checkpoints" / "00.png", 51)
    (folder / "x" / ".DS_Store").write_text("x")


def other_suffixes(folder):
    two_classes(folder)
    for number in range(3):
        (folder / "x" / "a" / f"{number}.heic").write_bytes(b"x")
    (folder / "x" / "b" / "notes").write_text("x")


def a_validation_part(folder):
    two_classes(folder, part="train")
    two_classes(folder, part="test", start=20)
    two_classes(folder, part="val", start=40)


def folders_in_a_class(folder):
    paths = two_classes(folder)
    save(folder / "x" / "a" / "old" / "1.png", 50)
    (folder / "x" / "a" / "linked").symlink_to(paths[-1].parent)


def a_pipe(folder):
    two_classes(folder)
    os.mkfifo(folder / "x" / "a" / "pipe.png")


def pages(folder):
    two_classes(folder)
    stack = make_pixels(5, 8, 10)
    tifffile.imwrite(folder / "x" / "a" / "stack.tif", stack, photometric="minisblack")


def animations(folder):
    two_classes(folder)
    frames = [Image.fromarray(make_pixels(8, 10, seed=n)) for n in range(4)]
    frames[0].save(folder / "x" / "a" / "move.gif", save_all=True, append_images=frames[1:])


SITUATIONS = {
    "a pool with a link to a folder": Row(pool_of_links, unlabeled=21, silent=("Passed",)),
    "a pool with links in a circle": Row(
        pool_in_a_circle,
        unlabeled=21,
        says=("a link to a folder that is read already, or that contains this one (3 without",),
    ),
    "the pool is the labelled folder": Row(
        pool_is_the_labelled_folder,
        labelled=18,
        classes=("a", "b", "more"),
        says=("unlabeled, but the path of a labelled file (18 .png",),
        silent=("Left out",),
    ),
    "a pool of links to labelled images": Row(
        links_to_labelled_images,
        unlabeled=1,
        says=("unlabeled, but the path of a labelled file (12 .png; for example link0.png)",),
    ),
    "a link beside its image": Row(
        a_link_beside_its_image,
        says=("another path of a file that is read already (1 .png; for example a/link.png)",),
    ),
    "absolute paths in labels.csv": Row(absolute_paths, silent=("unlabeled", "Passed over")),
    "roundabout paths in labels.csv": Row(roundabout_paths, silent=("unlabeled", "Passed over")),
    "absolute paths and the same pool": Row(
        absolute_paths_and_the_same_pool,
        unlabeled=1,
        says=("1 images are not named in labels.csv", "the path of a labelled file (12 .png"),
        silent=("Left out",),
    ),
    "a file named twice": Row(named_twice, refused="line 14: the file is .* was named before"),
    "train and test in two forms": Row(
        train_and_test_in_two_forms,
        labelled=24,
        classes=(NFC, "dog"),
        says=(f'The class "{NFC}" has folders whose names are spelled in 2 Unicode forms',),
    ),
    "one class in two forms": Row(one_class_in_two_forms, labelled=18, classes=(NFC, "dog")),
    "files in another form than labels.csv": Row(
        files_in_another_form,
        says=("12 names in labels.csv differ in spelling from their files",),
        silent=("unlabeled",),
    ),
    "labels in two forms": Row(labels_in_two_forms, classes=(NFC, "dog")),
    "groups in two forms": Row(groups_in_two_forms, says=("of 3 groups",)),
    "a table of any name": Row(a_table_of_any_name, silent=("Passed over",)),
    "names without suffix": Row(names_without_suffix, says=("12 names in labels.csv differ in",)),
    "a name that may be two files": Row(
        a_name_that_may_be_two, refused='line 5: "03" may be 03.jpg or 03.png; expected the name'
    ),
    "backslashes": Row(backslashes, says=("12 names in labels.csv differ in spelling",)),
    "files that are missing": Row(
        one_file_missing, says=("Set aside 2 files that cannot be used, for example 99.png",)
    ),
    "no file is where the table says": Row(
        paths_of_elsewhere,
        refused="labels.csv names 12 files, but none of them is there, .*relative to .*x",
    ),
    "labels that are a number": Row(
        labels_that_are_a_number, refused="`labels` is 100, which is not a file.*`label_count`"
    ),
    "labels of arrays": Row(labels_of_arrays, refused="`labels` is .*table.csv, .* is a file"),
    "an empty class": Row(an_empty_class, says=('Left out 1 of 3 .* "c" [(]0 to train and test',)),
    "a class that the test part has no image of": Row(
        an_empty_class_in_the_test_part, labelled=24, says=('Left out 1 of 3 classes .* "c"',)
    ),
    "hidden images": Row(
        hidden_images, look=True, says=("hidden (2 .png, 1 without suffix; for example a/.ipynb",)
    ),
    "other suffixes": Row(
        other_suffixes,
        look=True,
        says=("neither image nor WAV file (3 .heic, 1 without suffix; for example a/0.heic)",),
    ),
    "a validation part": Row(
        a_validation_part,
        look=True,
        labelled=24,
        says=("outside of the class folders (12 .png; for example val/a/00.png)",),
    ),
    "folders in a class": Row(
        folders_in_a_class,
        look=True,
        says=(
            "a link to a folder, not followed (1 without suffix; for example a/linked)",
            "in a folder inside a class folder (1 .png; for example a/old/1.png)",
        ),
    ),
    "a pipe": Row(a_pipe, look=True, says=("neither file nor folder (1 .png; for example a/pipe",)),
    "pages of a TIFF file": Row(
        pages,
        look=True,
        labelled=13,
        says=("pages or frames after the first (4 .tif",),
    ),
    "each page of a TIFF file": Row(
        pages, labelled=17, options={"pages": "each"}, silent=("Passed over",)
    ),
    "frames of an animation": Row(
        animations, look=True, labelled=13, says=("pages or frames after the first (3 .gif",)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations(tmp_path, name):
    row = SITUATIONS[name]
    given = {**(row.make(tmp_path) or {}), **row.options}
    source = given.pop("source", tmp_path / "x")
    if row.refused:
        with pytest.raises(InputError, match=row.refused):
            load_data(source, **given)
        return
    data = load_data(source, **given)
    assert len(data.train_images) + len(data.test_images) == row.labelled
    assert data.class_names == row.classes
    assert len(data.names.get("pool", ())) == row.unlabeled
    notes = " ".join(data.notes)
    for part in row.says:
        plain = part.replace("[(]", "(").split(" .* ")
        assert all(each in notes for each in plain), notes
    assert not any(word in notes for word in row.silent), notes
    # What was passed over is a finding of the check, too, whole or brief.
    if "Passed over" in notes:
        for result in (check_briefly(data), check_data(source, LoadOptions(**given))):
            [found] = [each for each in result.findings if each.check == "passed over"]
            for kind in data.passed_over:
                assert f"{kind.count} {kind.suffix or 'without suffix'}" in found.sentence
                assert kind.reason in found.sentence
            assert found.level == ("look" if row.look else "fine")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Cat", "cat"), '"Cat" and "cat"'),
        (("007", "7"), '"007" and "7"'),
        (("img 1", "img  01"), '"img  01" and "img 1"'),
    ],
)
def test_names_that_look_alike_are_shown(tmp_path, names, shown):
    two_classes(tmp_path, names)
    brief = check_briefly(load_data(tmp_path / "x"))
    for result in (brief, check_data(tmp_path / "x")):
        [found] = [each for each in result.findings if each.check == "names"]
        assert found.level == "look" and shown in found.sentence
    two_classes(tmp_path / "other", ("10", "100", "1", "catalog", "cat"))
    result = check_briefly(load_data(tmp_path / "other" / "x"))
    assert [each.level for each in result.findings if each.check == "names"] == ["fine"]


def test_train_and_test_of_other_case_are_refused_with_a_hint(tmp_path):
    two_classes(tmp_path, ("Cat", "dog"), part="train")
    two_classes(tmp_path, ("cat", "dog"), part="test", start=50)
    with pytest.raises(InputError, match="only in train/: Cat;.* Cat and cat look alike"):
        load_data(tmp_path / "x")
    # The check looks at them all the same, and stops.
    assert check_data(tmp_path / "x").stops


def test_an_empty_class_does_not_stop_the_check(tmp_path):
    an_empty_class(tmp_path)
    result = check_data(tmp_path / "x")
    [found] = [each for each in result.findings if each.check == "classes"]
    assert found.level == "look" and '"c" (0 in train)' in found.sentence


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("99.png", r"99\.png does not exist; expected an image. Correct the path\.$"),
        (r"no\such.png", r"such\.png does not exist; .* a backslash does not separate folders"),
    ],
)
def test_a_missing_file_is_called_missing(tmp_path, name, reason):
    one_file_missing(tmp_path)
    reasons = {aside.name: aside.reason for aside in load_data(tmp_path / "x").set_aside}
    assert re.search(reason, reasons[name])


def test_the_command_line_says_the_same(tmp_path):
    a_table_of_any_name(tmp_path)
    hidden = tmp_path / "x" / ".hidden.png"
    save(hidden, 77)
    asked = ["check", str(tmp_path / "x"), "--labels", str(tmp_path / "tables" / "birds 2024.tsv")]
    done = CliRunner().invoke(cli.app, asked)
    said = " ".join(done.stdout.split())
    assert done.exit_code == 0, done.stdout
    assert "12 labelled" in said and "hidden (1 .png; for example .hidden.png)" in said
    assert "Move or rename" in said
