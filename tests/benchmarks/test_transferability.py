"""A small version of benchmarks/transferability.py."""

import numpy as np
import pytest

import tfzero
from benchmarks import transferability
from benchmarks.transferability import Case


def make_case(estimated, real, verdict="Transfer likely"):
    return Case("vae 1", "all", 3, {"random": estimated}, verdict, real)


def test_estimates_that_know_score_highest():
    cases = [make_case(value, value + 0.5) for value in (-3.0, -1.0, 2.0, 5.0)]
    said = transferability.describe(cases)
    assert "4 cases; transfer helped in 2." in said
    assert "random: rank correlation 1.00" in said and "within tasks 1.00, AUC 1.00" in said
    assert "Transfer likely: 4 cases, transfer helped in 2, mean +1.2 points" in said


def test_dev_images_are_neither_test_images_nor_in_the_pool():
    data = tfzero.load_data("digits")
    images, _ = transferability.cut_dev(data)
    assert len(images["dev"]) + len(images["pool"]) == len(data.train_images)
    kept = {image.tobytes() for image in images["pool"]}
    assert sum(image.tobytes() in kept for image in images["dev"]) < 5  # a few are equal


def test_labels_are_as_many_of_each_class():
    images, labels = transferability.cut_dev(tfzero.load_data("digits"))
    task = transferability.take_task(images, labels, (3, 5, 8, 9))
    few, drawn = transferability.draw_labels(task, 7, seed=1)
    np.testing.assert_array_equal(np.bincount(drawn), [7] * 4)
    assert len(few) == 28


@pytest.mark.slow
def test_a_case_is_measured():
    cases = list(transferability.run_cases(["vae"], [1], [3, 5], 1))
    assert len(cases) == 4 and all(-100 < case.real < 100 for case in cases)
