"""Each remedy that a message gives for arrays and files gives, done as it says, the right pixels.

A row is what a person has, what the message says, and what comes out of the remedy. The remedy is
taken from the message itself, so that one that was changed is tried anew.
"""

import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tfzero
from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.common.images import check_images

LABELS = np.arange(20) % 2
PIXELS = make_pixels(20, 8, 9, 1)
PIXELS[0, 0, 0], PIXELS[0, 0, 1] = 0, 255
COARSE = PIXELS // 17 * 17  # of 16 levels, the ends among them
MASKS = (PIXELS > 127).astype(np.uint8)


def load_arrays(images, **options):
    """Returns the pixels that a data set of arrays has, in the order given."""
    shown = tfzero.from_arrays(images, LABELS, images, LABELS, **options)
    return shown.train_images


def fit(images):
    """Returns the pixels that a classifier learns from."""
    tfzero.fit_classifier("logistic", encoder=None, images=images, labels=LABELS)
    return check_images(images)


def scaled(images, low, high):
    return np.rint((images.astype(np.float64) - low) / (high - low) * 255).astype(np.uint8)


DEEP = PIXELS.astype(np.uint16) * 257
TWELVE = PIXELS.astype(np.uint16) * 16 + 15
TWELVE[0, 0, 0], TWELVE[0, 0, 1] = 0, 4095
SIGNED = (PIXELS.astype(np.int16) - 128).astype(np.int8)

# What a person has, and the pixels that are right.
ARRAYS = {
    "uint16": (DEEP, PIXELS),
    "12 bits": (TWELVE, scaled(TWELVE, 0, 4095)),
    "int64 of 0..255": (PIXELS.astype(np.int64), PIXELS),
    "int8": (SIGNED, PIXELS),
    "int64 masks": (MASKS.astype(np.int64), MASKS * 255),
    "int32 of 4 bits": (COARSE.astype(np.int32) // 17, COARSE),
    "floats of 0..255": (PIXELS.astype(np.float32), PIXELS),
    "floats of -1..1": (PIXELS / 127.5 - 1, PIXELS),
    "floats of 0..65535": (DEEP.astype(np.float64), PIXELS),
    "masks": (MASKS, MASKS * 255),
    "channels first": (np.moveaxis(PIXELS.repeat(3, -1), -1, 1), PIXELS.repeat(3, -1)),
    "no channel axis": (PIXELS[..., 0], PIXELS),
    "overshoot": (np.where(PIXELS > 250, 1.03, PIXELS / 255), np.where(PIXELS > 250, 255, PIXELS)),
    "small": (PIXELS[:, :4, :4], PIXELS[:, :4, :4].repeat(2, axis=1).repeat(2, axis=2)),
    "faint floats": (PIXELS / 255 > 0.5) * np.float64(1 / 255),
}
ARRAYS["faint floats"] = (ARRAYS["faint floats"], MASKS * 255)


OF_SHAPE = {"channels first", "no channel axis", "small"}


def read_ranges(message):
    """Returns the ranges that a message offers."""
    found = re.findall(r"`pixel_range=\(([^)]*)\)`", message)
    assert found, message
    return [tuple(map(float, pair.split(","))) for pair in found]


def expression(message, name):
    """Returns the expression of NumPy that a message offers for an array."""
    found = re.search(
        rf"(?:numpy\.\w+\({name}[^)]*\)|\({name} [^)]*\)(?: / [\d.]+)?|{name}(?:\[[^\]]*\]"
        rf"| [*/] [\d.]+|(?:\.\w+\([^)]*\))+))",
        message.split("expected")[-1],
    )
    assert found, message
    return found[0]


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize(
    ("entry", "name"), [(load_arrays, "train_images"), (fit, "images")], ids=["load", "fit"]
)
def test_the_expression_in_a_message_gives_the_right_pixels(case, entry, name):
    images, right = ARRAYS[case]
    with pytest.raises(InputError) as refused:
        entry(images)
    message = str(refused.value)
    if entry is load_arrays and case in {"masks", "faint floats"}:
        assert "`pixel_range=" in message  # and no expression
        return
    mended = eval(expression(message, name), {"numpy": np, name: images})
    np.testing.assert_array_equal(entry(mended), right)


@pytest.mark.parametrize("case", [case for case in ARRAYS if case not in OF_SHAPE | {"overshoot"}])
def test_the_range_in_a_message_gives_the_right_pixels(case):
    images, right = ARRAYS[case]
    with pytest.raises(InputError) as refused:
        load_arrays(images)
    first, *others = read_ranges(str(refused.value))
    np.testing.assert_array_equal(load_arrays(images, pixel_range=first), right)
    for other in others:  # which says that the images are as dark as they look
        assert load_arrays(images, pixel_range=other).max() < right.max()


def test_of_one_image_a_batch_is_made():
    classifier = tfzero.Classifier(tfzero.build_encoder((8, 9, 3)), 2)
    with pytest.raises(InputError, match=r"images\[None\]"):
        classifier(PIXELS[0].repeat(3, -1))
    assert classifier(PIXELS[0].repeat(3, -1)[None]).shape == (1, 2)


def test_one_hot_rows_become_labels():
    rows = np.eye(2)[LABELS]
    with pytest.raises(InputError, match=r"train_labels\.argmax\(axis=1\)"):
        tfzero.from_arrays(PIXELS, rows)
    np.testing.assert_array_equal(
        tfzero.from_arrays(PIXELS, rows.argmax(axis=1), PIXELS, LABELS).train_labels, LABELS
    )


def test_words_become_numbers():
    words = np.array(["cat", "dog"])[LABELS]
    with pytest.raises(InputError, match="return_inverse=True"):
        tfzero.from_arrays(PIXELS, words)
    names, numbers = np.unique(words, return_inverse=True)
    data = tfzero.from_arrays(PIXELS, numbers, PIXELS, LABELS, class_names=names)
    np.testing.assert_array_equal(data.train_labels, LABELS)


@pytest.mark.parametrize("batch", [None, 5])
def test_a_data_set_gets_a_channel_axis(batch):
    import tensorflow as tf

    dataset: Any = tf.data.Dataset.from_tensor_slices((PIXELS[..., 0], LABELS))
    dataset = dataset if batch is None else dataset.batch(batch)
    with pytest.raises(InputError) as refused:
        tfzero.from_dataset(dataset)
    [remedy] = re.findall(r"dataset\.map\(lambda x, y: \(.*\)\)", str(refused.value))
    data = tfzero.from_dataset(eval(remedy, {"dataset": dataset}))
    found = np.concatenate([data.train_images, data.test_images])
    assert sorted(image.tobytes() for image in found) == sorted(i.tobytes() for i in PIXELS)


@pytest.mark.slow
def test_a_data_set_of_single_images_is_batched():
    import tensorflow as tf

    dataset: Any = tf.data.Dataset.from_tensor_slices(PIXELS.repeat(3, -1))
    method = tfzero.Denoising(tfzero.build_encoder((8, 9, 3)))
    method.compile("adam")
    with pytest.raises(InputError, match=r"dataset\.batch\(32\)"):
        method.fit(dataset, verbose=0, shuffle=False)
    assert np.isfinite(
        method.fit(dataset.batch(32), verbose=0, shuffle=False).history["loss"]
    ).all()


def test_a_classifier_that_refused_learns_from_the_right_images():
    # Keras would keep the step that the refusal broke off.
    classifier = tfzero.Classifier(tfzero.build_encoder((8, 9, 1)), 2)
    classifier.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match=r"images\[\.\.\., None\]"):
        classifier.fit(PIXELS[..., 0], LABELS, verbose=0)
    assert np.isfinite(classifier.fit(PIXELS, LABELS, verbose=0).history["loss"]).all()
    with pytest.raises(InputError, match="type int64"):
        classifier.predict(PIXELS.astype(int), verbose=0)
    assert classifier.predict(PIXELS, verbose=0).shape == (20, 2)


