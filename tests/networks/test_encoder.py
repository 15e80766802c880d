import keras
import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks import build_encoder

SHAPES = [(8, 8, 1), (9, 12, 3), (8, 31, 2), (28, 28, 1), (33, 16, 3), (120, 97, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_size_gives_finite_features_of_every_image(shape):
    encoder = build_encoder(shape, width=4)
    images = np.random.default_rng(0).random((3, *shape)).astype(np.float32)
    features = np.asarray(encoder(images))
    assert features.ndim == 2 and features.shape == (3, encoder.output_shape[1])
    assert np.isfinite(features).all()
    assert np.abs(features[0] - features[1]).max() > 1e-3
    # One image's features do not depend on the others of its batch.
    np.testing.assert_allclose(features[1:2], encoder(images[1:2]), rtol=1e-4, atol=1e-5)


def test_blocks_can_be_read_by_name():
    encoder = build_encoder((8, 8, 1), width=4)
    for number in range(1, 5):
        assert len(encoder.get_layer(f"block{number}").output.shape) == 4


def test_width_scales_the_filters():
    for width in (3, 5):
        encoder = build_encoder((8, 8, 1), width=width)
        assert encoder.get_layer("block1").filters == width
        assert encoder.get_layer("block2").filters == 2 * width


def test_the_number_of_features_is_the_documented_one():
    sizes = {(8, 8): 16, (15, 40): 16, (16, 16): 32, (96, 30): 32, (1000, 8): 16}
    for sides, factor in sizes.items():
        assert build_encoder((*sides, 1), width=3).output_shape == (None, 3 * factor)
    with pytest.raises(InputError, match="width is 0; expected at least 1"):
        build_encoder((8, 8, 1), width=0)


@pytest.mark.parametrize(
    ("sides", "kernel", "grid"),
    [
        ((48, 48), (3, 3), (48, 48)),
        ((120, 97), (5, 5), (40, 33)),
        ((64, 48), (3, 3), (32, 24)),
        # The short side is left alone where it could not be halved thrice more.
        ((28, 500), (3, 21), (28, 46)),
        ((64, 400), (7, 17), (16, 45)),
        ((1000, 8), (41, 3), (48, 8)),
    ],
    ids=str,
)
def test_the_first_block_reads_large_images_in_strides(sides, kernel, grid):
    block = build_encoder((*sides, 1), width=2).get_layer("block1")
    assert block.kernel_size == kernel and block.output.shape[1:3] == grid


def test_the_seed_draws_every_kernel():
    first, same, other = (build_encoder((8, 8, 1), width=4, seed=s) for s in (5, 5, 6))
    kernels = 0
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.name == "kernel":
            kernels += 1
            assert np.abs(a.numpy() - c.numpy()).max() > 1e-3
    assert kernels == 4


@pytest.mark.parametrize("shape", [(8, 8), (7, 8, 1), (8, 7, 1), (8, 8, 0), (8, 8, 1, 1)], ids=str)
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match=r"expected \(height, width, channels\) with at least 8x8"):
        build_encoder(shape)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 20, 3)], ids=str)
def test_a_residual_encoder_has_the_same_features_and_block_names(shape):
    plain, residual = (
        build_encoder(shape, width=4, architecture=name) for name in ("small", "residual")
    )
    assert residual.output_shape == plain.output_shape
    for number in range(1, 5):
        blocks = [network.get_layer(f"block{number}").output for network in (plain, residual)]
        assert blocks[0].shape == blocks[1].shape


def test_a_residual_block_adds_a_fifth_of_its_change():
    network = build_encoder((8, 8, 1), width=4, architecture="residual")
    names = ("reduce2", "outer2", "block2")
    read = keras.Model(network.input, [network.get_layer(name).output for name in names])
    before, change, after = read(np.random.default_rng(0).random((2, 8, 8, 1)))
    assert np.abs(change).max() > 0.1
    np.testing.assert_allclose(after, before + 0.2 * change, rtol=1e-5, atol=1e-6)


def test_base_has_about_as_many_parameters_as_a_resnet_18():
    assert 10.5e6 < build_encoder((32, 32, 3), architecture="base").count_params() < 11.5e6
    small = build_encoder((8, 12, 5), architecture="base")
    assert small.output_shape == (None, 4 * 224)
    assert all(small.get_layer(f"block{number}") for number in range(1, 5))


def test_every_kernel_of_base_is_drawn_by_the_seed():
    first, same, other = (build_encoder((8, 8, 1), architecture="base", seed=s) for s in (5, 5, 6))
    drawn = [weight.numpy() for weight in first.weights if weight.name == "kernel"]
    assert len(drawn) == 20
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.name != "kernel" or np.abs(a.numpy() - c.numpy()).max() > 1e-3
    # No two of one shape start equal.
    flat = {(each.shape, each.ravel()[:9].tobytes()) for each in drawn}
    assert len(flat) == len(drawn)


def test_values_of_base_keep_their_size_over_its_blocks():
    network = build_encoder((32, 32, 3), architecture="base", seed=1)
    read = keras.Model(network.input, [network.get_layer(f"block{n}").output for n in (1, 2, 3, 4)])
    images = np.random.default_rng(0).random((4, 32, 32, 3)).astype(np.float32)
    for values in read(images):
        assert 0.3 < float(np.std(values)) < 3


def test_an_unknown_architecture_is_refused_with_the_nearest():
    with pytest.raises(InputError, match='Unknown architecture "bas". Did you mean "base"'):
        build_encoder((8, 8, 1), architecture="bas")
