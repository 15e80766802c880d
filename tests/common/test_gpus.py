import re
import subprocess

import pytest

from tfzero.common import gpus
from tfzero.common.gpus import list_gpus

A10 = "GPU-1111, NVIDIA A10G, 23028, 22500, 8.6, 550.54.15, Default, Disabled"
T4 = "GPU-2222, Tesla T4, 15360, 14900, 7.5, 550.54.15, Default, [N/A]"
OLD = "GPU-3333, Tesla K80, 11441, 11000, 3.7, 470.10, Default, [N/A]"


def ask(*lines, visible=None):
    return list_gpus(visible, query=lambda: "\n".join(lines))


def test_each_gpu_is_read_from_its_line():
    [gpu] = ask(A10).gpus
    assert gpu == ("GPU-1111", "NVIDIA A10G", 23028, 22500, 8.6, "550.54.15", True, False)
    assert [gpu.uuid for gpu in ask(A10, A10, A10, T4).gpus] == ["GPU-1111"] * 3 + ["GPU-2222"]


def fail(error):
    def query():
        raise error

    return query


@pytest.mark.parametrize(
    ("found", "why", "is_fault"),
    [
        (list_gpus(None, query=fail(FileNotFoundError())), "No NVIDIA driver", False),
        (
            list_gpus(None, query=fail(subprocess.TimeoutExpired("nvidia-smi", 20))),
            "does not answer .*timed out",
            True,
        ),
        (ask(), "said: nothing", True),
        (ask("NVIDIA-SMI has failed because it couldn't communicate"), "said: NVIDIA-SMI", True),
        (ask("GPU-5, GB10, [N/A], [N/A], 12.1, 580, Default, [N/A]"), "said: GPU-5, GB10", True),
        (ask(OLD), "cannot use Tesla K80: too old", True),
        (ask(A10.replace("Disabled", "Enabled")), "divided into MIG instances", True),
        (ask(A10, visible="MIG-1234"), "MIG-1234: tfzero does not use MIG", True),
        (ask(A10, visible="-1"), "CUDA_VISIBLE_DEVICES=-1 shows no GPU", False),
        (ask(A10, visible=""), "shows no GPU", False),
    ],
)
def test_without_a_gpu_the_reason_is_said(found, why, is_fault):
    assert found.gpus == () and re.search(why, found.why_none)
    assert found.is_fault == is_fault


def test_warnings_between_the_lines_are_passed_over():
    assert len(ask("WARNING: infoROM is corrupted at gpu 0000:01:00.0", A10).gpus) == 1


def test_a_gpu_for_one_process_at_a_time_is_known():
    assert not ask(A10.replace("Default", "Exclusive_Process")).gpus[0].is_shared


def test_a_device_without_the_drivers_tools_is_a_fault(monkeypatch):
    monkeypatch.setattr(gpus, "_has_devices", lambda: True)
    found = list_gpus(None, query=fail(FileNotFoundError()))
    assert found.is_fault and "no nvidia-smi" in found.why_none


def test_too_old_gpus_are_left_out():
    assert [gpu.uuid for gpu in ask(OLD, T4).gpus] == ["GPU-2222"]


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        (None, ["GPU-1111", "GPU-2222"]),
        ("1", ["GPU-2222"]),
        ("1,0", ["GPU-2222", "GPU-1111"]),
        ("GPU-22", ["GPU-2222"]),
        ("0,7,1", ["GPU-1111"]),  # as in CUDA, what follows a wrong one does not count
        ("0,0,1", ["GPU-1111"]),
        ("GPU-", []),  # two have this beginning
    ],
)
def test_a_person_chooses_by_cuda_visible_devices(visible, uuids):
    assert [gpu.uuid for gpu in ask(A10, T4, visible=visible).gpus] == uuids


def test_the_driver_is_asked_for_what_is_parsed(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho "{A10}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert list_gpus(None).gpus[0].name == "NVIDIA A10G"
    asked = (tmp_path / "asked").read_text()
    fields = "uuid,name,memory.total,memory.free,compute_cap,driver_version,compute_mode"
    assert f"--query-gpu={fields},mig.mode.current" in asked
    tool.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert list_gpus(None).why_none == "The NVIDIA driver said: No devices were found"


@pytest.mark.slow
def test_tensorflow_sees_no_gpu_that_is_none():
    assert gpus.count_seen_by_tensorflow("GPU-none") == 0
