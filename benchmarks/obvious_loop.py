"""The runner against the obvious loop, on the same cells, label subsets and steps.

The loop is what a Keras user writes: for each cell load or build the encoder, build the classifier,
compile, fit, evaluate; one process, TensorFlow's defaults. Both sides start from a fresh process
and the same pretrained encoders, which are made once before and not counted: pretraining is the
same work for both. The sides take turns; the first is another in each round.

    python benchmarks/obvious_loop.py --seeds 5 --rounds 1
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from rich.console import Console

from tfzero.common.files import read_json
from tfzero.common.seeds import derive_seed
from tfzero.data import load_data, nested_subsets
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.request import read_request
from tfzero.study.planning.resolve import make_plan
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.work.cell import run_cell
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pool import Job, num_workers, run_jobs, use_workers
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.process import prepare_process
from tfzero.study.work.progress import Progress
from tfzero.study.work.run import run_study
from tfzero.study.work.tasks import missing_pretraining
from tfzero.study.workspace import Workspace

ARMS = "scratch/finetune,scratch/probe,vae/lpft,vae/probe,gan/lpft,pixels/svm"
COUNTS = "20,50,100,200"
SIDES = ("loop", "runner")


class Parts:
    """Seconds of this process by what it does, from the outside of Keras's methods."""

    def __init__(self):
        self.seconds = collections.Counter()
        self.began = time.perf_counter()

    def mark_started(self):
        """Ends the part that every process has: importing."""
        self.seconds["starting"] = time.perf_counter() - self.began

    def watch(self):
        """Times every fit, prediction and evaluation from now on."""
        import keras

        from tfzero.transfer import classifier, features

        keras.Model.fit = self._timed_fit(keras.Model.fit)
        keras.Model.predict = self._timed(keras.Model.predict)
        keras.Model.evaluate = self._timed(keras.Model.evaluate)
        for module in (classifier, features):
            module.predict_compiled = self._timed(module.predict_compiled)

    def finish(self):
        """Returns the seconds; what was not watched is building, loading and writing."""
        total = time.perf_counter() - self.began
        self.seconds["all else"] = total - sum(self.seconds.values())
        return dict(self.seconds)

    def _timed(self, function):
        def wrapped(*arguments, **settings):
            start = time.perf_counter()
            value = function(*arguments, **settings)
            self.seconds["predicting"] += time.perf_counter() - start
            return value

        return wrapped

    def _timed_fit(self, fit):
        import keras

        parts = self

        class Clock(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                self.start = time.perf_counter()

            def on_train_batch_end(self, batch, logs=None):
                calls.append(time.perf_counter() - self.start)

        calls = []

        def wrapped(model, *arguments, callbacks=(), **settings):
            calls.clear()
            start = time.perf_counter()
            value = fit(model, *arguments, callbacks=[*callbacks, Clock()], **settings)
            total = time.perf_counter() - start
            # The first call traces, where none has before; the others tell what it takes without.
            training = len(calls) * statistics.median(calls)
            parts.seconds["training"] += training
            parts.seconds["tracing"] += max(0.0, calls[0] - statistics.median(calls))
            parts.seconds["around training"] += total - sum(calls)
            parts.seconds["training"] += sum(calls[1:]) - training * (1 - 1 / len(calls))
            return value

        return wrapped


def open_plan(folder, arguments):
    """Returns the study's plan and run folder."""
    data = load_data("digits")
    asked = {
        "arms": arguments.arms.split(","),
        "label_counts": arguments.counts.split(","),
        "seeds": arguments.seeds,
    }
    plan = make_plan(data, read_request(asked))
    run = RunFolder(folder)
    open_run(plan, data, run)
    return plan, run


def run_runner(plan, run):
    """Runs the cells as `tfzero compare` does."""
    progress = Progress(Console(quiet=True), workers=num_workers())
    run_study(Workspace(plan, run.path), estimate=Estimate(), progress=progress)
    records = [run.read_cell(plan.cell_key(cell)) for cell in plan.cells()]
    return [record["result"]["accuracy"] for record in records]


def run_in_this_process(plan, run):
    """Runs the cells as one worker does, to see where its time goes."""
    keys = [run_cell(Workspace(plan, run.path), cell) for cell in plan.cells()]
    return [run.read_cell(key)["result"]["accuracy"] for key in keys]


def run_loop(plan, run):
    """Runs the cells one after the other, as a Keras user writes it."""
    data = load_data("digits")
    accuracies = []
    for cell in plan.cells():
        counts, own = list(plan.label_counts), derive_seed(cell.replicate, "labels")
        subsets = nested_subsets(data.train_images, data.train_labels, counts, seed=own)
        chosen = subsets[cell.num_labels]
        x, y = data.train_images[chosen], data.train_labels[chosen]
        accuracies.append(fit_and_score(plan, run, cell, x, y, data))
    return accuracies


def fit_and_score(plan, run, cell, x, y, data) -> float:
    """Builds, compiles, fits and evaluates one cell."""
    import keras
    from sklearn.linear_model import LogisticRegression

    import tfzero

    if cell.init == "pixels":
        fitted = tfzero.fit_classifier(
            cell.strategy, encoder=None, images=x, labels=y, seed=cell.replicate
        )
        return float((fitted.predict(data.test_images).argmax(axis=1) == data.test_labels).mean())
    keras.utils.set_random_seed(cell.replicate)
    encoder = load_encoder(plan, run, cell)
    if cell.strategy != "finetune":
        features = encoder.predict(x / 255, verbose=0)
        spread = features.std()
        linear = LogisticRegression(C=0.1, max_iter=500).fit(features / spread, y)
        if cell.strategy == "probe":
            features = encoder.predict(data.test_images / 255, verbose=0)
            return float((linear.predict(features / spread) == data.test_labels).mean())
    settings = plan.transfer[cell.num_labels]
    # The same layers and the same augmentation as the runner's.
    model = tfzero.Classifier(encoder, data.num_classes, augment=settings.augment)
    if cell.strategy == "lpft":
        model.head.set_weights([linear.coef_.T / spread, linear.intercept_])
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, settings.steps, warmup_target=2e-3, warmup_steps=settings.steps // 10
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=1e-2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(make_batches(x, y, settings), steps_per_epoch=settings.steps, verbose=0)
    return float(model.evaluate(data.test_images, data.test_labels, verbose=0)[1])


def load_encoder(plan, run, cell: CellSpec):
    """Returns the encoder an arm starts from."""
    import keras

    import tfzero

    if cell.init == "scratch":
        return tfzero.build_encoder(plan.data.image_shape, seed=cell.replicate)
    path = run.encoders / f"{plan.pretraining_key(cell.init, cell.replicate)}.keras"
    return keras.models.load_model(path, compile=False)


def make_batches(x, y, settings):
    """Returns an endless stream of shuffled batches."""
    import tensorflow as tf

    images = tf.data.Dataset.from_tensor_slices((x, y))
    return images.shuffle(len(x)).repeat().batch(settings.batch_size).prefetch(2)


def be_side(arguments) -> None:
    """Runs one side in this process and prints what it did as JSON."""
    parts = Parts()
    plan, run = open_plan(arguments.folder, arguments)
    if arguments.side == "runner":
        accuracies, seconds = run_runner(plan, run), {}
    else:
        if arguments.side == "one worker":
            prepare_process()
        import keras  # noqa: F401

        import tfzero.networks.layers  # noqa: F401

        parts.mark_started()
        parts.watch()
        work = run_loop if arguments.side == "loop" else run_in_this_process
        accuracies, seconds = work(plan, run), parts.finish()
    print(json.dumps({"accuracy": float(np.mean(accuracies)), "parts": seconds}))


def measure(side, folder, arguments) -> dict:
    """Runs one side in a fresh process on a copy of the folder; returns what it took."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch, "run")
        shutil.copytree(folder, copy)
        command = [sys.executable, __file__, "--side", side, "--folder", str(copy)]
        command += ["--arms", arguments.arms, "--counts", arguments.counts]
        command += ["--seeds", str(arguments.seeds)]
        start = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            printed = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
    if process.returncode != 0:
        raise RuntimeError(f"the side {side!r} ended with exit code {process.returncode}")
    said = json.loads(printed.splitlines()[-1])
    return {**said, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def main() -> None:
    """Prepares the encoders, lets the sides take turns and prints a table."""
    arguments = parse_arguments()
    if arguments.side is not None:
        be_side(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        plan, run = open_plan(folder, arguments)
        pretrained = make_encoders(plan, run)
        cells = len(plan.cells())
        size = f"{len(plan.arms)} arms x {len(plan.label_counts)} label counts x {plan.seeds} seeds"
        print(f"{cells} cells: {size}; {num_workers()} cores")
        print(f"pretraining, the same for both and in no figure below: {pretrained:.0f} s of work")
        measured = {side: [] for side in SIDES}
        for number in range(arguments.rounds):
            for side in SIDES if number % 2 == 0 else reversed(SIDES):
                measured[side].append(measure(side, folder, arguments))
                show(side, measured[side][-1], cells)
        walls = {side: [entry["wall"] for entry in found] for side, found in measured.items()}
        ratios = [loop / ours for loop, ours in zip(*walls.values(), strict=True)]
        mean, each = statistics.mean(ratios), ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"the loop takes {mean:.2f} times as long as the runner ({each})")
        show("one worker", measure("one worker", folder, arguments), cells)


def make_encoders(plan, run) -> float:
    """Pretrains the encoders with the runner; returns the seconds that this cost one core."""
    workspace = Workspace(plan, run.path)
    jobs = [
        Job(init, 1.0, run_pretraining, (workspace, init, replicate))
        for init, replicate in missing_pretraining(workspace)
    ]
    run_jobs(jobs, log=run.log)
    return sum(read_json(path)["cost"]["seconds"] for path in run.encoders.glob("*.json"))


def show(side, found, cells) -> None:
    """Prints one line of the table."""
    parts = ", ".join(f"{name} {value:.1f}" for name, value in found["parts"].items())
    print(
        f"{side}: {found['wall']:.1f} s, {found['wall'] / cells:.2f} s a cell, "
        f"{found['cpu']:.1f} CPU s, mean accuracy {100 * found['accuracy']:.1f} %"
        + (f" ({parts})" if parts else ""),
        flush=True,
    )


def parse_arguments():
    """Returns what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arms", default=ARMS)
    parser.add_argument("--counts", default=COUNTS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    with use_workers():
        main()
