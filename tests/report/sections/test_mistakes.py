import numpy as np
import pytest

from tests.report.drawn import draw, texts
from tests.report.pages import all_cells, read_section, section, write_sections
from tests.report.run_folder import blobs, write_run
from tfzero.common.checks import InputError
from tfzero.report import figures, write_report
from tfzero.report.canvas import Canvas
from tfzero.report.drawing.colors import INK
from tfzero.report.run import read_run
from tfzero.report.sections.mistakes import counts, describe_mistakes


def test_confusions_match_a_hand_computed_example(tmp_path):
    labels = np.array([0, 0, 0, 1, 1, 2])
    predictions = np.array([0, 1, 1, 1, 0, 2])
    matrix = counts.count_confusions(labels, predictions, 4)
    np.testing.assert_array_equal(matrix, [[1, 2, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    nothing = np.zeros(0)
    found = counts.Mistakes("vae/lpft", 20, 1, matrix, ["a", "b", "c", "d"], {}, nothing, nothing)
    assert counts.worst_confusions(found) == [("a", "b", 2, 2 / 3), ("b", "a", 1, 0.5)]
    assert counts.class_accuracies(found) == [
        ("a", 1 / 3, 1, 3),
        ("b", 0.5, 1, 2),
        ("c", 1.0, 1, 1),
        ("d", None, 0, 0),
    ]


def test_of_very_many_classes_those_that_are_confused_are_shown(tmp_path):
    names = tuple(f"class{number:03}" for number in range(140))
    folder = write_run(tmp_path / "run", class_names=names, num_test=280, label_counts=(280,))
    found = counts.find_mistakes(read_run(folder), ["vae/lpft"])
    assert found is not None and counts.focus(found, from_classes=140) is found
    shown = counts.focus(found)
    assert len(shown.class_names) == 31 and shown.class_names[-1] == "110 others"
    # Every prediction is counted, in the row of its class or of the others.
    rows = [names.index(name) for name in shown.class_names[:-1]]
    np.testing.assert_array_equal(shown.matrix[:-1].sum(axis=1), found.matrix[rows].sum(axis=1))
    assert shown.matrix.sum() == found.matrix.sum()
    for true, taken, count, _ in counts.worst_confusions(found):
        place = (shown.class_names.index(true), shown.class_names.index(taken))
        assert shown.matrix[place] == count
    whole = write_sections(folder, "mistakes", "method")
    text = section(whole, "mistakes")
    assert "Only the classes of the most frequent mistakes are named" in text
    assert "<summary>The other 80 classes</summary>" in text
    assert all(f'<span class="name">{name}</span>' in text for name in names)
    assert text.index("<details>") > text.index("Accuracy by class")
    settings = section(whole, "method")
    assert "class098, class099, ... (140 in all)" in settings


def test_mistakes_are_those_of_the_recommended_arm_over_all_replicates(digits):
    folder, text = digits
    labels = np.load(folder / "test_labels.npy")
    right = 0
    for seed in range(4):
        with np.load(folder / "cells" / f"gan-lpft-200-{seed}.npz") as arrays:
            right += int((arrays["probabilities"].argmax(axis=1) == labels).sum())
    found = describe_mistakes(read_run(folder), Canvas())
    assert found is not None
    assert (found["arm"], found["num_labels"], found["replicates"]) == ("gan/lpft", 200, 4)
    assert (found["right"], found["total"]) == (str(right), "800")
    assert f"{right} of 800 predictions" in section(text, "mistakes")
    assert found["measures"][0] == ("accuracy", "accuracy", f"{100 * right / 800:.1f} %")


def test_predictions_that_do_not_fit_are_refused(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    np.savez(folder / "cells" / "gan-lpft-200-0.npz", probabilities=np.ones((3, 10), np.float32))
    with pytest.raises(InputError, match=r"shape \(3, 10\); expected one row for each of 200"):
        write_report(folder)


def test_a_winner_that_was_not_looked_at_is_said_to_be_missing(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    for path in (folder / "readings").glob("gan-lpft-*"):
        path.unlink()
    text = read_section(folder, "mistakes")
    assert "There are no images of gan/lpft." in text and "gan/lpft is not shown." in text


def test_robustness_stands_beside_that_of_scratch(digits):
    text = section(digits[1], "mistakes")
    assert "gan/lpft under strongest noise 60.0 %" in text
    assert "scratch/finetune under strongest blur 80.0 %" in text
    rows = [row[:3] for row in all_cells(text)]
    assert ["gan/lpft", "noise", "95.0"] in rows and ["scratch/finetune", "noise", "90.0"] in rows


def test_confusion_shows_counts_and_colors_rows_by_share():
    matrix = np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]])
    (axes,) = draw(figures.confusion(matrix, ["a$b", "c_$\\", "<d>"])).axes
    assert sorted(texts(axes)) == ["2", "5", "5", "8"]
    shares = np.asarray(axes.images[0].get_array())[..., 3] ** 2
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [0, 0.5, 0.5], [0, 0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a$b", "c_$\\", "<d>"]
    with pytest.raises(ValueError, match=r"expected \(2, 2\)"):
        figures.confusion(matrix, ["a", "b"])


@pytest.mark.parametrize("width", [7.0, 3.7])
def test_confusion_of_100_classes_names_only_as_many_as_fit(width):
    names = [str(index) for index in range(100)]
    figure = draw(figures.confusion(250 * np.eye(100, dtype=int), names, width=width))
    (axes,) = figure.axes
    labels = [label for label in axes.get_yticklabels() if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
    assert len(boxes) >= 15
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))
    assert not texts(axes)


def test_calibration_of_a_hand_computed_example():
    figure = draw(figures.calibration(np.array([0.55, 0.58, 0.9, 1.0]), np.array([1, 0, 1, 1])))
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[56.5, 50], [95, 100]])


