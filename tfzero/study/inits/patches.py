"""The init whose features tell which images are near, and which no arm has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.study.inits.base import Context, Init

if TYPE_CHECKING:
    import keras


class Patches(Init):
    """K-means patches of the pool, found once for all replicates.

    Labels are spread by them before a network is trained that has not seen other images than the
    pool's. An arm of k-means patches is `KMeans`, which learns anew with each encoder.
    """

    word = "patches"
    is_pretrained = False
    has_network = False
    is_fixed = True

    def describe(self) -> str:
        """Returns what the features are made of."""
        return "k-means patches"

    def encoder(self, context: Context, replicate: int) -> keras.Model:
        """Returns the patches."""
        del replicate
        return context.load_patches()
