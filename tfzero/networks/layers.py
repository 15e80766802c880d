"""Layers whose behaviour depends on nothing but their weights: no statistics, no hidden state."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

# Slope below zero. A discriminator learns better when units cannot die (Radford 2016, sec. 3).
NEGATIVE_SLOPE = 0.1
# 1 / standard deviation of leaky_relu(x, 0.1) for x ~ N(0, 1): with zero-mean kernels it keeps
# the variance of activations constant over depth (Brock et al. 2021, arXiv:2101.08692, eq. 2).
_ACTIVATION_GAIN = 1.0 / math.sqrt(
    (1 + NEGATIVE_SLOPE**2) / 2 - (1 - NEGATIVE_SLOPE) ** 2 / (2 * math.pi)
)


# Of `DoublingConv2D`.
_ARGUMENTS = ("filters", "activation", "kernel_initializer", "name", "dtype", "trainable")
# Zeros behind a kernel and before it, along its height and along its width.
_AFTER = (((0, 1), (0, 0), (0, 0), (0, 0)), ((0, 0), (0, 1), (0, 0), (0, 0)))
_BEFORE = (((1, 0), (0, 0), (0, 0), (0, 0)), ((0, 0), (1, 0), (0, 0), (0, 0)))


@keras.saving.register_keras_serializable("tfzero")
def scaled_leaky_relu(inputs):
    """Leaky ReLU times a constant, so that unit variance in gives unit variance out.

    Args:
        inputs: float `(...)`.

    Returns:
        float of the same shape.
    """
    return _leaky_relu(inputs) * _ACTIVATION_GAIN


def _leaky_relu(inputs):
    return ops.leaky_relu(inputs, negative_slope=NEGATIVE_SLOPE)


@keras.saving.register_keras_serializable("tfzero")
class StandardizedConv2D(keras.layers.Conv2D):
    """Convolution whose kernel is standardized per filter before use.

    It normalizes without batch statistics: nothing to freeze, to synchronize between replicas
    or to leak between real and generated images, at about a tenth of an update's time.

    Arguments, input `(B, H, W, C)` and output `(B, H', W', filters)` are those of
    `keras.layers.Conv2D`.

    Under a mixed dtype policy the kernel is standardized in float32, and convolves in half
    precision.

    Reference:
        Qiao et al. 2019, arXiv:1903.10520; with gain, Brock et al. 2021, arXiv:2101.08692, eq. 1.
    """

    def add_weight(self, *args, **kwargs):
        """Adds a weight that is read in float32: Keras would cast it before it is standardized."""
        return super().add_weight(*args, **{**kwargs, "autocast": False})

    def build(self, input_shape):
        """Adds one gain per filter to the weights of a convolution."""
        super().build(input_shape)
        self.gain = self.add_weight(name="gain", shape=(self.filters,), initializer="ones")

    def call(self, inputs):
        """Convolves with the standardized kernel, adds the bias and applies the activation."""
        kernel, bias = self._standardize(), self.bias
        activation = self.activation
        if activation is scaled_leaky_relu:
            # A positive factor passes a leaky ReLU, and a kernel has fewer values than its output.
            kernel, activation = kernel * _ACTIVATION_GAIN, _leaky_relu
            bias = None if bias is None else bias * _ACTIVATION_GAIN
        outputs = self.convolution_op(inputs, tf.cast(kernel, self.compute_dtype))
        if bias is not None:
            bias = tf.cast(bias, self.compute_dtype)
            if self.data_format == "channels_last":
                outputs = tf.nn.bias_add(outputs, bias)  # fused with the convolution's gradient
            else:
                outputs = outputs + tf.reshape(bias, (-1, 1, 1))
        return outputs if activation is None else activation(outputs)

    def _standardize(self):
        """Returns `gain * (kernel - mean) / (std * sqrt(fan_in))`, of the kernel's shape."""
        kernel = tf.convert_to_tensor(self.kernel)
        centred = kernel - tf.reduce_mean(kernel, axis=[0, 1, 2])
        # The variance times fan_in; 1e-4 is the paper's guard against filters of no variance.
        total = tf.maximum(tf.reduce_sum(tf.square(centred), axis=[0, 1, 2]), 1e-4)
        return centred * (tf.math.rsqrt(total) * tf.convert_to_tensor(self.gain))

    # Keras's convolutions list their own variables by name when saving and would miss the gain.
    def save_own_variables(self, store):
        """Saves kernel, bias and gain by position."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads kernel, bias and gain by position."""
        keras.layers.Layer.load_own_variables(self, store)


@keras.saving.register_keras_serializable("tfzero")
class DoublingConv2D(StandardizedConv2D):
    """Doubles height and width by nearest neighbour, then convolves 3x3, in one operation.

    A transposed convolution with strides of 2 gives the same values with 16 multiply-adds per
    pixel, filter and channel of the input, where the two steps take 36.

    Weights are those of `StandardizedConv2D` with a 3x3 kernel. Input `(B, H, W, C)`, output
    `(B, 2H, 2W, filters)`.

    Args:
        filters: Number of filters.
        activation: As in `keras.layers.Conv2D`.
        kernel_initializer: As in `keras.layers.Conv2D`.
        name: Name of the layer.
        dtype: As in `keras.layers.Layer`.
        trainable: As in `keras.layers.Layer`.

    Reference:
        Odena et al. 2016, doi:10.23915/distill.00003: a resize-convolution is a transposed
        convolution whose weights are tied.
    """

    def __init__(
        self,
        filters: int,
        *,
        activation=None,
        kernel_initializer="glorot_uniform",
        name: str | None = None,
        dtype=None,
        trainable: bool = True,
    ):
        super().__init__(
            filters,
            3,
            padding="same",
            activation=activation,
            kernel_initializer=kernel_initializer,
            name=name,
            dtype=dtype,
            trainable=trainable,
        )

    def convolution_op(self, inputs, kernel):
        """Convolves the doubled input."""
        # The kernel of the transposed convolution: this one turned, over the 2x2 pixels that the
        # nearest neighbour fills.
        turned = kernel[::-1, ::-1]
        rows = tf.pad(turned, _AFTER[0]) + tf.pad(turned, _BEFORE[0])  # (4, 3, C, filters)
        both = tf.pad(rows, _AFTER[1]) + tf.pad(rows, _BEFORE[1])  # (4, 4, C, filters)
        shape = self.compute_output_shape(inputs.shape)
        return tf.nn.conv2d_transpose(
            inputs,
            tf.transpose(both, (0, 1, 3, 2)),
            tf.stack([tf.shape(inputs)[0], *shape[1:]]),
            strides=2,
            padding="SAME",
        )

    def compute_output_shape(self, input_shape):
        """Returns `(B, 2H, 2W, filters)`."""
        batch, height, width, _ = input_shape
        return (batch, 2 * height, 2 * width, self.filters)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        config = super().get_config()
        return {name: config[name] for name in _ARGUMENTS}
