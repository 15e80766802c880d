"""The init of k-means patches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tfzero.study.inits.base import Bought, Context, Counts, Learner, Learnt, Occasion
from tfzero.study.inits.settings import KMeansPlan
from tfzero.study.inits.timing import Timing

if TYPE_CHECKING:
    import keras

# Below this many pixels per side, images get smaller patches and fewer centroids.
_SMALL_SIDE = 16


class KMeans(Learner):
    """A dictionary of patches: features that need no training by gradients."""

    word = "kmeans"
    description = "k-means patches"
    is_pretrained = False
    has_network = False
    shows_networks = False

    def plan(self, occasion: Occasion) -> KMeansPlan:
        """Returns how the centroids are found, by the size of the images."""
        small = min(occasion.data.image_shape[:2]) < _SMALL_SIDE
        return KMeansPlan(num_centroids=100 if small else 400, patch_size=4 if small else 6)

    def learn(self, context: Context, replicate: int, *, seed: int) -> Learnt:
        """Finds the centroids."""
        del replicate
        encoder = self._fit(context, seed=seed)
        return Learnt(encoder, encoder.weights)

    def stand_in(self, context: Context) -> keras.Model:
        """Returns an encoder of the same architecture, from very few patches."""
        return self._fit(context, patches_per_centroid=2)

    def time(self, context: Context) -> Timing:
        """Times a tenth of the patches; an update is the whole fit."""
        from tfzero.networks.kmeans import PATCHES_A_CENTROID

        start = time.perf_counter()
        self._fit(context, patches_per_centroid=PATCHES_A_CENTROID // 10)
        return Timing(seconds_per_step=10 * (time.perf_counter() - start))

    def count_steps(self, settings: KMeansPlan, counts: Counts) -> int:
        """Returns 1: the whole fit is timed as one update."""
        del settings, counts
        return 1

    def updates_bought(self, settings: KMeansPlan, counts: Counts, bought: Bought) -> float:
        """Returns 0, for it takes seconds."""
        del settings, counts, bought
        return 0.0

    def _fit(self, context: Context, **options) -> keras.Model:
        from tfzero.networks.kmeans import fit_kmeans

        settings: KMeansPlan = context.settings(self.word)
        return fit_kmeans(self.images(context), **settings.model_dump(), **options)
