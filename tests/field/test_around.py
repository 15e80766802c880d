"""Surroundings that people have: settings of Keras and TensorFlow, variables, other systems."""

import ast
import builtins
import dataclasses
import json
import mmap
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from tests.conftest import build_small_encoder
from tests.study.small import at, open_small_run
from tfzero.common import cores, surroundings
from tfzero.common.checks import InputError
from tfzero.data import memory
from tfzero.study.planning.versions import current_versions
from tfzero.study.work import executors, locks, pool, process
from tfzero.study.work.cell import run_cell
from tfzero.transfer.contract import measure_cost

PACKAGE = pathlib.Path(surroundings.__file__).parents[1]
# Variables of a person's shell, and what is wrong in them for a study.
SHELL = {
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
}


def run_command(script, folder, **environment):
    """Runs a script in a process of its own, as a person with these variables would."""
    removed = {"TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES", "KERAS_BACKEND"}
    around = {name: value for name, value in os.environ.items() if name not in removed}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**around, "PYTHONPATH": str(PACKAGE.parent), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def keras_home(folder, text):
    (folder / "keras").mkdir()
    (folder / "keras/keras.json").write_text(text)
    return str(folder / "keras")


TRAINS = """
import sys
from tfzero.cli import main
sys.argv = ["tfzero", "pretrain", "--method", "vae", "--epochs", "2", "--out", "vae.keras"]
try:
    main()
except SystemExit as end:
    print("exit code", end.code)
import keras, tfzero
found = tfzero.load_model("vae.keras")
print({str(weight.dtype) for weight in found.trainable_weights})
print([keras.config.floatx(), keras.config.image_data_format(), keras.config.backend()])
"""


@pytest.mark.slow
def test_a_command_works_whatever_shell_and_file_of_settings_ask_of_keras(tmp_path):
    home = keras_home(
        tmp_path,
        json.dumps(
            {
                "floatx": "float16",
                "epsilon": 1e-3,
                "backend": "jax",
                "image_data_format": "channels_first",
            }
        ),
    )
    done = run_command(TRAINS, tmp_path, KERAS_HOME=home, **SHELL)
    assert done.returncode == 0, done.stderr
    # One line says what is not used; TensorFlow's own lines stay off the screen.
    said = "tfzero: Environment variables that tfzero ignores, because they would change results: "
    assert done.stderr.strip() == f"{said}{', '.join(sorted(set(SHELL) - {'KERAS_BACKEND'}))}."
    assert "exit code 0" in done.stdout and "epoch 2/2" in done.stdout
    assert "{'float32'}" in done.stdout
    assert "['float16', 'channels_first', 'tensorflow']" in done.stdout  # put back


REFUSES = """
import os, sys
from tfzero.cli import main
for command in (["predict", "nowhere", "a.png"], ["verify", "nowhere"],
                ["convert", "nowhere", "--to", "onnx"], ["report", "nowhere"],
                ["check", "nowhere"], ["suggest", "nowhere"], ["sample", "nowhere.keras"],
                ["export", "nowhere.keras", "--out", "sm"], ["pretrain", "--method", "vea"],
                ["finetune", "--strategy", "lptf"], ["compare", "--arms", "vae/lptf"]):
    sys.argv = ["tfzero", *command]
    try:
        main()
    except SystemExit as end:
        print(command[0], end.code, "tensorflow" in sys.modules)
sys.argv = ["tfzero", "compare", "--dry-run"]
try:
    main()
except SystemExit as end:
    print("plan", end.code, "tensorflow" in sys.modules)
os.makedirs(os.environ["KERAS_HOME"], exist_ok=True)
with open(os.environ["KERAS_HOME"] + "/keras.json", "w") as file:
    file.write('{"floatx": "bfloat16"}')
sys.argv = ["tfzero", "pretrain", "--epochs", "1", "--out", "a.keras"]
main()
"""


def test_what_needs_no_network_runs_without_tensorflow_and_a_bad_file_of_settings_is_said(tmp_path):
    home = str(tmp_path / "keras")
    done = run_command(REFUSES, tmp_path, KERAS_HOME=home)
    ends = [line for line in done.stdout.splitlines() if line.endswith((" True", " False"))]
    assert len(ends) == 12 and all(line.endswith("2 False") for line in ends[:-1]), done.stderr
    assert ends[-1] == "plan 0 False"
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"{home}/keras.json sets floatx to 'bfloat16'; expected a value" in done.stderr


