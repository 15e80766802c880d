"""What can be seen of a pretraining method at one moment: numbers that are low when it fails."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf
import threadpoolctl

from tfzero.common.seeds import derive_seed
from tfzero.networks.precision import call_network
from tfzero.networks.scaling import scale_images
from tfzero.pretrain import advice
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.quality import measure_manifold

# Images looked at: enough for shares in steps of a percent, at a cost of some dozen milliseconds.
NUM_IMAGES = 256
# Below this many no sign means anything.
_FEWEST = 16
# Latents that vary less than this over images say nothing of them (Burda et al. 2016,
# arXiv:1509.00519, section 5.2).
_ACTIVE_VARIANCE = 0.01
# Below these a sign is an alarm; what they are shares of stands in the sentences.
_LEAST_SPREAD, _LEAST_COVERAGE, _LEAST_ERROR = 0.05, 0.25, 0.02
_LEAST_RANK, _LEAST_RANK_SHARE = 2.0, 0.03
# Of so many latents at least one is active.
_LATENTS_AN_ACTIVE = 10
# The name of an alarm that says the same of features as another of losses.
NOT_FINITE = "features not finite"
# Black and white reach this far, and so much between them real images need for it to be missed.
_BLACK, _LEAST_BETWEEN = 2 / 255, 0.25
# A view finds its partner this many times as often as by chance.
_LEAST_FOUND = 3


@dataclasses.dataclass(frozen=True)
class Sign:
    """One number that is low when something goes wrong.

    Attributes:
        name: What goes wrong, for example "mode collapse".
        measure: What the number is, for example "spread"; a name may have several.
        value: The number.
        threshold: Below it, something is wrong.
        seen: What was seen, with both numbers: a sentence.
        advice: What to change: a sentence.
    """

    name: str
    measure: str
    value: float
    threshold: float
    seen: str
    advice: str

    @property
    def is_low(self) -> bool:
        """Whether something is wrong."""
        return self.value < self.threshold

    def describe(self) -> str:
        """Returns the sentences of an alarm."""
        return f"{self.name}: {self.seen} {self.advice}"


def choose_images(images: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Returns at most 256 images, drawn by `seed`."""
    order = np.random.default_rng(seed).permutation(len(images))[:NUM_IMAGES]
    return np.asarray(images[order])


def find_signs(model: keras.Model, images: np.ndarray, *, seed: int = 0) -> list[Sign]:
    """Returns all that can be seen of a method, wrong or not.

    Args:
        model: A method, which is asked what it declares (`Pretrainer.can`); of another Keras
            model with an `encoder` only the features are looked at.
        images: From `choose_images`; N of at least 16.
        seed: Draws generated images and views.

    Returns:
        The signs. Where the features of finite images are not finite, that is one; of other
        numbers that are not finite there is none.
    """
    if len(images) < _FEWEST:
        return []
    # Threads that wait for one another on busy cores take a hundred times as long here.
    with threadpoolctl.threadpool_limits(1):
        return _find(model, images, seed)


def _find(model, images, seed) -> list[Sign]:
    signs: list[Sign] = []
    scaled = scale_images(tf.convert_to_tensor(images))
    encoder = getattr(model, "encoder", None)
    features = None if encoder is None else _flat(call_network(encoder, scaled))
    telling = features is not None and bool(np.isfinite(features).all())
    if telling:
        signs.append(_representation(features))
        telling = not signs[0].is_low
    elif features is not None and np.isfinite(scaled).all():
        signs.append(_not_finite(features))
    if not isinstance(model, Pretrainer):
        return signs
    if model.can("posterior"):
        signs += _posterior(model, scaled)
    if model.can("generate"):
        half, own = len(images) // 2, derive_seed(seed, "signs")
        fakes = np.asarray(model.generate(half, seed=own))
        if np.isfinite(fakes).all():
            signs += _variety(scaled.numpy(), _flat(fakes), _advise_on_variety(model))
        if model.can("discriminate"):
            # What the discriminator meets, not the average over time that is used afterwards.
            fakes = np.asarray(model.draw_fakes(half, seed=own))
            if np.isfinite(fakes).all():
                signs += _discriminator(model, scaled, fakes)
                signs += _saturation(scaled.numpy(), fakes)
    # Collapsed features find nothing; that is not the views' fault.
    if model.can("draw_views") and telling:
        signs += _views(model, encoder, scaled[: len(images) // 2], seed)
    return signs


def rank_me(features: np.ndarray) -> float:
    """Effective rank of features: the exponential of the entropy of their singular values.

    Args:
        features: float `(N, D)`, not centred.

    Returns:
        A number in 1..min(N, D); 1 if all rows are multiples of one.

    Reference:
        Garrido et al. 2023, arXiv:2210.02885, eq. 1, with its epsilon of 1e-7.
    """
    features = np.asarray(features, np.float64)
    products = features @ features.T if len(features) < features.shape[1] else features.T @ features
    # Ten times as fast as singular values, and as exact as the epsilon asks for.
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(products), 0.0))
    shares = values / (values.sum() or 1.0) + 1e-7
    return float(np.exp(-np.sum(shares * np.log(shares))))


def _representation(features) -> Sign:
    rank = rank_me(features)
    threshold = max(_LEAST_RANK, _LEAST_RANK_SHARE * min(features.shape))
    seen = (
        f"the features of {len(features)} images have an effective rank (RankMe) of {rank:.1f} "
        f"of {min(features.shape)} possible (expected {threshold:.1f} or more)."
    )
    against = advice.AGAINST_EQUAL_FEATURES
    return Sign("representation collapse", "rank", rank, threshold, seen, against)


