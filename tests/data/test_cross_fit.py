import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.pictures import make_classes, make_pixels
from tfzero.data import from_arrays, load_data, open_arrays, save_arrays
from tfzero.data.check import check_briefly, require_no_leaks
from tfzero.data.cross_fit import NUM_FOLDS, draw_folds

LABELS = np.arange(40) % 4
IMAGES = make_pixels(40, 8, 8, 1, seed=1)
POOL = make_pixels(60, 8, 8, 1, seed=2)


def write(path, pixels):
    Image.fromarray(pixels).save(path)


def test_every_labelled_image_is_learnt_from_and_tested_on():
    held_out = from_arrays(IMAGES, LABELS, pool=POOL)
    data = held_out.cross_fitted()
    assert (held_out.num_folds, data.num_folds) == (1, NUM_FOLDS)
    assert len(held_out.test_images) == 12 and len(data.test_images) == 40
    assert data.test_images is data.train_images and data.test_labels is data.train_labels
    assert sorted(map(bytes, data.train_images)) == sorted(map(bytes, IMAGES))
    by_image = {bytes(image): label for image, label in zip(IMAGES, LABELS, strict=True)}
    found = zip(data.train_images, data.train_labels, strict=True)
    assert all(by_image[bytes(image)] == label for image, label in found)
    np.testing.assert_array_equal(data.pool, POOL)
    assert data.fingerprint != held_out.fingerprint
    assert [note[:12] for note in held_out.notes] == ["No test part"]
    assert "predicted by classifiers that were trained without it" in data.notes[0]
    require_no_leaks(check_briefly(data))  # an image is no leak of itself
    assert data.cross_fitted() is data


@pytest.mark.parametrize(
    "asked",
    [
        {"test_share": 0.3},
        {"test_images": IMAGES[:4], "test_labels": LABELS[:4]},
        {"pool": None},
        {"pool": POOL[:39]},
        {"groups": [f"class {label}" for label in LABELS % 3]},
    ],
    ids=["a share was asked for", "test part", "no pool", "small pool", "classes span few groups"],
)
def test_otherwise_a_test_part_stays_held_out(asked):
    more = {"pool": POOL, **asked}
    images, labels = IMAGES, LABELS % 3 if "groups" in asked else LABELS
    if "test_images" in asked:
        images, labels = IMAGES[4:], LABELS[4:]
    try:
        data = from_arrays(images, labels, **more)
    except ValueError:
        assert "groups" in asked  # cannot be held out either
        return
    assert data.cross_fit is None and data.cross_fitted() is data


def test_many_labelled_images_are_held_out(monkeypatch):
    monkeypatch.setattr("tfzero.data.cross_fit.FEW_LABELLED", 40)
    assert from_arrays(IMAGES, LABELS, pool=POOL).cross_fit is None


def test_the_pool_keeps_away_from_labelled_images(tmp_path):
    make_classes(tmp_path / "labelled", {"a": 10, "b": 10})
    pool = tmp_path / "pool"
    pool.mkdir()
    for number, pixels in enumerate(make_pixels(25, 8, 10, seed=999)):
        write(pool / f"own-{number}.png", pixels)
    twin = next((tmp_path / "labelled" / "a").glob("*.png"))
    (pool / "copy.png").write_bytes(twin.read_bytes())
    data = load_data(tmp_path / "labelled", pool=pool, drop_leaks=True)
    found = data.cross_fitted()
    assert found.num_folds == NUM_FOLDS and not found.pool_has_train
    labelled = set(map(bytes, found.train_images))
    assert len(found.pool) == 25 and not labelled & set(map(bytes, found.pool))
    assert len(found.names["train"]) == 20 and found.names["test"] == found.names["train"]
    require_no_leaks(check_briefly(found))


def test_unlabeled_images_of_a_labelled_group_are_left_out(tmp_path):
    for number, pixels in enumerate(make_pixels(24, 8, 8, seed=3)):
        kind = "ab"[number % 2]
        (tmp_path / "labelled" / kind).mkdir(parents=True, exist_ok=True)
        write(tmp_path / "labelled" / kind / f"p{number // 4}_{number}.png", pixels)
    (tmp_path / "pool").mkdir()
    for number, pixels in enumerate(make_pixels(40, 8, 8, seed=4)):
        write(tmp_path / "pool" / f"p{5 + number // 4}_{number}.png", pixels)
    data = load_data(tmp_path / "labelled", pool=tmp_path / "pool", group=r"(p\d+)_")
    found = data.cross_fitted()
    assert len(found.pool) == 36  # four are of p5, of which there are labelled images
    assert sorted(np.bincount(found.train_groups)) == [4] * 6


def test_it_is_kept_on_the_disk(tmp_path):
    data = from_arrays(IMAGES, LABELS, pool=POOL, groups=list("abcdefgh") * 5).cross_fitted()
    save_arrays(data, tmp_path)
    again = open_arrays(tmp_path)
    assert again.fingerprint == data.fingerprint
    np.testing.assert_array_equal(again.test_images, data.train_images)
    np.testing.assert_array_equal(again.train_groups, data.train_groups)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 5), st.integers(2, 30), st.integers(0, 9), st.booleans(), st.data())
def test_folds_part_the_images_and_leave_every_class_to_learn(
    num_classes, per_class, replicate, grouped, data
):
    labels = np.arange(num_classes * per_class) % num_classes
    labels = np.append(labels, np.zeros(5, int))
    groups = None
    if grouped:
        groups = np.array(
            data.draw(st.lists(st.integers(0, 11), min_size=len(labels), max_size=len(labels)))
        )
    folds = draw_folds(labels, groups, replicate=replicate)
    if not folds:
        assert grouped
        return
    assert len(folds) == NUM_FOLDS
    assert sorted(np.concatenate([asked for _, asked in folds])) == list(range(len(labels)))
    for learnt, asked in folds:
        assert sorted([*learnt, *asked]) == list(range(len(labels)))
        assert len(np.unique(labels[learnt])) == num_classes
        if groups is not None:
            assert not set(groups[learnt]) & set(groups[asked])
        else:
            share = np.bincount(labels) / NUM_FOLDS
            assert (abs(np.bincount(labels[asked], minlength=num_classes) - share) < 1).all()


def test_replicates_draw_other_folds():
    first, second = (draw_folds(LABELS, None, replicate=replicate) for replicate in (0, 1))
    again = draw_folds(LABELS, None, replicate=0)
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))
    assert any(list(a[1]) != list(b[1]) for a, b in zip(first, second, strict=True))


def test_no_folds_where_a_class_could_not_be_learnt():
    assert draw_folds(np.array([0, 0, 0, 0, 0, 1]), None, replicate=0) == []
    assert draw_folds(np.repeat([0, 1], 5), np.repeat([0, 1], 5), replicate=0) == []
    assert draw_folds(np.arange(4) % 2, None, replicate=0) == []
    # Three patients cannot be in five folds; a test part is held out then.
    labels, patients = np.arange(24) % 2, np.arange(24) // 8
    assert draw_folds(labels, patients, replicate=0) == []
    data = from_arrays(IMAGES[:24], labels, pool=POOL, groups=[f"p{each}" for each in patients])
    assert data.cross_fit is None and len(data.test_images) == 8
