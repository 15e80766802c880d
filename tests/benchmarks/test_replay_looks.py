from benchmarks import replay_looks
from tests.study.test_growth import BASELINE, GAN, SVM, VAE, Cells
from tfzero.study.stored import store_plan


def fill(tmp_path, accuracy):
    """A run folder of a study that used all its 10 seeds, with made-up answers."""
    cells = Cells(tmp_path, accuracy, seeds=10, early_stop=False)
    store_plan(cells.plan, cells.plan, cells.run)
    cells.grow()
    return cells


def test_what_an_early_stop_saves_is_counted(tmp_path):
    fill(tmp_path, {VAE: 95, GAN: 70, BASELINE: 70, SVM: 80})
    found = replay_looks.compare_courses(tmp_path)
    # One arm is better at once: 3 of 10 seeds do.
    assert found["seeds"] == (3, 10) and found["cells"] == (3 * 8, 10 * 8)
    assert found["seconds"] == (24 * 2.0, 80 * 2.0)
    assert [seeds for seeds, _ in found["looks"]] == [3]
    better = [place for place in found["differs"] if place[0] == VAE]
    assert better == [] and found["same"] >= 3


def test_without_a_difference_nothing_is_saved(tmp_path, capsys, monkeypatch):
    fill(tmp_path, {VAE: 70.5, GAN: 69.5, BASELINE: 70, SVM: 80})
    monkeypatch.setattr("sys.argv", ["replay_looks.py", str(tmp_path)])
    replay_looks.main()
    said = capsys.readouterr().out
    assert "seeds: 10 of 10, 0 % saved" in said and "outcomes: 6 the same" in said
