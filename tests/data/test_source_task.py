import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_bars
from tests.data.sounds import make_clips
from tfzero.common.checks import InputError
from tfzero.data import from_arrays, load_data
from tfzero.data.source_task import load_source_task, open_source_task, save_source_task


@pytest.fixture(scope="module")
def target():
    return from_arrays(*draw_bars(40, seed=0))


def draw_colour(count, *, side=12, seed=1, classes=3):
    images = np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)
    return images, np.arange(count) % classes


def write_pictures(folder, images):
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{number}.png")


def test_a_source_gets_the_targets_shape_and_its_test_part_is_not_read(tmp_path, target):
    images, labels = draw_colour(30)
    more, others = draw_colour(6, seed=2)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_test=more, y_test=others)
    source = load_source_task(tmp_path / "own.npz", like=target)
    assert source.images.shape == (30, 8, 8, 1) and source.images.dtype == np.uint8
    assert sorted(source.labels.tolist()) == sorted(labels.tolist())
    assert source.class_names == ("0", "1", "2") and source.name == "own"
    said = " ".join(source.notes)
    for part in ("8x8 pixels", "1 channels", "Its 6 test images are not read"):
        assert part in said
    # The order of the files decides nothing.
    order = np.random.default_rng(0).permutation(30)
    np.savez(tmp_path / "turned.npz", x_train=images[order], y_train=labels[order])
    assert load_source_task(tmp_path / "turned.npz", like=target).fingerprint == source.fingerprint
    np.savez(tmp_path / "other.npz", x_train=images, y_train=labels[::-1])
    assert load_source_task(tmp_path / "other.npz", like=target).fingerprint != source.fingerprint


def test_images_that_equal_a_test_image_of_the_target_are_left_out_and_said(tmp_path, target):
    images, labels = draw_bars(20, seed=5)
    leaking = np.concatenate([target.test_images[:3], images])
    np.savez(
        tmp_path / "leaks.npz",
        x_train=leaking,
        y_train=np.concatenate([target.test_labels[:3], labels]),
    )
    source = load_source_task(tmp_path / "leaks.npz", like=target)
    assert "Left out 3 of its images" in " ".join(source.notes)
    assert len(source.images) == len(source.labels) == 20
    rows = {image.tobytes() for image in source.images}
    assert not rows & {image.tobytes() for image in target.test_images}


def test_a_source_that_is_the_test_part_is_refused(target):
    inside = from_arrays(target.test_images, target.test_labels, name="inside")
    with pytest.raises(InputError, match="no new images"):
        load_source_task(inside, like=target)


def test_labelled_images_that_equal_a_training_image_of_the_target_are_left_out(tmp_path, target):
    images, labels = draw_bars(20, seed=5)
    own = np.concatenate([target.train_images[:6], target.test_images[:2], images])
    known = np.concatenate([target.train_labels[:6], target.test_labels[:2], labels])
    np.savez(tmp_path / "mine.npz", x_train=own, y_train=known, pool=target.train_images[:4])
    source = load_source_task(tmp_path / "mine.npz", like=target)
    labelled = {image.tobytes() for image in source.labelled_images}
    assert len(labelled) == 20 and len(source.images) == 24
    for part in (target.train_images, target.test_images):
        assert not labelled & {image.tobytes() for image in part}
    said = " ".join(source.notes)
    equal = "which equal a training image of the target. Their labels would reveal"
    for part in (
        f"Left out 6 of its labelled images, {equal}",
        "Left out 2 of its images",
        "4 of its unlabeled images equal a training image of the target",
    ):
        assert part in said


def test_a_target_is_no_source_of_labels_for_itself():
    target = load_data("digits")
    with pytest.raises(InputError, match="no new images in some class.* equal training im"):
        load_source_task("digits", like=target)


def test_broken_files_of_a_source_are_said(tmp_path, target):
    write_pictures(tmp_path / "pictures", draw_colour(4)[0])
    (tmp_path / "pictures" / "broken.png").write_text("no image")
    said = load_source_task(tmp_path / "pictures", like=target).notes
    assert "Set aside 1 file that cannot be used, for example broken.png." in said


@pytest.mark.parametrize("layout", ["flat", "one class"])
def test_images_without_classes_are_a_source_without_labels(tmp_path, target, layout):
    images, _ = draw_colour(10)
    folder = tmp_path / "pictures"
    write_pictures(folder if layout == "flat" else folder / "only", images)
    source = load_source_task(folder, like=target)
    assert source.images.shape == (10, 8, 8, 1)
    assert len(source.labels) == 0 and source.class_names == ()
    assert "no classes" in " ".join(source.notes)


