import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.common.files import read_json, write_json
from tfzero.common.seeds import derive_seed
from tfzero.networks.blocks import join_side_by_side
from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.cell import run_cell
from tfzero.study.work.features import open_features
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer import features as transfer_features
from tfzero.transfer.features import read_features


@pytest.fixture
def reads(monkeypatch):
    """How many images each pass over an encoder read."""
    counts = []

    def counting(encoder, images):
        if encoder is not None:
            counts.append(len(images))
        return read_features(encoder, images)

    monkeypatch.setattr(transfer_features, "read_features", counting)
    return counts


def run_cells(plan, run, cells):
    found = {}
    for cell in cells:
        key = run_cell(at(plan, run), cell)
        found[cell] = (run.read_cell(key)["result"], run.read_probabilities(key))
    return found


def fit_alone(workspace, cell, encoder, **more):
    """Fits a cell's strategy on its images, with nothing stored before."""
    rows = workspace.subsets(cell.replicate)[cell.num_labels]
    data = workspace.data
    return fit_classifier(
        cell.strategy,
        encoder=encoder,
        images=data.train_images[rows],
        labels=data.train_labels[rows],
        pool=data.pool,
        num_classes=data.num_classes,
        budget=workspace.plan.transfer_for(cell).to_budget(),
        seed=derive_seed(cell.replicate, "transfer"),
        **more,
    )


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for cell, (result, probabilities) in ours.items():
        assert result == theirs[cell][0]
        np.testing.assert_array_equal(probabilities, theirs[cell][1])


def test_a_frozen_encoder_reads_each_image_once_and_results_are_the_same(tmp_path, reads):
    arms = ["scratch/probe", "scratch/svm", "pixels/svm"]
    plan, run = open_small_run(tmp_path, arms=arms, label_counts=(8, 20))
    first = run_cells(plan, run, plan.cells())
    assert reads == [plan.data.num_test, 20]
    assert_equal(first, run_cells(plan, run, reversed(plan.cells())))
    assert len(reads) == 2
    # Whichever cell computes them, at whatever label count.
    for file in (run.cache / "features").iterdir():
        file.unlink()
    assert_equal(first, run_cells(plan, run, reversed(plan.cells())))
    assert len(reads) == 4


