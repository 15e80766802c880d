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


def test_the_comparisons_have_intervals_and_adjusted_p_values(digits):
    rows = cells(section(digits[1], "comparisons"))
    assert len(rows) == 2 * 4  # two arms, at three label counts and on average
    assert rows[0] == (
        ["gan/lpft", "scratch/finetune", "20", "+3.1", "+1.2 to +5.0", ""]
        + ["better", "< 0.001", "< 0.001", "4"]
    )
    assert rows[3][2] == "average"
    assert rows[4][4:] == ["−1.2 to +2.6", "", "cannot tell", "0.210", "0.420", "4"]


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
