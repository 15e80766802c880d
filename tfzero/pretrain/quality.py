"""How near generated images are to real ones, in a feature space that is named with each figure.

None of these is a Frechet inception distance, and none can be compared with figures computed on
Inception's features: each is read beside the same figure of real images against real images.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError
from tfzero.pretrain.spaces import FeatureSpace

# Neighbours that make an image's ball: 3 as in Kynkaanniemi et al. 2019, section 4, and 5 as in
# Naeem et al. 2020, section 4.
PRECISION_NEIGHBORS = 3
COVERAGE_NEIGHBORS = 5
# Distances held at once, in MiB; all of 10,000 x 10,000 would be 800.
_WORKING_MIB = 64
_KERNEL_ROWS = 500
# Some steps of float32, of which the features of an encoder are.
_ROUNDING = 1e-6


class Manifold(NamedTuple):
    """How well two sets of points cover each other.

    Attributes:
        precision: Share of generated points near a real one, in 0..1.
        recall: Share of real points near a generated one, in 0..1.
        density: In how many real points' balls a generated point lies, over the 5 expected; >= 0.
        coverage: Share of real points' balls that hold a generated point, in 0..1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


@dataclasses.dataclass(frozen=True)
class Quality:
    """Generated images against real ones, beside as many other real ones against the same.

    Attributes:
        space: Name of the feature space.
        count: N, images on either side.
        generated: KID and `Manifold` of generated against real images, by name.
        real: The same of other real images: what a perfect generator would reach.
    """

    space: str
    count: int
    generated: dict[str, float]
    real: dict[str, float]

    def describe(self) -> list[str]:
        """Returns a line a figure, each with the space and the figure of real images."""
        return [
            f"{_WORDS[name]} on {self.space}: {value:.4g} (real against real: "
            f"{self.real[name]:.4g}; {self.count:,} images per side)"
            for name, value in self.generated.items()
        ]


_WORDS = {
    "kid": "KID (0 is best)",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}


def measure_quality(
    real: np.ndarray, generated: np.ndarray, *, space: FeatureSpace, seed: int = 0
) -> Quality:
    """Compares generated images with real ones, and real ones with real ones, alike.

    The real images are split at random into two halves of N: the generated images and the second
    half are each compared with the first.

    Args:
        real: `(R, H, W, C)`, uint8 or floats in 0..1.
        generated: `(G, H, W, C)`, alike; N is the smaller of G and R / 2.
        space: From `tfzero.pretrain.spaces`: by which features, and what they are called.
        seed: Draws the halves.

    Returns:
        The figures. Features are centred and divided by one number, so that the first half has
        mean 0 and variance 1 over all its features: KID's kernel depends on their scale.

    Raises:
        InputError: If there are too few images, or the features are not finite or all equal.
    """
    count = min(len(generated), len(real) // 2)
    if count <= COVERAGE_NEIGHBORS:
        raise InputError(
            f"{len(real)} real and {len(generated)} generated images are too few; expected at "
            f"least {2 * (COVERAGE_NEIGHBORS + 1)} and {COVERAGE_NEIGHBORS + 1}."
        )
    order = np.random.default_rng(seed).permutation(len(real))
    halves = np.sort(order[:count]), np.sort(order[count : 2 * count])
    reference, other = (space.read(real[half]) for half in halves)
    features = space.read(generated[:count])
    mean = reference.mean(axis=0)
    scale = (reference - mean).std()
    # What rounding makes of features that are all equal is not a scale.
    least = _ROUNDING * np.abs(reference).max()
    if not (np.isfinite(scale) and scale > least and np.isfinite(features).all()):
        raise InputError(
            f"Features of {space.name} are not finite or all equal; expected features that "
            "differ between images. Choose another space."
        )
    reference, other, features = ((part - mean) / scale for part in (reference, other, features))
    return Quality(space.name, count, _compare(reference, features), _compare(reference, other))


def _compare(reference, features) -> dict[str, float]:
    found = measure_manifold(reference, features)
    return {"kid": kernel_distance(reference, features), **found._asdict()}


def kernel_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """KID: the unbiased squared maximum mean discrepancy under a cubic polynomial kernel.

        k(x, y) = (x . y / D + 1) ** 3

    Args:
        real: float `(N, D)`, N at least 2.
        generated: float `(M, D)`, M at least 2.

    Returns:
        The estimate over all pairs, 0 in the mean if both come from one distribution; unbiased,
        hence perhaps negative.

    Reference:
        Binkowski et al. 2018, arXiv:1801.01401, section 4; the estimator: Gretton et al. 2012,
        eq. 3.
    """

    def mean_kernel(first, second, *, drop_diagonal):
        total, width = 0.0, first.shape[1]
        for start in range(0, len(first), _KERNEL_ROWS):
            rows = first[start : start + _KERNEL_ROWS]
            total += float(np.sum((rows @ second.T / width + 1.0) ** 3))
        if not drop_diagonal:
            return total / (len(first) * len(second))
        own = float(np.sum((np.sum(first**2, axis=1) / width + 1.0) ** 3))
        return (total - own) / (len(first) * (len(first) - 1))

    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    return (
        mean_kernel(real, real, drop_diagonal=True)
        + mean_kernel(generated, generated, drop_diagonal=True)
        - 2.0 * mean_kernel(real, generated, drop_diagonal=False)
    )


def measure_manifold(real: np.ndarray, generated: np.ndarray) -> Manifold:
    """Precision and recall, density and coverage of generated points.

    Each point's ball reaches to its k-th nearest neighbour of its own kind, itself not counted:
    k = 3 for precision and recall, 5 for density and coverage.

    Args:
        real: float `(N, D)`, N at least 6.
        generated: float `(M, D)`, M at least 6.

    Returns:
        The four figures. Distances are held in parts of 64 MiB.

    Reference:
        Kynkaanniemi et al. 2019, arXiv:1904.06991, eqs. 1 and 2; Naeem et al. 2020,
        arXiv:2002.09797, eqs. 3 and 4.
    """
    from sklearn.metrics import pairwise_distances_chunked

    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    narrow, wide = _radii(real)  # (N,) each
    narrow_generated, _ = _radii(generated)  # (M,)
    near_real, balls = [], 0
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for distances in pairwise_distances_chunked(generated, real, working_memory=_WORKING_MIB):
        rows = slice(len(near_real), len(near_real) + len(distances))
        near_real.extend((distances <= narrow).any(axis=1))
        recalled |= (distances <= narrow_generated[rows, None]).any(axis=0)
        inside = distances <= wide  # (rows, N)
        balls += int(inside.sum())
        covered |= inside.any(axis=0)
    return Manifold(
        precision=float(np.mean(near_real)),
        recall=float(recalled.mean()),
        density=balls / (COVERAGE_NEIGHBORS * len(generated)),
        coverage=float(covered.mean()),
    )


def _radii(points: np.ndarray) -> np.ndarray:
    """Returns the distances `(2, N)` to the 3rd and the 5th nearest other point."""
    from sklearn.metrics import pairwise_distances_chunked

    # The point itself is at distance 0, the first of the sorted ones.
    ranks = [PRECISION_NEIGHBORS, COVERAGE_NEIGHBORS]

    def take(distances, start):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = 0.0
        return np.partition(distances, ranks, axis=1)[:, ranks]

    parts = pairwise_distances_chunked(points, reduce_func=take, working_memory=_WORKING_MIB)
    return np.concatenate(list(parts)).T