def test_a_cell_reads_the_features_of_its_own_labels(tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path, arms=["scratch/probe"], label_counts=(8, 20))
    seen = {}
    probe = STRATEGIES["probe"]
    fit = type(probe).fit

    def remember(self, task):
        seen[len(task.inputs)] = (np.array(task.inputs), task.labels)
        return fit(self, task)

    monkeypatch.setattr(type(probe), "fit", remember)
    run_cells(plan, run, plan.cells())
    workspace = at(plan, run)
    data, encoder = workspace.data, workspace.random_encoder(0)
    for count, chosen in workspace.subsets(0).items():
        features, labels = seen[count]
        np.testing.assert_array_equal(labels, data.train_labels[chosen])
        np.testing.assert_allclose(
            features, read_features(encoder, data.train_images[chosen]), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("arm", ["scratch/svm", "pixels/svm"])
def test_groups_reach_the_strategy_with_its_labels(tmp_path, monkeypatch, arm):
    from tfzero.transfer import choice
    from tfzero.transfer.folds import make_folds

    seen = []

    def remember(labels, groups, **options):
        seen.append((labels, groups))
        return make_folds(labels, groups, **options)

    monkeypatch.setattr(choice, "make_folds", remember)
    groups = [f"person {row // 8}" for row in range(80)]
    plan, run = open_small_run(tmp_path, arms=[arm], label_counts=(24,), groups=groups)
    run_cells(plan, run, plan.cells())
    data, chosen = at(plan, run).data, at(plan, run).subsets(0)[24]
    [(labels, given)] = seen
    np.testing.assert_array_equal(labels, data.train_labels[chosen])
    np.testing.assert_array_equal(given, data.train_groups[chosen])
    assert len(np.unique(given)) > 2


def test_replicates_and_label_counts_have_their_own_labelled_features(tmp_path, reads):
    plan, run = open_small_run(tmp_path, arms=["scratch/probe"], label_counts=(8,), seeds=2)
    run_cells(plan, run, plan.cells())
    wider, _ = open_small_run(tmp_path / "wider", arms=["scratch/probe"], label_counts=(8, 20))
    run_cells(wider, run, [CellSpec(arm="scratch/probe", num_labels=20, replicate=0)])
    # The test images of one encoder are read once, whatever the label counts.
    assert reads == [plan.data.num_test, 8] * 2 + [20]


@pytest.mark.parametrize("suffix", ["npy", "json"])
def test_broken_features_are_computed_anew(tmp_path, suffix):
    _, run = open_small_run(tmp_path)
    images = np.zeros((3, 8, 8, 1), np.uint8)

    def open_pixels():
        return open_features(run, "key", lambda: None, lambda: images)

    whole = open_pixels()
    assert isinstance(whole.values, np.memmap) and whole.values.shape == (3, 64)
    (run.cache / "features" / f"key.{suffix}").write_bytes(b"half")
    np.testing.assert_array_equal(open_pixels().values, whole.values)
    assert whole.seconds >= 0 and list(run.locks.iterdir()) == []


def test_a_graph_is_built_once_an_encoder_and_results_are_those_of_a_fit_alone(
    tmp_path, monkeypatch
):
    built = []

    def counting(encoder, pool):
        built.append(encoder)
        return graph_images(encoder, pool)

    graph_images = transfer_features.graph_images
    monkeypatch.setattr(transfer_features, "graph_images", counting)
    arms = ["scratch/label_spreading", "pixels/label_spreading"]
    plan, run = open_small_run(tmp_path, arms=arms, label_counts=(8, 20), seeds=2)
    first = run_cells(plan, run, plan.cells())
    # One for each replicate's encoder, and one for the pixels.
    assert len(built) == 3 and sum(encoder is None for encoder in built) == 1
    assert_equal(first, run_cells(plan, run, reversed(plan.cells())))
    assert len(built) == 3
    workspace = at(plan, run)
    for cell, (_, probabilities) in first.items():
        encoder = workspace.load_encoder(cell.init, cell.replicate)
        alone, data = fit_alone(workspace, cell, encoder), workspace.data
        np.testing.assert_allclose(alone.predict(data.test_images), probabilities, atol=1e-5)


def test_networks_trained_on_spread_labels_share_the_graph(tmp_path, monkeypatch):
    from tfzero.transfer import budget

    built = []
    graph_images = transfer_features.graph_images

    def counting(encoder, pool):
        built.append(encoder)
        return graph_images(encoder, pool)

    monkeypatch.setattr(transfer_features, "graph_images", counting)
    monkeypatch.setattr(budget, "_JOINT_STEPS", 60)
    arms = ["scratch/spread_finetune", "pixels/label_spreading", "vae/spread_finetune"]
    plan, run = open_small_run(tmp_path, arms=arms, label_counts=(8, 20))
    run_pretraining(at(plan, run), "vae", 0)
    found = run_cells(plan, run, plan.cells())
    # One of pixels, one of patches for encoders that have learnt nothing, one of both by the VAE.
    assert len(built) == 3 and sum(encoder is None for encoder in built) == 1
    workspace = at(plan, run)
    cell = CellSpec(arm="vae/spread_finetune", num_labels=8, replicate=0)
    encoder, data = workspace.load_encoder("vae", 0), workspace.data
    near = join_side_by_side(encoder, workspace.load_patches())
    alone = fit_alone(workspace, cell, encoder, spread_encoder=near)
    assert len(built) == 4  # a given encoder's is its own
    np.testing.assert_allclose(alone.predict(data.test_images), found[cell][1], atol=1e-5)
    # What building took counts for each cell, as if it had been alone.
    for name in ("pixels", "patches"):
        write_json(run.cache / "features" / f"{name}-graph.json", {"seconds": 1000.0})
    for cell in (cell for cell in plan.cells() if cell.num_labels == 8):
        seconds = run.read_cell(run_cell(at(plan, run), cell))["cost"]["seconds"]
        assert (seconds > 1000) == (cell.arm != "vae/spread_finetune")


def test_what_others_read_counts_for_whoever_links_it(tmp_path):
    arms = ["scratch/probe", "scratch/label_spreading"]
    plan, run = open_small_run(tmp_path, arms=arms, label_counts=(8,))
    probe, spreading = plan.cells()
    run_cell(at(plan, run), probe)  # reads the labelled images' features
    [said] = (run.cache / "features").glob("*-labelled-0-8.json")
    write_json(said, {**read_json(said), "seconds": 1000.0})
    key = run_cell(at(plan, run), spreading)
    assert run.read_cell(key)["cost"]["seconds"] > 1000


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_broken_graph_is_built_anew(tmp_path, suffix):
    arm = "pixels/label_spreading"
    plan, run = open_small_run(tmp_path, arms=[arm], label_counts=(8,))
    first = run_cells(plan, run, plan.cells())
    (run.cache / "features" / f"pixels-graph.{suffix}").write_bytes(b"half")
    assert_equal(first, run_cells(plan, run, plan.cells()))


@pytest.mark.parametrize("strategy", ["logistic", "label_spreading"])
def test_an_encoder_that_diverged_scores_as_such(tmp_path, monkeypatch, strategy):
    plan, run = open_small_run(tmp_path, arms=[f"scratch/{strategy}"], label_counts=(8,))
    start = at(plan, run).random_encoder(0)
    start.set_weights([np.full_like(weight, np.nan) for weight in start.get_weights()])
    monkeypatch.setattr(Workspace, "random_encoder", lambda *_: start)
    [(result, _)] = run_cells(plan, run, plan.cells()).values()
    assert result["diverged"] is True


def test_what_was_chosen_is_recorded(tmp_path):
    plan, run = open_small_run(
        tmp_path, arms=["scratch/logistic"], label_counts=(8, 20), whole=True
    )
    few, more = [run.read_cell(run_cell(at(plan, run), c)) for c in plan.cells()]
    assert few["chosen"]["blocks"] == ["block2", "block3", "block4"]
    assert few["chosen"]["validated"] is None and more["chosen"]["validated"] > 0.5
    assert set(more["chosen"]) == {"blocks", "C", "validated"}
