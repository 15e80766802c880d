import signal
import subprocess
import sys

import pytest

from tfzero.common.checks import StopError
from tfzero.study.work import slots
from tfzero.study.work.devices import Slot

SLOTS = (Slot("GPU-test", 0, 1000), Slot("GPU-test", 1, 1000))
HOLDER = """
import os, sys, time
from tfzero.study.work.devices import Slot
from tfzero.study.work.slots import take_slot
slot = take_slot((Slot("GPU-test", 0, 1000), Slot("GPU-test", 1, 1000)))
print(slot.number, os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
time.sleep(60)
"""


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # of processes that are started
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))


@pytest.fixture
def start(temporary):
    started = []

    def begin():
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, process.stdout.readline().split()

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_each_process_has_a_slot_of_its_own_and_sees_its_gpu(start):
    assert slots.free_slots(SLOTS) == SLOTS
    first, said = start()
    assert said == ["0", "GPU-test"]
    assert slots.free_slots(SLOTS) == SLOTS[1:]
    _, said = start()
    assert said == ["1", "GPU-test"]
    assert slots.free_slots(SLOTS) == ()
    with pytest.raises(StopError, match="All 2 slots"):
        slots.take_slot(SLOTS, patience=0.0)
    # A killed worker's slot is free at once for the one that replaces it.
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert slots.free_slots(SLOTS) == SLOTS[:1]
    assert start()[1] == ["0", "GPU-test"]


def test_a_process_without_a_slot_has_no_gpu():
    assert slots.current_slot() is None
    slots.configure_gpu()  # does nothing


CONFIGURED = """
import json, sys
from unittest import mock
import tensorflow as tf
from tfzero.study.work import slots
from tfzero.study.work.devices import Slot

slots._taken = Slot("GPU-test", 1, 1234), -1
count = int(sys.argv[1])
told = []
with (
    mock.patch.object(tf.config, "list_physical_devices", lambda kind: ["a GPU"] * count),
    mock.patch.object(tf.config, "set_logical_device_configuration", lambda *a: told.append(a)),
):
    try:
        slots.configure_gpu()
        slots.configure_gpu()
    except Exception as error:
        print(type(error).__name__, error)
        sys.exit()
[(gpu, [part])] = told
from tensorflow.python.framework import config
assert (gpu, part.memory_limit) == ("a GPU", 1234)
assert config.is_op_determinism_enabled()
assert not tf.config.experimental.tensor_float_32_execution_enabled()
import keras
import numpy as np
from tfzero.pretrain import build_method
from tfzero.pretrain.budget import default_budget
from tfzero.pretrain.run import pretrain
from tests.conftest import build_small_encoder
method = build_method("rotation", build_small_encoder(), kind=None, seed=0)
pretrain(method, np.zeros((8, 8, 8, 1), np.uint8), budget=default_budget(8, epochs=1))
assert method.jit_compile is False
assert method.get_compile_config()["jit_compile"] is False
print("fine")
"""


@pytest.mark.parametrize(("count", "said"), [(1, "fine"), (0, "StopError TensorFlow sees 0 GPUs")])
def test_tensorflow_is_set_up_before_its_first_operation(count, said):
    done = subprocess.run(
        [sys.executable, "-c", CONFIGURED, str(count)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(said), done.stdout + done.stderr
