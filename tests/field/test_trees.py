"""Random trees of files: no traceback, and nothing is lost without a word.

Each file counts once: it is used, set aside, or passed over; so does each link to a folder that is
not followed.
"""

import io
import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.check import check_briefly, check_data
from tfzero.data.options import LoadOptions
from tfzero.data.passed_over import FRAMES
from tfzero.data.sources import read_source

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=SLOW, derandomize=True)
LONG = settings(max_examples=500, deadline=None, suppress_health_check=SLOW)

CLASSES = ["cat", "dog", "cafe\u0301", "caf\u00e9", "007", "7", "Cat", "train", "a b", "%s", "[x]"]
STEMS = ["1", "2", "01", "\u00e9", "e\u0301", "-x", "a b", "q'\"", "[1]", "*", "n" * 200, "%d", "#"]
SUFFIXES = [".png", ".PNG", ".jpg", ".tif", ".gif", ".txt", "", ".webp", ".heic", ".bmp"]
CONTENTS = ["good", "good", "good", "good", "empty", "text", "cut", "pages", "deep"]
names = st.builds(
    lambda dot, stem, suffix: dot + stem + suffix,
    st.sampled_from(["", "", "", "", "", "."]),
    st.sampled_from(STEMS),
    st.sampled_from(SUFFIXES),
)
folders = st.sampled_from([*CLASSES, ".hidden", "__MACOSX", "deep"])
files = st.tuples(
    st.lists(folders, max_size=2).map(tuple), names, st.sampled_from(CONTENTS), st.integers(0, 99)
)
links = st.tuples(st.lists(folders, max_size=2).map(tuple), names, st.integers(0, 30))
trees = st.fixed_dictionaries(
    {
        "classes": st.lists(st.sampled_from(CLASSES), min_size=2, max_size=4, unique=True),
        "per_class": st.sampled_from([3, 4, 5, 2, 1, 3, 4, 0]),
        "layout": st.sampled_from(["classes", "parts", "table"]),
        "files": st.lists(files, max_size=8),
        "links": st.lists(links, max_size=3),
        "unnamed": st.booleans(),
        "pool": st.sampled_from(["none", "none", "beside", "itself"]),
        "pages": st.sampled_from(["first", "first", "each"]),
        "lenient": st.booleans(),
    }
)


def encode(kind, seed):
    pixels = make_pixels(8, 9, seed=seed)
    image = Image.fromarray(pixels.astype(np.uint16) * 257 if kind == "deep" else pixels)
    stream = io.BytesIO()
    if kind == "pages":
        more = [Image.fromarray(make_pixels(8, 9, seed=seed + 1000))]
        image.save(stream, "TIFF", save_all=True, append_images=more)
    else:
        image.save(stream, "PNG")
    return {"empty": b"", "text": b"<html>", "cut": stream.getvalue()[:60]}.get(
        kind, stream.getvalue()
    )


def write_tree(root, tree):
    """Writes a tree as drawn; what cannot be there a second time is left out."""
    data, seed = root / "data", 0
    data.mkdir()
    rows = []
    for part in ("train", "test") if tree["layout"] == "parts" else ("",):
        for name in tree["classes"]:
            place = data / part / name
            place.mkdir(parents=True, exist_ok=True)
            for number in range(tree["per_class"]):
                seed += 1
                (place / f"{number}.png").write_bytes(encode("good", seed))
                rows.append((place / f"{number}.png", name))
    places = [data]
    if tree["pool"] == "beside":
        (root / "pool").mkdir()
        (root / "pool" / "0.png").write_bytes(encode("good", 500))
        places.append(root / "pool")
    for number, (steps, name, kind, seed) in enumerate(tree["files"]):
        folder = places[number % len(places)].joinpath(*steps)
        if folder.exists() or not any(each.is_file() for each in folder.parents):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(folder / name):
                (folder / name).write_bytes(encode(kind, 200 + seed))
    targets = sorted(root.rglob("*"))
    for number, (steps, name, target) in enumerate(tree["links"]):
        folder = places[number % len(places)].joinpath(*steps)
        if folder.is_dir() and not os.path.lexists(folder / name):
            there = targets[target % len(targets)] if target < 28 else root / "nowhere.png"
            (folder / name).symlink_to(there)
    if tree["layout"] == "table":
        if tree["unnamed"]:
            rows = rows[::2]
        spelled = [f"{os.path.relpath(path, data)},{name}" for path, name in rows]
        (data / "labels.csv").write_text("\n".join(["file,label", *spelled]), encoding="utf-8")
    return data


