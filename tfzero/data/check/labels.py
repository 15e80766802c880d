"""Labels that look wrong."""

from __future__ import annotations

import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from tfzero.data.check.findings import MOST_EXAMPLES, Example, Finding, Subject, percent, plural
from tfzero.data.check.thumbnails import make_thumbnails

_SAMPLE = 20_000
_FOLDS = 5
# Below this accuracy a classifier of pixels knows too little to accuse a label.
_LEAST_ACCURACY = 0.7
_SIDE = 16


def check_labels(subject: Subject) -> tuple[Finding | None, list[str]]:
    """Asks a simple classifier, cross-validated, which labels it is sure are others.

    Confident learning on its probabilities, by cleanlab; kept is what it finds both by class and
    by rate of noise.

    Returns:
        The finding or None, and what was left out.

    Reference:
        Northcutt, Jiang and Chuang 2021, arXiv:1911.00068.
    """
    names = [name for name, part in subject.parts.items() if part.labels is not None]
    sizes = [len(subject.parts[name].images) for name in names]
    places = np.array([(number, row) for number, size in enumerate(sizes) for row in range(size)])
    labels = np.concatenate([subject.parts[name].require_labels() for name in names])
    enough = np.flatnonzero((np.bincount(labels) >= _FOLDS)[labels])
    left_out = []
    if len(np.unique(labels[enough])) < 2:
        return None, [f"Labels: fewer than two classes have {_FOLDS} images."]
    if len(enough) < len(labels):
        left_out.append(
            f"Labels: not checked for {plural(len(labels) - len(enough), 'image')} of "
            f"classes with fewer than {_FOLDS}."
        )
    chosen = np.sort(np.random.default_rng(0).permutation(enough)[:_SAMPLE])
    if len(chosen) < len(enough):
        left_out.append(f"Labels: {len(chosen):,} of {len(enough):,} images were checked.")
        kept = np.bincount(labels[chosen])[labels[chosen]] >= _FOLDS
        chosen = chosen[kept]
    kinds, numbers = np.unique(labels[chosen], return_inverse=True)
    features = _features(subject, names, places[chosen])
    probabilities = _cross_validate(features, numbers)
    accuracy = float((probabilities.argmax(axis=1) == numbers).mean())
    if accuracy < _LEAST_ACCURACY:
        left_out.append(
            f"Labels: a simple classifier agrees with only {percent(accuracy)} of the "
            "labels. That is too few to say which labels look wrong."
        )
        return None, left_out
    return _say(subject, names, places, chosen, kinds, numbers, probabilities, accuracy), left_out


def _features(subject: Subject, names: list[str], places: np.ndarray) -> np.ndarray:
    pictures = np.empty((len(places), _SIDE * _SIDE), np.float32)
    for number, name in enumerate(names):
        of_part = np.flatnonzero(places[:, 0] == number)
        if len(of_part):
            images = np.asarray(subject.parts[name].images[places[of_part, 1]])
            pictures[of_part] = make_thumbnails(images, _SIDE).reshape(len(of_part), -1) / 255
    return pictures


def _cross_validate(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns each image's probabilities by a classifier that did not see it."""
    from sklearn.decomposition import PCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    smallest = len(labels) - -(-len(labels) // _FOLDS)  # Images to train on, in a fold.
    # Distances of PCA's numbers, of which the kernel is made, grow with their variance.
    scale = 1 / max(float(features.var(axis=0).sum()), 1e-6)
    classifier = make_pipeline(
        PCA(min(60, smallest, features.shape[1]), random_state=0),
        Nystroem(gamma=scale, n_components=min(400, smallest), random_state=0),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=100),
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    # Small steps of algebra wait longer for other threads than they take.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # That it stops before convergence is meant.
        return cross_val_predict(classifier, features, labels, cv=folds, method="predict_proba")


def _say(subject, names, places, chosen, kinds, numbers, probabilities, accuracy) -> Finding:
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ranked = {"filter_by": "both", "return_indices_ranked_by": "normalized_margin"}
        wrong = find_label_issues(numbers, probabilities, n_jobs=1, **ranked)
    how = f"A simple classifier agrees with {percent(accuracy)} of the labels"
    if not len(wrong):
        return Finding("labels", "fine", f"{how}. No label looks wrong.")
    examples = []
    for i in wrong[:MOST_EXAMPLES]:
        guess = int(probabilities[i].argmax())
        number, row = places[chosen[i]]
        examples.append(
            Example(
                (subject.see(names[number], row),),
                f'looks like "{subject.class_names[kinds[guess]]}" '
                f"({percent(float(probabilities[i, guess]))})",
            )
        )
    return Finding(
        "labels",
        "look",
        f"{plural(len(wrong), 'label')} may be wrong. {how}; for these images it is sure of "
        "another class. Look at them, the surest first. Many are correct, but hard.",
        count=len(wrong),
        examples=tuple(examples),
    )
