import keras
import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks.public import PublicPixels, build_public_encoder
from tfzero.networks.public.known import APPLICATIONS

# Where each application's own `preprocess_input` is.
MODULES = {
    "MobileNetV2": "mobilenet_v2",
    "VGG16": "vgg16",
    "ResNet50V2": "resnet_v2",
    "ResNet50": "resnet",
    "DenseNet121": "densenet",
    "EfficientNetB0": "efficientnet",
    "MobileNetV3Small": "mobilenet_v3",
    "ConvNeXtTiny": "convnext",
    "Xception": "xception",
    "InceptionV3": "inception_v3",
    "NASNetMobile": "nasnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "MobileNet": "mobilenet",
    "InceptionResNetV2": "inception_resnet_v2",
    "VGG19": "vgg19",
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of a MobileNet at 32x32 pixels without its top, and the network itself."""
    network = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    path = tmp_path_factory.mktemp("public") / "mobilenet.weights.h5"
    network.save_weights(path)
    return path, network


def test_the_table_has_every_network_of_keras():
    there = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(APPLICATIONS) == there


@pytest.mark.parametrize("name", MODULES)
def test_pixels_are_scaled_as_the_networks_own_function_does(name):
    own = getattr(keras.applications, MODULES[name]).preprocess_input
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3)).astype(np.float32)
    layer = PublicPixels(5, APPLICATIONS[name].scaling)
    np.testing.assert_allclose(layer(images / 255), own(images.copy()), atol=1e-4)


def test_pixels_may_be_scaled_by_a_factor_and_an_offset_per_channel():
    images = np.random.default_rng(0).random((2, 5, 5, 3)).astype(np.float32)
    scaling = (1.0, 0.5, 2.0), (0.0, 1.0, -1.0)
    layer = PublicPixels(5, scaling, "bicubic")
    np.testing.assert_allclose(layer(images), images * 255 * scaling[0] + scaling[1], rtol=1e-5)
    assert PublicPixels.from_config(layer.get_config()).get_config() == layer.get_config()
    # Of files that were saved before there was a choice.
    old = PublicPixels.from_config({"name": "pixels", "size": 5, "scaling": "tf"})
    np.testing.assert_allclose(old(images), images * 2 - 1)


def test_gray_is_repeated_and_images_are_brought_to_size():
    images = np.random.default_rng(0).random((2, 6, 9, 1)).astype(np.float32)
    found = PublicPixels(12, "tf")(images).numpy()
    assert found.shape == (2, 12, 12, 3) and -1 <= found.min() < found.max() <= 1
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    # A pattern finer than the new grid is averaged, not sampled.
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (1, 64, 32))[..., None]
    shrunk = PublicPixels(8, "pixels")(stripes).numpy() / 255
    np.testing.assert_allclose(shrunk[:, 1:-1, 1:-1], 0.5, atol=0.05)


def test_features_are_the_networks_own(weights):
    path, network = weights
    encoder = build_public_encoder("MobileNet", (32, 32, 3), size=32, weights=path)
    images = np.random.default_rng(0).random((3, 32, 32, 3)).astype(np.float32)
    expected = network(images * 2 - 1, training=False)
    np.testing.assert_allclose(encoder(images), expected, atol=1e-5)
    assert encoder.output_shape == (None, 1024)


def test_its_statistics_stay_when_it_is_trained(weights):
    path, _ = weights
    encoder = build_public_encoder("MobileNet", (16, 16, 1), size=32, weights=path)
    copy = type(encoder).from_config(encoder.get_config())
    copy.set_weights(encoder.get_weights())
    images = np.random.default_rng(0).random((4, 16, 16, 1)).astype(np.float32)
    before = [weight.numpy() for weight in copy.non_trainable_weights]
    assert len(before) > 50  # scale and shift of 27 layers, their means and variances
    # As gradual unfreezing does.
    for layer in copy.layers:
        layer.trainable = True
    np.testing.assert_allclose(copy(images, training=True), encoder(images), atol=1e-6)
    for old, new in zip(before, copy.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_comes_back_from_a_file(weights, tmp_path):
    path, _ = weights
    encoder = build_public_encoder("MobileNet", (16, 16, 1), size=32, weights=path)
    encoder.save(tmp_path / "public.keras")
    loaded = keras.models.load_model(tmp_path / "public.keras")
    images = np.random.default_rng(0).random((2, 16, 16, 1)).astype(np.float32)
    np.testing.assert_allclose(loaded(images), encoder(images), atol=1e-6)


def test_what_is_no_weights_file_is_refused(weights, tmp_path):
    path, _ = weights
    shape = (16, 16, 3)
    with pytest.raises(InputError, match='Did you mean "MobileNetV2"'):
        build_public_encoder("MobilNetV2", shape)
    with pytest.raises(InputError, match="does not exist.*_notop.h5"):
        build_public_encoder("MobileNet", shape, size=32, weights=tmp_path / "none.h5")
    with pytest.raises(InputError, match="does not hold the weights of MobileNetV2"):
        build_public_encoder("MobileNetV2", shape, size=32, weights=path)
    text = tmp_path / "text.weights.h5"
    text.write_text("no weights")
    with pytest.raises(InputError, match="does not hold the weights of MobileNet "):
        build_public_encoder("MobileNet", shape, size=32, weights=text)
    with pytest.raises(InputError, match="at least 32"):
        build_public_encoder("MobileNet", shape, size=16, weights=path)
    with pytest.raises(InputError, match="2 channels"):
        build_public_encoder("MobileNet", (16, 16, 2), size=32, weights=path)


@pytest.mark.parametrize(
    "name, smallest", [("InceptionV3", 75), ("InceptionResNetV2", 75), ("Xception", 71)]
)
def test_too_small_a_size_is_refused_before_any_download(name, smallest, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("something was downloaded")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(InputError, match=f"at least {smallest} of {name}. Write imagenet:{name},s"):
        build_public_encoder(name, (16, 16, 3), size=smallest - 1)


def test_where_nothing_can_be_downloaded_it_says_where_the_file_goes(monkeypatch, tmp_path):
    def fail(name, origin, **kwargs):
        raise Exception(f"URL fetch failure on {origin}: None -- no route")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(InputError) as caught:
        build_public_encoder("MobileNetV2", (16, 16, 3))
    said = str(caught.value)
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    assert f"/{file}" in said.partition("put it at")[0]
    assert said.endswith(f"put it at {tmp_path}/models/{file}.")
    assert "`weights='FILE'`" in said