def test_keras_on_another_backend_is_one_sentence(monkeypatch):
    import keras

    surroundings.choose_backend()
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(InputError, match="Keras runs on torch.*KERAS_BACKEND=tensorflow"):
        surroundings.choose_backend()


def change_everything(patch):
    """Sets what a person can set, to values that change numbers; returns how to read it all."""
    import keras
    import sklearn
    import tensorflow as tf
    import threadpoolctl

    config, optimizer = keras.config, tf.config.optimizer
    settings = [
        (config.floatx, config.set_floatx, "float64"),
        (config.epsilon, config.set_epsilon, 1e-2),
        (config.image_data_format, config.set_image_data_format, "channels_first"),
        (config.max_epochs, config.set_max_epochs, 1),
        (config.max_steps_per_epoch, config.set_max_steps_per_epoch, 3),
        (config.dtype_policy, config.set_dtype_policy, "mixed_float16"),
        (tf.config.functions_run_eagerly, tf.config.run_functions_eagerly, True),
        (optimizer.get_jit, optimizer.set_jit, "autoclustering"),
        (
            optimizer.get_experimental_options,
            optimizer.set_experimental_options,
            {"constant_folding": False, "arithmetic_optimization": False},
        ),
        (np.geterr, lambda errors: np.seterr(**errors), {name: "raise" for name in np.geterr()}),
        (sklearn.get_config, lambda all: sklearn.set_config(**all), {"transform_output": "pandas"}),
    ]
    before = [read() for read, _, _ in settings]
    for _, write, value in settings:
        write(value)
    limit = threadpoolctl.threadpool_limits(2)

    def restore():
        limit.restore_original_limits()
        optimizer.set_experimental_options({"constant_folding": None})
        optimizer.set_experimental_options({"arithmetic_optimization": None})
        for (_, write, _), value in zip(settings, before, strict=True):
            write(value or False if write == optimizer.set_jit else value)

    def read():
        threads = [found["num_threads"] for found in threadpoolctl.threadpool_info()]
        return [str(each()) for each, _, _ in settings], threads

    return read, restore


@pytest.mark.parametrize(
    "arms",
    [
        ["scratch/finetune", "pixels/svm"],
        pytest.param(["vae/lpft", "gan/lpft", "kmeans/svm"], marks=pytest.mark.slow),
    ],
)
def test_no_setting_of_the_calling_process_changes_a_cell_and_all_are_as_before(arms, tmp_path):
    from tfzero.study.work.pretraining import run_pretraining

    answers = {}
    for folder in ("plain", "changed"):
        plan, run = open_small_run(tmp_path / folder, arms=arms, label_counts=(12,))
        read, restore = change_everything(None) if folder == "changed" else (lambda: 0, lambda: 0)
        try:
            before = read()
            np.random.seed(len(folder))
            for word in plan.pretraining:
                run_pretraining(at(plan, run), word, 0)
            for cell in plan.cells():
                run_cell(at(plan, run), cell)
            assert read() == before
        finally:
            restore()
        keys = [plan.cell_key(cell) for cell in plan.cells()]
        answers[folder] = {key: run.read_probabilities(key) for key in keys}
    assert answers["plain"].keys() == answers["changed"].keys()
    for key, expected in answers["plain"].items():
        np.testing.assert_array_equal(answers["changed"][key], expected)


def test_variables_of_terraform_stay_and_no_value_is_shown():
    environment = {"TF_VAR_region": "x", "TF_TOKEN_app": "secret", "XLA_FLAGS": "--fast"}
    dropped = surroundings.drop_foreign_variables(environment)
    assert dropped == {"XLA_FLAGS": "--fast"} and "TF_TOKEN_app" in environment
    assert environment["KERAS_BACKEND"] == "tensorflow"
    assert "--fast" not in surroundings.describe_dropped(dropped)


def look_around():
    return os.getpid(), surroundings.foreign_variables(), os.environ.get("CUDA_VISIBLE_DEVICES")


