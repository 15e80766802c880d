"""What cross-fitting tells where labelled images are few, beside one hold-out of the same images.

    python -m benchmarks.calibration.few /usr/share/datasets/fashion-mnist

A study draws 120 or 400 labelled images. Ridge classifiers on cached random features are fitted as
`tfzero compare` would: either 30 % of the images are held out once, or each replicate is a pass
over five folds, in which every image is predicted once. The truth is the mean difference of the
arms on 5,000 other images, over all fits of all studies.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import NamedTuple

import numpy as np

import tfzero
from benchmarks.calibration.features import ARMS, NUM_FEATURES, fit_ridge, make_features
from benchmarks.calibration.images import make_bank
from benchmarks.calibration.scenarios import coverage_of
from benchmarks.calibration.studies import Sample, Study
from tfzero.data.cross_fit import draw_folds
from tfzero.data.splits import hold_out, nested_subsets

GAINS = (2, 3, 5)
SIZES = ((120, (20, 50, 80)), (400, (20, 50, 200)))
SEEDS = (3, 5, 10)
HEADER = (
    "| labelled images, seeds | tested on | false | coverage: counts, averages | half-width of an "
    "average | power of an average at 2, 3, 5 points |\n| --- | --- | --- | --- | --- | --- |"
)


class Split(NamedTuple):
    """Which images a classifier learns from, and which it is then asked about."""

    learnt: np.ndarray
    asked: np.ndarray


class Fits(NamedTuple):
    """What the fits of one study classified rightly.

    Attributes:
        sample: Of the study's own images.
        truth: float `(A, C)`, the share of the population that was right, over all fits.
    """

    sample: Sample
    truth: np.ndarray


class Bench:
    """Features of the images that studies draw from, and of a population to know the truth by."""

    def __init__(self, data):
        bank = make_bank(data, side=14, parts=(10_000, 40_000, 5_000))
        self.known, self.tested = make_features(bank)
        self.labels, self.test_labels = bank.labels, bank.test_labels
        self.num_classes = bank.num_classes

    def draw(self, size: int, generator) -> np.ndarray:
        """Returns labelled images as somebody has them: each class twice at least."""
        while True:
            rows = generator.choice(len(self.labels), size, replace=False)
            if np.bincount(self.labels[rows], minlength=self.num_classes).min() >= 2:
                return rows

    def fit(self, rows: np.ndarray, splits: list[list[Split]], counts, seed: int) -> Fits:
        """Fits all arms on the splits of each replicate; the asked images stand in one order."""
        labels = self.labels[rows]
        asked = np.sort(np.concatenate([split.asked for split in splits[0]]))
        right = np.zeros((len(ARMS), len(counts), len(splits), len(asked)), bool)
        truth = np.zeros(right.shape[:2])
        for replicate, folds in enumerate(splits):
            encoders = [
                np.random.default_rng([2, place, replicate, seed]).choice(
                    NUM_FEATURES, arm.size, replace=False
                )
                for place, arm in enumerate(ARMS)
            ]
            for fold, split in enumerate(folds):
                learnt = self.known[rows[split.learnt]]
                subsets = nested_subsets(
                    learnt, labels[split.learnt], counts, seed=hash((seed, replicate, fold))
                )
                places = np.searchsorted(asked, split.asked)
                for place, column in np.ndindex(right.shape[:2]):
                    ours = rows[split.learnt[subsets[counts[column]]]]
                    answer = self._train(ours, encoders[place], ARMS[place].strength)
                    answers = answer(self.known[rows[split.asked]])
                    right[place, column, replicate, places] = answers == labels[split.asked]
                    if replicate == 0:  # these are enough for the truth, and take most of the time
                        share = np.mean(answer(self.tested) == self.test_labels)
                        truth[place, column] += share / len(folds)
        return Fits(Sample(right, labels[asked], tuple(counts)), truth)

    def _train(self, rows: np.ndarray, columns: np.ndarray, strength: float):
        """Returns what answers for features, trained on some images by some of the features."""
        targets = np.eye(self.num_classes, dtype=np.float32)[self.labels[rows]]
        known = self.known[rows[:, None], columns]
        head, mean = fit_ridge(known, targets - 1 / self.num_classes, strength)
        return lambda features: ((features[:, columns] - mean) @ head).argmax(axis=1)


def split_once(images, labels, *, seeds: int) -> list[list[Split]]:
    """Returns the same 30 % held out in every replicate."""
    kept, held = hold_out(images, labels, share=0.3, seed=0)
    return [[Split(kept, held)]] * seeds


def split_five(labels, *, seeds: int) -> list[list[Split]]:
    """Returns five folds, drawn anew in every replicate."""
    return [[Split(*fold) for fold in draw_folds(labels, None, replicate=r)] for r in range(seeds)]


def judge(fits: list[Fits], seeds: int) -> dict[str, float]:
    """Returns the figures of many studies of one kind, with their first `seeds` replicates."""
    truth = 100 * np.mean([each.truth for each in fits], axis=0)
    truths, found = truth[1:] - truth[0], []
    for number, each in enumerate(fits):
        sample = dataclasses.replace(each.sample, cells=each.sample.cells[:, :, :seeds])
        study = Study(sample, truths, truths)
        course = study.play(np.zeros(truths.shape), early_stop=False)
        heads = [c for c in course.last if c.num_labels is None]
        figures = {"false": course.false, **coverage_of(course, "null")}
        figures["width"] = float(np.median([np.subtract(*c.single[::-1]) / 2 for c in heads]))
        lucky = number % len(truths)
        for gain in GAINS:
            asked = np.zeros(truths.shape)
            asked[lucky] = gain
            better = study.play(asked, early_stop=False).better
            pair = study.pairs[lucky]
            figures[f"power {gain}"] = any((p.arm, p.count) == (pair, None) for p in better)
        found.append(figures)
    return {
        name: float((np.median if name == "width" else np.mean)([each[name] for each in found]))
        for name in found[0]
    }


def show(words: str, how: str, found: dict[str, float]) -> str:
    """Returns a row of the table."""
    power = ", ".join(f"{100 * found[f'power {gain}']:.0f}" for gain in GAINS)
    return (
        f"| {words} | {how} | {100 * found['false']:.1f} | {100 * found['null counts']:.1f}, "
        f"{100 * found['null averages']:.1f} | {found['width']:.1f} | {power} |"
    )


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="what tfzero.load_data takes: gray images of 28x28 pixels")
    parser.add_argument("--studies", type=int, default=500, help="of each row")
    arguments = parser.parse_args()
    began = time.process_time()
    bench = Bench(tfzero.load_data(arguments.data))
    print(HEADER)
    for size, counts in SIZES:
        fits: dict[str, list[Fits]] = {"30 % held out": [], "five folds": []}
        for number in range(arguments.studies):
            rows = bench.draw(size, np.random.default_rng([7, size, number]))
            splits = (
                split_once(bench.known[rows], bench.labels[rows], seeds=max(SEEDS)),
                split_five(bench.labels[rows], seeds=max(SEEDS)),
            )
            for kind, each in zip(fits.values(), splits, strict=True):
                kind.append(bench.fit(rows, each, counts, number))
        for seeds in SEEDS:
            for how, each in fits.items():
                print(show(f"{size}, {seeds}", how, judge(each, seeds)), flush=True)
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
