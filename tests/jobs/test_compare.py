"""The whole road on a small data set, through the command line and from Python.

One study runs through the command itself, in processes of its own; the others run in the test's
process, which has loaded and traced most of what they need.
"""

import contextlib
import io
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from typer.testing import CliRunner

import tfzero
from tests.conftest import draw_bars
from tfzero import cli
from tfzero.export import fresh_process
from tfzero.study.records import RunFolder
from tfzero.study.work.counted import Machine
from tfzero.study.work.estimate import Estimate

# One arm of each kind; a study of all default arms is the README's first command.
ARMS = (
    "vae/lpft",
    "scratch/finetune",
    "scratch-long/finetune",
    "kmeans/svm",
    "pixels/label_spreading",
)
SIZE = ["--label-counts", "6,12", "--seeds", "3", "--epochs", "1"]
ARGUMENTS = ["--arms", ",".join(ARMS), *SIZE]


def make_images(folder):
    """Writes 8x8 bars, lying, standing and crossed, with noise, as an npz file."""
    generator = np.random.default_rng(3)
    labels = np.arange(120) % 3
    images = generator.integers(0, 60, (120, 8, 8, 1))
    for image, label in zip(images, labels, strict=True):
        place = generator.integers(1, 7)
        if label in (0, 2):
            image[place] += 180
        if label in (1, 2):
            image[:, generator.integers(1, 7)] += 180
    path = folder / "bars.npz"
    np.savez(path, x_train=images.clip(0, 255).astype(np.uint8), y_train=labels)
    return path


def command(*arguments):
    return [sys.executable, "-m", "tfzero.cli", *map(str, arguments)]


def run_command(*arguments, cwd, timeout=900):
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
    )


MACHINE = Machine()


def run_here(*arguments, cwd, machine=MACHINE, report=False):
    """Runs a command in this process, with one worker; returns what `run_command` returns.

    The machine is probed before a study only if it is None.
    """
    words = [str(argument) for argument in arguments]
    if words[0] == "compare":
        words += ["--workers", "1"]
    output, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        patch.chdir(cwd)
        patch.setenv("COLUMNS", "100")
        patch.setattr(sys, "argv", ["tfzero", *words])
        if not report:
            patch.setattr("tfzero.report.write_report", lambda _: None)
        if machine is not None:
            patch.setattr("tfzero.jobs.opening.estimate_study", lambda *_: Estimate(machine))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    return subprocess.CompletedProcess(words, code, output.getvalue(), errors.getvalue())


def read_results(folder):
    """Returns every cell's spec and result: what must not depend on how a study was run."""
    records = [json.loads(path.read_text()) for path in (folder / "cells").glob("*.json")]
    return {json.dumps(record["spec"], sort_keys=True): record["result"] for record in records}


@pytest.fixture(scope="module")
def finished(build_once, tmp_path_factory):
    """A study run once by the command line, with --json."""

    def run(folder):
        make_images(folder)
        done = run_here(
            *("compare", "bars.npz", *ARGUMENTS, "--json"), cwd=folder, machine=None, report=True
        )
        assert done.returncode == 0, done.stderr
        (folder / "done.pickle").write_bytes(pickle.dumps(done))

    folder = tmp_path_factory.mktemp("compare") / "copy"
    shutil.copytree(build_once("compare", run), folder)
    return folder, pickle.loads((folder / "done.pickle").read_bytes())