def test_what_a_process_cannot_change_back_sends_its_jobs_to_a_worker(tmp_path, monkeypatch):
    import tensorflow as tf

    def run():
        with pool.use_workers(1):
            return pool.run_jobs([pool.Job("look", 1.0, look_around, ())], log=tmp_path / "log")[0]

    assert process.why_unfit() is None and run()[0] == os.getpid()
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    assert "TF_ENABLE_ONEDNN_OPTS" in process.why_unfit()
    beside, foreign, devices = run()
    assert beside != os.getpid() and foreign == {} and devices == "-1"
    for name in SHELL:
        monkeypatch.delenv(name)
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        assert "strategy" in process.why_unfit()
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a GPU"])
    assert "GPU" in process.why_unfit()
    monkeypatch.undo()
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
    if not tf.config.threading.get_intra_op_parallelism_threads():
        assert "several threads" in process.why_unfit()


def look_at_variables():
    return os.getpid(), surroundings.processor_variables()


def test_kernels_that_were_chosen_after_the_import_are_those_of_the_plan_and_of_all_jobs(
    tmp_path, monkeypatch
):
    def run():
        with pool.use_workers(1):
            job = pool.Job("look", 1.0, look_at_variables, ())
            return pool.run_jobs([job], log=tmp_path / "log")[0]

    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert current_versions()["MKL_CBWR"] == "COMPATIBLE"
    assert process.why_unfit() == "MKL_CBWR changed after tfzero was imported"
    beside, found = run()
    assert beside != os.getpid() and found == {"MKL_CBWR": "COMPATIBLE"}
    monkeypatch.setenv("MKL_CBWR", "AVX2")  # a worker that read the other value is not used again
    assert run()[1] == {"MKL_CBWR": "AVX2"}
    monkeypatch.delenv("MKL_CBWR")
    assert process.why_unfit() is None and run()[0] == os.getpid()


def test_pure_half_precision_is_refused_on_the_direct_road_and_the_library_s_encoder_is_not_in_it():
    import keras

    import tfzero

    keras.config.set_dtype_policy("float16")
    try:
        own = build_small_encoder()
        encoder = tfzero.build_encoder((8, 8, 1))
        for build in (lambda: tfzero.VAE(encoder), lambda: tfzero.Classifier(encoder, 3)):
            with pytest.raises(InputError, match="dtype policy float16.*set_dtype_policy"):
                build()
    finally:
        keras.config.set_dtype_policy("float32")
    assert tfzero.VAE(encoder).precision == "float32"
    for build in (lambda: tfzero.VAE(own), lambda: tfzero.Classifier(own, 3)):
        with pytest.raises(InputError, match="'block1'.* keeps weights in float16.*Build the"):
            build()


def test_what_is_frozen_is_named():
    from tfzero.networks.frozen import describe_frozen

    encoder = build_small_encoder()
    assert describe_frozen(encoder, name="mine") == ""
    encoder.get_layer("block1").trainable = False
    assert describe_frozen(encoder, name="mine").startswith(
        "All 1 layers with weights in mine are frozen (block1): training does not change them."
    )


def test_predict_notes_size_and_colour(tmp_path, monkeypatch):
    from tfzero.export import notes

    spec = {"image_shape": [8, 8, 1], "resize": "pad"}
    (tmp_path / "model/assets.extra").mkdir(parents=True)
    (tmp_path / "model/saved_model.pb").touch()
    file = tmp_path / "model" / notes.SPEC_FILE
    paths = []
    for name, size, mode in (
        ("fits", (8, 8), "L"),
        ("large", (9, 12), "L"),
        ("red", (8, 8), "RGB"),
    ):
        paths.append(tmp_path / f"{name}.png")
        PIL.Image.new(mode, size).save(paths[-1])
    file.write_text(json.dumps(spec))
    resized, converted = notes.describe_changes(tmp_path / "model", paths)
    assert resized.startswith("1 of 3 images are padded and reduced to the model's 8x8 pixels, for")
    assert resized.endswith("large.png of 9x12.")
    assert converted.startswith("1 of 3 images are in colour and the model takes gray, for example")
    assert "red.png" in converted
    assert list(notes.describe_changes(tmp_path / "model", paths[:1])) == []
    file.write_text(json.dumps({**spec, "image_shape": [8, 8, 3]}))
    assert (
        "2 of 3 images are gray and" in list(notes.describe_changes(tmp_path / "model", paths))[1]
    )


# Modules that Linux, or Unix, alone has. Others are imported by the libraries, not by us.
_LINUX_MODULES = {"fcntl", "grp", "posix", "pwd", "resource", "termios", "syslog"}


def test_no_module_of_linux_is_imported_where_a_file_is():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            found = [alias.name for alias in getattr(node, "names", [])]
            assert not _LINUX_MODULES & {*found, getattr(node, "module", "")}, path


