"""What the numbers of pixels mean: situations that people have, and what is said or comes out."""

import functools
import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from typer.testing import CliRunner

import tfzero
from tests.data.pictures import make_classes, make_pixels
from tfzero.cli import app
from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, find_doubt, scale_values
from tfzero.data.check import check_data
from tfzero.data.decode import decode_image
from tfzero.data.options import LoadOptions
from tfzero.data.source_task import load_source_task
from tfzero.data.store import open_arrays, save_arrays

LABELS = np.arange(20) % 2
PIXELS = make_pixels(20, 8, 9)
PIXELS[0, 0, :2] = 0, 255
MASKS = (PIXELS > 127).astype(np.uint8)
TWELVE = PIXELS.astype(np.uint16) * 16 + 15
TWELVE[0, 0, :2] = 0, 4095
DARK = PIXELS // 8  # photographs of a dark room, the brightest 31


# Colours 0 and 1, and 255 where nobody sees it.
HIDDEN = np.stack([np.where(PIXELS[0] > 99, MASKS[0], 255)] * 3 + [(PIXELS[0] > 99) * 255], axis=-1)
HIDDEN = HIDDEN.astype(np.uint8)


def write_folder(folder, images, suffix=".png"):
    for number, (image, label) in enumerate(zip(images, LABELS, strict=True)):
        path = folder / "ab"[label] / f"{number:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image) if isinstance(image, bytes) else Image.fromarray(image).save(path)
    return folder


def write_npz(folder, images):
    folder.mkdir(exist_ok=True)
    np.savez(folder / "x.npz", x_train=images, y_train=LABELS)
    return folder / "x.npz"


def deep_color(values):
    """Returns the bytes of a PNG of uint16 `(H, W, C)`, which Pillow cannot write."""
    return tf.io.encode_png(tf.constant(values)).numpy()


def write_colors(folder, top):
    """Writes colour PNGs of 16 bits that use 0..top."""
    values = np.random.default_rng(0).integers(0, top + 1, (20, 8, 9, 3)).astype(np.uint16)
    values[0, 0, 0] = 0, top, top
    return write_folder(folder, [deep_color(each) for each in values])


def mixed_depths(folder):
    write_folder(folder, TWELVE)
    Image.fromarray(PIXELS[0]).save(folder / "a" / "other.png")
    return folder


