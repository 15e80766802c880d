"""Tables and pictures of README and docs are written from a run folder."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks import tables
from tfzero.common.checks import InputError
from tfzero.report.run import read_run

PAGE = """Before.

<!-- digits: table begin -->
old
<!-- digits: table end -->

<!-- others: table begin -->
theirs
<!-- others: table end -->

<!-- digits: verdict begin -->
<!-- digits: verdict end -->
After.
"""


@pytest.fixture
def run(digits):
    return read_run(digits[0])


def write_page(top, text):
    (top / "docs/guides").mkdir(parents=True)
    page = top / "docs/guides/page.md"
    page.write_text(text)
    return page


def test_what_stands_between_the_marks_is_written_anew(run, tmp_path):
    page = write_page(tmp_path, PAGE)
    assert tables.write_all(run, tmp_path)[0] == page
    text = page.read_text()
    row = next(row for row in run.table if row["arm"] == "vae/lpft" and row["num_labels"] == 50)
    assert "old" not in text and "theirs" in text
    assert text.startswith("Before.") and text.endswith("After.\n")
    assert f"{row['mean']:.1f} ± {row['half_width']:.1f}" in text
    assert f"> {run.verdict['headline']}" in text
    again = [path.read_bytes() for path in tables.write_all(run, tmp_path)]
    assert again == [path.read_bytes() for path in tables.write_all(run, tmp_path)]


def test_stars_stand_in_the_best_set_alone(run):
    lines = {line.split("`")[1]: line for line in tables.table(run).splitlines()[2:]}
    counts = sorted(run.label_counts)
    for entry in run.verdict["best"]:
        for arm, line in lines.items():
            cell = line.split("|")[2 + counts.index(entry["num_labels"])]
            assert ("*" in cell) == (arm in entry["arms"]), (arm, entry["num_labels"])


def test_the_chart_has_scratch_and_the_leaders_in_both_shades(run, tmp_path):
    arms = tables.choose_arms(run, most=3)
    assert len(arms) == 3 and "scratch/finetune" in arms and "gan/lpft" in arms
    light, dark = (path.read_text() for path in tables.draw(run, tmp_path))
    for chart in (light, dark):
        ElementTree.fromstring(chart)
        assert "gan/lpft" in chart and 'href="http' not in chart
    assert "#1f2933" in light and "#1f2933" not in dark and "#d55e00" not in dark
    assert "#e4e8ec" in dark and "#323a43" in dark  # text and grid, as on dark reports


def test_pages_without_marks_and_unknown_marks_are_refused(run, tmp_path):
    page = write_page(tmp_path, "Nothing.\n")
    with pytest.raises(InputError, match="No page has marks for the study 'digits'"):
        tables.write_all(run, tmp_path)
    page.write_text("<!-- digits: poem begin -->\n<!-- digits: poem end -->\n")
    with pytest.raises(InputError, match="'poem'; expected one of table, verdict"):
        tables.write_all(run, tmp_path)
