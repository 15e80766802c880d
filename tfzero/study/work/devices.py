"""Which of a study's jobs run on a GPU, on which one, and with how much of its memory.

The device decides the last bits of a result. So it follows from the images, from what was asked,
and from which GPUs there are, by a fixed rule; never from how busy they are. It is part of the
plan, and the records of one folder come from one model of GPU, or all from CPUs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from tfzero.common.checks import InputError
from tfzero.common.gpus import Found, Gpu

AUTO, CPU, GPU = "auto", "cpu", "gpu"
# From so many pixels a side on a GPU is used if there is one. Below, an update takes a CPU less
# time than a GPU needs to begin its kernels. Not measured; `benchmarks/gpu.py` does.
_LEAST_SIDE = 28
# Memory in MiB: what one process has use for, what its libraries take beside its tensors, and what
# the driver keeps for itself at least, or this part of all memory.
_SHARE, _BESIDE, _RESERVE, _RESERVED_PART = 6000, 700, 700, 50
_FEWEST_SLOTS, _MOST_SLOTS = 2, 4
# The share of the cores whose processes have a part of a GPU, at most.
_ON_GPUS = 0.75
# With less memory for its tensors a process is of no use.
_LEAST_MEGABYTES = 1000


class Slot(NamedTuple):
    """A part of a GPU for one process.

    Attributes:
        uuid: The GPU's.
        number: Among the GPU's slots.
        megabytes: Memory for tensors, in MiB; 0 for as much as they need.
    """

    uuid: str
    number: int
    megabytes: int


class Devices(NamedTuple):
    """What the workers of a study run on.

    Attributes:
        gpu: The model of the GPUs, part of the plan; None if all work is done on CPUs.
        slots: Of all its GPUs, one for each worker in the lane of the GPU.
        why: What they run on and why, for a person.
        is_news: Whether a person has to know: there is a GPU, or there should be one.
    """

    gpu: str | None
    slots: tuple[Slot, ...] = ()
    why: str = ""
    is_news: bool = False

    def with_slots(self, slots: tuple[Slot, ...]) -> Devices:
        """Returns the same GPUs with these of their slots."""
        count = len({slot.uuid for slot in slots})
        many = f"{count} x " if count > 1 else ""
        each = "process" if len(slots) == 1 else "processes"
        return Devices(self.gpu, slots, f"{many}{self.gpu}, {len(slots)} {each}", True)


ON_CPUS = Devices(None)


class Asked(NamedTuple):
    """What a person wants, and what decides beside that.

    Attributes:
        device: "auto", "cpu", "gpu", or numbers of GPUs such as "0,1".
        image_shape: Of the study's images.
        kept: The GPU model of the study that is in the folder already; "" if its work was done on
            CPUs, None if there is no study.
    """

    device: str
    image_shape: tuple[int, int, int]
    kept: str | None = None


def require_device(device: str) -> None:
    """Raises if a device is none.

    Raises:
        InputError: As said.
    """
    if device not in (AUTO, CPU, GPU) and not all(map(_is_number, device.split(","))):
        raise InputError(
            f'`device` is "{device}"; expected auto, cpu, gpu, or numbers of GPUs such as 0,1 '
            "(nvidia-smi lists them)."
        )


def plan_devices(found: Found, asked: Asked, *, cores: int) -> Devices:
    """Returns what a study runs on.

    Args:
        found: The GPUs of this machine.
        asked: What is wanted.
        cores: Of the processor.

    Raises:
        InputError: If a GPU is asked for, or the study in the folder needs one, and there is none.
    """
    if not may_use_gpu(asked):
        return Devices(None, why=_why_cpu(asked))
    if asked.device == AUTO and not found.gpus and asked.kept is None:
        return Devices(None, why=f"CPU. {found.why_none}", is_news=found.is_fault)
    if asked.device == AUTO and asked.kept and not _of_model(found.gpus, asked.kept):
        # What is there already can be read; what is missing cannot be done here.
        return Devices(asked.kept, (), f"{asked.kept}, which this machine cannot use", True)
    gpus = _choose_gpus(found, asked)
    slots = _share_out(gpus, cores)
    return Devices(gpus[0].name).with_slots(slots)


def may_use_gpu(asked: Asked) -> bool:
    """Returns whether a GPU is used if there is one.

    Raises:
        InputError: If the device is none.
    """
    require_device(asked.device)
    if asked.device != AUTO:
        return asked.device != CPU
    if asked.kept is not None:
        return bool(asked.kept)
    return min(asked.image_shape[:2]) >= _LEAST_SIDE


def _why_cpu(asked: Asked) -> str:
    """Returns why all work is done on CPUs, whatever GPUs there are."""
    if asked.device == CPU:
        return "CPU"
    if asked.kept is not None:
        return "CPU, like all earlier results in this folder"
    return f"CPU, because the images have fewer than {_LEAST_SIDE} pixels a side"


def _choose_gpus(found: Found, asked: Asked) -> list[Gpu]:
    """Returns GPUs of one model: those named, or all of the model with the most memory."""
    if not found.gpus:
        raise InputError(
            f"A GPU is asked for, and none can be used. {found.why_none}. Or use `device={CPU}`."
        )
    gpus = list(found.gpus)
    if asked.device not in (AUTO, GPU):
        gpus = _find_named(gpus, asked.device)
    name = asked.kept or max(gpus, key=lambda gpu: gpu.megabytes).name
    same = _of_model(gpus, name)
    if not same:
        raise InputError(
            f"The study in the folder runs on {name}; expected none of {_list_names(gpus)}. Use "
            "that GPU, or choose another folder with `out`."
        )
    return same


def _find_named(gpus: list[Gpu], device: str) -> list[Gpu]:
    numbers = [int(word) for word in device.split(",")]
    if max(numbers) >= len(gpus):
        raise InputError(
            f'`device` is "{device}"; expected numbers from 0 to {len(gpus) - 1} '
            f"({_list_names(gpus)})."
        )
    named = [gpus[number] for number in dict.fromkeys(numbers)]
    if len({gpu.name for gpu in named}) > 1:
        raise InputError(
            f'`device` is "{device}" ({_list_names(named)}); expected GPUs of one model, because '
            "different models round differently."
        )
    return named


def _of_model(gpus: Iterable[Gpu], name: str) -> list[Gpu]:
    return [gpu for gpu in gpus if gpu.name == name]


def _share_out(gpus: list[Gpu], cores: int) -> tuple[Slot, ...]:
    """Returns the slots, those of all GPUs in turn, so that few workers use all GPUs."""
    shared = [_share_gpu(gpu) for gpu in gpus]
    rounds = range(max(map(len, shared)))
    slots = [slots[number] for number in rounds for slots in shared if number < len(slots)]
    # A process on a GPU keeps a core busy; the others are for what runs without.
    return tuple(slots[: max(math.ceil(_ON_GPUS * cores), len(gpus))])


def _share_gpu(gpu: Gpu) -> list[Slot]:
    usable = gpu.megabytes - max(_RESERVE, gpu.megabytes // _RESERVED_PART)
    count = min(_MOST_SLOTS, max(_FEWEST_SLOTS, usable // _SHARE)) if gpu.is_shared else 1
    while count > 1 and usable // count - _BESIDE < _LEAST_MEGABYTES:
        count -= 1
    return [Slot(gpu.uuid, number, usable // count - _BESIDE) for number in range(count)]


def require_free(slots: tuple[Slot, ...], gpus: tuple[Gpu, ...]) -> tuple[Slot, ...]:
    """Returns the slots for which their GPUs have memory left.

    Raises:
        InputError: If there is none.
    """
    left = {gpu.uuid: gpu.free for gpu in gpus}
    kept = []
    for slot in slots:
        need = slot.megabytes + _BESIDE
        if left[slot.uuid] >= need:
            left[slot.uuid] -= need
            kept.append(slot)
    if not kept:
        used = {slot.uuid for slot in slots}
        said = ", ".join(
            f"{gpu.name}: {gpu.free:,} of {gpu.megabytes:,} MiB free"
            for gpu in gpus
            if gpu.uuid in used
        )
        raise InputError(
            f"Other processes hold the memory of the GPU ({said}); expected "
            f"{slots[0].megabytes + _BESIDE:,} MiB. End them (nvidia-smi lists them). In a "
            "notebook, call tf.config.experimental.set_memory_growth before anything else. Or use "
            "`device=cpu` in another folder."
        )
    return tuple(kept)


def _list_names(gpus: list[Gpu]) -> str:
    return ", ".join(f"{number} {gpu.name}" for number, gpu in enumerate(gpus))


def _is_number(word: str) -> bool:
    return word.strip().isdigit()
