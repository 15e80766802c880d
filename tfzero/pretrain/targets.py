"""What a frozen network makes of images, read once and found again by the images' pixels."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfzero.networks.scaling import scale_images
from tfzero.pretrain.hashes import hash_pixels

# Larger tables are not kept: 4 GiB are 1,600,000 images of 1,280 features.
MOST_BYTES = 2**32
# Steps from black to white in which pixels are told apart. Of 8 bits each is 256 of them, so that
# it does not matter how a compiler rounds the division by 255.
_STEPS = 255 * 256
# The key of no image: any other number would do as well.
_NONE = -(2**63)
_CHUNK = 1024


def find_keys(images: tf.Tensor) -> tf.Tensor:
    """Returns int64 `(B,)`, one number per image by which a table finds it again.

    Args:
        images: float32 `(B, H, W, C)` in 0..1.
    """
    return hash_pixels(tf.cast(tf.round(images * _STEPS), tf.int64))


def measure_features(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and variance of each feature, float64 `(T,)`, of float32 `(N, T)`.

    A part at a time: all in double precision would take four times the room of a table.
    """
    mean = np.asarray(np.mean(features, axis=0, dtype=np.float64))
    squares = sum(
        np.sum(np.square(features[s : s + _CHUNK] - mean), axis=0)
        for s in range(0, len(features), _CHUNK)
    )
    return mean, np.asarray(squares) / len(features)


def standardize_features(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Returns float16 `(N, T)`, the features minus `mean` and times `scale`, each `(T,)`."""
    rows = np.empty(features.shape, np.float16)
    for s in range(0, len(features), _CHUNK):
        rows[s : s + _CHUNK] = (features[s : s + _CHUNK] - mean) * scale
    return rows


class TargetTable:
    """Rows of numbers by image, in half precision.

    They are variables, so that no graph holds them as constants. They are no weights, so that no
    file holds them: whoever goes on from a file fills the table again.

    Args:
        width: Numbers per row.
    """

    def __init__(self, width: int):
        self.width = width
        self._keys = tf.Variable(
            tf.fill([1], tf.constant(_NONE, tf.int64)),
            shape=tf.TensorShape([None]),
            trainable=False,
        )
        self._rows = tf.Variable(
            tf.zeros([1, width], tf.float16),
            shape=tf.TensorShape([None, width]),
            trainable=False,
        )

    def fill(self, images: np.ndarray, rows: np.ndarray) -> None:
        """Keeps one row for each image, in place of all that was kept before.

        Args:
            images: `(N, H, W, C)`, uint8, floats in 0..1 or bool.
            rows: float16 `(N, width)`.
        """
        starts = range(0, len(images), _CHUNK)
        keys = [
            find_keys(scale_images(tf.convert_to_tensor(images[s : s + _CHUNK]))).numpy()
            for s in starts
        ]
        keys = np.concatenate(keys)
        order = np.argsort(keys, kind="stable")
        self._keys.assign(keys[order])
        self._rows.assign(rows[order])

    def clear(self) -> None:
        """Forgets all rows, and gives their memory back."""
        self._keys.assign([_NONE])
        self._rows.assign(np.zeros((1, self.width), np.float16))

    def find(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the rows of images, and which images have one.

        Args:
            images: float32 `(B, H, W, C)` in 0..1.

        Returns:
            float32 `(B, width)`, any numbers where there is no row; bool `(B,)`.
        """
        wanted, keys = find_keys(images), tf.convert_to_tensor(self._keys)
        # In 64 bits: 32 are computed on the host, whatever the device.
        places = tf.searchsorted(keys, wanted, out_type=tf.int64)
        places = tf.minimum(places, tf.size(keys, out_type=tf.int64) - 1)
        rows = tf.cast(tf.gather(self._rows, places), tf.float32)
        return tf.ensure_shape(rows, (None, self.width)), tf.equal(tf.gather(keys, places), wanted)
