import pytest
from matplotlib.colors import to_hex

from tests.report.drawn import TWELVE
from tfzero.report.drawing.arms import arm_styles, spread
from tfzero.report.drawing.colors import INK
from tfzero.report.drawing.colors import luminance as luminance_of


def test_styles_differ_and_scratch_is_always_the_same_dark_line():
    styles = arm_styles(TWELVE)
    assert len({style.marker for style in styles.values()}) == 12
    assert len({(style.color, style.dash) for style in styles.values()}) == 12
    alone = arm_styles(["scratch/finetune"])["scratch/finetune"]
    assert alone.color == styles["scratch/finetune"].color == INK
    assert styles["pixels/svm"].width < styles["vae/lpft"].width
    assert arm_styles(["vae/knn"])["vae/knn"].color == styles["vae/lpft"].color


def test_colors_can_be_seen_on_white():
    def luminance(color):
        return luminance_of([int(to_hex(color)[place : place + 2], 16) for place in (1, 3, 5)])

    colors = [style.color for style in arm_styles([*TWELVE, "mine/lpft"]).values()]
    assert min(1.05 / (luminance(color) + 0.05) for color in colors) >= 3


def test_spread_moves_no_more_than_it_must():
    assert spread([0.2, 0.8], 0.1, 0, 1) == pytest.approx([0.2, 0.8])
    assert spread([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 0.98], 0.1, 0, 1) == pytest.approx([1.0, 0.9])
    assert spread([0.0] * 3, 0.9, 0, 1) == pytest.approx([0, 0.5, 1])
    assert spread([], 0.1, 0, 1) == []


def test_a_winner_stands_out_and_the_others_step_back():
    arms = ["vae/lpft", "scratch/finetune", "pixels/svm"]
    alike, styles = arm_styles(arms), arm_styles(arms, "pixels/svm")
    assert alike["pixels/svm"].is_quiet and not styles["pixels/svm"].is_quiet
    assert styles["pixels/svm"].color not in {style.color for style in alike.values()}
    assert styles["pixels/svm"].width > 2 * max(styles[arm].width for arm in arms[:2])
    assert arm_styles(arms, "vae/lpft")["vae/lpft"].color == alike["vae/lpft"].color
    assert arm_styles(arms, "not/there") == alike