def test_a_data_set_in_memory_is_a_source_with_its_pool(target):
    images, labels = draw_colour(30)
    pool, _ = draw_colour(12, seed=3)
    source = load_source_task(from_arrays(images, labels, pool=pool, name="mine"), like=target)
    # 30 % is held out, and not read.
    assert len(source.labels) == len(source.labelled_images) == 21
    assert len(source.images) == 21 + 12


def test_what_is_kept_is_read_again(tmp_path, target):
    images, labels = draw_colour(12)
    source = load_source_task(from_arrays(images, labels, name="mine"), like=target)
    save_source_task(source, tmp_path / "kept")
    found = open_source_task(tmp_path / "kept")
    assert found.fingerprint == source.fingerprint
    assert (found.name, found.class_names, found.notes) == (
        source.name,
        source.class_names,
        source.notes,
    )


def test_images_of_two_channels_take_no_source():
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 2), np.uint8)
    with pytest.raises(InputError, match="2 channels"):
        load_source_task("digits", like=from_arrays(images, np.arange(12) % 2))


@pytest.mark.parametrize("classes", [("up", "down"), ()])
def test_clips_of_a_source_become_images_as_the_targets_do(tmp_path, classes):
    make_clips(tmp_path / "target", {"a": 6, "b": 6})
    target = load_data(tmp_path / "target", size=16, clip_seconds=0.4, trim_db=20)
    own = dict.fromkeys(classes or ["own"], 6)
    # The same sounds at twice the rate.
    make_clips(tmp_path / "fast", own, rate=16_000, start=50)
    make_clips(tmp_path / "slow", own, start=50)
    fast, slow = (
        load_source_task(tmp_path / name / ("" if classes else "own"), like=target)
        for name in ("fast", "slow")
    )
    count = sum(own.values())
    assert f"{count} of {count} clips were resampled to 8000" in " ".join(fast.notes)
    assert "20 dB below the loudest" in " ".join(slow.notes)
    assert fast.kind == slow.kind == "spectrograms"
    assert fast.images.shape == (count, 16, 16, 1)
    # Without the target's settings their bands would reach twice as high.
    apart = np.sort(fast.images.mean((1, 2, 3))) - np.sort(slow.images.mean((1, 2, 3)))
    assert np.abs(apart).max() < 8


@pytest.mark.parametrize("inside", [["train"], ["Train", "val"]])
def test_a_source_may_have_a_train_part_alone(tmp_path, target, inside):
    for part in inside:
        for number, name in enumerate(("cat", "dog")):
            images, _ = draw_colour(5, seed=len(part) + number)
            write_pictures(tmp_path / "animals" / part / name, images)
    source = load_source_task(tmp_path / "animals", like=target)
    assert source.class_names == ("cat", "dog") and source.name == "animals"
    assert len(source.images) == len(source.labels) == 10
    assert f"Of {tmp_path / 'animals'}, only {inside[0]}/ is read." in source.notes


def test_a_folder_around_the_classes_is_not_taken_for_images_without_any(tmp_path, target):
    for number, name in enumerate(("cat", "dog")):
        write_pictures(tmp_path / "outer" / "inner" / name, draw_colour(5, seed=number)[0])
    with pytest.raises(InputError, match="only one class .inner.*give the inner folder"):
        load_source_task(tmp_path / "outer", like=target)


def test_clips_in_memory_stay_clips(tmp_path):
    for name in ("target", "other"):
        make_clips(tmp_path / name, {"a": 6, "b": 6}, start=len(name) * 10)
    options = {"size": 16, "clip_seconds": 0.4}
    target = load_data(tmp_path / "target", **options)
    source = load_source_task(load_data(tmp_path / "other", **options), like=target)
    assert source.kind == "spectrograms"
    other = load_data(tmp_path / "other", size=16, clip_seconds=0.3)
    with pytest.raises(InputError, match="other settings than the target's.*at most 0.3 s.*0.4 s"):
        load_source_task(other, like=target)


def test_clips_are_a_source_of_pictures_of_any_form(tmp_path):
    images, labels = draw_colour(30)
    np.savez(tmp_path / "colour.npz", x_train=images, y_train=labels)
    target = load_data(tmp_path / "colour.npz", size=16, resize="crop")
    make_clips(tmp_path / "clips", {"a": 4, "b": 4})
    make_clips(tmp_path / "clips", {"c": 3}, rate=16_000, start=50)
    for place, count in (("", 11), ("c", 3)):
        source = load_source_task(tmp_path / "clips" / place, like=target)
        assert source.images.shape == (count, 16, 16, 3) and source.kind == "spectrograms"
        np.testing.assert_array_equal(source.images[..., 0], source.images[..., 2])
        assert ("3 of 11 clips were resampled to 8000" in " ".join(source.notes)) == (not place)
