import subprocess
import sys

import keras
import pytest

from tests.conftest import build_small_encoder
from tfzero.networks import build_encoder
from tfzero.networks.architectures import find_architecture
from tfzero.networks.shapes import count_encoder, count_network, default_width, list_blocks


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 48, 3), (200, 61, 2), (9, 300, 1)])
def test_the_counted_encoder_is_the_one_that_is_built(shape):
    encoder = build_encoder(shape)
    sides = [tuple(encoder.get_layer(f"block{n}").output.shape[1:]) for n in (1, 2, 3, 4)]
    blocks = list_blocks(shape, default_width(shape))
    assert [(*block.sides, block.filters) for block in blocks] == sides
    assert count_encoder(shape) == count_network(encoder) > 0


def test_multiply_adds_by_hand():
    # Stride 2 on 8x8: 16 places, each 3x3x1 pixels times 6 filters.
    small = build_small_encoder()
    assert count_network(small) == 16 * 9 * 6
    inner = keras.Sequential([keras.Input((8, 8, 1)), small, keras.layers.Dense(5)])
    assert count_network(inner) == 16 * 9 * 6 + 96 * 5


def test_shapes_need_no_tensorflow():
    code = "import sys, tfzero.networks.shapes; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", ["small", "residual", "base"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 100, 3)], ids=str)
def test_the_work_of_an_architecture_is_known_before_it_is_built(name, shape):
    assert find_architecture(name).count(shape) == count_network(
        build_encoder(shape, architecture=name)
    )


def test_both_kernels_of_a_separable_convolution_count():
    inputs = keras.Input((4, 4, 3))
    network = keras.Model(inputs, keras.layers.SeparableConv2D(5, 3, padding="same")(inputs))
    assert count_network(network) == 16 * (9 * 3 + 3 * 5)
