"""Each check finds what was planted, and nothing where nothing was."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_arrays, make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import from_arrays, load_data
from tfzero.data.check import check_briefly, check_data, require_no_leaks
from tfzero.data.check.findings import Subject
from tfzero.data.check.labels import check_labels
from tfzero.data.check.likeness import check_likeness
from tfzero.data.check.near import check_near
from tfzero.data.check.thumbnails import make_thumbnails
from tfzero.data.collection import Part
from tfzero.data.names import name_rows
from tfzero.data.options import LoadOptions


def make_data(*, counts=(30, 30), test_counts=(10, 10), pool=None, **changes):
    train, test = make_arrays(counts), make_arrays(test_counts, seed=1)
    return from_arrays(*train, *test, pool=pool, **changes)


def find(result, check):
    return next((finding for finding in result.findings if finding.check == check), None)


def subject(**parts):
    return Subject(
        {
            name: Part(images, name_rows(name, len(images)), labels)
            for name, (images, labels) in parts.items()
        },
        ("a", "b"),
    )


def test_clean_data_have_nothing_to_look_at():
    result = check_briefly(make_data())
    assert {finding.level for finding in result.findings} == {"fine"}
    assert not result.stops and "nearly equal" in result.left_out[0]
    require_no_leaks(result)


def test_leaks_between_training_and_test():
    data = make_data()
    data.train_images[7] = data.test_images[3]
    finding = find(check_briefly(data), "leaks")
    assert (finding.level, finding.count) == ("stop", 1)
    assert {sight.name for sight in finding.examples[0].sights} == {"train[7]", "test[3]"}
    with pytest.raises(
        InputError, match=r"1 training image equals.*test: test\[3\] = train: train"
    ):
        require_no_leaks(check_briefly(data))


def test_test_images_in_the_pool_are_a_leak_unless_transductive():
    pool = make_pixels(50, 8, 9, 1, seed=9)
    data = make_data(pool=pool)
    pool[4] = data.test_images[0]
    assert find(check_briefly(data), "pool leaks").level == "stop"
    assert find(check_briefly(data), "leaks").level == "fine"
    data = dataclasses.replace(data, transductive=True)
    finding = find(check_briefly(data), "pool leaks")
    assert finding.level == "fine" and "transductive" in finding.sentence


def test_drop_leaks_and_transductive_from_files(tmp_path):
    make_classes(tmp_path / "x" / "train", {"a": 6, "b": 6})
    make_classes(tmp_path / "x" / "test", {"a": 3, "b": 3}, start=50)
    (tmp_path / "pool").mkdir()
    for number in range(4):
        Image.fromarray(make_pixels(8, 10, seed=80 + number)).save(tmp_path / f"pool/{number}.png")
    leak = (tmp_path / "x/test/a/00.png").read_bytes()
    (tmp_path / "pool" / "leak.png").write_bytes(leak)
    (tmp_path / "x/train/a/leak.png").write_bytes(leak)
    options = {"pool": tmp_path / "pool"}
    data = load_data(tmp_path / "x", **options)
    stops = {found.check for found in check_briefly(data).findings if found.level == "stop"}
    assert stops == {"leaks", "pool leaks"}
    data = load_data(tmp_path / "x", drop_leaks=True, **options)
    assert not check_briefly(data).stops
    assert (len(data.train_images), len(data.pool)) == (12, 16)
    data = load_data(tmp_path / "x", drop_leaks=True, transductive=True, **options)
    assert not check_briefly(data).stops
    assert (len(data.train_images), len(data.pool)) == (12, 17)


def test_equal_images_with_different_labels():
    data = make_data()
    one, two = (np.flatnonzero(data.train_labels == k)[0] for k in (0, 1))
    data.train_images[two] = data.train_images[one]
    finding = find(check_briefly(data), "contradictions")
    assert (finding.level, finding.count) == ("look", 1)
    assert {sight.label for sight in finding.examples[0].sights} == {"0", "1"}


def test_held_out_duplicates_stay_on_one_side():
    images, labels = make_arrays([20, 20])
    images[labels == 0] = np.repeat(images[labels == 0][:10], 2, axis=0)
    result = check_briefly(from_arrays(images, labels))
    assert find(result, "leaks").level == "fine"
    assert find(result, "duplicates").count == 10


def test_constant_images_and_uneven_classes():
    data = make_data(counts=(60, 6))
    data.train_images[5] = 7
    result = check_briefly(data)
    assert find(result, "constant").count == 1
    assert find(result, "constant").examples[0].sights[0].name == "train[5]"
    balance = find(result, "balance")
    assert balance.level == "look" and "scores 91 %" in balance.sentence


def test_a_class_that_a_part_lacks(tmp_path):
    make_classes(tmp_path / "train", {"a": 6, "b": 6, "c": 6})
    make_classes(tmp_path / "test", {"a": 3, "c": 3, "d": 1}, start=50)
    finding = find(check_data(tmp_path), "classes")
    assert finding.level == "stop"
    assert '"b" in test, "d" in train' in finding.sentence


def test_tiny_classes_stop_a_check_only_where_fewer_than_two_others_are_left(tmp_path):
    make_classes(tmp_path, {"a": 6, "b": 2, "c": 0})
    finding = find(check_data(tmp_path), "classes")
    assert finding.level == "stop" and '"b" (2 in train), "c" (0 in train)' in finding.sentence
    make_classes(tmp_path, {"d": 6}, start=50)
    assert find(check_data(tmp_path), "classes").level == "look"


def test_groups_on_both_sides(tmp_path):
    make_classes(tmp_path / "train", {"a": 6, "b": 6})
    make_classes(tmp_path / "test", {"a": 3, "b": 3}, start=50)
    result = check_data(tmp_path, LoadOptions(group=r"(\d+)\.png"))
    assert find(result, "groups").count == 3
    with pytest.raises(
        InputError,
        match="3 groups are in both the training and the test part.*`drop_leaks=True`",
    ):
        load_data(tmp_path, group=r"(\d+)\.png")
    data = load_data(tmp_path, group=r"(\d+)\.png", drop_leaks=True)
    assert len(data.train_images) == 6
    assert find(check_data(tmp_path, LoadOptions(group="train|test")), "groups").level == "fine"


def make_scenes(count, *, seed=0, side=32):
    """Smooth random pictures with some detail, as photographs have."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 8, 8, 1), np.uint8)
    scenes = [
        np.asarray(Image.fromarray(image[..., 0]).resize((side, side), Image.Resampling.BICUBIC))
        for image in coarse
    ]
    return np.stack(scenes)[..., None]


