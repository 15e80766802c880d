import math

import keras
import numpy as np
import pytest

from tfzero.networks.layers import DoublingConv2D, StandardizedConv2D, scaled_leaky_relu


def standardize(kernel, gain):
    """Standardizes one filter at a time, from the formula of the paper."""
    result = np.zeros_like(kernel)
    for number in range(kernel.shape[-1]):
        one = kernel[..., number]
        mean = sum(one.flat) / one.size
        variance = sum((value - mean) ** 2 for value in one.flat) / one.size
        result[..., number] = gain[number] * (one - mean) / math.sqrt(variance * one.size)
    return result


def convolve(images, kernel, bias, strides, padding):
    """Convolves pixel by pixel."""
    sides = []
    pads = [(0, 0)]
    for axis in range(2):
        size, width, stride = images.shape[axis + 1], kernel.shape[axis], strides[axis]
        if padding == "same":
            side = -(-size // stride)
            total = max((side - 1) * stride + width - size, 0)
            pads.append((total // 2, total - total // 2))
        else:
            side = (size - width) // stride + 1
            pads.append((0, 0))
        sides.append(side)
    padded = np.pad(images, [*pads, (0, 0)])
    result = np.zeros((len(images), *sides, kernel.shape[-1]))
    for image, row, column, out in np.ndindex(result.shape):
        total = bias[out]
        for y, x, channel in np.ndindex(kernel.shape[:-1]):
            pixel = padded[image, row * strides[0] + y, column * strides[1] + x, channel]
            total += pixel * kernel[y, x, channel, out]
        result[image, row, column, out] = total
    return result


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)], ids=str)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_standardized_convolution_equals_loops(strides, padding):
    random = np.random.default_rng(3)
    images = random.normal(size=(2, 6, 5, 2)).astype(np.float32)
    layer = StandardizedConv2D(3, (3, 2), strides=strides, padding=padding)
    layer.build(images.shape)
    kernel = random.normal(1.0, 2.0, (3, 2, 2, 3))
    bias, gain = random.normal(size=3), random.uniform(0.5, 2, 3)
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    layer.gain.assign(gain)
    expected = convolve(images, standardize(kernel, gain), bias, strides, padding)
    np.testing.assert_allclose(layer(images), expected, rtol=1e-5, atol=1e-5)


def test_standardized_convolution_worked_by_hand():
    layer = StandardizedConv2D(1, (1, 2))
    layer.build((1, 1, 2, 1))
    # Mean 2, squared differences 1 + 1: the kernel becomes (-1, 1) / sqrt(2).
    layer.kernel.assign(np.array([1.0, 3.0]).reshape(1, 2, 1, 1))
    layer.bias.assign([0.5])
    image = np.array([2.0, 6.0], np.float32).reshape(1, 1, 2, 1)
    assert float(layer(image)[0, 0, 0, 0]) == pytest.approx(4 / math.sqrt(2) + 0.5)


def test_a_filter_of_no_variance_gives_its_bias():
    layer = StandardizedConv2D(1, 3)
    layer.build((1, 3, 3, 1))
    layer.kernel.assign(np.full((3, 3, 1, 1), 0.7))
    layer.bias.assign([0.25])
    assert float(layer(np.full((1, 3, 3, 1), 5.0))[0, 0, 0, 0]) == pytest.approx(0.25, abs=1e-4)


def test_the_gain_is_trained_and_saved(tmp_path):
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, StandardizedConv2D(2, 3, name="convolution")(inputs))
    layer = model.get_layer("convolution")
    assert [weight.name for weight in layer.trainable_weights] == ["kernel", "bias", "gain"]
    values = [np.random.default_rng(k).normal(size=w.shape) for k, w in enumerate(layer.weights)]
    layer.set_weights(values)
    model.save(tmp_path / "model.keras")
    for loaded, value in zip(
        keras.models.load_model(tmp_path / "model.keras").get_weights(), values, strict=True
    ):
        np.testing.assert_array_equal(loaded, value.astype(np.float32))


def test_activation_keeps_unit_variance():
    # Integrated over N(0, 1) on a fine grid.
    grid = np.linspace(-10, 10, 200_001, dtype=np.float64)
    density = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi) * (grid[1] - grid[0])
    values = np.asarray(scaled_leaky_relu(grid), np.float64)
    mean = (values * density).sum()
    assert ((values - mean) ** 2 * density).sum() == pytest.approx(1.0, abs=1e-4)
    assert float(scaled_leaky_relu(np.float32(-1)) / scaled_leaky_relu(np.float32(1))) < 0


@pytest.mark.parametrize("activation", [None, scaled_leaky_relu])
def test_doubling_then_convolving_equals_the_two_steps(activation):
    random = np.random.default_rng(3)
    images = random.normal(size=(2, 3, 5, 4)).astype(np.float32)
    both = DoublingConv2D(6, activation=activation)
    second = StandardizedConv2D(6, 3, padding="same", activation=activation)
    doubled = images.repeat(2, axis=1).repeat(2, axis=2)
    both.build(images.shape)
    second.build(doubled.shape)
    both.set_weights([random.normal(size=weight.shape) for weight in both.weights])
    second.set_weights(both.get_weights())
    assert both(images).shape == both.compute_output_shape(images.shape) == (2, 6, 10, 6)
    np.testing.assert_allclose(both(images), second(doubled), rtol=1e-5, atol=1e-5)


def test_an_activation_inside_the_kernel_equals_one_behind_it():
    images = np.random.default_rng(3).normal(size=(2, 6, 5, 2)).astype(np.float32)
    plain = StandardizedConv2D(3, 3, bias_initializer="ones")
    inside = StandardizedConv2D(3, 3, bias_initializer="ones", activation=scaled_leaky_relu)
    for layer in (plain, inside):
        layer.build(images.shape)
    inside.set_weights(plain.get_weights())
    expected = scaled_leaky_relu(plain(images))
    assert (np.asarray(expected) < 0).any() and (np.asarray(expected) > 0).any()
    np.testing.assert_allclose(inside(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [StandardizedConv2D(6, 3, strides=2), DoublingConv2D(6)])
def test_a_layer_comes_back_from_its_configuration(layer):
    rebuilt = type(layer).from_config(layer.get_config())
    assert rebuilt.get_config() == layer.get_config()


def test_an_activation_inside_the_kernel_is_known_again_after_loading():
    layer = DoublingConv2D(6, activation=scaled_leaky_relu)
    assert DoublingConv2D.from_config(layer.get_config()).activation is scaled_leaky_relu
    with pytest.raises(TypeError, match="groups"):
        DoublingConv2D(6, groups=2)