@pytest.mark.parametrize("width", [8.0, 3.6])
def test_robustness_has_a_panel_a_kind_of_damage(width):
    accuracy = {
        "vae/lpft": {"noise": [90, 80, 70, 60], "blur": [90, 90, 90, 80]},
        "scratch/finetune": {"noise": [88, 70, 60, 50], "blur": [88, 88, 80, 70]},
    }
    arms = ["gan/lpft", "vae/lpft", "scratch/finetune"]
    figure = draw(figures.robustness(accuracy, arms=arms, width=width))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["noise", "blur"]
    lines = figure.axes[0].lines
    assert list(lines[1].get_ydata()) == [88, 70, 60, 50] and lines[1].get_color() == INK
    draw(figures.robustness({}, arms=arms))
    # Long names stand one below the other where there is no room beside.
    accuracy["a_very_long_strategy/of_some_kind"] = accuracy["vae/lpft"]
    figure = draw(figures.robustness(accuracy, arms=list(accuracy), width=width))
    [key] = figure.legends
    assert key.get_window_extent().x1 <= figure.bbox.x1
    assert key.get_window_extent().y0 >= figure.axes[0].title.get_window_extent().y1 - 1


def test_attention_keeps_pixels():
    images = blobs(np.random.default_rng(0), 6, (8, 8, 1))
    heat = np.zeros((6, 4, 4), np.uint8)
    (axes,) = draw(figures.attention(images, heat, columns=3)).axes
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[9:17, :8, 0], images[0, ..., 0])  # nothing spoke for it
    heat[:] = 255
    (axes,) = draw(figures.attention(images, heat, columns=3)).axes
    assert (np.asarray(axes.images[0].get_array())[9:17, :8, 0] > 180).all()


def test_bars_of_accuracy_begin_near_the_lowest(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, label_counts=(20_000,))
    found = describe_mistakes(read_run(folder), Canvas())
    assert found is not None
    lowest = float(found["classes"][0][1])
    assert found["bars_start"] % 10 == 0 and 1 <= lowest - found["bars_start"] < 11
    text = read_section(folder, "mistakes")
    assert f"Bars start at {found['bars_start']}&nbsp;%." in text
    width = 100 * (lowest - found["bars_start"]) / (100 - found["bars_start"])
    assert f'style="width: {width:.1f}%"' in text