def test_the_main_road_without_what_linux_alone_has(tmp_path, monkeypatch):
    for owner, name in (
        (os, "sched_getaffinity"),
        (os, "sysconf"),
        (signal, "pthread_sigmask"),
        (mmap, "MADV_RANDOM"),
    ):
        monkeypatch.delattr(owner, name)
    monkeypatch.setitem(sys.modules, "resource", None)
    whole, read, follow = builtins.open, pathlib.Path.read_text, os.readlink

    def none_of(function):
        def call(path, *args, **kwargs):
            # threadpoolctl reads the last, where it is on Linux.
            if str(path).startswith("/proc") and path != "/proc/self/maps":
                raise FileNotFoundError(2, "No such file", str(path))
            return function(path, *args, **kwargs)

        return call

    monkeypatch.setattr(builtins, "open", none_of(whole))
    monkeypatch.setattr(pathlib.Path, "read_text", none_of(read))
    monkeypatch.setattr(os, "readlink", none_of(follow))
    memory._find_limit.cache_clear()
    locks._this_machine.cache_clear()
    try:
        assert cores.count_cores() == os.cpu_count() and memory.memory_limit() > 2**30
        with measure_cost() as cost:
            pass
        assert cost.peak_memory_bytes == 0
        # A process that cannot be looked up is not taken for dead.
        held = locks.try_lock(tmp_path / "work.json")
        assert held is not None and locks.try_lock(tmp_path / "work.json") is None
        held.release()
        plan, run = open_small_run(tmp_path / "run")
        run_cell(at(plan, run), plan.cells()[0])
        with executors.interrupts_blocked():
            pass
    finally:
        memory._find_limit.cache_clear()
        locks._this_machine.cache_clear()


STUDY = """
import sys
if sys.argv[1:] == []: sys.argv = ["x", *{arguments!r}]
mode, workers, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import numpy as np
if mode == "keras":
    import keras, sklearn, tensorflow as tf
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_max_steps_per_epoch(3)
    tf.config.run_functions_eagerly(True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(7)
    tf.constant(1)
import tfzero
from tests.conftest import draw_bars
if __name__ == "__main__":
    data = tfzero.from_arrays(*draw_bars(160, seed=0, contrast=0.1, noise=0.2))
    arms = ["vae/lpft", "scratch/finetune", "pixels/svm"]
    tfzero.compare(data, arms=arms, label_counts=[12], seeds=2, epochs=3, minutes=None,
                   workers=workers, out=out)
"""


@pytest.mark.slow
def test_a_study_gives_bit_equal_results_in_all_surroundings(tmp_path):
    found = {}
    for mode, workers in (("plain", 2), ("keras", 1), ("keras", 2), ("shell", 1), ("shell", 2)):
        folder = tmp_path / f"{mode}{workers}"
        script = STUDY.replace("{arguments!r}", repr([mode, str(workers), str(folder)]))
        done = run_command(script, tmp_path, **(SHELL if mode == "shell" else {}))
        assert done.returncode == 0, done.stderr
        found[folder.name] = {
            path.name: np.load(path)["probabilities"] for path in (folder / "cells").glob("*.npz")
        }
    for cells in found.values():
        assert cells.keys() == found["plain2"].keys() and len(cells) == 6
        for name, expected in found["plain2"].items():
            np.testing.assert_array_equal(cells[name], expected)


def test_leave_to_run_code_in_files_reaches_the_jobs(tmp_path):
    import keras
    from keras.src.saving.serialization_lib import SafeModeScope

    @process.in_study
    def load(workspace):
        return keras.models.load_model(tmp_path / "code.keras")

    layers = [keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x, output_shape=(2,))]
    keras.Sequential(layers).save(tmp_path / "code.keras")
    plan, run = open_small_run(tmp_path / "run", arms=["pixels/svm"], label_counts=(12,))
    workspace = at(plan, run)
    assert not surroundings.trusts_files()
    with pytest.raises(ValueError, match="enable_unsafe_deserialization"):
        load(workspace)
    with SafeModeScope(None):
        keras.config.enable_unsafe_deserialization()
        trusting = dataclasses.replace(workspace, trusts_files=surroundings.trusts_files())
    assert not surroundings.trusts_files()
    assert load(trusting)(np.ones((1, 2)))[0, 0] == 2
    assert not surroundings.trusts_files()  # it ends with the job