def test_four_channels_become_three(tmp_path):
    images = PIXELS.repeat(4, -1)
    np.savez(tmp_path / "x.npz", x_train=images, y_train=LABELS)
    with pytest.raises(InputError, match=r"x_train\[\.\.\., :3\]"):
        tfzero.load_data(tmp_path / "x.npz", channels=3)
    np.savez(tmp_path / "x.npz", x_train=images[..., :3], y_train=LABELS)
    assert tfzero.load_data(tmp_path / "x.npz", channels=3).image_shape == (8, 9, 3)


def write_folder(folder, images, suffix=".png"):
    for number, (image, label) in enumerate(zip(images, LABELS, strict=True)):
        path = folder / "ab"[label] / f"{number:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


# Files that a person has, and the pixels that are right.
FILES = {
    "masks": (MASKS[..., 0], ".png", MASKS * 255),
    "masks in BMP": (MASKS[..., 0], ".bmp", MASKS * 255),
    "masks of 16 bits": (MASKS[..., 0].astype(np.uint16), ".tif", MASKS * 255),
    "4 bits": (COARSE[..., 0] // 17, ".png", COARSE),
    "12 bits in TIFF": (TWELVE[..., 0], ".tif", scaled(TWELVE, 0, 4095)),
    "12 bits in PNG": (TWELVE[..., 0], ".png", scaled(TWELVE, 0, 4095)),
    "32-bit whole numbers": (TWELVE[..., 0].astype(np.int32), ".tif", scaled(TWELVE, 0, 4095)),
    "floats": ((PIXELS[..., 0] / 255).astype(np.float32), ".tif", PIXELS),
}


@pytest.mark.parametrize("case", FILES)
def test_the_range_in_a_message_about_files_gives_the_right_pixels(tmp_path, case):
    images, suffix, right = FILES[case]
    write_folder(tmp_path, images, suffix)
    with pytest.raises(InputError) as refused:
        tfzero.load_data(tmp_path)
    first, *others = read_ranges(str(refused.value))
    if case == "floats":  # The message is of one file alone.
        first = 0, 1
    data = tfzero.load_data(tmp_path, pixel_range=first)
    for other in others:
        assert tfzero.load_data(tmp_path, pixel_range=other).train_images.max() < 128
    found = np.concatenate([data.train_images, data.test_images])
    assert sorted(i.tobytes() for i in found) == sorted(np.uint8(i).tobytes() for i in right)


def test_the_size_that_a_message_asks_for_is_right(tmp_path):
    write_folder(tmp_path, PIXELS[:, :4, :4, 0])
    with pytest.raises(InputError, match="expected at least 8x8. Use `size` to enlarge"):
        tfzero.load_data(tmp_path)
    assert tfzero.load_data(tmp_path, size=8).image_shape[:2] == (8, 8)


def test_a_model_of_logits_and_of_other_pixels(tmp_path):
    import keras

    model = keras.Sequential(
        [keras.Input((8, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(InputError, match="`from_logits=True`"):
        tfzero.export_savedmodel(model, tmp_path)
    assert tfzero.export_savedmodel(model, tmp_path, from_logits=True).name == "1"
