import html

import numpy as np
import pytest

from tests.report.drawn import draw
from tests.report.pages import edit, read_section
from tests.report.run_folder import write_run
from tfzero.report import figures
from tfzero.report.drawing.colors import FAINT, INK


def test_alarms_stand_beside_the_training_curves(tmp_path):
    folder = write_run(tmp_path / "run", seeds=2)
    plain = read_section(folder, "curves")
    assert plain.count("No alarm in 2 encoders.") == 2
    said = 'posterior collapse: 0 of 32 latents <depend> on the image. Weigh "beta" less.'
    edit(folder, "encoders/vae-1.json", lambda record: record.update(alarms=[said]))
    edit(folder, "encoders/gan-0.json", lambda record: record.update(alarms=[]))
    text = read_section(folder, "curves")
    assert "<depend>" not in text and plain.count("<li>") == 0 and text.count("<li>") == 1
    gan, _, vae = text.partition("<strong>vae</strong>")
    assert f"Replicate 1, {said}" in html.unescape(vae) and "<li>" not in gan


@pytest.mark.parametrize("width", [8.0, 3.7])
def test_training_curves_have_a_panel_a_quantity(width):
    history = {"generator_loss": [1.0, None, float("inf"), 0.5], "kl": [3.0], "empty": [None]}
    figure = draw(figures.training_curves(history, width=width))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["generator loss", "kl", "empty"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [1.0, np.nan, np.nan, 0.5])
    draw(figures.training_curves({}))


def test_training_curves_of_other_replicates_are_quiet():
    (axes,) = draw(figures.training_curves({"loss": [2, 1]}, others=[{"loss": [3, 2]}, {}])).axes
    assert [line.get_color() for line in axes.lines] == [FAINT, FAINT, INK]
