"""Numbers that tell images apart, computed inside the graph."""

from __future__ import annotations

import tensorflow as tf

# Of SplitMix64 (Steele et al. 2014, doi 10.1145/2660193.2660195), as signed numbers.
_STEP, _FIRST, _SECOND = -7046029254386353131, -4658895280553007687, -7723592293110705685


def hash_pixels(values: tf.Tensor) -> tf.Tensor:
    """Returns one number per image, which almost surely differs where a pixel does.

    A sum of the pixels' values, each times its own fixed factor. Sums of integers do not depend on
    their order, so those of equal images are equal; those of others are with a probability
    below 2 ** -40. The factors are computed and not drawn, because XLA draws other numbers.

    Args:
        values: int64 `(B, H, W, C)`. In 64 bits, which GPUs add and multiply, unlike 32.

    Returns:
        int64 `(B,)`.
    """
    shape = tf.shape(values)[1:]
    factors = tf.range(1, tf.cast(tf.reduce_prod(shape), tf.int64) + 1) * _STEP
    for shift, times in ((30, _FIRST), (27, _SECOND), (31, 1)):
        shifted = tf.bitwise.right_shift(factors, tf.constant(shift, tf.int64))
        factors = tf.bitwise.bitwise_xor(factors, shifted) * times
    return tf.reduce_sum(values * tf.reshape(factors, shape), axis=[1, 2, 3])
