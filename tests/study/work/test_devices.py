import pytest

from tfzero.common.checks import InputError
from tfzero.common.gpus import Found, Gpu
from tfzero.study.work.devices import Asked, plan_devices, require_free

SMALL, LARGE = (8, 8, 1), (96, 96, 3)


def make_gpus(*megabytes, name="NVIDIA A10G", free=None):
    return tuple(
        Gpu(f"GPU-{name}-{number}", name, each, each if free is None else free, 8.6, "550")
        for number, each in enumerate(megabytes)
    )


def plan(gpus=(), device="auto", shape=LARGE, kept=None, cores=16):
    found = Found(tuple(gpus), "" if gpus else "No NVIDIA driver was found")
    return plan_devices(found, Asked(device, shape, kept), cores=cores)


def test_without_a_gpu_all_is_done_on_cpus():
    found = plan()
    assert (found.gpu, found.slots, found.is_news) == (None, (), False)
    assert found.why == "CPU. No NVIDIA driver was found"
    fault = plan_devices(Found((), "It is broken", True), Asked("auto", LARGE), cores=4)
    assert fault.gpu is None and fault.is_news


@pytest.mark.parametrize(("side", "gpu"), [(8, None), (27, None), (28, "NVIDIA A10G")])
def test_auto_goes_by_the_size_of_the_images(side, gpu):
    assert plan(make_gpus(24000), shape=(64, side, 1)).gpu == gpu


@pytest.mark.parametrize(
    ("megabytes", "count", "each"),
    [(24564, 3, 7254), (81920, 4, 19370), (15360, 2, 6630), (8192, 2, 3046), (2600, 1, 1200)],
)
def test_a_gpu_is_shared_out_by_its_memory(megabytes, count, each):
    slots = plan(make_gpus(megabytes)).slots
    assert [slot.number for slot in slots] == list(range(count))
    assert {slot.megabytes for slot in slots} == {each}
    # With what libraries take beside it, and a rest.
    assert count * (each + 700) + max(700, megabytes // 50) <= megabytes


def test_a_gpu_for_one_process_at_a_time_has_one_slot():
    [gpu] = make_gpus(24564)
    assert len(plan([gpu._replace(is_shared=False)]).slots) == 1


def test_several_gpus_are_used_in_turn_by_as_many_processes_as_cores():
    gpus = make_gpus(24000, 24000, 24000, 24000)
    slots = plan(gpus, cores=8).slots
    assert [slot.uuid for slot in slots] == [gpus[i].uuid for i in (0, 1, 2, 3, 0, 1)]
    assert len(plan(gpus, cores=2).slots) == 4  # no GPU is idle
    assert len(set(plan(gpus, cores=64).slots)) == 12


def test_only_gpus_of_one_model_are_used():
    gpus = (*make_gpus(16000, name="T4"), *make_gpus(24000, 24000, name="A10"))
    found = plan(gpus)
    assert found.gpu == "A10" and {slot.uuid for slot in found.slots} == {"GPU-A10-0", "GPU-A10-1"}
    assert found.why == "2 x A10, 6 processes"
    assert plan(gpus, "0").gpu == "T4"
    assert {slot.uuid for slot in plan(gpus, "1").slots} == {"GPU-A10-0"}
    with pytest.raises(InputError, match="expected GPUs of one model"):
        plan(gpus, "0,1")
    with pytest.raises(InputError, match="expected numbers from 0 to 2"):
        plan(gpus, "3")


def test_a_gpu_that_is_asked_for_has_to_be_there():
    assert plan(make_gpus(8000), "cpu").gpu is None
    assert plan(make_gpus(8000), "gpu", SMALL).gpu == "NVIDIA A10G"
    with pytest.raises(InputError, match="none can be used. No NVIDIA driver was found"):
        plan(device="gpu")
    for wrong in ("cuda", "0;1", "", "-1"):
        with pytest.raises(InputError, match="expected auto, cpu, gpu, or numbers"):
            plan(device=wrong)


def test_a_study_keeps_its_device():
    gpus = (*make_gpus(16000, name="T4"), *make_gpus(24000, name="A10"))
    assert plan(gpus, kept="").gpu is None
    assert plan(gpus, kept="T4").gpu == "T4"
    assert plan(gpus, kept="T4", shape=SMALL).gpu == "T4"
    elsewhere = plan(gpus, kept="H100")
    # What is there can be read; the plan is the same.
    assert (elsewhere.gpu, elsewhere.slots) == ("H100", ()) and elsewhere.is_news
    with pytest.raises(InputError, match="runs on H100; expected none of 0 T4, 1 A10"):
        plan(gpus, "gpu", kept="H100")


def test_memory_that_others_hold_is_not_used():
    [gpu] = make_gpus(24564)
    slots = plan([gpu]).slots
    assert len(slots) == 3
    assert require_free(slots, (gpu,)) == slots
    assert require_free(slots, (gpu._replace(free=17000),)) == slots[:2]
    with pytest.raises(InputError, match="A10G: 900 of 24,564 MiB free.; expected 7,954 MiB"):
        require_free(slots, (gpu._replace(free=900),))
