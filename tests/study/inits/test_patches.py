"""K-means patches that tell which images are near: one for all replicates, and no arm."""

import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.common.checks import InputError
from tfzero.networks.kmeans import fit_patches
from tfzero.study.inits import parse_init, read_init
from tfzero.study.planning.arms import parse_arms
from tfzero.study.work.inputs import find_nearness
from tfzero.study.work.pretraining import run_pretraining
from tfzero.transfer.features import read_blocks


@pytest.mark.parametrize(
    "word, near",
    [
        ("scratch", "patches"),
        ("scratch-long", "patches"),
        ("vae", "vae and patches"),
        ("public+vae", "public+vae and patches"),
        ("supervised", "supervised"),
        ("file", "file"),
    ],
)
def test_networks_that_know_nothing_of_images_ask_the_patches(word, near):
    init = read_init(word)
    assert init.spread_by(None).word == near
    assert init.spreads_once == (near in ("patches", "file"))


def test_a_network_of_the_own_pool_has_the_patches_beside_it(tmp_path):
    plan, run = open_small_run(tmp_path, arms=["vae/spread_finetune"], label_counts=(8,))
    workspace = at(plan, run)
    run_pretraining(workspace, "vae", 0)
    near = find_nearness(workspace, plan.cells()[0])
    images = workspace.pool[:5]
    parts = [
        read_blocks(encoder, images)[0]
        for encoder in (workspace.load_encoder("vae", 0), workspace.load_patches())
    ]
    joined, columns = read_blocks(near.encoder, images)
    np.testing.assert_allclose(joined, np.concatenate(parts, axis=1), rtol=1e-5, atol=1e-6)
    assert list(columns.values()) == [(0, joined.shape[1])]
    # Another encoder's graph is another.
    key = read_init("vae").spread_by(None).key(workspace, 0)
    assert key.startswith(workspace.encoder_key("vae", 0))
    assert (run.cache / "features" / f"{key}-graph.npz").exists()


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
