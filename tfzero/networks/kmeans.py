"""K-means patches: features that need no training by gradients, the baseline of every method."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError, require_between
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_settings
from tfzero.networks.precision import PRECISION
from tfzero.networks.scaling import scale_images
from tfzero.networks.shapes import LARGEST_GRID, PATCHES_A_CENTROID, choose_patches

# Coates and Ng 2012, section 4.1: patches are contrast normalized with 10 added to the variance
# of pixels in 0..255, then whitened with 0.1 added to the eigenvalues.
_CONTRAST_FLOOR = 10 / 255**2
_WHITENING_FLOOR = 0.1
_MOST_PATCHES = 200_000


@keras.saving.register_keras_serializable("tfzero")
class KMeansPatches(keras.layers.Layer):
    """Compares every patch of an image with centroids, and averages what is nearer than the mean.

    A patch x is contrast normalized and whitened to z; its activation for centroid k is
    f_k(z) = max(0, mean_j |z - c_j| - |z - c_k|), averaged over each cell of a grid.

    Args:
        num_centroids: K.
        patch_size: Side of a patch, in pixels.
        stride: Pixels from one patch to the next; one number, or one along the height and one
            along the width.
        grid: Cells a side over which activations are averaged. Where a side has fewer patches,
            neighbouring cells share one.

    Input float32 `(B, H, W, C)` in 0..1; output float32 `(B, grid * grid * K)`.

    Reference:
        Coates, Lee, Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature
        Learning", section 3.2 and eq. "triangle".
    """

    def __init__(
        self,
        num_centroids: int,
        *,
        patch_size: int,
        stride: int | Sequence[int],
        grid: int,
        **kwargs,
    ):
        super().__init__(trainable=False, **{"dtype": PRECISION, **kwargs})
        self.num_centroids = num_centroids
        self.patch_size = patch_size
        # Saved layers of earlier versions have one number.
        self.stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
        self.grid = grid

    def build(self, input_shape):
        """Makes room for what `fit_kmeans` finds."""
        size = self.patch_size**2 * input_shape[-1]
        self.mean = self.add_weight(name="mean", shape=(size,), trainable=False)
        self.whitening = self.add_weight(name="whitening", shape=(size, size), trainable=False)
        self.centroids = self.add_weight(
            name="centroids", shape=(self.num_centroids, size), trainable=False
        )

    def call(self, images):
        """Returns the features, one image after the other, which bounds memory."""
        whitened = tf.matmul(self.whitening, self.centroids, transpose_b=True)  # (P, K)
        norms = tf.reduce_sum(tf.square(self.centroids), axis=1)  # (K,)
        # A patch's product with a centroid is z . c = (x - mean) W . c.
        offset = tf.linalg.matvec(whitened, self.mean, transpose_a=True)  # (K,)

        def activate(image):
            patches = normalize_patches(self._cut(image[None]))  # (1, h, w, P)
            flat = tf.reshape(patches, (-1, patches.shape[-1]))
            products = tf.matmul(flat, whitened) - offset
            lengths = tf.reduce_sum(
                tf.square(tf.matmul(flat - self.mean, self.whitening)), axis=1, keepdims=True
            )
            squares = lengths - 2 * products + norms
            distances = tf.sqrt(tf.maximum(squares, 0.0))
            activations = tf.nn.relu(tf.reduce_mean(distances, axis=1, keepdims=True) - distances)
            grid = tf.reshape(activations, (*patches.shape[1:3], self.num_centroids))
            return self._pool(grid)

        size = self.grid**2 * self.num_centroids
        return tf.map_fn(activate, images, fn_output_signature=tf.TensorSpec((size,), tf.float32))

    def _cut(self, images):
        side = self.patch_size
        return tf.image.extract_patches(
            images, (1, side, side, 1), (1, *self.stride, 1), (1, 1, 1, 1), "VALID"
        )  # (B, h, w, P)

    def _pool(self, activations):
        height, width, _ = activations.shape
        cells = [
            tf.reduce_mean(activations[rows, columns], axis=(0, 1))
            for rows in _split_places(height, self.grid)
            for columns in _split_places(width, self.grid)
        ]
        return tf.concat(cells, axis=0)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_centroids": self.num_centroids,
            "patch_size": self.patch_size,
            "stride": self.stride,
            "grid": self.grid,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuilds the layer; `trainable` is not an argument."""
        return cls(**{key: value for key, value in config.items() if key != "trainable"})


def _split_places(count: int, cells: int) -> list[slice]:
    """Returns for each cell of an axis its places, at least one: the mean of none is NaN."""
    cuts = [round(count * k / cells) for k in range(cells + 1)]
    starts = [min(start, count - 1) for start in cuts[:-1]]
    return [slice(a, max(b, a + 1)) for a, b in zip(starts, cuts[1:], strict=True)]


