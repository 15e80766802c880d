"""The NVIDIA GPUs of this machine, asked of the driver: TensorFlow would take memory of each."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

# What a person says with it holds for tfzero, too.
VISIBLE = "CUDA_VISIBLE_DEVICES"
_FIELDS = (
    "uuid",
    "name",
    "memory.total",
    "memory.free",
    "compute_cap",
    "driver_version",
    "compute_mode",
    "mig.mode.current",
)
# A driver that is broken may never answer; one that wakes eight GPUs up takes half a minute.
_PATIENCE = 60.0
# The oldest GPUs for which TensorFlow 2.21 has kernels.
_LEAST_CAPABILITY = 6.0
_PROBE = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"


class Gpu(NamedTuple):
    """A GPU as its driver describes it.

    Attributes:
        uuid: Tells it from all others; `CUDA_VISIBLE_DEVICES` takes it.
        name: The model, for example "NVIDIA A10G".
        megabytes: Memory in all, in MiB.
        free: Memory that no process has taken, in MiB.
        capability: What it can compute, as NVIDIA counts it.
        driver: The driver's version.
        is_shared: Whether several processes may use it at once.
        is_divided: Whether it is cut into instances (MIG), which have identifiers of their own.
    """

    uuid: str
    name: str
    megabytes: int
    free: int
    capability: float
    driver: str
    is_shared: bool = True
    is_divided: bool = False


class Found(NamedTuple):
    """The GPUs that can be used.

    Attributes:
        gpus: All of them, as the driver lists them.
        why_none: A sentence on why there are none; empty if there are some.
        is_fault: Whether there should be some.
    """

    gpus: tuple[Gpu, ...]
    why_none: str = ""
    is_fault: bool = False


def list_gpus(visible: str | None, *, query: Callable[[], str] | None = None) -> Found:
    """Returns the GPUs that a person lets this process use.

    Args:
        visible: What a person set `CUDA_VISIBLE_DEVICES` to; None means all.
        query: Returns what `nvidia-smi` prints of `_FIELDS`; None asks the driver.
    """
    try:
        printed = (query or ask_driver)()
    except FileNotFoundError:
        if _has_devices():
            return Found((), "There is a GPU, but no nvidia-smi to ask about it", True)
        return Found((), "No NVIDIA driver was found")
    except (OSError, subprocess.SubprocessError) as error:
        return Found((), f"The NVIDIA driver does not answer ({_first_line(error)})", True)
    lines = [line for line in printed.splitlines() if line.strip()]
    # Between them there may be warnings, and GPUs that do not tell their memory.
    gpus = [gpu for line in lines if (gpu := _parse(line)) is not None]
    if not gpus:
        said = lines[0].strip() if lines else "nothing"
        return Found((), f"The NVIDIA driver said: {said[:200]}", True)
    if "MIG-" in (visible or ""):
        return Found((), f"{VISIBLE}={visible}: tfzero does not use MIG instances", True)
    seen = _keep_visible(gpus, visible)
    if not seen:
        return Found((), f"{VISIBLE}={visible} shows no GPU")
    able = tuple(gpu for gpu in seen if gpu.capability >= _LEAST_CAPABILITY and not gpu.is_divided)
    if not able:
        names = ", ".join(gpu.name for gpu in seen)
        why = f"tfzero cannot use {names}: too old for TensorFlow, or divided into MIG instances"
        return Found((), why, True)
    return Found(able)


def _has_devices() -> bool:
    """Returns whether the system has a GPU's device, as in a container without the driver's tools.

    Inside Windows it has another name.
    """
    return any(pathlib.Path("/dev").glob("nvidia[0-9]*")) or pathlib.Path("/dev/dxg").exists()


def ask_driver() -> str:
    """Returns a line per GPU with `_FIELDS`.

    Raises:
        FileNotFoundError: If there is no driver.
        subprocess.SubprocessError: If it fails.
    """
    command = ["nvidia-smi", f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_PATIENCE, check=False, errors="replace"
    )
    # A broken driver explains itself on standard output.
    return done.stdout or done.stderr


@functools.cache
def count_seen_by_tensorflow(uuid: str) -> int:
    """Returns how many GPUs TensorFlow sees in a process that is shown this one: 1 if it works.

    The driver may be there without the libraries that TensorFlow needs. This process is spared, in
    which a GPU could not be let go again.
    """
    environment = {**os.environ, VISIBLE: uuid, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, check=False
    )
    words = done.stdout.split()
    return int(words[-1]) if words and words[-1].isdigit() else 0


def _parse(line: str) -> Gpu | None:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != len(_FIELDS):
        return None
    uuid, name, total, free, capability, driver, mode, mig = fields
    try:
        return Gpu(
            uuid,
            name,
            int(total),
            int(free),
            float(capability),
            driver,
            is_shared=mode == "Default",
            is_divided=mig == "Enabled",
        )
    except ValueError:  # "[N/A]", as of a GPU that fell off the bus
        return None


def _keep_visible(gpus: list[Gpu], visible: str | None) -> list[Gpu]:
    """Returns the GPUs that a list of numbers or identifiers names, in its order.

    As CUDA does it: what follows a name that is none does not count.
    """
    if visible is None:
        return gpus
    kept: list[Gpu] = []
    for name in (word.strip() for word in visible.split(",")):
        named = [
            gpu
            for number, gpu in enumerate(gpus)
            if name == str(number) or (name.startswith("GPU-") and gpu.uuid.startswith(name))
        ]
        if len(named) != 1 or named[0] in kept:
            break
        kept += named
    return kept


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
