import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tests.report.run_folder import blobs
from tfzero.report import figures
from tfzero.report.figures import _style

TWELVE = (
    "gan/lpft gan/probe vae/lpft vae/gradual simclr/lpft rotation/lpft scratch/finetune "
    "scratch/probe kmeans/svm pixels/svm pixels/knn public/lpft"
).split()


def rows(arms, counts, half_width=1.0):
    return [
        {
            "arm": arm,
            "num_labels": count,
            "mean": 60.0 + 5 * place - rank,
            "half_width": half_width,
            "pretrain_seconds": 9.0 if rank == 0 else None,
            "transfer_seconds": 1.0,
        }
        for rank, arm in enumerate(arms)
        for place, count in enumerate(counts)
    ]


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def draw(figure):
    """Draws for real; with warnings as errors this finds what laying out does not."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="svg")
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    return figure


@pytest.mark.parametrize("width", [8.0, 3.7])
def test_label_efficiency_draws_a_line_and_a_name_an_arm(width):
    arms, counts = ["vae/lpft", "scratch/finetune", "pixels/svm"], [20, 50, 200]
    figure = figures.label_efficiency(
        rows(arms, counts), arms=arms, label_counts=counts, width=width
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
    table = rows(["vae/lpft"], [20, 50], half_width=2.5)
    (axes,) = figures.label_efficiency(table, arms=["vae/lpft"], label_counts=[20, 50]).axes
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[57.5, 62.5], [62.5, 67.5]])


def test_missing_rows_and_one_seed_are_drawn_without_fuss():
    table = rows(["gan/lpft", "vae/lpft"], [20, 50], half_width=None)
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
    table = [row | {"mean": 80.0} for row in rows(TWELVE, counts)]
    figure = figures.label_efficiency(table, arms=TWELVE, label_counts=counts, width=width)
    (axes,) = draw(figure).axes
    boxes = sorted(
        (text.get_window_extent() for text in axes.texts if text.get_text()), key=lambda b: b.y0
    )
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_styles_differ_and_scratch_is_always_the_same_dark_line():
    styles = _style.arm_styles(TWELVE)
    assert len({style.marker for style in styles.values()}) == 12
    assert len({(style.color, style.dash) for style in styles.values()}) == 12
    alone = _style.arm_styles(["scratch/finetune"])["scratch/finetune"]
    assert alone.color == styles["scratch/finetune"].color == _style.INK
    assert styles["pixels/svm"].width < styles["vae/lpft"].width
    assert _style.arm_styles(["vae/knn"])["vae/knn"].color == styles["vae/lpft"].color


def test_colors_can_be_seen_on_white():
    def luminance(color):
        return _style.luminance([int(to_hex(color)[place : place + 2], 16) for place in (1, 3, 5)])

    colors = [style.color for style in _style.arm_styles([*TWELVE, "mine/lpft"]).values()]
    assert min(1.05 / (luminance(color) + 0.05) for color in colors) >= 3


def test_numbers_can_be_read_on_every_cell():
    for alpha in np.linspace(0, 1, 101):
        blended = [255 - alpha * (255 - part) for part in (0, 114, 178)]
        ink = 1.0 if _style.text_on((0, 114, 178), alpha) == "#ffffff" else 0.0
        high, low = sorted([ink, _style.luminance(blended)], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5
    assert _style.luminance([255, 255, 255]) == pytest.approx(1)


def test_spread_moves_no_more_than_it_must():
    assert _style.spread([0.2, 0.8], 0.1, 0, 1) == pytest.approx([0.2, 0.8])
    assert _style.spread([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
    assert _style.spread([1.0, 0.98], 0.1, 0, 1) == pytest.approx([1.0, 0.9])
    assert _style.spread([0.0] * 3, 0.9, 0, 1) == pytest.approx([0, 0.5, 1])
    assert _style.spread([], 0.1, 0, 1) == []


def test_accuracy_against_seconds_adds_pretraining():
    arms = ["vae/lpft", "pixels/svm"]
    table = rows(arms, [20, 50])
    table[-1]["transfer_seconds"] = 0.0
    (axes,) = draw(figures.accuracy_against_seconds(table, arms=arms, num_labels=50)).axes
    found = {line.get_label(): line for line in axes.lines}
    assert list(found["vae/lpft"].get_xdata()) == [10.0]
    assert list(found["vae/lpft"].get_ydata()) == [65.0]
    assert 0 < found["pixels/svm"].get_xdata()[0] < 0.01
    assert texts(axes) == arms


@pytest.mark.parametrize("span", [(0.7, 1.3), (2.1, 4.9), (1e-3, 1e6), (1.01, 1.02)])
def test_ticks_lie_inside_and_are_few(span):
    ticks = _style.time_ticks(*span, 6)
    assert 1 <= len(ticks) <= 6
    assert all(span[0] <= tick <= span[1] for tick, _ in ticks)


def test_times_are_in_the_unit_that_people_say():
    assert _style.time_ticks(0.5, 200, 9) == [
        (1, "1 s"), (3, "3 s"), (10, "10 s"), (30, "30 s"), (60, "1 min"), (180, "3 min")
    ]  # fmt: skip
    assert [words for _, words in _style.time_ticks(3000, 1e6, 9)][:3] == ["1 h", "3 h", "10 h"]
    assert _style.time_ticks(130, 140, 6)[0][1] == "2.25 min"


def test_long_names_keep_their_ends():
    assert _style.plain("class_of_animals_042", 12) == "class_of…042"
    assert _style.plain("short\x00", 12) == "short\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("channels", [1, 3])
def test_image_grid_keeps_every_pixel(channels):
    images = blobs(np.random.default_rng(0), 5, (8, 10, channels))
    (axes,) = draw(figures.image_grid(images, columns=3, title="5 $\\frac images")).axes
    (picture,) = axes.images
    assert picture.get_interpolation() == "nearest"
    mosaic = np.asarray(picture.get_array())
    assert mosaic.shape == (8 * 2 + 1, 10 * 3 + 2, 4)
    np.testing.assert_array_equal(mosaic[9:, 11:21, :3], np.broadcast_to(images[4], (8, 10, 3)))
    assert (mosaic[9:, 22:, 3] == 0).all() and (mosaic[9:, 11:21, 3] == 255).all()


def test_reconstructions_stand_below_their_originals():
    originals = blobs(np.random.default_rng(0), 5)
    (axes,) = draw(figures.reconstructions(originals, 255 - originals, columns=3)).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["original", "reconstruction"] * 2
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[:8, :8, 0], originals[0, ..., 0])
    np.testing.assert_array_equal(mosaic[9:17, :8, 0], 255 - originals[0, ..., 0])
    np.testing.assert_array_equal(mosaic[18:26, :8, 0], originals[3, ..., 0])
    with pytest.raises(ValueError, match="one reconstruction an original"):
        figures.reconstructions(originals, originals[:2])


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


@pytest.mark.parametrize("width", [8.0, 3.7])
def test_training_curves_have_a_panel_a_quantity(width):
    history = {"generator_loss": [1.0, None, float("inf"), 0.5], "kl": [3.0], "empty": [None]}
    figure = draw(figures.training_curves(history, width=width))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["generator loss", "kl", "empty"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [1.0, np.nan, np.nan, 0.5])
    draw(figures.training_curves({}))


def test_training_curves_of_other_replicates_are_quiet():
    (axes,) = draw(figures.training_curves({"loss": [2, 1]}, others=[{"loss": [3, 2]}, {}])).axes
    assert [line.get_color() for line in axes.lines] == [_style.FAINT, _style.FAINT, _style.INK]


def test_labels_saved_and_crossovers_are_drawn():
    arms, counts = ["vae/lpft", "scratch/finetune"], [20, 50, 200]
    entry = {"arm": "vae/lpft", "num_labels": 20, "labels": 90.0, "bound": None}
    censored = {**entry, "num_labels": 50, "bound": "at least"}
    crossover = {"arm": "vae/lpft", "num_labels": 120.0, "shown": True}
    figure = figures.label_efficiency(
        rows(arms, counts), arms=arms, label_counts=counts,
        saved=[entry, censored], crossovers=[crossover],
    )  # fmt: skip
    (axes,) = draw(figure).axes
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    saved = [a for a in arrows if a.arrow_patch.get_gid() == "arm-0-saved"]
    assert [(tuple(a.xy), a.xyann) for a in saved] == [((90.0, 60.0), (20, 60.0))]
    upright = [line for line in axes.lines if line.get_gid() == "arm-0-crossover"]
    assert [line.get_xdata()[0] for line in upright] == [120.0]


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
    assert list(lines[1].get_ydata()) == [88, 70, 60, 50] and lines[1].get_color() == _style.INK
    draw(figures.robustness({}, arms=arms))
    # Long names stand one below the other where there is no room beside.
    accuracy["a_very_long_strategy/of_some_kind"] = accuracy["vae/lpft"]
    figure = draw(figures.robustness(accuracy, arms=list(accuracy), width=width))
    [key] = figure.legends
    assert key.get_window_extent().x1 <= figure.bbox.x1
    assert key.get_window_extent().y0 >= figure.axes[0].title.get_window_extent().y1 - 1


@pytest.mark.parametrize("width", [3.4, 8])
def test_what_stands_below_the_axis_has_room(width):
    rows = [{"arm": "vae/lpft", "num_labels": 20, "mean": 80.0, "half_width": 1.0,
             "pretrain_seconds": 9.0, "transfer_seconds": 2.0}]  # fmt: skip
    figure = draw(
        figures.accuracy_against_seconds(rows, arms=["vae/lpft"], num_labels=20, width=width)
    )
    box = figure.axes[0].xaxis.label.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


@pytest.mark.parametrize("num_classes", [3, 40])
def test_class_counts_of_few_and_many_classes(num_classes):
    names = [f"class {k}" for k in range(num_classes)]
    counts = {"train": list(range(1, num_classes + 1)), "test": [2] * num_classes}
    (axes,) = draw(figures.class_counts(counts, names)).axes
    if num_classes == 3:
        assert [label.get_text() for label in axes.get_yticklabels()] == names
        assert [patch.get_width() for patch in axes.patches] == [1, 2, 3, 2, 2, 2]
    else:
        assert list(axes.lines[0].get_ydata()) == counts["train"][::-1]


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_a_map_has_a_point_an_image_and_a_key_that_fits(num_classes):
    labels = np.arange(200) % num_classes
    points = np.random.default_rng(0).normal(0, 1, (200, 2))
    names = [f"class {k}" for k in range(num_classes)]
    figure = draw(figures.feature_map(points, labels, names))
    (axes,) = figure.axes
    assert sum(len(found.get_offsets()) for found in axes.collections) == 200
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), points[labels == 1])
    assert len(figure.legends) == (num_classes <= 20)
    for legend in figure.legends:
        assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_any_class_name_stands_in_the_key_of_a_map():
    names = ["$$", "_noise_", "a$%$"]
    points = np.random.default_rng(0).normal(0, 1, (9, 2))
    figure = draw(figures.feature_map(points, np.arange(9) % 3, names))
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == sorted(names)


def test_classes_differ_by_colour_or_marker():
    assert len(set(_style.class_styles(88))) == 88


def test_neighbours_and_attention_keep_pixels():
    images = blobs(np.random.default_rng(0), 6, (8, 8, 1))
    (axes,) = draw(figures.neighbours(images, np.array([4]), np.array([[1, 2]]))).axes
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[:, :8, 0], images[4, ..., 0])
    np.testing.assert_array_equal(mosaic[:, -8:, 0], images[2, ..., 0])
    heat = np.zeros((6, 4, 4), np.uint8)
    (axes,) = draw(figures.attention(images, heat, columns=3)).axes
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[9:17, :8, 0], images[0, ..., 0])  # nothing spoke for it
    heat[:] = 255
    (axes,) = draw(figures.attention(images, heat, columns=3)).axes
    assert (np.asarray(axes.images[0].get_array())[9:17, :8, 0] > 180).all()
