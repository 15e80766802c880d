"""Layers whose behaviour depends on nothing but their weights: no statistics, no hidden state."""

from __future__ import annotations

import math

import keras
from keras import ops

# Slope below zero. A discriminator learns better when units cannot die (Radford 2016, sec. 3).
NEGATIVE_SLOPE = 0.1
# 1 / standard deviation of leaky_relu(x, 0.1) for x ~ N(0, 1): with zero-mean kernels it keeps
# the variance of activations constant over depth (Brock et al. 2021, arXiv:2101.08692, eq. 2).
_ACTIVATION_GAIN = 1.0 / math.sqrt(
    (1 + NEGATIVE_SLOPE**2) / 2 - (1 - NEGATIVE_SLOPE) ** 2 / (2 * math.pi)
)


@keras.saving.register_keras_serializable("tfzero")
def scaled_leaky_relu(inputs):
    """Leaky ReLU times a constant, so that unit variance in gives unit variance out.

    Args:
        inputs: float `(...)`.

    Returns:
        float of the same shape.
    """
    return ops.leaky_relu(inputs, negative_slope=NEGATIVE_SLOPE) * _ACTIVATION_GAIN


@keras.saving.register_keras_serializable("tfzero")
class StandardizedConv2D(keras.layers.Conv2D):
    """Convolution whose kernel is standardized per filter before use.

    It normalizes without batch statistics: nothing to freeze, to synchronize between replicas
    or to leak between real and generated images, at about a tenth of an update's time.

    Arguments, input `(B, H, W, C)` and output `(B, H', W', filters)` are those of
    `keras.layers.Conv2D`.

    Reference:
        Qiao et al. 2019, arXiv:1903.10520; with gain, Brock et al. 2021, arXiv:2101.08692, eq. 1.
    """

    def build(self, input_shape):
        """Adds one gain per filter to the weights of a convolution."""
        super().build(input_shape)
        self.gain = self.add_weight(name="gain", shape=(self.filters,), initializer="ones")

    def convolution_op(self, inputs, kernel):
        """Convolves with `gain * (kernel - mean) / (std * sqrt(fan_in))`."""
        fan_in = math.prod(kernel.shape[:-1])
        mean, variance = ops.moments(kernel, axes=[0, 1, 2], keepdims=True)
        # 1e-4 is the paper's guard against filters of no variance.
        scale = ops.rsqrt(ops.maximum(variance * fan_in, 1e-4)) * self.gain
        return super().convolution_op(inputs, (kernel - mean) * scale)

    # Keras's convolutions list their own variables by name when saving and would miss the gain.
    def save_own_variables(self, store):
        """Saves kernel, bias and gain by position."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads kernel, bias and gain by position."""
        keras.layers.Layer.load_own_variables(self, store)
