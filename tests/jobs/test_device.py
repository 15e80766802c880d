import io

import numpy as np
import pytest
from rich.console import Console

import tfzero
from tests.conftest import build_small_encoder
from tests.study.work.test_devices import make_gpus
from tfzero.common.checks import InputError
from tfzero.common.files import read_json, write_json
from tfzero.common.gpus import Found
from tfzero.jobs import device
from tfzero.jobs.device import AskedWorkers, choose_devices, read_kept_device
from tfzero.study.records import RunFolder

LARGE = (96, 96, 3)
NO_ONE = AskedWorkers("auto", None, None)


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """Makes GPUs of so many MiB seem to be there."""

    def make(*megabytes, free=None, seen=1):
        found = Found(make_gpus(*megabytes, free=free), "" if megabytes else "No driver")
        monkeypatch.setattr(device, "list_gpus", lambda visible: found)
        monkeypatch.setattr(device, "count_seen_by_tensorflow", lambda uuid: seen)
        return found

    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return make


def test_a_gpu_is_used_if_tensorflow_can_use_it(pretend):
    pretend(24000)
    assert choose_devices(NO_ONE, LARGE, kept=None).gpu == "NVIDIA A10G"
    assert choose_devices(NO_ONE._replace(device="cpu"), LARGE, kept=None).gpu is None
    found = choose_devices(NO_ONE._replace(count=1), LARGE, kept=None)
    assert len(found.slots) == 1 and found.why == "NVIDIA A10G, 1 process"
    pretend(24000, seen=0)
    found = choose_devices(NO_ONE, LARGE, kept=None)
    assert found.gpu is None and found.is_news and "pip install 'tfzero[gpu]'" in found.why
    with pytest.raises(InputError, match=r"pip install 'tfzero\[gpu\]'"):
        choose_devices(NO_ONE._replace(device="gpu"), LARGE, kept=None)


def test_the_driver_is_not_asked_where_no_gpu_is_used(monkeypatch):
    asked = []
    monkeypatch.setattr(device, "list_gpus", lambda visible: asked.append(visible) or Found(()))
    by_size = choose_devices(NO_ONE, (8, 8, 1), kept=None)
    as_before = choose_devices(NO_ONE, LARGE, kept="")
    as_told = choose_devices(NO_ONE._replace(device="cpu"), LARGE, kept=None)
    assert asked == []
    assert by_size.why == "CPU, because the images have fewer than 28 pixels a side"
    assert as_before.why == "CPU, like all earlier results in this folder"
    assert as_told.why == "CPU"
    assert choose_devices(NO_ONE, LARGE, kept=None).gpu is None and len(asked) == 1


def test_a_gpu_that_others_use_is_no_reason_to_take_the_cpu(pretend, monkeypatch):
    pretend(24000, free=500)
    with pytest.raises(InputError, match="hold the memory of the GPU"):
        choose_devices(NO_ONE, LARGE, kept=None)
    pretend(24000)
    monkeypatch.setattr(device, "free_slots", lambda slots: ())
    with pytest.raises(InputError, match="Other studies use all"):
        choose_devices(NO_ONE, LARGE, kept=None)


def compare(folder, images, **asked):
    console = Console(file=(out := io.StringIO()), width=100)
    data = tfzero.data.from_arrays(images, np.arange(len(images)) % 3)
    encoder = build_small_encoder(images.shape[1:])
    arms, labels = ["scratch/finetune", "pixels/svm"], [6]
    study = tfzero.compare(
        data,
        arms=arms,
        label_counts=labels,
        seeds=2,
        encoder=encoder,
        out=folder,
        console=console,
        **asked,
    )
    return study, out.getvalue()


def test_the_plan_names_the_gpu_and_a_study_stays_on_it(pretend, tmp_path, untimed):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1), np.uint8)
    pretend(24000)
    study, said = compare(tmp_path, images, dry_run=True)
    assert study.plan.device == "NVIDIA A10G" and "Device: NVIDIA A10G, " in said
    assert "processes (a guess, until the GPU has done the first jobs), about" in " ".join(
        said.split()
    )
    pretend()
    study, said = compare(tmp_path, images, dry_run=True)
    assert study.plan.device is None and "Device" not in said
    _, said = compare(tmp_path, images, dry_run=True, verbose=True)
    assert "Device: CPU. No driver." in said
    with pytest.raises(InputError, match="`device` is .tpu."):
        compare(tmp_path, images, device="tpu")


