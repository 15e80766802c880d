"""Where an encoder puts test images: maps in two dimensions, and nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.study.inits import read_init
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.readings.record import has_reading
from tfzero.study.records import RunFolder

# Enough to see clusters, and few enough for t-SNE in a second or two and for a page.
NUM_IMAGES = 600
_NUM_NEIGHBOURS = 8
_NUM_QUERIES = 10
_SEED = 0
# Wider than any cloud of 600 points can use (Maaten and Hinton 2008: 5 to 50).
_PERPLEXITY = 30


def choose_rows(labels: np.ndarray) -> np.ndarray:
    """Returns which test images are on the maps, in rising order; the same for all encoders."""
    count = min(NUM_IMAGES, len(labels))
    chosen = np.random.default_rng(_SEED).choice(len(labels), count, replace=False)
    return np.sort(chosen)


def choose_queries(labels: np.ndarray) -> np.ndarray:
    """Returns places whose neighbours are shown: the first image of up to 10 classes."""
    classes = np.unique(labels)
    few = classes[np.linspace(0, len(classes) - 1, min(_NUM_QUERIES, len(classes))).astype(int)]
    return np.array([int(np.flatnonzero(labels == k)[0]) for k in few], np.int64)


def make_map(features: np.ndarray, labels: np.ndarray) -> tuple[dict[str, np.ndarray], dict]:
    """Lays features out in the plane.

    Args:
        features: `(N, D)`, finite.
        labels: int `(N,)`; they decide nothing but the share of like neighbours.

    Returns:
        Arrays `pca` and, from 10 images on, `tsne`, float32 `(N, 2)`; `queries` `(Q,)` and their
        `neighbours` `(Q, k)`, places in 0..N-1. Numbers: `explained`, the share of variance on
        each axis of `pca`; `like_neighbours`, the share of nearest neighbours (by the cosine of
        centred features) of the same class; `by_chance`, that share among all pairs.
    """
    from sklearn.decomposition import PCA

    centered = np.asarray(features, np.float64).reshape(len(features), -1)
    centered = centered - centered.mean(axis=0)
    most = min(50, *centered.shape)
    # Not "arpack": it stops at features that are all equal, which are just what one wants to see.
    pca = PCA(most, svd_solver="full")
    with np.errstate(invalid="ignore"):  # features that are all equal have no variance to share
        reduced = pca.fit_transform(centered)
    arrays = {"pca": _two_columns(reduced).astype(np.float32)}
    if len(features) >= 10:
        arrays["tsne"] = _tsne(reduced)
    unit = centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-12)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -np.inf)
    count = min(_NUM_NEIGHBOURS, len(features) - 1)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
    queries = choose_queries(labels)
    arrays |= {"queries": queries, "neighbours": nearest[queries]}
    shares = np.bincount(labels) / len(labels)
    explained = np.nan_to_num(pca.explained_variance_ratio_[:2])
    numbers: dict[str, Any] = {
        "explained": [float(share) for share in explained],
        "like_neighbours": float((labels[nearest] == labels[:, None]).mean()),
        "by_chance": float((shares**2).sum()),
    }
    return arrays, numbers


def _two_columns(values: np.ndarray) -> np.ndarray:
    return np.pad(values, ((0, 0), (0, max(0, 2 - values.shape[1]))))[:, :2]


def _tsne(reduced: np.ndarray) -> np.ndarray:
    """Returns t-SNE's float32 `(N, 2)`, started from the first two principal components."""
    from sklearn.manifold import TSNE

    start = _two_columns(reduced)
    spread = float(start[:, 0].std()) or 1.0
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (len(reduced) - 1) / 3),
        init=(start / spread * 1e-4).astype(np.float32),
        random_state=_SEED,
        n_jobs=1,
    )
    return tsne.fit_transform(reduced.astype(np.float32)).astype(np.float32)


def mapped_inits(plan: StudyPlan) -> list[str]:
    """Returns the inits whose features are laid out, in the order of the arms."""
    inits = dict.fromkeys(arm.init for arm in plan.arms)
    return [init for init in inits if read_init(init).has_map]


def missing_maps(plan: StudyPlan, run: RunFolder) -> list[str]:
    """Returns the inits without a map."""
    return [init for init in mapped_inits(plan) if not has_reading(run, f"map-{init}")]
