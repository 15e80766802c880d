"""What cross-fitting tells where labelled images are few, beside one hold-out of the same images.

    python -m benchmarks.calibration.few /usr/share/datasets/fashion-mnist

A study draws 120 or 400 labelled images. Ridge classifiers on cached random features are fitted as
`tfzero compare` would: either 30 % of the images are held out once, or each replicate is a pass
over five folds, in which every image is predicted once. The truth is the mean difference of the
arms on 5,000 other images, over all fits of all studies.
"""

from __future__ import annotations

import argparse
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
        shape = (len(ARMS), len(counts), len(splits), len(asked))
        right, truth = np.zeros(shape, bool), np.zeros(shape[:3])
        for replicate, folds in enumerate(splits):
            for fold, split in enumerate(folds):
                places = np.searchsorted(asked, split.asked)
                learnt = self.known[rows[split.learnt]]
                subsets = nested_subsets(
                    learnt, labels[split.learnt], counts, seed=hash((seed, replicate, fold))
                )
                for place, arm in enumerate(ARMS):
                    draw = np.random.default_rng([2, place, replicate, seed])
                    columns = draw.choice(NUM_FEATURES, arm.size, replace=False)
                    known, tested = self.known[rows][:, columns], self.tested[:, columns]
                    for column, count in enumerate(counts):
                        ours = split.learnt[subsets[count]]
                        targets = np.eye(self.num_classes)[labels[ours]] - 1 / self.num_classes
                        head, mean = fit_ridge(known[ours], targets, arm.strength)
                        answers = ((known[split.asked] - mean) @ head).argmax(axis=1)
                        right[place, column, replicate, places] = answers == labels[split.asked]
                        answers = ((tested - mean) @ head).argmax(axis=1)
                        truth[place, column, replicate] += np.mean(answers == self.test_labels)
                truth[:, :, replicate] /= 1
        truth = truth.mean(axis=2) / len(splits[0])
        return Fits(Sample(right, labels[asked], tuple(counts)), truth)


def split_once(images, labels, *, seeds: int) -> list[list[Split]]:
    """Returns the same 30 % held out in every replicate."""
    kept, held = hold_out(images, labels, share=0.3, seed=0)
    return [[Split(kept, held)]] * seeds


def split_five(labels, *, seeds: int) -> list[list[Split]]:
    """Returns five folds, drawn anew in every replicate."""
    return [[Split(*fold) for fold in draw_folds(labels, None, replicate=r)] for r in range(seeds)]


def judge(fits: list[Fits]) -> dict[str, float]:
    """Returns the figures of many studies of one kind."""
    truth = 100 * np.mean([each.truth for each in fits], axis=0)
    truths, found = truth[1:] - truth[0], []
    for number, each in enumerate(fits):
        study = Study(each.sample, truths, truths)
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
            figures[f"power {gain}"] = any(p.arm == pair and p.count is None for p in better)
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
    for size, counts, seeds in (
        (120, (20, 50, 80), 5),
        (120, (20, 50, 80), 10),
        (400, (20, 50, 200), 5),
    ):
        fits: dict[str, list[Fits]] = {"30 % held out": [], "five folds": []}
        for number in range(arguments.studies):
            rows = bench.draw(size, np.random.default_rng([7, size, number]))
            images, labels = bench.known[rows], bench.labels[rows]
            once = split_once(images, labels, seeds=seeds)
            fits["30 % held out"].append(bench.fit(rows, once, counts, number))
            fits["five folds"].append(
                bench.fit(rows, split_five(labels, seeds=seeds), counts, number)
            )
        for how, each in fits.items():
            print(show(f"{size}, {seeds}", how, judge(each)), flush=True)
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