def _not_finite(features) -> Sign:
    """The sign of weights that were lost after all losses that were looked at."""
    finite = np.isfinite(features).all(axis=1)
    seen = (
        f"the features of {np.sum(~finite)} of {len(features)} images are not finite (expected "
        "finite numbers)."
    )
    share = float(finite.mean())
    return Sign(NOT_FINITE, "finite", share, 1.0, seen, advice.AGAINST_INFINITY)


def _posterior(model, scaled) -> list[Sign]:
    mean, _ = model.posterior(scaled, training=False)
    varying = np.asarray(mean).var(axis=0)
    if not np.isfinite(varying).all():
        return []
    active, count = int(np.sum(varying > _ACTIVE_VARIANCE)), len(varying)
    threshold = math.ceil(count / _LATENTS_AN_ACTIVE)
    seen = (
        f"{active} of {count} latents depend on the image (expected {threshold} or more; "
        f"their mean varies by more than {_ACTIVE_VARIANCE})."
    )
    against = advice.AGAINST_IDLE_LATENTS
    return [Sign("posterior collapse", "active latents", active, threshold, seen, against)]


def _advise_on_variety(model: Pretrainer) -> str:
    if model.can("discriminate"):
        return advice.AGAINST_REPEATING_GENERATOR
    return advice.AGAINST_REPEATING_DECODER


def _variety(scaled, fakes, against: str) -> list[Sign]:
    """Signs of generated images `(N / 2, P)` that are alike, or like few of the real ones."""
    real = _flat(scaled)
    first, second = real[: len(fakes)], real[len(fakes) :]
    spread = float(fakes.var(axis=0).sum() / (real.var(axis=0).sum() or 1.0))
    seen = (
        f"{len(fakes)} generated images vary {100 * spread:.2g} % as much as real ones "
        f"(expected {100 * _LEAST_SPREAD:.0f} % or more)."
    )
    signs = [Sign("mode collapse", "spread", spread, _LEAST_SPREAD, seen, against)]
    found = measure_manifold(first, fakes)
    best = measure_manifold(first, second).coverage or 1.0
    # Few real images near a generated one is collapse only where the generated ones look real;
    # otherwise they are merely bad.
    if found.precision >= 0.5:
        coverage = found.coverage / best
        seen = (
            f"the {len(fakes)} generated images cover {100 * found.coverage:.2g} % of "
            f"{len(first)} real ones (expected {100 * _LEAST_COVERAGE * best:.2g} % or more; "
            "balls of 5 neighbours in pixels). The same number of real images covers "
            f"{100 * best:.2g} %."
        )
        signs.append(Sign("mode collapse", "coverage", coverage, _LEAST_COVERAGE, seen, against))
    return signs


def _discriminator(model, scaled, fakes) -> list[Sign]:
    real_logits = np.asarray(model.discriminate(scaled))
    fake_logits = np.asarray(model.discriminate(fakes))
    if not (np.isfinite(real_logits).all() and np.isfinite(fake_logits).all()):
        return []
    errors = [tf.sigmoid(-real_logits), tf.sigmoid(fake_logits)]
    error = float(np.mean([np.mean(part) for part in errors]))
    seen = (
        f"the discriminator is wrong with a probability of {100 * error:.2g} % (expected "
        f"{100 * _LEAST_ERROR:.0f} % or more; mean logit {real_logits.mean():.1f} for real "
        f"images, {fake_logits.mean():.1f} for generated ones)."
    )
    against = advice.AGAINST_SURE_DISCRIMINATOR
    return [Sign("discriminator won", "error", error, _LEAST_ERROR, seen, against)]


def _saturation(scaled, fakes) -> list[Sign]:
    """Signs of generated images of black and white alone, where real ones have what lies between.

    There the sigmoid's slope is 0, and the generator hardly learns any more.
    """
    real, made = (float(np.mean((part > _BLACK) & (part < 1 - _BLACK))) for part in (scaled, fakes))
    if real < _LEAST_BETWEEN:
        return []
    threshold = _LEAST_BETWEEN * real
    seen = (
        f"{100 * made:.2g} % of the values of generated images lie between black and white, "
        f"but {100 * real:.2g} % for real ones (expected {100 * threshold:.2g} % or more)."
    )
    against = advice.AGAINST_SATURATION
    return [Sign("generator saturated", "values between", made, threshold, seen, against)]


def _views(model, encoder, scaled, seed) -> list[Sign]:
    first, second = model.draw_views(scaled, seed=tf.constant([seed, 0], tf.int32))
    count = len(scaled)
    found = max(
        _share_found(_flat(first), _flat(second)),
        _share_found(_flat(call_network(encoder, first)), _flat(call_network(encoder, second))),
    )
    threshold = _LEAST_FOUND / count
    seen = (
        f"for {100 * found:.2g} % of {count} images, the second view of an image finds its "
        f"first view (expected {100 * threshold:.2g} % or more; {100 / count:.2g} % by "
        "chance). The views are compared by pixels or by features."
    )
    name, against = "augmentation destroys the signal", advice.AGAINST_STRONG_VIEWS
    return [Sign(name, "views found", found, threshold, seen, against)]


def _share_found(first, second) -> float:
    """Returns how often the row of `second` that is nearest to a row of `first` is its own."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return 0.0
    first, second = (part - part.mean(axis=0) for part in (first, second))
    first, second = (
        part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
        for part in (first, second)
    )
    return float(np.mean((first @ second.T).argmax(axis=1) == np.arange(len(first))))


def _flat(array) -> np.ndarray:
    values = np.asarray(array, np.float64)
    return values.reshape(len(values), -1)
