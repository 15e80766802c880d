import csv
import json

import pytest

from tests.report.drawn import accuracy_rows, draw, texts
from tests.report.pages import edit, write_sections
from tests.report.run_folder import write_run
from tfzero.report import figures
from tfzero.report.run import read_run
from tfzero.report.sections.time.costs import arm_costs
from tfzero.report.sections.time.figure import time_ticks


def test_a_chain_costs_all_its_stages(tmp_path):
    arms = ["supervised+vae/lpft", "vae/lpft", "scratch/finetune"]
    folder = write_run(tmp_path / "run", arms=arms, seeds=2)
    for method, seconds in (("supervised", 100.0), ("supervised+vae", 10.0)):
        cost = {"seconds": seconds, "steps": 7, "peak_memory_bytes": 10**9 * seconds / 10}
        record = {"schema": 1, "spec": {"method": method, "replicate": 0}, "cost": cost}
        (folder / "encoders" / f"{method}-0.json").write_text(json.dumps(record))
    chain, vae, scratch = arm_costs(read_run(folder))
    assert chain["pretrain_seconds"] == 110 and chain["pretrain_steps"] == 14
    assert chain["peak_memory_bytes"] == 10**10
    assert vae["pretrain_seconds"] == pytest.approx(8.15) and vae["pretrain_steps"] == 630
    assert scratch["pretrain_seconds"] is None and scratch["pretrain_steps"] is None


def test_what_was_chosen_within_the_labels_is_in_the_tables(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    chosen = {"blocks": ["block2", "block3"], "C": 0.1}
    edit(folder, "cells/pixels-svm-50-0.json", lambda cell: cell.update(chosen=chosen))
    write_sections(folder, "time")
    with (folder / "tables" / "cells.csv").open(newline="") as file:
        [row] = [row for row in csv.DictReader(file) if row["chosen_C"]]
    found = [row[name] for name in ("arm", "chosen_blocks", "chosen_C")]
    assert found == ["pixels/svm", "block2 block3", "0.1"]


def test_accuracy_against_seconds_adds_pretraining():
    arms = ["vae/lpft", "pixels/svm"]
    table = accuracy_rows(arms, [20, 50])
    table[-1]["transfer_seconds"] = 0.0
    (axes,) = draw(figures.accuracy_against_seconds(table, arms=arms, num_labels=50)).axes
    found = {line.get_label(): line for line in axes.lines}
    assert list(found["vae/lpft"].get_xdata()) == [10.0]
    assert list(found["vae/lpft"].get_ydata()) == [65.0]
    assert 0 < found["pixels/svm"].get_xdata()[0] < 0.01
    assert texts(axes) == arms


@pytest.mark.parametrize("span", [(0.7, 1.3), (2.1, 4.9), (1e-3, 1e6), (1.01, 1.02)])
def test_ticks_lie_inside_and_are_few(span):
    ticks = time_ticks(*span, 6)
    assert 1 <= len(ticks) <= 6
    assert all(span[0] <= tick <= span[1] for tick, _ in ticks)


def test_times_are_in_the_unit_that_people_say():
    places, words = zip(*time_ticks(0.5, 200, 9), strict=True)
    assert places == (1, 3, 10, 30, 60, 180)
    assert words == ("1 s", "3 s", "10 s", "30 s", "1 min", "3 min")
    assert [words for _, words in time_ticks(3000, 1e6, 9)][:3] == ["1 h", "3 h", "10 h"]
    assert time_ticks(130, 140, 6)[0][1] == "2.25 min"


@pytest.mark.parametrize("width", [3.4, 8])
def test_what_stands_below_the_axis_has_room(width):
    arms = ["vae/lpft"]
    row = {"arm": arms[0], "num_labels": 20, "mean": 80.0, "half_width": 1.0}
    row |= {"pretrain_seconds": 9.0, "transfer_seconds": 2.0}
    figure = figures.accuracy_against_seconds([row], arms=arms, num_labels=20, width=width)
    draw(figure)
    box = figure.axes[0].xaxis.label.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