# What a person has, and what is said of it without an option.
REFUSED = {
    "masks": (
        lambda f: write_folder(f, MASKS),
        r"8-bit values in 0\.\.1 in all.*`pixel_range=\(0, 1\)` if 1 is white",
    ),
    "masks in an array": (lambda f: write_npz(f, MASKS), r"8-bit values in 0\.\.1 in all"),
    "4 bits": (lambda f: write_folder(f, PIXELS // 16), r"0\.\.15.*`pixel_range=\(0, 15\)`"),
    "12 bits in TIFF": (
        lambda f: write_folder(f, TWELVE, ".tif"),
        r"16-bit values in 0\.\.4095 .*`pixel_range=\(0, 4095\)`.*`pixel_range=\(0, 65535\)`",
    ),
    "12 bits in PNG": (lambda f: write_folder(f, TWELVE), r"16-bit values in 0\.\.4095"),
    "12 bits in colour": (lambda f: write_colors(f, 4095), r"16-bit values in 0\.\.3855"),
    "floats of 0..255": (
        lambda f: write_npz(f, PIXELS.astype(np.float32)),
        r"floats in 0\.\.255.*`pixel_range=\(0, 255\)`",
    ),
    "float TIFF": (
        lambda f: write_folder(f, PIXELS.astype(np.float32), ".tif"),
        r"32-bit pixels, here in 0\.\.255.*`pixel_range=\(0, 255\)`",
    ),
    "divided twice": (
        lambda f: write_npz(f, PIXELS / 255 / 255),
        r"floats in 0\.\.0\.0039\d* in all.*`pixel_range=",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_ambiguous_is_refused_with_range_and_option(tmp_path, case):
    make, words = REFUSED[case]
    with pytest.raises(InputError, match=words):
        tfzero.load_data(make(tmp_path / "x"))


# What a person has and says, and the pixels that come out.
ACCEPTED = {
    "masks": (lambda f: write_folder(f, MASKS), (0, 1), MASKS * 255),
    "12 bits": (lambda f: write_folder(f, TWELVE, ".tif"), (0, 4095), None),
    "as dark as they are": (lambda f: write_folder(f, MASKS * 9), (0, 255), MASKS * 9),
    "dark photographs": (lambda f: write_folder(f, DARK), None, DARK),
    "bool": (lambda f: write_npz(f, MASKS == 1), None, MASKS * 255),
    "one bit": (lambda f: write_folder(f, MASKS == 1), None, MASKS * 255),
    "one bit with a range": (lambda f: write_folder(f, MASKS == 1), (0, 1), MASKS * 255),
    "16 bits": (lambda f: write_folder(f, PIXELS.astype(np.uint16) * 257), None, PIXELS),
    "floats": (lambda f: write_npz(f, PIXELS / 255), None, PIXELS),
    "floats of -1..1": (lambda f: write_npz(f, PIXELS / 127.5 - 1), (-1, 1), PIXELS),
    "float TIFF": (lambda f: write_folder(f, PIXELS.astype("f4"), ".tif"), (0, 255), PIXELS),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_clear_or_said_comes_out_right(tmp_path, case):
    make, pixel_range, right = ACCEPTED[case]
    data = tfzero.load_data(make(tmp_path / "x"), pixel_range=pixel_range)
    right = scale_values(TWELVE, (0.0, 4095.0)) if right is None else right
    found = np.concatenate([data.train_images, data.test_images])[..., 0]
    assert sorted(each.tobytes() for each in found) == sorted(each.tobytes() for each in right)
    assert data.pixel_range == (None if pixel_range is None else pixel_range)
    said = [note for note in data.notes if note.startswith("Pixels are")]
    assert len(said) == (pixel_range is not None and case != "one bit with a range")


# What a person says wrongly.
WRONG = {
    "too narrow": (TWELVE, (0, 255), r"0\.\.4095, but `pixel_range` is 0\.\.255.*\(0, 4095\)"),
    "too wide": (MASKS, (0, 255), r"which would make all of them black.*`pixel_range=\(0, 1\)`"),
    "of other files": (PIXELS, (0, 4095), r"has 8 bits, but `pixel_range` is 0\.\.4095"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_range_that_does_not_fit_is_refused(tmp_path, case):
    images, pixel_range, words = WRONG[case]
    with pytest.raises(InputError, match=words):
        tfzero.load_data(write_folder(tmp_path, images), pixel_range=pixel_range)


def test_a_file_of_another_depth_is_set_aside_with_the_reason(tmp_path):
    data = tfzero.load_data(mixed_depths(tmp_path), pixel_range=(0, 4095))
    [aside] = data.set_aside
    assert aside.name == "a/other.png" and "has 8 bits, but" in aside.reason


def test_one_dark_image_among_others_is_kept(tmp_path):
    images = PIXELS.copy()
    images[3] = MASKS[3]
    data = tfzero.load_data(write_folder(tmp_path, images))
    found = np.concatenate([data.train_images, data.test_images])[..., 0]
    assert any(np.array_equal(each, MASKS[3]) for each in found)
    dataset = tf.data.Dataset.from_tensor_slices((images[..., None], LABELS))
    assert tfzero.from_dataset(dataset).image_shape == (8, 9, 1)


@pytest.mark.parametrize("pixel_range", [(0, 1), (0, 255)])
def test_no_entry_takes_masks_as_black(pixel_range):
    images = MASKS[..., None]
    with pytest.raises(InputError, match="only 0 and 1"):
        tfzero.fit_classifier("logistic", encoder=None, images=images, labels=LABELS)
    with pytest.raises(InputError, match="only 0 and 1"):
        tfzero.ProbeCallback(images, LABELS)
    with pytest.raises(InputError, match="pixel_range"):
        tfzero.from_arrays(images, LABELS)
    dataset = tf.data.Dataset.from_tensor_slices((images, LABELS)).batch(7)
    with pytest.raises(InputError, match="pixel_range"):
        tfzero.from_dataset(dataset)
    if pixel_range == (0, 1):
        for data in (
            tfzero.from_arrays(images, LABELS, pixel_range=pixel_range),
            tfzero.from_dataset(dataset, pixel_range=pixel_range),
        ):
            assert data.train_images.max() == 255 and data.pixel_range == (0, 1)


def build_tiny_encoder():
    inputs = keras.Input((8, 9, 1))
    return keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs)))


@pytest.fixture(scope="module")
def classifier():
    model = tfzero.Classifier(build_tiny_encoder(), 2)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def method():
    model = tfzero.Denoising(build_tiny_encoder())
    model.compile("adam")
    return model


FLOATS, GRAY = PIXELS[..., None].astype(np.float32), PIXELS[..., None]
# Images that no model takes, and what is said.
BAD = {
    "floats of 0..255": (FLOATS, r"floats in.*images / 255"),
    "floats of -1..1": (FLOATS / 127.5 - 1, r"floats in.*\(images \+ 1\.0\) / 2\.0"),
    "no channel axis": (PIXELS, r"images\[\.\.\., None\]"),
    "whole numbers": (GRAY.astype(np.int64), r"type int64.*images / 255"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("as_dataset", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_step_of_keras_refuses_the_same_images(classifier, method, case, as_dataset):
    images, words = BAD[case]

    def give(*arrays):
        if not as_dataset:
            return arrays
        pairs = arrays if len(arrays) > 1 else arrays[0]
        return (tf.data.Dataset.from_tensor_slices(pairs).batch(10),)

    errors = (InputError, tf.errors.InvalidArgumentError)
    quiet = {"verbose": 0}
    for step in (
        lambda: classifier.fit(*give(images, LABELS), **quiet, shuffle=False),
        lambda: classifier.evaluate(*give(images, LABELS), **quiet),
        lambda: classifier.predict(*give(images), **quiet),
        lambda: classifier(images),
        lambda: method.fit(*give(images), **quiet, shuffle=False),
        lambda: method.evaluate(*give(images), **quiet),
        lambda: method.predict(*give(images), **quiet),
        lambda: method(images),
    ):
        with pytest.raises(errors, match=f"(?s){words}"):
            step()


def test_every_step_of_keras_takes_bools_and_dark_images(classifier, method):
    right, single = MASKS[..., None] == 1, MASKS[:1, ..., None]
    one = classifier.predict(right, verbose=0)
    np.testing.assert_allclose(one, classifier.predict(right * np.uint8(255), verbose=0), atol=1e-6)
    assert classifier.predict(single, verbose=0).shape == (1, 2)  # one image may be so dark
    assert np.isfinite(classifier.fit(right, LABELS, verbose=0).history["loss"]).all()
    assert np.isfinite(method.fit(right, verbose=0).history["loss"]).all()


def test_learning_from_masks_of_0_and_1_is_refused(classifier, method):
    masks = MASKS[..., None]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"images \* 255"):
        classifier.fit(masks, LABELS, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"images \* 255"):
        method.fit(masks, verbose=0)


def test_a_fitted_classifier_and_features_refuse_too(classifier):
    from tfzero.transfer.features import read_features

    fitted = tfzero.fit_classifier("logistic", encoder=None, images=GRAY, labels=LABELS)
    for read in (fitted.predict, lambda images: read_features(classifier.encoder, images)):
        with pytest.raises(InputError, match="images / 255"):
            read(FLOATS)
        with pytest.raises(InputError, match="None"):
            read(PIXELS)
    np.testing.assert_array_equal(
        fitted.predict(MASKS[..., None] == 1), fitted.predict(MASKS[..., None] * np.uint8(255))
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Returns a model whose score tells the mean pixel, exported for files of 0..4095."""
    inputs = keras.Input((8, 9, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
    model = keras.Model(inputs, head(mean))
    base = tmp_path_factory.mktemp("served")
    return {
        top: tfzero.export_savedmodel(model, base / f"to{top}", file_range=(0, top))
        for top in (1, 4095)
    }


@functools.cache
def load_signatures(version):
    return tf.saved_model.load(version).signatures


class TestServing:
    """Files are served as training read them."""

    @pytest.mark.parametrize(
        ("top", "content"),
        [
            (4095, deep_color(TWELVE[0][..., None])),
            (4095, deep_color(TWELVE[:3].transpose(1, 2, 0))),
            (4095, deep_color(np.stack([*TWELVE[:3], TWELVE[3] * 16], axis=-1))),
            (1, deep_color(MASKS[0][..., None])),
            (1, deep_color(MASKS[:3].transpose(1, 2, 0))),
            (1, deep_color(np.stack([*MASKS[:3], PIXELS[0]], axis=-1))),
            (1, deep_color(MASKS[:3].transpose(1, 2, 0).astype(np.uint16))),
            (1, deep_color(HIDDEN)),
        ],
        ids=[
            "gray",
            "colors",
            "alpha",
            "mask",
            "3 masks",
            "mask with alpha",
            "16-bit masks",
            "hidden",
        ],
    )
    @pytest.mark.parametrize("larger", [3, pytest.param(1, marks=pytest.mark.slow)])
    def test_graph_and_training_see_the_same(self, served, tmp_path, top, content, larger):
        from tfzero.export.decoding import decode_images

        values = tf.io.decode_png(content, dtype=tf.uint16 if content[24] == 16 else tf.uint8)
        values = np.repeat(np.repeat(values.numpy(), larger, axis=0), larger, axis=1)
        path = tmp_path / "image.png"
        path.write_bytes(deep_color(values))
        seen = Extents()
        trained = decode_image(
            path, channels=3, size=(8, 9), pixel_range=(0.0, float(top)), seen=seen
        )
        graph = decode_images(
            tf.constant([path.read_bytes()]), (8, 9, 3), file_range=(0.0, float(top))
        )
        assert trained.max() > 200
        assert np.abs(graph[0].numpy().astype(int) - trained).max() <= (0 if larger == 1 else 1)
        [prediction] = tfzero.predict_files(served[top], [path])
        serve = load_signatures(str(served[top]))["serving_bytes"]
        scores = serve(tf.constant([path.read_bytes()]))["scores"].numpy()[0]
        assert abs(scores[1] - prediction.scores["1"]) < 1e-3

    def test_tiff_is_read_as_in_training(self, served, tmp_path):
        Image.fromarray(TWELVE[0]).save(tmp_path / "a.tif")
        Image.fromarray(TWELVE[0]).save(tmp_path / "a.png")
        one, two = tfzero.predict_files(served[4095], [tmp_path / "a.tif", tmp_path / "a.png"])
        assert one.scores == two.scores and one.scores["1"] > 0.6

    def test_a_file_of_other_values_is_refused(self, served, tmp_path):
        Image.fromarray(PIXELS[0]).save(tmp_path / "eight.png")
        Image.fromarray(TWELVE[0] * 16).save(tmp_path / "sixteen.png")
        Image.fromarray(PIXELS[0]).convert("RGB").save(tmp_path / "colors.png")
        for top, name, words in (
            (4095, "eight.png", "8 bits"),
            (4095, "sixteen.png", r"expected values in 0\.\.4095"),
            (1, "colors.png", r"expected values in 0\.\.1"),
        ):
            with pytest.raises(InputError, match=words):
                tfzero.predict_files(served[top], [tmp_path / name])

    def test_spec_and_verification(self, served):
        spec = json.loads((served[4095] / "assets.extra" / "model_spec.json").read_text())
        assert spec["file_range"] == [0.0, 4095.0] and spec["pixel_range"] == [0.0, 1.0]
        assert tfzero.verify_savedmodel(served[4095]) == []


def test_the_range_travels_with_data_and_plan(tmp_path):
    from tfzero.study.planning.resolve import summarize_data

    data = tfzero.load_data(write_folder(tmp_path / "x", TWELVE), pixel_range=(0, 4095))
    assert summarize_data(data).pixel_range == (0, 4095)
    full = tfzero.from_arrays(
        data.train_images, data.train_labels, data.test_images, data.test_labels
    )
    assert full.fingerprint == data.fingerprint  # of the pixels alone
    save_arrays(data, tmp_path / "saved")
    assert open_arrays(tmp_path / "saved").fingerprint == data.fingerprint


def test_a_study_exports_the_range_of_its_plan(tmp_path, monkeypatch):
    from types import SimpleNamespace

    import tfzero.export
    import tfzero.jobs.load
    from tfzero.jobs import recommended
    from tfzero.study.planning.resolve import summarize_data

    data = tfzero.load_data(write_folder(tmp_path / "x", TWELVE), pixel_range=(0, 4095))
    given = {}
    monkeypatch.setattr(recommended, "final_key", lambda *_: "key")
    monkeypatch.setattr(tfzero.jobs.load, "load_model", lambda *_, **__: None)
    monkeypatch.setattr(
        tfzero.export, "export_savedmodel", lambda *_, **named: given.update(named) or tmp_path
    )
    workspace = SimpleNamespace(
        plan=SimpleNamespace(data=summarize_data(data)),
        run=SimpleNamespace(final=tmp_path),
        custom_objects={},
    )
    recommended.export_file.__wrapped__(workspace, None, tmp_path, {})
    assert given["file_range"] == (0, 4095)


def test_a_source_of_the_same_kind_is_read_by_the_target_s_range(tmp_path):
    target = tfzero.load_data(write_folder(tmp_path / "x", TWELVE), pixel_range=(0, 4095))
    other = write_folder(tmp_path / "y", TWELVE[::-1, ::-1])
    task = load_source_task(other, like=target)
    assert any("0..4095 became 0..255" in note for note in task.notes)
    assert task.images.max() == 255
    eight = load_source_task(make_folder(tmp_path / "z"), like=target)
    assert eight.images.max() > 200 and not any("became 0..255" in n for n in eight.notes)
    plain = tfzero.load_data(make_folder(tmp_path / "w"))
    with pytest.raises(InputError, match=r"tfzero\.load_data\(.*pixel_range="):
        load_source_task(other, like=plain)


def make_folder(folder):
    make_classes(folder, {"a": 5, "b": 5}, size=(8, 9), start=70)
    return folder


class TestCheck:
    """`tfzero check` shows the range, and stops where a study would."""

    @pytest.mark.parametrize(
        ("images", "pixel_range", "level", "words"),
        [
            (PIXELS, None, "fine", r"8-bit values in 0\.\.255"),
            (MASKS, None, "stop", r"pixel_range=\(0, 1\)"),
            (TWELVE, None, "stop", r"16-bit values in 0\.\.4095"),
            (TWELVE, (0, 4095), "fine", r"0\.\.4095; 0\.\.4095 became 0\.\.255"),
            (DARK, None, "look", r"8-bit values in 0\.\.31, so.*little contrast"),
        ],
    )
    @pytest.mark.parametrize("write", [write_folder, write_npz])
    def test_finding(self, tmp_path, images, pixel_range, level, words, write):
        if write is write_npz and images.dtype != np.uint8 and pixel_range is None:
            return  # arrays of 16 bits are refused by their type
        source = write(tmp_path / "x", images)
        result = check_data(source, LoadOptions(pixel_range=pixel_range))
        [finding] = [each for each in result.findings if each.check == "values"]
        assert finding.level == level
        import re

        assert re.search(words, finding.sentence)

    def test_command(self, tmp_path):
        folder = str(write_folder(tmp_path / "x", TWELVE))
        found = CliRunner().invoke(app, ["check", folder])
        assert found.exit_code == 1
        assert "--pixel-range 0,4095" in " ".join(found.output.split())
        found = CliRunner().invoke(app, ["check", folder, "--pixel-range", "0,4095"])
        assert "0..4095 became 0..255" in " ".join(found.output.split())


def test_from_a_folder_of_12_bits_to_a_prediction(tmp_path):
    """The whole road on the command line: train, export, predict, with the same range."""
    folder = tmp_path / "x"
    values = np.where(LABELS[:, None, None] == 1, TWELVE, TWELVE // 3)
    write_folder(folder, values, ".tif")
    network, base = str(tmp_path / "my.keras"), str(tmp_path / "served")
    options = ["--pixel-range", "0,4095"]

    def run(*command, code=0):
        result = CliRunner().invoke(app, list(command))
        assert result.exit_code == code, (result.output, result.exception)
        return result

    run("finetune", str(folder), *options, "--out", network, "--strategy", "finetune")
    refused = run("export", network, "--out", base, *options, code=1)
    assert isinstance(refused.exception, InputError)
    assert "--file-range 0,4095" in str(refused.exception)
    run("export", network, "--out", base, "--file-range", "0,4095", "--classes", "a,b")
    paths = [folder / "ab"[label] / f"{number:02}.tif" for number, label in enumerate(LABELS)]
    model = tfzero.load_model(network)
    expected = model.predict(scale_values(values, (0.0, 4095.0))[..., None], verbose=0)
    served = tfzero.predict_files(base, paths)
    found = np.array([[each.scores[name] for name in "ab"] for each in served])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sound_and_digits_have_no_range(tmp_path):
    from tests.data.sounds import make_clips

    make_clips(tmp_path / "clips", {"down": 3, "up": 3})
    for source, words in ((tmp_path / "clips", "is for images"), ("digits", "need none")):
        with pytest.raises(InputError, match=f"`pixel_range`.*{words}"):
            tfzero.load_data(source, pixel_range=(0, 1))


def test_photographs_of_a_dark_room_are_clear():
    from sklearn.datasets import load_sample_images

    for stops in (0, 4, 8):
        seen = Extents()
        for photo in load_sample_images().images:
            light = (photo / 255.0) ** 2.2 / 2**stops
            seen.add(np.rint(255 * light ** (1 / 2.2)).astype(np.uint8))
        [extent] = seen
        assert find_doubt(extent, None, where="They") is None


def test_wholly_transparent_pixels_say_nothing(tmp_path):
    content = io.BytesIO()
    values = np.stack([MASKS[0] * 200] * 3 + [MASKS[0] * 255], axis=-1)
    values[MASKS[0] == 0, :3] = 255
    Image.fromarray(values).save(content, "PNG")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    seen = Extents()
    decode_image(tmp_path / "a.png", channels=3, size=None, seen=seen)
    assert [extent.describe() for extent in seen] == ["8-bit values in 200..200"]


# What the networks of tfzero are called in an export, and a wrong range for each.
OWN = {
    "classifier": lambda: (tfzero.Classifier(_encoder(), num_classes=2), "savedmodel"),
    "encoder": lambda: (_encoder(), "encoder"),
    "method": lambda: (tfzero.Rotation(_encoder()), "encoder"),
    "posterior": lambda: (tfzero.VAE(_encoder()).parts()["posterior"], "encoder"),
    "in a Sequential": lambda: (keras.Sequential([_encoder(), keras.layers.Dense(2)]), "encoder"),
    "decoder": lambda: (tfzero.VAE(_encoder()).parts()["decoder"], "generator"),
}


def _encoder():
    return tfzero.build_encoder((8, 8, 1), width=2)


@pytest.mark.parametrize("name", OWN)
def test_no_export_takes_another_range_for_an_own_network(name, tmp_path):
    network, kind = OWN[name]()
    with pytest.raises(InputError, match="takes 0..1. Leave it out|all of them black. Leave it"):
        getattr(tfzero, f"export_{kind}")(network, tmp_path, pixel_range=(0, 255))
    assert not list(tmp_path.iterdir())


def test_somebody_elses_scaling_before_an_own_encoder_decides(tmp_path):
    scaled = keras.Sequential([keras.layers.Rescaling(1 / 255), _encoder()])
    scaled.build((None, 8, 8, 1))
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    version = tfzero.export_encoder(scaled, tmp_path, pixel_range=(0, 255))
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    np.testing.assert_allclose(serve(image=images)["features"], scaled(images), atol=1e-4)
