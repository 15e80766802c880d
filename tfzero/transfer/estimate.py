"""Before any training: are an encoder's features likely to help with these labels?"""

from __future__ import annotations

import dataclasses
import math
import time
import warnings

import keras
import numpy as np
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline

from tfzero.common.checks import InputError, check_labels
from tfzero.common.images import check_images
from tfzero.common.numbers import write_number
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_settings
from tfzero.networks.blocks import Columns
from tfzero.networks.copies import redraw_network
from tfzero.networks.kmeans import fit_kmeans
from tfzero.transfer.features import read_blocks
from tfzero.transfer.scaling import PIXELS, BlockScaler, Span
from tfzero.transfer.strategies.classical import make_logistic
from tfzero.transfer.transferability import h_score, log_me

_REPEATS = 5
_MOST_FOLDS = 5
# Beyond this many labels a probe's accuracy is clear; the rest would only take longer.
_MOST_LABELS = 1000
_LEVEL = 0.95
ENCODER = "encoder"
_NO_NETWORK = (PIXELS, "kmeans")


@dataclasses.dataclass(frozen=True)
class TransferEstimate:
    """What a probe says of an encoder before any training.

    Attributes:
        accuracy: By feature set ("encoder", "random", "pixels", "kmeans"), the mean accuracy of a
            linear probe in cross-validation within the labels, in percent.
        gains: By every other feature set, (gain, low, high): how many points more the encoder's
            features score, with its 95 % interval.
        blocks: By name of each of the encoder's blocks, the accuracy on it alone. The best of
            several is a little luck, so the gains are those of all together.
        log_me: LogME of the last features of "encoder" and of "random", which are of one size.
        h_score: Regularized H-score of both.
        num_labels: How many labels were used.
        seconds: What it took.
    """

    accuracy: dict[str, float]
    gains: dict[str, tuple[float, float, float]]
    blocks: dict[str, float]
    log_me: dict[str, float]
    h_score: dict[str, float]
    num_labels: int
    seconds: float

    @property
    def gain(self) -> tuple[float, float, float]:
        """(gain, low, high) over the same network with random weights, in points."""
        return self.gains["random"]

    @property
    def verdict(self) -> str:
        """Whether transfer is likely to help, and whether it takes a network at all."""
        gain, low, high = self.gain
        points = write_number(gain, sign="+")
        said = (
            f"a probe on this encoder scores {points} points compared with the same network "
            f"with random weights (95 % interval {write_number(low)} to {write_number(high)})"
        )
        if high < 0:
            found = (
                f"Negative transfer likely: {said}; train from scratch, or pretrain in another way."
            )
        elif low > 0:
            found = f"Transfer likely to help: {said}."
        else:
            found = f"Cannot tell whether transfer will help: {said}."
        best = max(_NO_NETWORK, key=lambda name: self.accuracy[name])
        gain, _, high = self.gains[best]
        if high < 0:
            found += (
                f" Features without a network, {best}, score {write_number(-gain)} points "
                'more than the encoder\'s. Try tfzero.fit_classifier("logistic") on them.'
            )
        return found

    def __str__(self) -> str:
        rows = [f"  {name:8} {write_number(value):>5} %" for name, value in self.accuracy.items()]
        if len(self.blocks) > 1:
            said = ", ".join(
                f"{name} {write_number(value)} %" for name, value in self.blocks.items()
            )
            rows.append(f"The encoder's blocks one by one: {said}.")
        return "\n".join([self.verdict, f"Probes on {self.num_labels:,} labels:", *rows])


