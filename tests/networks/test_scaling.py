import numpy as np
import pytest
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.networks import scale_images


def test_bytes_become_floats_in_0_to_1():
    scaled = scale_images(np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1))
    assert scaled.dtype == tf.float32
    np.testing.assert_allclose(scaled.numpy().ravel(), [0, 0.2, 1], rtol=1e-7)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_floats_keep_their_values(kind):
    images = np.array([0, 0.25, 1], kind).reshape(3, 1, 1, 1)
    scaled = scale_images(images)
    assert scaled.dtype == tf.float32
    np.testing.assert_array_equal(scaled, images)


def test_of_bools_true_is_white():
    scaled = scale_images(np.array([False, True]).reshape(2, 1, 1, 1))
    assert scaled.dtype == tf.float32
    np.testing.assert_array_equal(scaled.numpy().ravel(), [0, 1])


@pytest.mark.parametrize("kind", ["int32", "int64", "uint16"])
def test_other_types_are_refused_by_name(kind):
    with pytest.raises(InputError, match=f"type {kind}; expected uint8 in 0..255 or floats"):
        scale_images(np.ones((1, 8, 8, 1), kind))
