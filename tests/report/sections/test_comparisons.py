from tests.report.pages import cells, edit, read_section, section
from tests.report.run_folder import write_run


def test_of_many_sentences_beside_the_verdict_the_first_are_open(tmp_path):
    folder = write_run(tmp_path / "run")
    said = [f"Remark number {number} beside the verdict." for number in range(9)]
    edit(folder, "verdict.json", lambda v: v.update(exploratory=said))
    shown, folded = read_section(folder, "comparisons").split("<details>")
    assert [sentence in shown for sentence in said] == [True] * 6 + [False] * 3
    assert all(sentence in folded for sentence in said[6:])
    assert "<summary>3 more</summary>" in folded


def test_the_comparisons_have_intervals_and_holm(digits):
    rows = cells(section(digits[1], "comparisons"))
    assert len(rows) == 6
    assert rows[0] == (
        ["20", "gan/lpft", "scratch/finetune", "+3.1", "+1.2 to +5.0", ""]
        + ["transfer better", "< 0.001", "< 0.001", "4"]
    )
    assert rows[1][4:] == ["−1.2 to +2.6", "", "cannot tell", "0.210", "0.420", "4"]