@own_settings()
def estimate_transfer(
    encoder: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    pool: np.ndarray | None = None,
    seed: int = 0,
) -> TransferEstimate:
    """Compares an encoder's features with features without pretraining, in seconds.

    It cross-validates a linear probe within the labels, five times. The probe reads the features of
    the encoder, of the same network with random weights, of raw pixels and of k-means patches. In
    both networks it reads all blocks from the second on, like the strategy `logistic`. All features
    see the same folds, and intervals are those of the corrected resampled t-test over them. It
    trains no network, so it says nothing certain about fine-tuning. It says whether the features
    are a good start.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; it is not changed.
        images: Array of shape `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1, with at least two
            images per class.
        labels: Integers of shape `(N,)`.
        pool: Unlabeled images from which the k-means patches are learned; None takes `images`.
        seed: Random seed of folds, random weights and patches, and of the choice of labels if there
            are over 1,000.

    Returns:
        Accuracies, gains with intervals, LogME and H-score. Printing it gives the verdict.

    Raises:
        InputError: If images or labels have another form, or if a class has only one label.

    Reference:
        Nadeau and Bengio 2003, "Inference for the Generalization Error", section 3, eq. 9; the
        scores: You et al. 2021, arXiv:2102.11005; Ibrahim et al. 2021, arXiv:2110.06893.
    """
    began = time.perf_counter()
    images = check_images(images)
    labels = check_labels(labels, count=len(images))
    labels = np.unique(labels, return_inverse=True)[1]
    folds = _draw_folds(labels, seed=derive_seed(seed, "folds"))
    kept = np.sort(np.concatenate([test for _, test in folds[0]]))
    sets = _read_all(encoder, images[kept], images if pool is None else pool, seed)
    places = np.full(len(labels), -1)
    places[kept] = np.arange(len(kept))
    labels = labels[kept]
    repeats = [[(places[train], places[test]) for train, test in repeat] for repeat in folds]
    splits = [split for repeat in repeats for split in repeat]
    scores = {name: _cross_validate(*found, labels, splits) for name, found in sets.items()}
    values, columns = sets[ENCODER]
    blocks = {
        name: _cross_validate(values, {name: place}, labels, repeats[0]).mean()
        for name, place in columns.items()
    }
    own = {name: _last(*sets[name]) for name in (ENCODER, "random")}
    return TransferEstimate(
        accuracy={name: float(values.mean()) for name, values in scores.items()},
        gains={
            name: corrected_interval(scores[ENCODER] - values, num_folds=len(folds[0]))
            for name, values in scores.items()
            if name != ENCODER
        },
        blocks={name: float(value) for name, value in blocks.items()},
        log_me={name: log_me(features, labels) for name, features in own.items()},
        h_score={name: h_score(features, labels) for name, features in own.items()},
        num_labels=len(kept),
        seconds=time.perf_counter() - began,
    )


def corrected_interval(differences: np.ndarray, *, num_folds: int) -> tuple[float, float, float]:
    """Returns mean and 95 % interval of differences over repeated folds.

    Folds share most of their training images, so that their variance alone is too small:
    it is multiplied by 1/J + 1/(k - 1), with J differences from k folds.

    Args:
        differences: float `(J,)`.
        num_folds: k.

    Reference:
        Nadeau and Bengio 2003, eq. 9, with n2/n1 = 1/(k - 1).
    """
    count = len(differences)
    mean, variance = float(differences.mean()), float(differences.var(ddof=1))
    error = math.sqrt((1 / count + 1 / (num_folds - 1)) * variance)
    half = float(special.stdtrit(count - 1, (1 + _LEVEL) / 2)) * error
    return mean, mean - half, mean + half


def _draw_folds(labels, *, seed):
    """Returns for each repeat its (train, test) indices.

    At most 1,000 labels take part, or two a class where that is more.
    """
    smallest = int(np.bincount(labels).min())
    if smallest < 2:
        raise InputError(
            "A class has only one label; expected at least 2 labels per class, to train and "
            "to test on."
        )
    chosen = np.arange(len(labels))
    num_classes = len(np.unique(labels))
    most = max(_MOST_LABELS, 2 * num_classes)
    if len(labels) >= most + num_classes:  # what is left out has one a class, too
        chosen, _ = train_test_split(chosen, train_size=most, stratify=labels, random_state=seed)
        smallest = max(2, int(np.bincount(labels[chosen]).min()))
    repeats = []
    for repeat in range(_REPEATS):
        folds = StratifiedKFold(
            min(_MOST_FOLDS, smallest), shuffle=True, random_state=derive_seed(seed, repeat)
        )
        repeats.append([(chosen[a], chosen[b]) for a, b in folds.split(chosen, labels[chosen])])
    return repeats


def _read_all(encoder, images, pool, seed) -> dict[str, tuple[np.ndarray, dict[str, Columns]]]:
    """Returns features, and the columns of their blocks, by name."""
    random = redraw_network(encoder, seed=derive_seed(seed, "random"))
    side = min(images.shape[1:3])
    kmeans = fit_kmeans(
        check_images(pool),
        num_centroids=100,
        patch_size=6 if side >= 16 else max(2, side // 2),
        seed=derive_seed(seed, "kmeans"),
    )
    found = {
        ENCODER: read_blocks(encoder, images),
        "random": read_blocks(random, images),
        PIXELS: read_blocks(None, images),
        "kmeans": read_blocks(kmeans, images),
    }
    if not np.isfinite(found[ENCODER][0]).all():
        raise InputError(
            "The encoder's features are not finite, so its pretraining diverged. Pretrain "
            "it again, for example at a lower learning rate."
        )
    return found


def _last(values, columns) -> np.ndarray:
    return values[:, slice(*list(columns.values())[-1])]


def _cross_validate(values, columns, labels, splits) -> np.ndarray:
    """Returns float `(J,)`, the accuracy in percent on each fold."""
    # Scaled and rotated without labels, once for all folds.
    prepared = make_pipeline(
        BlockScaler(tuple(columns.values()), same_unit=PIXELS in columns), Span()
    ).fit_transform(values)
    scores = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for train, test in splits:
            probe = make_logistic().fit(prepared[train], labels[train])
            scores.append(100 * float(probe.score(prepared[test], labels[test])))
    return np.array(scores)
