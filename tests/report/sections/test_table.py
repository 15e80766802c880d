import json

from tests.report.pages import cells, edit, read, read_section, section, write_sections
from tests.report.run_folder import DIGIT_ARMS, write_run
from tfzero.report.run import read_run
from tfzero.report.sections import table as table_section


def test_the_table_has_means_half_widths_and_marks_in_words(digits):
    folder, text = digits
    table = json.loads(read(folder / "verdict.json"))["table"]
    row = next(row for row in table if (row["arm"], row["num_labels"]) == ("vae/lpft", 50))
    found = {row[0]: row for row in cells(section(text, "table"))}
    assert list(found) == list(DIGIT_ARMS)
    assert found["vae/lpft"][2] == f"{row['mean']:.1f} ± {row['half_width']:.1f} in best set"
    assert found["gan/lpft"][1].endswith(" highest")
    assert found["vae/lpft"][4:] == ["9.1 s", "1.3 s"]
    assert found["pixels/svm"][4:] == ["none", "< 0.1 s"]


def test_missing_cells_show_a_dash(tmp_path):
    missing = {("vae/lpft", 200), ("pixels/svm", 20), ("gan/lpft", 200)}
    folder = write_run(tmp_path / "run", missing=missing, seeds=2)
    edit(folder, "verdict.json", lambda v: v.update(missing=[{}] * 6))
    edit(folder, "verdict.json", lambda v: v["table"][0].update(seeds=1, half_width=None))
    text = write_sections(folder, "table", "mistakes")
    found = {row[0]: row for row in cells(section(text, "table"))}
    assert found["vae/lpft"][3] == found["pixels/svm"][1] == found["gan/lpft"][3] == "–"
    assert found["gan/lpft"][1].endswith("highest 1 of 2 seeds")
    assert "±" not in found["gan/lpft"][1]
    assert "24 of 30 planned" in text
    # The recommended arm failed at 200 labels: its mistakes at 50 are shown, and said to be.
    assert "At 50 labels" in section(text, "mistakes")


def test_cells_that_diverged_are_marked_in_the_table(tmp_path):
    folder = write_run(tmp_path / "run", seeds=2)
    edit(folder, "cells/vae-lpft-50-1.json", lambda cell: cell["result"].update(diverged=True))
    rows = {row["arm"]: row["cells"] for row in table_section.accuracy_table(read_run(folder))}
    assert [cell["note"] for cell in rows["vae/lpft"]] == ["", "1 diverged", ""]
    assert "1 diverged" in read_section(folder, "table")