@pytest.mark.slow
def test_in_processes_of_its_own_it_prints_the_verdict_and_no_noise(tmp_path):
    make_images(tmp_path)
    arms = ["--arms", "scratch/probe,pixels/svm", "--label-counts", "12", "--seeds", "2"]
    done = run_command("compare", "bars.npz", *arms, "--export", "here", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict == json.loads((tmp_path / "runs/bars/verdict.json").read_text())
    assert "Plan: " in done.stderr and "Next:" in done.stderr
    assert "Traceback" not in done.stderr and "oneDNN" not in done.stderr
    assert verdict["recommended"]["savedmodel"] == "here/1"
    assert (tmp_path / "here/1/saved_model.pb").is_file()


@pytest.mark.slow
def test_a_study_of_more_classes_than_are_tuned(tmp_path):
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 256, (130, 8, 8, 1))
    labels = np.repeat(np.arange(130), 9)
    images = patterns[labels] + generator.normal(0, 40, (len(labels), 8, 8, 1))
    np.savez(tmp_path / "many.npz", x_train=images.clip(0, 255).astype(np.uint8), y_train=labels)
    done = run_command(
        "compare",
        "many.npz",
        "--label-counts",
        "780",
        "--seeds",
        "3",
        "--epochs",
        "1",
        "--json",
        "--arms",
        "vae/lpft,scratch/finetune,pixels/svm",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    means = {row["arm"]: row["mean"] for row in verdict["table"]}
    assert means["pixels/svm"] > 95 and means["scratch/finetune"] > 50  # chance is 0.8
    assert len(verdict["comparisons"]) == 1
    page = tmp_path / "runs/many/report.html"
    assert "The other 70 classes" in page.read_text() and page.stat().st_size < 1e6
    assert run_command("verify", "savedmodels/many", cwd=tmp_path).returncode == 0


def test_leaks_refuse_a_study_before_any_work(tmp_path):
    path = make_images(tmp_path)
    arrays = dict(np.load(path))
    train, test = slice(0, 90), slice(87, 120)  # Three images are in both.
    np.savez(
        path,
        x_train=arrays["x_train"][train],
        y_train=arrays["y_train"][train],
        x_test=arrays["x_train"][test],
        y_test=arrays["y_train"][test],
    )
    done = run_here("compare", "bars.npz", *ARGUMENTS, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "3 training images equal a test image" in done.stderr
    assert "--drop-leaks" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_json_goes_to_standard_output_and_the_rest_to_the_other(finished):
    folder, done = finished
    verdict = json.loads(done.stdout)
    assert verdict == json.loads((folder / "runs/bars/verdict.json").read_text())
    for part in ("vae/lpft", "Plan: 6 pretrainings", "Seeds: 3.", "Next:\n  tfzero predict"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr and "oneDNN" not in done.stderr


def test_every_cell_has_a_record_with_result_apart_from_cost(finished):
    run = RunFolder(finished[0] / "runs/bars")
    records = [json.loads(path.read_text()) for path in run.cells.glob("*.json")]
    # scratch-long runs at the largest count alone.
    assert len(records) == (len(ARMS) * 2 - 1) * 3
    labels = np.load(run.test_labels)
    for record in records:
        probabilities = run.read_probabilities(record["key"])
        assert probabilities.shape == (len(labels), 3) and probabilities.dtype == np.float32
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        assert record["result"]["accuracy"] == accuracy
        assert set(record["cost"]) >= {"seconds", "cpu_seconds", "steps", "parameters"}
    # A method and k-means, one encoder per replicate.
    assert len(list(run.encoders.glob("*.keras"))) == 2 * 3
    assert not run.cache.exists()


def test_the_study_learns_what_can_be_learnt(finished):
    verdict = json.loads(finished[1].stdout)
    means = {(row["arm"], row["num_labels"]): row["mean"] for row in verdict["table"]}
    assert means["scratch/finetune", 12] > 50  # chance is 33
    families = [entry["family"] for entry in verdict["comparisons"]]
    # Each arm at two label counts, and on average.
    assert families.count("pretraining") == 3
    assert verdict["recommended"]["arm"] in ARMS
    # What is exported becomes a Keras model.
    assert not verdict["recommended"]["arm"].endswith("label_spreading")


def test_the_report_is_one_page_with_the_verdict(finished):
    page = (finished[0] / "runs/bars/report.html").read_text(encoding="utf-8")
    headline = json.loads(finished[1].stdout)["headline"]
    assert headline.split(".")[0] in page
    assert "data:image/png" in page or "<svg" in page


def test_what_the_report_needs_stays_when_the_images_are_gone(finished):
    run = finished[0] / "runs/bars"
    assert not (run / "cache").exists()
    names = {path.stem for path in (run / "readings").glob("*.json")}
    inits = {arm.partition("/")[0] for arm in ARMS} - {"scratch-long"}  # starts as scratch
    assert {"data", *(f"map-{init}" for init in inits)} <= names
    for path in (run / "readings").glob("*.json"):
        assert "reason" not in json.loads(path.read_text()), path
    page = (run / "report.html").read_bytes()
    assert tfzero.write_report(run).read_bytes() == page
    assert json.loads((run / "tables/robustness.json").read_text())


def test_the_same_command_only_reads_a_finished_study_and_exports_nothing_new(finished):
    folder, first = finished
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs/bars/cells").iterdir()}
    again = run_here("compare", "bars.npz", *ARGUMENTS, "--json", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert "nothing to train" in again.stderr
    after = {path: path.stat().st_mtime_ns for path in (folder / "runs/bars/cells").iterdir()}
    assert before == after
    versions = [path.name for path in (folder / "savedmodels/bars").iterdir()]
    assert versions == ["1"]


def test_another_plan_in_the_same_folder_is_refused_by_name(finished):
    done = run_here("compare", "bars.npz", *ARGUMENTS[:-1], "2", cwd=finished[0])
    assert done.returncode == 2
    assert "pretraining.vae.epochs: 1 there, 2 now" in done.stderr
    assert "--out" in done.stderr and "--overwrite" in done.stderr
    assert "Traceback" not in done.stderr


def test_lost_and_broken_records_are_made_again_and_equal(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    expected = read_results(folder / "runs/bars")
    cells = sorted((folder / "runs/bars/cells").glob("*.json"))
    cells[0].unlink()
    cells[7].write_text('{"half":')
    for encoder in (folder / "runs/bars/encoders").glob("vae-1-*.json"):
        encoder.unlink()
    for cell in (folder / "runs/bars/cells").glob("vae-lpft-*-1-*.json"):
        cell.unlink()
    done = run_here("compare", "bars.npz", *ARGUMENTS, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert read_results(folder / "runs/bars") == expected
    first = json.loads(finished[1].stdout)
    assert json.loads(done.stdout)["comparisons"] == first["comparisons"]


def test_more_seeds_are_added_to_what_is_there_and_look_again(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    run = RunFolder(folder / "runs/bars")
    before = {path: path.stat().st_mtime_ns for path in run.cells.iterdir()}
    # What the study was asked for need not be said again.
    done = run_here("compare", "bars.npz", "--more-seeds", "1", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Seeds: up to 3 before, 4 now." in done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["look"] == 2 and verdict["alpha"] == 0.005 and verdict["seeds"] == 4
    assert {entry["seeds"] for entry in verdict["comparisons"]} == {4}
    after = {path: path.stat().st_mtime_ns for path in run.cells.iterdir()}
    assert before.items() < after.items() and len(after) == len(before) * 4 // 3
    # Killed before its verdict, the same command goes on with this look; it adds no more.
    run.verdict.unlink()
    again = run_here("compare", "bars.npz", "--more-seeds", "1", "--json", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "not finished; continuing" in again.stderr and json.loads(again.stdout) == verdict
    # And the command that began the study shows what has become of it.
    first = run_here("compare", "bars.npz", *ARGUMENTS, "--json", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert "nothing to train" in first.stderr and json.loads(first.stdout) == verdict


@pytest.mark.slow
def test_arms_and_label_counts_are_added_to_what_is_there(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    run = RunFolder(folder / "runs/bars")
    before = {path: path.stat().st_mtime_ns for path in run.cells.iterdir()}
    first = json.loads(run.verdict.read_text())
    added = ("--add-arms", "pixels/knn,vae/probe", "--add-label-counts", "all")
    done = run_here("compare", "bars.npz", *added, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    after = {path: path.stat().st_mtime_ns for path in run.cells.iterdir()}
    assert before.items() < after.items()
    rows = {(row["arm"], row["num_labels"]): row["seeds"] for row in verdict["table"]}
    assert rows["pixels/knn", 12] == rows["vae/probe", 84] == rows["scratch/finetune", 84] == 3
    # Nothing is claimed of them after a look, and what was claimed stands.
    assert verdict["comparisons"] == first["comparisons"] and verdict["look"] == first["look"]
    assert {entry["arm"] for entry in verdict["added"]} == {"pixels/knn", "vae/probe"}
    said = " ".join(verdict["exploratory"])
    assert "vae/probe was added after a look. Nothing is claimed about it until seeds" in said
    assert "84 labels were added after a look" in said
    # The command that began the study still shows it, and new seeds judge what was added.
    again = run_here("compare", "bars.npz", *ARGUMENTS, "--json", cwd=folder)
    assert again.returncode == 0 and json.loads(again.stdout) == verdict, again.stderr
    more = run_here("compare", "bars.npz", "--more-seeds", "1", "--json", cwd=folder)
    assert more.returncode == 0, more.stderr
    judged = {(e["arm"], e["num_labels"]) for e in json.loads(more.stdout)["comparisons"]}
    assert {("vae/probe", 84), ("vae/probe", None), ("vae/lpft", 84)} <= judged


def test_more_seeds_of_nothing_are_refused(tmp_path):
    make_images(tmp_path)
    done = run_here("compare", "bars.npz", "--more-seeds", "2", cwd=tmp_path)
    assert done.returncode == 2 and "holds no study to which seeds could be added" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_minutes_decide_what_is_run_and_the_plan_is_kept(tmp_path):
    make_images(tmp_path)
    arguments = (
        "compare",
        "bars.npz",
        "--label-counts",
        "6",
        "--seeds",
        "3",
        "--epochs",
        "1",
        "--encoders",
        "1",
        "--margin",
        "40",
        "--class-weights",
        "--arms",
        "vae/lpft,scratch/finetune,scratch-long/finetune",
    )
    done = run_here(*arguments, "--minutes", "0.01", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "more than 0.01 min, because a verdict needs it or you asked for it." in said
    study = json.loads((tmp_path / "runs/bars/study.json").read_text())
    assert (study["minutes"], study["dropped"], study["encoders"]) == (0.01, [], 1)
    assert all(settings["class_weights"] for settings in study["transfer"].values())
    run = RunFolder(tmp_path / "runs/bars")
    assert len(list(run.encoders.glob("*.keras"))) == 1
    verdict = json.loads(done.stdout)
    assert "vae/lpft with this encoder" in verdict["sentences"][0]
    assert {entry["outcome"] for entry in verdict["comparisons"]} <= {
        "no difference worth having",
        "cannot tell",
    }
    assert verdict["margin"] == 40 and len(verdict["scratch_long"]) == 1
    # The steps that pretraining would have bought are in the plan, and were taken.
    steps = {
        record["spec"]["arm"]: record["cost"]["steps"]
        for record in (json.loads(path.read_text()) for path in run.cells.glob("*-6-0-*.json"))
    }
    extra = study["extra_steps"]["6"]
    # In whole calls.
    long = -(-(steps["scratch/finetune"] + extra) // 20) * 20
    assert steps["scratch-long/finetune"] == long and extra > 0
    # A resumed study is not planned anew.
    next(run.cells.glob("*.json")).unlink()
    again = run_here(*arguments, "--minutes", "0.01", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "runs/bars/study.json").read_text()) == study
    other = run_here(*arguments, "--minutes", "50", cwd=tmp_path)
    assert other.returncode == 2 and "minutes: 0.01 there, 50.0 now" in other.stderr


def test_few_labelled_images_are_cross_fitted(tmp_path, monkeypatch, unreported, untimed):
    monkeypatch.chdir(tmp_path)
    images, labels = draw_bars(40, seed=0)
    data = tfzero.from_arrays(images, labels, pool=draw_bars(60, seed=1)[0])
    console = Console(file=io.StringIO(), width=300)
    study = tfzero.compare(
        data,
        arms=["kmeans/svm", "scratch/finetune"],
        label_counts=["all"],
        seeds=1,
        workers=1,
        export=tmp_path / "savedmodel",
        console=console,
    )
    said = console.file.getvalue()
    assert (
        "60 unlabeled images, 40 labelled images for training and, by cross-fitting, for testing"
        in said
    )
    assert "12 images) was held out" not in said and study.plan.label_counts == (32,)
    run = RunFolder(study.folder)
    assert np.load(run.test_labels).shape == (40,)
    assert run.read_probabilities(study.plan.cell_key(study.plan.cells()[0])).shape == (40, 4)
    file = study.results["recommended"]["file"]
    assert (file["num_labels"], file["num_test"], file["num_folds"]) == (40, 40, 5)
    assert " of 40 labelled images right, cross-fitted." in said
    # With a share that was asked for, a test part is held out.
    held_out = tfzero.from_arrays(images, labels, pool=data.pool, test_share=0.3)
    assert held_out.cross_fitted() is held_out


@pytest.mark.parametrize(
    ("speed", "minutes", "first", "seeds"),
    [(1e-3, 5.0, 3, 10), (1e6, 1e-3, 10, 3)],
    ids=["faster than guessed", "slower than guessed"],
)
def test_the_first_seeds_times_decide_how_many_seeds_fit(
    tmp_path, monkeypatch, unreported, speed, minutes, first, seeds
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfzero.study.work.estimate.probe_speed", lambda: speed)
    data = tfzero.from_arrays(*draw_bars(60, seed=0))
    asked = {"arms": ["pixels/svm", "pixels/knn"], "label_counts": [12], "workers": 1}
    console = Console(file=io.StringIO(), width=200)
    # The machine is guessed to do nothing in less than some minutes, or in no time at all.
    for name in ("_ENDING", "_MAP"):
        monkeypatch.setattr(f"tfzero.study.work.estimate.{name}", 0.0)
    study = tfzero.compare(data, **asked, minutes=minutes, console=console)
    said = console.file.getvalue()
    assert f"{first} is a first guess" in said and f"the first guess was {first}" in said
    assert study.results["seeds"] == seeds == study.plan.seeds
    stored = json.loads(pathlib.Path(study.folder, "study.json").read_text())
    assert not stored["provisional"] and stored["looks"][-1] == seeds
    assert stored["dropped"] == ([] if seeds == 10 else ["7 of 10 seeds"])
    # The same command reads it only.
    again = tfzero.compare(data, **asked, minutes=minutes, console=console)
    assert again.plan == study.plan


def test_predict_takes_the_export_which_is_whole(finished):
    from PIL import Image

    folder = finished[0]
    data = tfzero.load_data(folder / "bars.npz")
    Image.fromarray(data.test_images[0, :, :, 0]).save(folder / "one.png")
    done = run_here("predict", "savedmodels/bars", "one.png", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    [prediction] = json.loads(done.stdout)["predictions"]
    assert sum(prediction["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert prediction["label"] in data.class_names
    assert fresh_process.check_version(folder / "savedmodels/bars/1") == []


@pytest.mark.slow
def test_the_other_methods_are_arms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arms = ["rotation/lpft", "denoising/probe", "scratch/finetune"]
    study = tfzero.compare(
        tfzero.load_data(make_images(tmp_path)),
        arms=arms,
        label_counts=[12],
        seeds=1,
        epochs=1,
        out="run",
        export="exported",
    )
    assert [row["arm"] for row in study.table()] == arms
    assert sorted(
        path.name.split("-")[0] for path in pathlib.Path("run/encoders").glob("*.keras")
    ) == ["denoising", "rotation"]


@pytest.mark.slow
def test_an_own_encoder_runs_from_python_in_every_arm(tmp_path, monkeypatch, untimed, unreported):
    import keras

    monkeypatch.chdir(tmp_path)
    data = tfzero.load_data(make_images(pathlib.Path(tmp_path)))
    own = keras.Sequential(
        [
            keras.Input(data.image_shape),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
        ],
        name="own",
    )
    weights = [weight.copy() for weight in own.get_weights()]
    study = tfzero.compare(
        data,
        arms=["vae/probe", "scratch/finetune"],
        label_counts=[12],
        seeds=3,
        epochs=1,
        encoder=own,
        out="run",
        export="exported",
    )
    assert [row["arm"] for row in study.table()] == ["vae/probe", "scratch/finetune"]
    assert "At 12 labels" in study.verdict
    assert all(np.array_equal(a, b) for a, b in zip(weights, own.get_weights(), strict=True))
    kept = tfzero.load_model(next(pathlib.Path("run/encoders").glob("vae-0-*.keras")))
    assert kept.name == "own"
    # The workers live on; the next study starts in another folder, with relative paths.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    study = tfzero.compare(data, arms=["scratch/probe"], label_counts=[12], seeds=1, export="here")
    assert pathlib.Path(study.results["recommended"]["savedmodel"], "saved_model.pb").exists()


def test_training_for_the_export_shows_how_far_it_is_where_it_takes_long(
    tmp_path, monkeypatch, one_core, untimed, unreported
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfzero.jobs.recommended.LONG", 0.0)
    said = io.StringIO()
    data = tfzero.from_arrays(*draw_bars(80, seed=0), name="bars")
    tfzero.compare(
        data,
        arms=["scratch/finetune"],
        label_counts=[12],
        seeds=1,
        export="here",
        console=Console(file=said, width=200),
    )
    text = said.getvalue()
    assert "100%  6 of 6 jobs, 0 s left (done: training scratch/finetune to export it)" in text
    # The verdict comes first.
    assert text.index("No verdict: ") < text.index("Training scratch/finetune on all 56 labels,")
    assert "Exported: scratch/finetune, trained on 56 labels; " in text
    assert text.index("Exported") < text.index("SavedModel: here/1\n")


def test_a_study_without_a_verdict_exports_only_when_asked(
    tmp_path, monkeypatch, one_core, untimed
):
    monkeypatch.chdir(tmp_path)
    data = tfzero.from_arrays(*draw_bars(80, seed=0), name="bars")

    def study(**asked):
        said = io.StringIO()
        found = tfzero.compare(
            data,
            arms=["scratch/probe"],
            label_counts=[12],
            seeds=1,
            console=Console(file=said, width=200),
            **asked,
        )
        return found.results, said.getvalue()

    results, said = study()
    assert "because this study gives no verdict. To export scratch/probe anyway" in said
    assert results["recommended"]["savedmodel"] is None and not (tmp_path / "savedmodels").exists()
    results, said = study(export="here")
    assert results["not_exported"] is None and "Every cell already has its record" in said
    spec = json.loads((tmp_path / "here/1/assets.extra/model_spec.json").read_text())
    file = results["recommended"]["file"]
    assert spec["notes"]["this_file"] == file and file["accuracy"] > 35  # chance is 25
    assert file["num_labels"] == 56 and file["calibration"]["num_held_out"] == 56
    assert spec["notes"]["notes"][0].startswith("Exported scratch/probe, trained on all 56 labels")
    version = tfzero.load_model(next((tmp_path / "runs/bars/final").glob("*.keras")))
    images = data.test_images
    served = tf.saved_model.load("here/1").signatures["serving_default"](image=tf.constant(images))
    np.testing.assert_allclose(served["scores"], version(images), atol=1e-5)
    right = (served["scores"].numpy().argmax(axis=1) == data.test_labels).mean()
    assert 100 * right == pytest.approx(file["accuracy"])


# What of an encoder's layers tells which it is.
@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder, layer, plan",
    [
        ("residual", "inner1", "encoder-"),
        ("base", "inner_1_1", "encoder-"),
        ("keras:MobileNetV3Small,size=32", "pixels", "MobileNetV3Small-"),
        ("own.keras", "mine", "own-"),
    ],
)
def test_the_encoder_is_every_arm_s_from_the_command_line(
    tmp_path, monkeypatch, one_core, untimed, unreported, eagerly, encoder, layer, plan
):
    monkeypatch.chdir(tmp_path)
    images, labels = draw_bars(80, seed=0)
    np.savez("bars.npz", x_train=images, y_train=labels, x_test=images[:20] ^ 1, y_test=labels[:20])
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, name="mine")(inputs))
    keras.Model(inputs, features, name="own").save("own.keras")
    asked = ["compare", "bars.npz", "--label-counts", "12", "--seeds", "1", "--epochs", "1"]
    asked += ["--arms", "rotation/probe,scratch/probe", "--out", "run", "--encoder", encoder]
    result = CliRunner().invoke(cli.app, asked)
    assert result.exit_code == 0, (result.output, result.exception)
    kept = tfzero.load_model(next(pathlib.Path("run/encoders").glob("rotation-0-*.keras")))
    assert layer in [each.name for each in kept.layers]
    assert json.loads(pathlib.Path("run/study.json").read_text())["encoder"].startswith(plan)
    # The same name is the same study, whatever Keras has built since.
    records = sorted(path.name for path in pathlib.Path("run/cells").iterdir())
    result = CliRunner().invoke(cli.app, asked)
    assert result.exit_code == 0, (result.output, result.exception)
    assert sorted(path.name for path in pathlib.Path("run/cells").iterdir()) == records
    # Without the option it is another study.
    result = CliRunner().invoke(cli.app, asked[:-2])
    assert "holds a study with another plan (encoder" in str(result.exception)
