"""The one place where pixels become numbers: training, evaluation and serving call it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.images import require_image_shape, require_images
from tfzero.common.pixels import OVERSHOOT

# So many images of a batch tell whether all images are faint.
_TELLING = 8
_OUTSIDE = (
    "; expected 0..1. Say what black and white are: images / 255 if they are 0 and 255; "
    "(images + 1.0) / 2.0 if they are -1 and 1."
)
_FAINT = (
    "images contain only 0 and 1, but black is 0 and white is 255, so a network would see "
    "only black. Use images * 255 instead."
)


def scale_images(images: tf.Tensor) -> tf.Tensor:
    """Scales images to the range that every encoder takes.

    Args:
        images: `(B, H, W, C)`; uint8 in 0..255, floating point already in 0..1, or bool.

    Returns:
        float32 `(B, H, W, C)` in 0..1.

    Raises:
        InputError: If the type is another, or the shape `(B, H, W)`.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank is not None:
        require_rank(images.shape)
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    if images.dtype.is_floating or images.dtype == tf.bool:
        return tf.cast(images, tf.float32)
    raise InputError(
        f"images has type {images.dtype.name}; expected uint8 in 0..255 or floats in 0..1. Say "
        "what black and white are: images / 255 if they are 0 and 255."
    )


def guard_images(images, *, training: bool = False) -> tf.Tensor:
    """Returns a batch; stops on values of which a network would see nothing right.

    Those are floats outside of 0..1, as of 0..255, and in training a batch of all 0 and 1 of 255,
    as masks are. In the graph, because the batches of a `tf.data.Dataset` are nowhere else: two
    passes over the pixels, which no step notices. Graphs compiled by XLA don't notice.

    Args:
        images: As in `scale_images`.
        training: Whether these are images to learn from.

    Raises:
        InputError: If shape or type are others, or the values of an array are.
        tf.errors.InvalidArgumentError: If the values of a batch in a graph are.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank is not None:
        require_rank(images.shape)
    if images.dtype == tf.bool or not (images.dtype.is_floating or images.dtype == tf.uint8):
        return scale_images(images)  # which refuses what it does not know
    if tf.executing_eagerly():
        require_images(images.numpy())  # in words, with what was found
    checks = _range_checks(images)  # of NaN, too
    if training:
        white = 255 if images.dtype == tf.uint8 else 1
        highest = tf.cast(tf.reduce_max(images), tf.float32) * (255 / white)
        told = tf.shape(images)[0] >= _TELLING
        faint = tf.logical_and(highest > 0, highest <= 1.01)
        clear = tf.logical_not(tf.logical_and(told, faint))
        checks.append(tf.debugging.Assert(clear, [_FAINT]))
    with tf.control_dependencies(checks):
        return tf.identity(images)  # no update without the check


@contextlib.contextmanager
def refusing(model: keras.Model) -> Iterator[None]:
    """Lets a step refuse its batch in a way that the model can be given another one afterwards.

    Keras keeps the function whose first tracing failed; called again, that fails for good.
    """
    try:
        yield
    except ValueError:
        model.train_function = model.test_function = model.predict_function = None
        raise


def guard_batch(model: keras.Model, data, *, training: bool = False):
    """Returns what a step of a Keras model gets, its images guarded by `guard_images`."""
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    with refusing(model):
        images = guard_images(images, training=training)
    return keras.utils.pack_x_y_sample_weight(images, labels, weights)


def _range_checks(images: tf.Tensor) -> list:
    checks = []
    if images.dtype.is_floating:
        low, high = tf.reduce_min(images), tf.reduce_max(images)
        checks.append(
            tf.debugging.Assert(
                (low >= -OVERSHOOT) & (high <= 1 + OVERSHOOT),
                ["images are floats in", low, "to", high, _OUTSIDE],
            )
        )
    return checks


def require_rank(shape: tf.TensorShape) -> None:
    """Refuses a batch that lacks an axis.

    Raises:
        InputError: If so; the message says what to do.
    """
    if len(shape) == 3 and shape[-1] in (1, 3, 4):
        raise InputError(
            f"images has shape {tuple(shape)}; expected (N, H, W, C). For one image, make a "
            "batch: images[None]; for a tf.data.Dataset of single images: dataset.batch(32)."
        )
    if len(shape) != 4:
        require_image_shape(tuple(shape))
