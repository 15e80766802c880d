"""The init of k-means patches."""

from __future__ import annotations

from tfzero.networks.shapes import PATCHES_A_CENTROID, choose_patches
from tfzero.study.inits.base import Bought, Learner, Learnt
from tfzero.study.inits.context import Context, Counts, Occasion
from tfzero.study.inits.settings import KMeansPlan

# Of Lloyd's algorithm, by experience.
_ROUNDS = 30


class KMeans(Learner):
    """A dictionary of patches: features that need no training by gradients."""

    word = "kmeans"
    description = "k-means patches"
    is_pretrained = False
    has_network = False
    shows_networks = False

    def describe(self) -> str:
        """Returns what the features are made of."""
        return f"k-means patches{self.describe_place()}"

    def describe_features(self) -> str:
        """Returns the patches: they are features."""
        return self.describe()

    def plan(self, occasion: Occasion) -> KMeansPlan:
        """Returns how the centroids are found, by the size of the images."""
        return KMeansPlan(**choose_patches(occasion.image_shape))

    def learn(self, context: Context, replicate: int, *, seed: int) -> Learnt:
        """Finds the centroids."""
        del replicate
        from tfzero.networks.kmeans import fit_kmeans

        settings: KMeansPlan = context.settings(self.word)
        encoder = fit_kmeans(self.images(context), **settings.model_dump(), seed=seed)
        return Learnt(encoder, encoder.weights)

    def other_operations(self, settings: KMeansPlan, num_channels: int) -> float:
        """Returns the products of patches with centroids."""
        size = settings.patch_size**2 * num_channels
        return _ROUNDS * PATCHES_A_CENTROID * settings.num_centroids**2 * size

    def updates_bought(self, settings: KMeansPlan, counts: Counts, bought: Bought) -> float:
        """Returns 0, for it takes seconds."""
        del settings, counts, bought
        return 0.0