def normalize_patches(patches: tf.Tensor) -> tf.Tensor:
    """Takes each patch's mean away and divides by its standard deviation.

    Args:
        patches: float32 `(..., P)`.

    Returns:
        float32 of the same shape.
    """
    mean, variance = tf.nn.moments(patches, axes=[-1], keepdims=True)
    return (patches - mean) * tf.math.rsqrt(variance + _CONTRAST_FLOOR)


@own_settings(PRECISION)
def fit_kmeans(
    images: np.ndarray,
    *,
    num_centroids: int = 400,
    patch_size: int = 6,
    grid: int = 2,
    patches_per_centroid: int = PATCHES_A_CENTROID,
    seed: int = 0,
) -> keras.Model:
    """Learns centroids of the pool's patches; returns a frozen encoder `(B, H, W, C) -> (B, D)`.

    Args:
        images: The pool, `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
        num_centroids: K; D is `grid * grid * K`.
        patch_size: Side of a patch, in pixels; at most the images' shorter side.
        grid: Cells a side over which activations are averaged.
        patches_per_centroid: How many patches are drawn for each centroid, 200,000 in all at most.
        seed: Draws the patches and the first centroids.

    Returns:
        A Keras model that takes float32 images in 0..1. It has no trainable weights.

    Raises:
        InputError: If a patch is larger than the images, or a number below 1.

    Reference:
        Coates, Lee, Ng 2011; whitening and centroids: Coates and Ng 2012, "Learning Feature
        Representations with K-means", algorithm 1.
    """
    from sklearn.cluster import MiniBatchKMeans

    require_between(num_centroids, 1, None, name="num_centroids")
    require_between(patch_size, 1, None, name="patch_size")
    require_between(grid, 1, None, name="grid")
    require_between(patches_per_centroid, 1, None, name="patches_per_centroid")
    height, width, channels = images.shape[1:]
    if patch_size > min(height, width):
        raise InputError(
            f"patch_size is {patch_size}; expected at most {min(height, width)}, the shorter "
            f"side of images of {height}x{width}."
        )
    count = min(_MOST_PATCHES, num_centroids * patches_per_centroid)
    patches = _draw_patches(images, count, patch_size, seed=derive_seed(seed, "patches"))
    patches = normalize_patches(tf.constant(patches)).numpy()
    mean = patches.mean(axis=0)
    whitening = _find_whitening(patches - mean)
    clusters = MiniBatchKMeans(
        num_centroids,
        init="random",
        n_init=1,
        batch_size=4096,
        max_iter=20,
        reassignment_ratio=0.01,
        random_state=derive_seed(seed, "centroids"),
    ).fit(((patches - mean) @ whitening).astype(np.float32))
    inputs = keras.Input((height, width, channels), name="image")
    stride = _choose_stride(height - patch_size + 1, width - patch_size + 1, grid)
    layer = KMeansPatches(
        num_centroids, patch_size=patch_size, stride=stride, grid=grid, name="features"
    )
    model = keras.Model(inputs, layer(inputs), name="kmeans")
    layer.set_weights([mean, whitening, clusters.cluster_centers_])
    return model


def fit_patches(images: np.ndarray, *, seed: int = 0) -> keras.Model:
    """Learns as many centroids as suit the images' size; see `fit_kmeans`."""
    return fit_kmeans(images, **choose_patches(images.shape[1:]), seed=seed)


def _find_whitening(centred: np.ndarray) -> np.ndarray:
    """Returns `(P, P)`, which takes the correlations out of centred patches `(N, P)`."""
    values, vectors = np.linalg.eigh(np.cov(centred, rowvar=False))
    return (vectors / np.sqrt(values + _WHITENING_FLOOR)) @ vectors.T


def _choose_stride(height: int, width: int, grid: int) -> tuple[int, int]:
    """Returns the strides along sides that have so many places at stride 1.

    The longer side's serves both, unless the shorter one then has fewer places than cells.
    """
    largest = math.ceil(max(height, width) / LARGEST_GRID)

    def fit(count):
        enough = (step for step in range(largest, 1, -1) if math.ceil(count / step) >= grid)
        return next(enough, 1)

    return fit(height), fit(width)


def _draw_patches(images, count, side, *, seed) -> np.ndarray:
    """Returns float32 `(M, side * side * C)` patches from random places of random images."""
    generator = np.random.default_rng(seed)
    chosen = generator.integers(len(images), size=count)
    chosen.sort()  # the pool may be a file that is read in order
    tops = generator.integers(images.shape[1] - side + 1, size=count)
    lefts = generator.integers(images.shape[2] - side + 1, size=count)
    patches = np.stack(
        [
            images[image, top : top + side, left : left + side].reshape(-1)
            for image, top, left in zip(chosen, tops, lefts, strict=True)
        ]
    )
    return scale_images(tf.constant(patches[:, None, None])).numpy()[:, 0, 0]
