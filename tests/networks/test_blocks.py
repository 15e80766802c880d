import keras
import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks import build_encoder
from tfzero.networks.blocks import block_names, join_blocks, take_block
from tfzero.transfer.features import read_blocks


@pytest.mark.parametrize("architecture", ["small", "residual", "base"])
def test_every_block_can_be_read(architecture):
    encoder = build_encoder((28, 28, 1), width=8, architecture=architecture)
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    assert block_names(encoder) == ["block1", "block2", "block3", "block4"]
    sizes = [take_block(encoder, name)(images).shape for name in block_names(encoder)]
    # 8, 16, 32 and 64 filters on grids of 11x11, 8x8, 5x5 and 4x4.
    assert sizes == [(3, 968), (3, 1024), (3, 800), (3, 1024)]


def test_values_are_the_blocks_averaged_over_cells():
    encoder = build_encoder((8, 8, 1), width=32)
    images = np.random.default_rng(1).random((2, 8, 8, 1)).astype(np.float32)
    block = keras.Model(encoder.input, encoder.get_layer("block2").output)(images)
    expected = np.asarray(block).reshape(2, 4, 4, -1)  # 4x4 values of 64 filters
    assert take_block(encoder, "block2").output_shape == (None, 4 * 4 * 64)
    np.testing.assert_allclose(
        take_block(encoder, "block2")(images), expected.reshape(2, -1), rtol=1e-5
    )
    first = np.asarray(keras.Model(encoder.input, encoder.get_layer("block1").output)(images))
    means = first[:, :2, :2].mean(axis=(1, 2))  # 8x8 to 5x5: cells overlap, the first is 2x2
    np.testing.assert_allclose(take_block(encoder, "block1")(images)[:, :32], means, rtol=1e-4)


def test_weights_are_shared():
    encoder = build_encoder((8, 8, 1), width=2)
    block = take_block(encoder, "block3")
    assert block.get_layer("block3") is encoder.get_layer("block3")


def test_unknown_blocks_are_refused_with_the_nearest():
    encoder = build_encoder((8, 8, 1), width=2)
    with pytest.raises(InputError, match="block4"):
        take_block(encoder, "block5")


def test_a_strange_network_has_no_blocks():
    inputs = keras.Input((8, 8, 1))
    assert block_names(keras.Model(inputs, keras.layers.Flatten()(inputs))) == []


@pytest.mark.parametrize("architecture", ["small", "residual", "base"])
def test_blocks_from_the_second_on_are_read_side_by_side(architecture):
    encoder = build_encoder((28, 28, 1), width=8, architecture=architecture)
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    joined, columns = join_blocks(encoder)
    assert list(columns.items()) == [
        ("block2", (0, 1024)),
        ("block3", (1024, 1824)),
        ("block4", (1824, 2080)),
    ]
    values = np.asarray(joined(images))
    for name in ("block2", "block3"):
        start, stop = columns[name]
        np.testing.assert_allclose(
            values[:, start:stop], take_block(encoder, name)(images), rtol=1e-5
        )
    # The last is what the encoder itself gives, on its own grid.
    np.testing.assert_allclose(values[:, 1824:], encoder(images), rtol=1e-5)
    assert joined.get_layer("block2") is encoder.get_layer("block2")


def test_what_lies_behind_the_last_block_is_read_too():
    base = build_encoder((8, 8, 1), width=4)
    code = keras.layers.Dense(5, name="code")(base.output)
    joined, columns = join_blocks(keras.Model(base.input, code))
    assert list(columns) == ["block2", "block3", "block4", "features"]
    assert columns["features"][1] - columns["features"][0] == 5
    assert joined.output_shape == (None, columns["features"][1])


def test_an_encoder_without_blocks_gives_what_it_has():
    inputs = keras.Input((8, 8, 1))
    strange = keras.Model(inputs, keras.layers.Flatten()(inputs))
    joined, columns = join_blocks(strange)
    assert joined is strange and columns == {"features": (0, 64)}


def test_some_blocks_are_the_columns_of_all():
    encoder = build_encoder((28, 28, 1), width=2)
    images = np.random.default_rng(2).random((3, 28, 28, 1)).astype(np.float32)
    joined, columns = join_blocks(encoder)
    everything = np.asarray(joined(images))
    for names in (["block2"], [list(columns)[-1]], ["block2", list(columns)[-1]]):
        network, _ = join_blocks(encoder, only=names)
        expected = np.concatenate([everything[:, slice(*columns[n])] for n in names], axis=1)
        np.testing.assert_allclose(network(images), expected, rtol=1e-5, atol=1e-6)


def test_a_wide_block_is_averaged_to_one_cell_in_a_graph():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(300, 3, strides=2, padding="same", name="block1")(inputs)
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    # 1,024 values allow one cell of more than 256 channels.
    wide = keras.Model(inputs, network.get_layer("block1").output)
    values, columns = read_blocks(network, images)
    mean = wide(images.astype(np.float32) / 255).numpy().mean(axis=(1, 2))
    assert values.shape[1] >= 300
    np.testing.assert_allclose(values[:, : mean.shape[1]], mean, atol=1e-5)
    assert columns


def test_networks_of_any_name_stand_side_by_side():
    from tfzero.networks.blocks import join_side_by_side

    def build(units):
        inputs = keras.Input((4, 4, 1), name="side_by_side_image")
        outputs = keras.layers.Dense(units)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, outputs, name="features")

    first, second = build(2), build(3)
    images = np.random.default_rng(0).random((5, 4, 4, 1)).astype(np.float32)
    expected = np.concatenate([first(images), second(images)], axis=1)
    np.testing.assert_allclose(join_side_by_side(first, second)(images), expected, rtol=1e-5)