def test_nearly_equal_images_are_found_and_others_are_not():
    train, test = make_scenes(80), make_scenes(40, seed=1)
    test[5] = train[3] * 0.8 + 30
    shrunk = Image.fromarray(train[4][..., 0]).resize((16, 16)).resize((32, 32))
    train[60, ..., 0] = np.asarray(shrunk)
    train[61] = train[9]  # Equal, so that another check names it.
    labels = np.arange(80) % 2
    [finding], left_out = check_near(subject(train=(train, labels), test=(test, labels[:40])))
    pairs = [{sight.name for sight in example.sights} for example in finding.examples]
    assert sorted(map(sorted, pairs)) == [["test[5]", "train[3]"], ["train[4]", "train[60]"]]
    assert "(1 train and test, 1 within train)" in finding.sentence
    assert left_out == []


def test_where_all_are_alike_none_is_a_duplicate():
    random = np.random.default_rng(0)
    alike = np.clip(make_scenes(1) + random.normal(0, 6, (100, 32, 32, 1)), 0, 255)
    [finding], _ = check_near(subject(train=(alike.astype(np.uint8), np.arange(100) % 2)))
    assert finding.level == "fine"


def test_comparisons_are_bounded_and_said(monkeypatch):
    monkeypatch.setattr("tfzero.data.check.near._MOST_COMPARISONS", 120 * 50)
    train, test = make_scenes(80), make_scenes(40, seed=1)
    test[5] = train[3] // 2 + 40
    labels = np.arange(80) % 2
    [finding], left_out = check_near(subject(train=(train, labels), test=(test, labels[:40])))
    assert finding.count == 1
    assert "50 of 120 images were compared with all others, test images first" in left_out[0]


def test_an_unlike_pool_is_found_and_a_like_one_is_not():
    labels = np.arange(200) % 2
    like = subject(train=(make_scenes(200), labels), pool=(make_scenes(150, seed=1), None))
    finding, reason = check_likeness(like, "train", "pool")
    assert finding.level == "fine" and reason == ""
    dark = make_scenes(150, seed=1) // 2
    unlike = subject(train=(make_scenes(200), labels), pool=(dark, None))
    finding, _ = check_likeness(unlike, "train", "pool")
    assert finding.level == "look" and finding.examples[0].sights[0].part == "pool"
    few = subject(train=(make_scenes(200), labels), pool=(dark[:20], None))
    assert check_likeness(few, "train", "pool")[0] is None


def make_bars(count, seed=0):
    """Bars that lie (class 0) or stand (class 1)."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 60, (count, 16, 16, 1), np.uint8)
    labels = np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        place = random.integers(2, 12)
        (image if label == 0 else image.swapaxes(0, 1))[place : place + 3] += 180
    return images, labels


def test_wrong_labels_are_found():
    images, labels = make_bars(300)
    wrong = [20, 121, 250]
    labels[wrong] = 1 - labels[wrong]
    finding, left_out = check_labels(subject(train=(images, labels)))
    found = {example.sights[0].row for example in finding.examples}
    assert set(wrong) <= found and len(found) <= 6
    assert 'looks like "' in finding.examples[0].remark
    assert left_out == []


def test_right_labels_are_left_in_peace():
    finding, _ = check_labels(subject(train=make_bars(300)))
    assert finding.count <= 2


def test_labels_are_not_judged_by_a_classifier_that_knows_nothing():
    images, labels = make_arrays([100, 100])
    finding, left_out = check_labels(subject(train=(images, labels)))
    assert finding is None and "too few to say" in left_out[0]


def test_thumbnails_keep_means_and_flat_areas():
    images = np.full((3, 40, 30, 3), 100, np.uint8)
    images[1, :20] = 200
    for side in (8, 16, 64):
        thumbnails = make_thumbnails(images, side)
        assert thumbnails.shape == (3, side, side)
        np.testing.assert_allclose(thumbnails[0], 100, rtol=1e-4)
        assert abs(thumbnails[1].mean() - 150) < 2
