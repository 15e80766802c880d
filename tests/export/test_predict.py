from __future__ import annotations

import shutil

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder
from tests.export.conftest import CLASS_NAMES, encode
from tfzero.common.checks import InputError
from tfzero.export import Prediction, export_encoder, predict_files
from tfzero.export.layout import find_version


@pytest.fixture
def files(images, tmp_path):
    """The same pictures as files of several formats, without loss."""
    paths = []
    for image, kind in zip(images, ["png", "bmp", "png", "tiff", "gif", "png"], strict=True):
        paths.append(tmp_path / f"{len(paths)}.{kind}")
        PIL.Image.fromarray(image[..., 0]).save(paths[-1])
    return paths


def test_files_of_many_formats_in_their_order(version, files, expected):
    found = predict_files(version, files, batch_size=4)
    assert [prediction.path for prediction in found] == files
    for prediction, scores in zip(found, expected, strict=True):
        assert isinstance(prediction, Prediction)
        np.testing.assert_allclose(
            [prediction.scores[name] for name in CLASS_NAMES], scores, atol=1e-5
        )
        assert prediction.class_id == scores.argmax()
        assert prediction.label == CLASS_NAMES[prediction.class_id] == next(iter(prediction.scores))
        assert list(prediction.scores.values()) == sorted(prediction.scores.values(), reverse=True)


def test_large_color_pictures_are_reduced_alike_by_graph_and_pillow(version, tmp_path):
    y, x = np.mgrid[:90, :120]
    smooth = np.stack([x * 2, y * 2, (x + y)], axis=-1).astype(np.uint8)
    PIL.Image.fromarray(smooth).save(tmp_path / "a.png")
    PIL.Image.fromarray(smooth).save(tmp_path / "b.bmp")
    by_graph, by_pillow = predict_files(version, [tmp_path / "a.png", str(tmp_path / "b.bmp")])
    for name in CLASS_NAMES:
        assert by_graph.scores[name] == pytest.approx(by_pillow.scores[name], abs=0.02)


def test_what_the_graph_would_see_otherwise_is_decoded_as_for_training(version, images, tmp_path):
    turned, wanted = [], predict_files(version, _save(images[:1, ..., 0], tmp_path, "upright"))
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 6  # to be turned clockwise
    lying = PIL.Image.fromarray(np.rot90(images[0, ..., 0]).copy())
    turned.append(tmp_path / "turned.png")
    lying.save(turned[0], exif=exif)
    deep = PIL.Image.fromarray(images[0, ..., 0].astype(np.uint16) * 257)
    turned.append(tmp_path / "deep.png")
    deep.save(turned[1])
    for found in predict_files(version, turned):
        assert found.scores == pytest.approx(wanted[0].scores, abs=1e-5)
    cmyk = PIL.Image.fromarray(images[0, ..., [0, 0, 0]].transpose(1, 2, 0)).convert("CMYK")
    cmyk.save(tmp_path / "cmyk.jpg", quality=100)
    lying.save(tmp_path / "turned.jpg", exif=exif, quality=100)
    for found in predict_files(version, [tmp_path / "cmyk.jpg", tmp_path / "turned.jpg"]):
        assert found.scores == pytest.approx(wanted[0].scores, abs=0.05)


def _save(pictures, folder, name):
    paths = [folder / f"{name}{row}.png" for row in range(len(pictures))]
    for path, pixels in zip(paths, pictures, strict=True):
        PIL.Image.fromarray(pixels).save(path)
    return paths


def test_no_files(version):
    assert predict_files(version, []) == []


def test_newest_version_is_taken_by_number(version, tmp_path):
    for name in ("2", "10", "09"):
        shutil.copytree(version, tmp_path / name)
    (tmp_path / "11").mkdir()
    assert find_version(tmp_path) == tmp_path / "10"
    assert find_version(tmp_path / "2") == tmp_path / "2"


def test_bad_files_are_named(version, files, tmp_path):
    PIL.Image.fromarray(np.zeros((20, 20), np.float32)).save(tmp_path / "deep.tiff")
    contents = {
        "cut.png": (
            encode(np.zeros((50, 50), np.uint8))[:60],
            r"Invalid PNG data, size 60 \(expected a whole",
        ),
        "empty.png": (b"", "is empty"),
        "text.png": (b"hello", "cannot be read as an image"),
        "deep.tiff": ((tmp_path / "deep.tiff").read_bytes(), "32-bit pixels"),
    }
    for name, (content, message) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}.*{message}") as caught:
            predict_files(version, [*files, tmp_path / name])
        assert "{{node" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_is_not_there(version, tmp_path):
    with pytest.raises(InputError, match="missing.png does not exist; expected an image"):
        predict_files(version, [tmp_path / "missing.png"])


def test_folders_give_their_images_in_the_order_of_names(version, images, tmp_path):
    for name in ("b/2.png", "b/10.PNG", "a.png", ".hidden/x.png", "b/.x.png"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(images[0, ..., 0]))
    (tmp_path / "mine/notes.txt").write_text("no image")
    (tmp_path / "mine/folder.png").mkdir()
    single = tmp_path / "mine/b/2.png"
    found = predict_files(version, [single, tmp_path / "mine"])
    assert [prediction.path for prediction in found] == [
        single,
        *(tmp_path / "mine" / name for name in ("a.png", "b/10.PNG", "b/2.png")),
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no image; expected .*\.png"):
        predict_files(version, [tmp_path / "empty"])


def test_only_a_classifier_predicts(tmp_path):
    version = export_encoder(build_small_encoder(), tmp_path)
    with pytest.raises(InputError, match="kind encoder; expected a classifier"):
        predict_files(version, [])


def test_arguments_are_checked(version, files):
    with pytest.raises(InputError, match="expected a list"):
        predict_files(version, str(files[0]))
    with pytest.raises(InputError, match="batch_size is 0"):
        predict_files(version, files, batch_size=0)


def test_what_is_no_model(version, tmp_path):
    with pytest.raises(InputError, match="is not there"):
        predict_files(tmp_path / "nowhere", [])
    with pytest.raises(InputError, match="is a file"):
        predict_files(version / "saved_model.pb", [])
    with pytest.raises(InputError, match="holds no SavedModel"):
        predict_files(tmp_path, [])
    foreign = shutil.copytree(version, tmp_path / "1")
    shutil.rmtree(foreign / "assets.extra")
    with pytest.raises(InputError, match="written by export_savedmodel"):
        predict_files(foreign, [])


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("extent", [(40, 25), (25, 40), (9, 80), (31, 17), (8, 8), (300, 7)])
def test_the_graph_resizes_as_training_does(tmp_path, resize, extent):
    from tfzero.data.decode import decode_image
    from tfzero.export.decoding import decode_images

    pixels = np.random.default_rng(0).integers(0, 256, (*extent, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "image.png")
    served = decode_images(
        tf.constant([(tmp_path / "image.png").read_bytes()]), (16, 12, 3), resize=resize
    )
    trained = decode_image(tmp_path / "image.png", channels=3, size=(16, 12), resize=resize)
    assert abs(served.numpy()[0].astype(int) - trained).max() <= 1
