"""Whether two parts show the same kind of images."""

from __future__ import annotations

import warnings

import numpy as np

from tfzero.common.numbers import write_number
from tfzero.data.check.findings import Example, Finding, Subject
from tfzero.data.check.thumbnails import describe_images

_SAMPLE = 2000
_LEAST = 40
# An area under the curve above this is visible, below it a matter of chance or of taste.
_UNLIKE = 0.7
_EXAMPLES = 12


def check_likeness(subject: Subject, first: str, second: str) -> tuple[Finding | None, str]:
    """Lets a classifier tell the images of two parts apart; it should not be able to.

    Args:
        subject: What is checked.
        first: Name of the part that counts as usual.
        second: Name of the part that is compared with it.

    Returns:
        The finding, or None and why the test was left out.

    Reference:
        Lopez-Paz and Oquab 2017, arXiv:1610.06545 (classifier two-sample test), with the area
        under the curve for accuracy, since parts differ in size.
    """
    parts = subject.parts[first], subject.parts[second]
    words = {"train": "training images", "test": "test images", "pool": "unlabeled images"}
    if min(len(part.images) for part in parts) < _LEAST:
        return None, (
            f"Whether {words[second]} look like {words[first]}: not checked, because there "
            f"are fewer than {_LEAST}."
        )
    random = np.random.default_rng(0)
    rows = [np.sort(random.permutation(len(part.images))[:_SAMPLE]) for part in parts]
    features = np.concatenate(
        [describe_images(np.asarray(part.images[r])) for part, r in zip(parts, rows, strict=True)]
    )
    member = np.repeat([0, 1], [len(r) for r in rows])
    scores = _cross_validate(features, member)
    area, chance = _area(scores, member)
    sentence = f"{words[second].capitalize()} and {words[first]}"
    value = (
        f"(area under the curve {write_number(area, 2, whole=1)}; 0.5 means no difference, 1 a "
        "perfect separation)"
    )
    if area < _UNLIKE or chance > 1e-3:
        return Finding(
            "likeness", "fine", f"{sentence} do not differ detectably in simple features {value}."
        ), ""
    strange = np.argsort(-scores[member == 1], kind="stable")[:_EXAMPLES]
    advice = (
        (
            "Pretraining on them may not help. Do they come from another source, or have "
            "another size or processing?"
        )
        if second == "pool"
        else "Test scores may not hold for images like the training images."
    )
    return Finding(
        "likeness",
        "look",
        f"{sentence} differ detectably in simple features {value}. {advice}",
        count=1,
        examples=tuple(
            Example((subject.see(second, int(rows[1][i])),), f"among the least like {words[first]}")
            for i in strange
        ),
    ), ""


def _cross_validate(features: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Returns for each image the probability, by trees that did not see it, of the second part."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    trees = ExtraTreesClassifier(200, min_samples_leaf=3, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cross_val_predict(trees, features, member, cv=folds, method="predict_proba")[:, 1]


def _area(scores: np.ndarray, member: np.ndarray) -> tuple[float, float]:
    """Returns the area under the curve, and the chance of one as high if nothing differs."""
    from scipy.stats import mannwhitneyu

    second, first = scores[member == 1], scores[member == 0]
    test = mannwhitneyu(second, first, alternative="greater")
    return float(test.statistic) / (len(first) * len(second)), float(test.pvalue)
