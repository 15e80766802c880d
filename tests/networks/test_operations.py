import keras
import pytest

from tfzero.networks.operations import count_operations
from tfzero.networks.shapes import count_network


def test_operations_are_those_of_the_layers_and_of_what_they_do_inside():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(32, 3, padding="same")(images)
    x = keras.layers.DepthwiseConv2D(3, 2)(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(64, 3)(x))
    convolutions = keras.Model(images, keras.layers.Dense(10)(x))
    counted = count_network(convolutions)
    assert count_operations(convolutions) == pytest.approx(counted, rel=0.001)
    x = keras.layers.Conv2D(64, 4, 4)(images)
    x = keras.layers.Reshape((64, 64))(x)
    x = keras.layers.MultiHeadAttention(4, 16)(x, x)
    attention = keras.Model(images, keras.layers.GlobalAveragePooling1D()(x))
    patches, projections, products = 64 * 48 * 64, 4 * 64 * 64 * 64, 2 * 64 * 64 * 64
    expected = patches + projections + products
    assert count_operations(attention) == pytest.approx(expected, rel=0.001)
