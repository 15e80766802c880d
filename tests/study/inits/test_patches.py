"""K-means patches that tell which images are near: one for all replicates, and no arm."""

import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.common.checks import InputError
from tfzero.networks.kmeans import fit_patches
from tfzero.study.inits import parse_init, read_init
from tfzero.study.planning.arms import parse_arms
from tfzero.study.work.inputs import find_nearness


@pytest.mark.parametrize(
    "word, near",
    [
        ("scratch", "patches"),
        ("scratch-long", "patches"),
        ("supervised", "supervised"),
        ("file", "file"),
    ],
)
def test_networks_that_know_nothing_of_images_ask_the_patches(word, near):
    init = read_init(word)
    assert init.spread_by(None).word == near
    assert init.spreads_once == (near in ("patches", "file"))


def test_the_patches_are_no_arm():
    assert parse_init("patches") is None
    with pytest.raises(InputError, match='Unknown arm "patches/svm"'):
        parse_arms(["patches/svm"])


def test_the_patches_are_found_once_and_kept(tmp_path, monkeypatch):
    from tfzero.networks import kmeans

    plan, run = open_small_run(tmp_path, arms=["scratch/spread_finetune"], label_counts=(8,))
    workspace = at(plan, run)
    expected = fit_patches(workspace.pool).get_weights()
    fitted = []
    monkeypatch.setattr(
        kmeans, "fit_patches", lambda pool: fitted.append(pool) or fit_patches(pool)
    )
    [cell] = plan.cells()
    cells = [cell.model_copy(update={"replicate": replicate}) for replicate in (0, 1)]
    near = [find_nearness(workspace, each) for each in cells]
    assert len(fitted) == 1
    for each in near:
        np.testing.assert_array_equal(each.graph.places, near[0].graph.places)
        for found, weights in zip(each.encoder.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(found, weights)
    # What was cut off while it was written is made again.
    [kept] = run.cache.glob("**/patches.keras")
    kept.write_bytes(kept.read_bytes()[:-1000])
    assert workspace.load_patches().output_shape == near[0].encoder.output_shape
    assert len(fitted) == 2
