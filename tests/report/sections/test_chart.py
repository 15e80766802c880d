import json
import re

import numpy as np
import pytest

from tests.report.drawn import TWELVE, accuracy_rows, draw, texts
from tests.report.pages import read
from tfzero.report import figures


def test_points_say_every_cell(digits):
    folder, text = digits
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', text)[1])
    said = [tip["lines"] for tip in data["tips"]]
    scores = [
        100 * json.loads(read(folder / "cells" / f"vae-lpft-50-{seed}.json"))["result"]["accuracy"]
        for seed in range(4)
    ]
    listed = ", ".join(f"{score:.1f}" for score in scores)
    lines = next(found for found in said if found[0] == "vae/lpft, 50 labels" and len(found) == 3)
    assert lines[2] == f"its 4 cells, by seed: {listed}"
    keys = {int(key) for key in re.findall(r'data-key="(\d+)"', text)}
    assert keys == set(range(len(said)))


@pytest.mark.parametrize("width", [8.0, 3.7])
def test_label_efficiency_draws_a_line_and_a_name_an_arm(width):
    arms, counts = ["vae/lpft", "scratch/finetune", "pixels/svm"], [20, 50, 200]
    figure = figures.label_efficiency(
        accuracy_rows(arms, counts), arms=arms, label_counts=counts, width=width
    )
    (axes,) = draw(figure).axes
    assert [line.get_label() for line in axes.lines] == arms
    assert texts(axes) == arms
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["20", "50", "200"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [60, 65, 70])
    # The offset between arms stays small against the step from one label count to the next.
    np.testing.assert_allclose(list(axes.lines[0].get_xdata()), counts, rtol=0.06)


def test_intervals_are_as_long_as_the_half_widths():
    table = accuracy_rows(["vae/lpft"], [20, 50], half_width=2.5)
    (axes,) = figures.label_efficiency(table, arms=["vae/lpft"], label_counts=[20, 50]).axes
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[57.5, 62.5], [62.5, 67.5]])


def test_missing_rows_and_one_seed_are_drawn_without_fuss():
    table = accuracy_rows(["gan/lpft", "vae/lpft"], [20, 50], half_width=None)
    table = [row for row in table if (row["arm"], row["num_labels"]) != ("vae/lpft", 20)]
    table.append({"arm": "pixels/svm", "num_labels": 20, "mean": None, "half_width": None})
    arms = ["gan/lpft", "vae/lpft", "pixels/svm"]
    (axes,) = draw(figures.label_efficiency(table, arms=arms, label_counts=[20, 50])).axes
    assert texts(axes) == ["gan/lpft", "vae/lpft"]
    assert len(axes.lines[1].get_xdata()) == 1


def test_no_results_say_so():
    for figure in (
        figures.label_efficiency([], arms=["gan/lpft"], label_counts=[20]),
        figures.accuracy_against_seconds([], arms=["gan/lpft"], num_labels=20),
    ):
        assert texts(draw(figure).axes[0]) == ["no results"]


@pytest.mark.parametrize("width", [8.0, 3.7])
def test_twelve_arms_and_eight_counts_keep_names_apart(width):
    counts = [100, 200, 300, 500, 1000, 2000, 5000, 10000]
    table = [row | {"mean": 80.0} for row in accuracy_rows(TWELVE, counts)]
    figure = figures.label_efficiency(table, arms=TWELVE, label_counts=counts, width=width)
    (axes,) = draw(figure).axes
    boxes = sorted(
        (text.get_window_extent() for text in axes.texts if text.get_text()), key=lambda b: b.y0
    )
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_labels_saved_and_crossovers_are_drawn():
    arms, counts = ["vae/lpft", "scratch/finetune"], [20, 50, 200]
    entry = {"arm": "vae/lpft", "num_labels": 20, "labels": 90.0, "bound": None}
    censored = {**entry, "num_labels": 50, "bound": "at least"}
    crossover = {"arm": "vae/lpft", "num_labels": 120.0, "shown": True}
    table, marks = accuracy_rows(arms, counts), {"saved": [entry, censored]}
    marks["crossovers"] = [crossover]
    (axes,) = draw(figures.label_efficiency(table, arms=arms, label_counts=counts, **marks)).axes
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    saved = [a for a in arrows if a.arrow_patch.get_gid() == "arm-0-saved"]
    assert [(tuple(a.xy), a.xyann) for a in saved] == [((90.0, 60.0), (20, 60.0))]
    upright = [line for line in axes.lines if line.get_gid() == "arm-0-crossover"]
    assert [line.get_xdata()[0] for line in upright] == [120.0]