def test_what_ran_on_a_gpu_is_not_continued_without_it(pretend, tmp_path, untimed):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1), np.uint8)
    run = RunFolder(tmp_path)
    pretend(24000)
    study, _ = compare(tmp_path, images, dry_run=True)
    run.create()
    plan = study.plan.to_json()
    write_json(run.study, {**plan, "asked": plan})
    assert read_kept_device(run) == "NVIDIA A10G"
    pretend()
    with pytest.raises(InputError, match="runs on NVIDIA A10G, which cannot be used here"):
        compare(tmp_path, images)
    with pytest.raises(InputError, match="device: .*NVIDIA A10G.* there, null now"):
        compare(tmp_path, images, device="cpu")
    assert read_json(run.study)["device"] == "NVIDIA A10G"


def test_a_folder_of_results_from_cpus_stays_one(pretend, tmp_path):
    run = RunFolder(tmp_path)
    run.create()
    assert read_kept_device(run) is None
    write_json(run.study, {"schema": 2})  # of a version without devices
    assert read_kept_device(run) == ""
    pretend(24000)
    assert choose_devices(NO_ONE, LARGE, kept=read_kept_device(run)).gpu is None


@pytest.fixture
def entering(monkeypatch):
    """Records which GPU a command's own process is given, and gives it none."""
    given = []
    monkeypatch.setattr(device, "own_gpu", given.append)
    monkeypatch.setattr(device, "open_gpu", lambda: given.append("configured"))
    return given


def test_a_command_of_one_process_sees_one_gpu(pretend, entering):
    pretend(16000, 16000)
    assert device.enter_device("auto").gpu == "NVIDIA A10G"
    assert entering == ["GPU-NVIDIA A10G-0", "configured"]
    device.enter_device("1")
    assert entering[2:] == ["GPU-NVIDIA A10G-1", "configured"]
    assert device.enter_device("cpu").gpu is None and len(entering) == 4


def test_a_command_goes_without_a_gpu_unless_it_is_asked_for(pretend, entering):
    for megabytes, seen in (((), 1), ((16000,), 0)):
        pretend(*megabytes, seen=seen)
        assert device.enter_device("auto").gpu is None
        with pytest.raises(InputError, match="A GPU is asked for"):
            device.enter_device("gpu")
    assert entering == []


@pytest.mark.parametrize(
    ("asked", "gpu", "side", "place"),
    [
        ("auto", "NVIDIA A10G", 27, "CPU"),
        ("auto", "NVIDIA A10G", 28, ""),
        ("gpu", "NVIDIA A10G", 8, ""),
        ("auto", None, 8, ""),
    ],
)
def test_small_images_leave_the_gpu_alone(asked, gpu, side, place, monkeypatch):
    import tensorflow as tf

    fixed = []
    monkeypatch.setattr(device, "fix_rounding", lambda: fixed.append(True))

    with tf.Graph().as_default(), device.Entered(asked, gpu).at_work_on((side, 40, 1)):
        assert place in tf.zeros(1).device and bool(place) == bool(tf.zeros(1).device)
    # On the processor, numbers are those of a machine without a GPU.
    assert bool(fixed) == (gpu is not None and not place)


def test_a_notebooks_tensorflow_takes_little_of_the_gpu(pretend, monkeypatch):
    import tensorflow as tf

    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda *asked: grown.append(asked)
    )
    monkeypatch.setattr(device, "is_own_process", lambda: False)
    pretend()
    device.spare_gpus(NO_ONE)
    pretend(16000)
    device.spare_gpus(NO_ONE._replace(device="cpu"))
    assert grown == []
    device.spare_gpus(NO_ONE)
    assert grown == [("a GPU", True)]
