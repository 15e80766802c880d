from tests.report.pages import cells, edit, read_section, section
from tests.report.run_folder import write_run
from tfzero.report.sections.comparisons import describe


def test_of_many_sentences_beside_the_verdict_the_first_are_open(tmp_path):
    folder = write_run(tmp_path / "run")
    said = [f"Remark number {number} beside the verdict." for number in range(9)]
    edit(folder, "verdict.json", lambda v: v.update(exploratory=said))
    shown, _, folded = read_section(folder, "comparisons").rpartition("<details>")
    assert [sentence in shown for sentence in said] == [True] * 6 + [False] * 3
    assert all(sentence in folded for sentence in said[6:])
    assert "<summary>3 more</summary>" in folded


def test_the_comparisons_have_intervals_and_adjusted_p_values(digits):
    shown, _, folded = section(digits[1], "comparisons").partition("<details>")
    averages, singles = cells(shown), cells(folded)
    assert len(averages) == 2 and len(singles) == 2 * 3  # two arms, at three label counts
    assert [row[:3] for row in averages] == [
        ["gan/lpft", "better", "average"],
        ["vae/lpft", "cannot tell", "average"],
    ]
    assert singles[0] == (
        ["gan/lpft", "better", "20", "+3.1", "+1.2 to +5.0", ""]
        + ["scratch/finetune", "< 0.001", "< 0.001", "4"]
    )
    assert singles[3][4:] == ["−1.2 to +2.6", "", "scratch/finetune", "0.210", "0.420", "4"]


def test_each_table_has_a_scale_on_which_its_longest_interval_just_fits():
    entry = {"family": "", "arm": "a/b", "baseline": "c/d", "num_labels": 20}
    ends = {"low": -1.0, "high": 2.0, "difference": 0.5}
    [row] = describe([{**entry, **ends}])
    assert row["marks"] == {"low": 33.0, "high": 114.0, "difference": 73.5}
    [row, _] = describe([{**entry, **ends}, {**entry, **ends, "high": 20.0}])
    assert row["marks"]["high"] == 65.4


def test_of_one_label_count_there_is_nothing_to_fold(tmp_path):
    folder = write_run(tmp_path / "run", label_counts=(20,))

    def keep(verdict):
        verdict["comparisons"] = [e for e in verdict["comparisons"] if e["num_labels"] is not None]

    edit(folder, "verdict.json", keep)
    text = read_section(folder, "comparisons")
    assert "<details>" not in text and [row[2] for row in cells(text)] == ["20", "20"]


def test_each_family_of_claims_has_its_question(tmp_path):
    folder = write_run(tmp_path / "run")
    questions = ["Does pretraining help?", "Do the unlabeled images help without pretraining?"]
    text = read_section(folder, "comparisons")
    assert [question in text for question in questions] == [True, False]

    def move(verdict):
        for entry in verdict["comparisons"][4:]:
            entry["family"] = "unlabeled"

    edit(folder, "verdict.json", move)
    text = read_section(folder, "comparisons")
    assert text.index(questions[0]) < text.index(questions[1])
