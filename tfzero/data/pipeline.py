"""Arrays to `tf.data`: an endless stream whose order depends on (seed, position) alone."""

from __future__ import annotations

import mmap
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfzero.common.cores import count_cores
from tfzero.data.memory import is_large, memory_limit
from tfzero.data.rows import JoinedRows

# Larger arrays are not copied for TensorFlow, which takes twice their bytes while it does. Reading
# rows of images of 96x96 where they lie still gives over 50,000 a second on one core.
_MOST_HELD = 2**29


def stream_batches(
    images: np.ndarray | JoinedRows,
    labels: np.ndarray | None = None,
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Streams shuffled batches without end.

    Image p of the stream is image `shuffle(p mod N; seed, p div N)`: each pass over the data has
    its own order, every image is seen once a pass, and a stream started at `start` continues
    exactly where another stopped. Batches may span two passes, so none is cut short.

    Images that take more than their share of memory, beside those of as many processes as there
    are cores, or more than half a gigabyte, are read from where they lie, batch by batch; the
    batches are the same.

    Args:
        images: uint8 or float `(N, H, W, C)`, or `tfzero.data.rows.JoinedRows`.
        labels: int `(N,)`, or distributions `(N, K)`; None for a stream of images only.
        batch_size: B.
        seed: Decides the order.
        start: Batches to skip.

    Returns:
        Dataset of images `(B, H, W, C)`, or of pairs with labels, `(B,)` or `(B, K)`.
    """
    count = len(images)
    stay = images.nbytes > _MOST_HELD or is_large(images.nbytes, sharers=count_cores())
    takes = [_read_rows(images) if stay else _gather(np.asarray(images))]
    takes += [] if labels is None else [_gather(labels)]
    shapes = [(batch_size, *array.shape[1:]) for array in (images, labels) if array is not None]
    base = tf.constant(seed, tf.int64)

    def gather(batch):
        position = batch * batch_size + tf.range(batch_size, dtype=tf.int64)  # (B,)
        epoch = position // count
        seeds = tf.stack([tf.fill(tf.shape(epoch), base), epoch, tf.zeros_like(epoch)], axis=1)
        # The raw operation takes a seed per index, which its public wrapper does not.
        index = tf.raw_ops.RandomIndexShuffle(
            index=position % count, seed=seeds, max_index=tf.constant(count - 1, tf.int64), rounds=4
        )
        pairs = zip(takes, shapes, strict=False)
        return tuple(tf.ensure_shape(take(index), shape) for take, shape in pairs)

    batches = tf.data.Dataset.range(start, np.iinfo(np.int64).max // batch_size - 1)
    batches = batches.map(gather if labels is not None else lambda batch: gather(batch)[0])
    options = tf.data.Options()
    # There is nothing to tune. The end of a stream waits up to half a second for the tuner, which
    # is as long as a small training.
    options.autotune.enabled = False
    return batches.prefetch(2).with_options(options)


def _gather(array: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    held = _hold(array)
    return lambda index: tf.gather(held, index)


def _hold(array: np.ndarray) -> tf.Tensor:
    """Holds an array where `tf.data` reads it, and not in a GPU's memory."""
    with tf.device("/CPU:0"):
        return tf.constant(array)


def _read_rows(images: np.ndarray | JoinedRows) -> Callable[[tf.Tensor], tf.Tensor]:
    mapped = getattr(images, "_mmap", None)  # where `np.memmap` keeps it
    can_advise = hasattr(mmap, "MADV_RANDOM")  # not on Windows
    if mapped is not None and can_advise and images.nbytes > memory_limit() / 2:
        # The system would read 128 KB around each image, and drop others for it: too little
        # memory is left to keep them all.
        mapped.madvise(mmap.MADV_RANDOM)

    def read(index):
        return np.asarray(images[index])

    return lambda index: tf.numpy_function(read, [index], images.dtype, stateful=False)
