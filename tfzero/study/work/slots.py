"""The part of a GPU that a worker process has: taken when it starts, held until it ends."""

from __future__ import annotations

import os
import pathlib
import tempfile
import time
from collections.abc import Sequence

from tfzero.common.checks import StopError
from tfzero.common.files import make_folder, sentence_for
from tfzero.common.gpus import list_gpus
from tfzero.common.surroundings import asked_visible, show_gpu
from tfzero.study.work.devices import Slot

# A worker that was killed lets its slot go at once; another may take a moment to end.
_PATIENCE = 60.0
_LOOK_SECONDS = 0.2
# The slot of this process, and the open file whose lock holds it, if others could take it.
_taken: tuple[Slot, int | None] | None = None
_configured = False


def current_slot() -> Slot | None:
    """Returns this process's slot; None for a process without a GPU."""
    return None if _taken is None else _taken[0]


def take_slot(slots: Sequence[Slot], *, patience: float = _PATIENCE) -> Slot:
    """Takes one of some slots for this process, until it ends; it is the one GPU that it sees.

    The system lets the lock of a killed process go, and no two processes hold one slot.

    Args:
        slots: Of which one is taken.
        patience: Seconds to wait until one is free.

    Raises:
        StopError: If none gets free.
    """
    global _taken
    end = time.monotonic() + patience
    while True:
        for slot in slots:
            held = _lock(slot)
            if held is not None:
                _taken = slot, held
                show_gpu(slot.uuid)
                return slot
        if time.monotonic() >= end:
            raise StopError(
                f"All {len(slots)} slots of the GPU are taken by other tfzero processes. Wait "
                "until they end, or choose other GPUs with `device`."
            )
        time.sleep(_LOOK_SECONDS)


def adopt_gpu() -> None:
    """Makes a GPU that a cluster gave to this worker its own: the first that is free.

    Raises:
        StopError: If there is none.
    """
    global _taken
    if _taken is not None:
        return
    for gpu in list_gpus(asked_visible()).gpus:
        slot = Slot(gpu.uuid, 0, 0)
        held = _lock(slot)
        if held is not None:
            _taken = slot, held
            show_gpu(gpu.uuid)
            return
    raise StopError(
        "A worker has the Dask resource GPU, and every GPU that it sees is used by another process "
        'of tfzero. Start one such worker per GPU, or start it without --resources "GPU=1".'
    )


def own_gpu(uuid: str) -> None:
    """Makes a GPU the one that this process sees, with as much memory as it needs and is there."""
    global _taken
    _taken = Slot(uuid, 0, 0), None
    show_gpu(uuid)


def free_slots(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """Returns the slots that no process holds at this moment."""
    free = []
    for slot in slots:
        held = _lock(slot)
        if held is not None:
            os.close(held)
            free.append(slot)
    return tuple(free)


def configure_gpu() -> None:
    """Sets TensorFlow up for this process's slot: `open_gpu` and `fix_rounding`, once."""
    global _configured
    if current_slot() is None or _configured:
        return
    open_gpu()
    fix_rounding()
    _configured = True


def open_gpu() -> None:
    """Gives TensorFlow the slot's part of the GPU's memory, before its first operation.

    Raises:
        StopError: If TensorFlow does not see the GPU.
    """
    slot = current_slot()
    assert slot is not None
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) != 1:
        raise StopError(
            f"TensorFlow sees {len(gpus)} GPUs in a process that was given one ({slot.uuid}). "
            "Install its libraries: pip install 'tfzero[gpu]'. If a worker of a cluster has run "
            "without a GPU before, start it again. Or use `device=cpu` in another folder."
        )
    if slot.megabytes:
        part = tf.config.LogicalDeviceConfiguration(memory_limit=slot.megabytes)
        tf.config.set_logical_device_configuration(gpus[0], [part])
    else:
        tf.config.experimental.set_memory_growth(gpus[0], True)


def fix_rounding() -> None:
    """Makes each operation of a GPU round the same each time, and as precisely as on a CPU."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)


def _lock(slot: Slot) -> int | None:
    """Returns an open file that holds the slot's lock; None if another process holds it."""
    import fcntl  # Unix alone has it; TensorFlow uses no GPU elsewhere

    # Of all studies of this person on this machine.
    folder = pathlib.Path(tempfile.gettempdir(), f"tfzero-gpus-{os.getuid()}")
    make_folder(folder)
    path = folder / f"{slot.uuid}-{slot.number}.lock"
    with sentence_for(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
