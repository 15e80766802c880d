"""Inits whose features tell which images are near, and which no arm has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.networks.shapes import count_patch_products
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context

if TYPE_CHECKING:
    import keras


class Patches(Init):
    """K-means patches of the pool, found once for all replicates.

    Labels are spread by them before a network is trained that has not seen other images than the
    pool's. An arm of k-means patches is `KMeans`, which learns anew with each encoder.
    """

    word = "patches"
    is_pretrained = False
    is_arm = False
    has_network = False
    is_fixed = True

    def describe(self) -> str:
        """Returns what the features are made of."""
        return "k-means patches"

    def patch_operations(self, image_shape: tuple[int, int, int]) -> int:
        """Returns the products of an image's patches with the centroids."""
        return count_patch_products(image_shape)

    def encoder(self, context: Context, replicate: int) -> keras.Model:
        """Returns the patches."""
        del replicate
        return context.load_patches()


class WithPatches(Init):
    """A network's features and the patches side by side.

    On part of the training images of Fashion-MNIST and CIFAR-10, labels spread further by both than
    by one of them (docs/benchmarks/tried.md).

    Args:
        own: The init of the network.
    """

    has_network = False
    is_arm = False

    def __init__(self, own: Init):
        self._own, self._patches = own, Patches()
        self.word = f"{own.word} and {self._patches.word}"

    def describe(self) -> str:
        """Returns both."""
        return f"{self._own.describe()} and {self._patches.describe()}"

    def key(self, context: Context, replicate: int) -> str:
        """Returns the network's key, and that patches are beside it."""
        return f"{self._own.key(context, replicate)}-{self._patches.word}"

    def patch_operations(self, image_shape: tuple[int, int, int]) -> int:
        """Returns those of the patches."""
        return self._patches.patch_operations(image_shape)

    def encoder(self, context: Context, replicate: int) -> keras.Model:
        """Returns the network from images to all blocks of the network, and the patches."""
        from tfzero.networks.blocks import join_side_by_side

        networks = [init.encoder(context, replicate) for init in (self._own, self._patches)]
        return join_side_by_side(*networks)
