import keras
import pytest

from tfzero.networks import build_encoder
from tfzero.networks.blocks import split_blocks


def name_layers(encoder):
    return [[layer.name for layer in block] for block in split_blocks(encoder)]


def test_every_layer_with_weights_is_in_its_block():
    assert name_layers(build_encoder((16, 16, 1), width=4)) == [
        ["block1"],
        ["block2"],
        ["block3"],
        ["block4"],
    ]
    residual = name_layers(build_encoder((16, 16, 1), width=4, architecture="residual"))
    assert residual == [[f"reduce{n}", f"inner{n}", f"outer{n}"] for n in (1, 2, 3, 4)]


def test_what_follows_the_last_block_belongs_to_it():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, name="stem")(inputs)
    x = keras.layers.ReLU(name="block1")(x)
    x = keras.layers.Conv2D(2, 3, name="block2")(x)
    x = keras.layers.Dense(3, name="last")(keras.layers.Flatten()(x))
    assert name_layers(keras.Model(inputs, x)) == [["stem"], ["block2", "last"]]


@pytest.mark.parametrize("count, sizes", [(1, [1]), (3, [1, 1, 1]), (6, [1, 2, 1, 2])])
def test_a_strange_network_is_dealt_out(count, sizes):
    dense = [keras.layers.Dense(3, name=f"d{n}") for n in range(count)]
    network = keras.Sequential([keras.Input((5,)), *dense, keras.layers.ReLU()])
    blocks = name_layers(network)
    assert [len(block) for block in blocks] == sizes
    assert sum(blocks, []) == [layer.name for layer in dense]


def test_a_network_without_weights_has_no_blocks():
    assert split_blocks(keras.Sequential([keras.Input((5,)), keras.layers.ReLU()])) == []
