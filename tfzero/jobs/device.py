"""What a study or a command runs on: chosen before TensorFlow loads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from tfzero.common.checks import InputError
from tfzero.common.cores import count_cores
from tfzero.common.files import read_json
from tfzero.common.gpus import Found, count_seen_by_tensorflow, list_gpus
from tfzero.common.surroundings import asked_visible, is_own_process
from tfzero.study.planning.lanes import Lane
from tfzero.study.records import RunFolder
from tfzero.study.work.devices import (
    AUTO,
    CPU,
    GPU,
    Asked,
    Devices,
    may_use_gpu,
    plan_devices,
    require_device,
    require_free,
)
from tfzero.study.work.pool import num_workers, require_workers
from tfzero.study.work.slots import fix_rounding, free_slots, open_gpu, own_gpu
from tfzero.study.workspace import Workspace

_NO_LIBRARIES = (
    "TensorFlow does not find the GPU's libraries. Install them: pip install 'tfzero[gpu]'"
)


class AskedWorkers(NamedTuple):
    """What was asked of a study's workers.

    Attributes:
        device: As `compare` takes it.
        count: Processes of this machine, or None.
        scheduler: Address of a Dask scheduler, or None.
    """

    device: str
    count: int | None
    scheduler: str | None

    def require_possible(self) -> None:
        """Raises if there cannot be such workers.

        Raises:
            InputError: As said.
        """
        require_device(self.device)
        require_workers(self.count, self.scheduler)


def read_kept_device(run: RunFolder) -> str | None:
    """Returns the GPU model of the study in a folder, "" if it has none; None without a study."""
    stored = read_json(run.study)
    return None if stored is None else stored.get("device") or ""


def spare_gpus(asked: AskedWorkers) -> None:
    """Has TensorFlow of a person's own process take little memory of GPUs that workers will use.

    It would take all at its first operation, as when an encoder is built. That changes nothing
    where TensorFlow was used before: then `choose_devices` tells.
    """
    if asked.device == CPU or is_own_process() or not list_gpus(asked_visible()).gpus:
        return
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


def choose_devices(
    workers: AskedWorkers, image_shape: tuple[int, int, int], *, kept: str | None
) -> Devices:
    """Returns what a study runs on.

    Args:
        workers: What was asked.
        image_shape: Of its images.
        kept: See `read_kept_device`.

    Raises:
        InputError: If a GPU is asked for that cannot be used, or others use it.
    """
    asked = Asked(workers.device, image_shape, kept)
    if not may_use_gpu(asked):
        return plan_devices(Found(()), asked, cores=1)
    if workers.scheduler is not None:
        from tfzero.study.work.cluster import find_gpus

        found = find_gpus(workers.scheduler)
        devices = plan_devices(found, asked, cores=1)
        workers_of = f"{devices.gpu}, in {len(found.gpus)} workers of the cluster"
        return devices._replace(slots=(), why=workers_of) if devices.slots else devices
    found = list_gpus(asked_visible())
    devices = plan_devices(found, asked, cores=workers.count or count_cores())
    if not devices.slots:
        return devices
    if not count_seen_by_tensorflow(devices.slots[0].uuid):
        return plan_devices(Found((), _NO_LIBRARIES, is_fault=True), asked, cores=1)
    free = free_slots(devices.slots)
    if not free:
        raise InputError(
            f"Other studies use all {len(devices.slots)} slots of the GPU. Wait until they end, "
            f"choose other GPUs with `device`, or use `device={CPU}` in another folder."
        )
    return devices.with_slots(require_free(free, found.gpus))


def require_lane(workspace: Workspace, lane: Lane) -> None:
    """Raises if a study's jobs cannot run here, where it is read all the same.

    Raises:
        InputError: As said.
    """
    if not num_workers(lane):
        raise InputError(
            f"The study in {workspace.folder} runs on {workspace.plan.device}, which cannot be "
            "used here. Continue where that GPU is, or choose another folder with `out`."
        )


class Entered(NamedTuple):
    """What a command's own process runs on.

    Attributes:
        asked: The device, as it was asked for.
        gpu: The model of the GPU that the process sees; None without one.
    """

    asked: str
    gpu: str | None = None

    @contextlib.contextmanager
    def at_work_on(self, image_shape: tuple[int, int, int]) -> Iterator[None]:
        """Has networks of such images run on the device until the block ends."""
        if self.gpu is None:
            yield
            return
        if may_use_gpu(Asked(self.asked, image_shape)):
            fix_rounding()
            yield
            return
        import tensorflow as tf

        with tf.device("/CPU:0"):
            yield


def enter_device(asked: str) -> Entered:
    """Lets a command's own process see one GPU, before TensorFlow loads.

    The images' size is not known then: see `Entered.at_work_on`.

    Args:
        asked: As `compare` takes it.

    Raises:
        InputError: If a GPU is asked for that cannot be used.
    """
    require_device(asked)
    if asked == CPU:
        return Entered(asked)
    found = list_gpus(asked_visible())
    if found.gpus or asked != AUTO:
        wanted = GPU if asked == AUTO else asked
        first = plan_devices(found, Asked(wanted, (1, 1, 1)), cores=1).slots[0]
        if count_seen_by_tensorflow(first.uuid):
            own_gpu(first.uuid)
            open_gpu()
            return Entered(asked, next(gpu.name for gpu in found.gpus if gpu.uuid == first.uuid))
        if asked != AUTO:
            raise InputError(f"A GPU is asked for. {_NO_LIBRARIES}. Or use `device={CPU}`.")
    return Entered(asked)