def list_files(folder, *, layout):
    """Returns the files of a tree, and the links to folders that nobody should follow.

    Args:
        folder: Where to begin.
        layout: "classes" and "parts" enter links that are class folders; "tree" enters all, each
            folder once.
    """
    if layout == "tree":
        return list_once(folder)
    found = []
    for entry in sorted(folder.iterdir()):
        if layout == "parts" and entry.name in ("train", "test"):
            found += list_files(entry, layout="classes")
        elif layout == "classes" and entry.is_dir() and is_visible(entry):
            found += list_real(entry)
        else:
            found += [entry] if entry.is_symlink() or not entry.is_dir() else list_real(entry)
    return found


def list_real(folder):
    """Returns files and links to folders, which are not entered."""
    found = []
    for entry in sorted(folder.iterdir()):
        is_link = entry.is_symlink() or not entry.is_dir()
        found += [entry] if is_link else list_real(entry)
    return found


def list_once(folder):
    """Returns the files of a tree, links to folders entered last, and each folder once."""
    found, links = [], []
    seen = {os.path.realpath(parent) for parent in folder.resolve().parents}

    def enter(place):
        seen.add(os.path.realpath(place))
        for entry in sorted(place.iterdir()):
            if not entry.is_dir() or entry.is_symlink() and not is_visible(entry):
                found.append(entry)
            elif entry.is_symlink():
                links.append(entry)
            elif not is_visible(entry):
                found.extend(list_real(entry))
            else:
                enter(entry)

    enter(folder)
    while links:
        link = links.pop(0)
        if os.path.realpath(link) in seen:
            found.append(link)
        else:
            enter(link)
    return found


def is_visible(path):
    return not path.name.startswith(".") and path.name != "__MACOSX"


def count_pages_once(parts, pages):
    if pages == "first":
        return sum(len(part.names) for part in parts.values())
    return sum(
        len({name.rpartition("[")[0] if name.endswith("]") else name for name in part.names})
        for part in parts.values()
    )


def check_tree(root, tree, *, whole):
    """Reads a tree; compares what is counted with what is there.

    Returns:
        Whether it was read; else it was refused in a sentence.
    """
    data = write_tree(root, tree)
    pool = {"none": None, "beside": root / "pool", "itself": data}[tree["pool"]]
    options = {"pool": pool, "pages": tree["pages"], "size": 8}
    try:
        if whole:
            check_data(data, LoadOptions(**options))
        found = read_source(data, LoadOptions(**options, lenient=tree["lenient"]))
    except InputError as error:
        assert str(error).endswith((".", "?", ")")) and len(str(error)) > 20
        return False
    used = count_pages_once(found.parts(), tree["pages"])
    passed = sum(kind.count for kind in found.passed_over if kind.reason != FRAMES)
    aside = len({(each.part, each.name) for each in found.set_aside})
    is_table = tree["layout"] == "table"
    there = list_files(data, layout="tree" if is_table else tree["layout"])
    expected = len(there) - is_table  # the table itself is neither used nor passed over
    if pool is not None:
        expected += len(list_files(pool, layout="tree"))
    kinds = found.passed_over
    assert used + aside + passed == expected, (used, aside, passed, kinds, there, found.set_aside)
    try:
        loaded = load_data(data, **options)
    except InputError:
        return True
    check_briefly(loaded)
    assert loaded.passed_over == found.passed_over
    told = any(note.startswith("Passed over: ") for note in loaded.notes)
    assert told == bool(kinds)
    return True


def try_trees(folder, setting):
    """Tries random trees; counts those that were read, of all."""
    outcomes = []

    @setting
    @given(trees)
    def run(tree):
        root = folder / "tree"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        # The whole check fits classifiers, which takes a second.
        outcomes.append(check_tree(root, tree, whole=len(outcomes) % 40 == 10))

    run()
    return outcomes


def test_random_trees(tmp_path):
    outcomes = try_trees(tmp_path, QUICK)
    # They tell something only if most of them are read and not refused.
    assert sum(outcomes) > len(outcomes) / 2


@pytest.mark.slow
def test_many_random_trees(tmp_path):
    outcomes = try_trees(tmp_path, LONG)
    assert len(outcomes) >= 500 and sum(outcomes) > len(outcomes) / 2
