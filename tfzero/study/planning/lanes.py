"""Where the jobs of a study run that uses a GPU: on it, or beside it on the processor."""

from __future__ import annotations

import enum

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init, read_learner
from tfzero.study.planning.plan import StudyPlan
from tfzero.transfer import STRATEGIES


class Lane(enum.Enum):
    """Where a job runs; in a study without a GPU all run on CPUs."""

    GPU = "gpu"
    CPU = "cpu"


def lane_of_networks(plan: StudyPlan) -> Lane:
    """Returns where networks are trained on images."""
    return _lane(plan, True)


def lane_of_learning(plan: StudyPlan, word: str) -> Lane:
    """Returns where an init learns: networks on the GPU, k-means patches on a CPU."""
    return _lane(plan, read_learner(word).has_network)


def lane_of_cells(plan: StudyPlan, arm: Arm) -> Lane:
    """Returns where an arm is fitted: what trains networks on images on the GPU, else on CPUs."""
    return _lane(plan, STRATEGIES[arm.strategy].trains_encoder)


def is_read_on_gpu(plan: StudyPlan, arm: Arm) -> bool:
    """Returns whether an arm is fitted on a CPU to what a network reads on the GPU before."""
    reads = not read_init(arm.init).reads_pixels
    return plan.device is not None and reads and lane_of_cells(plan, arm) is Lane.CPU


def _lane(plan: StudyPlan, is_of_networks: bool) -> Lane:
    return Lane.GPU if plan.device is not None and is_of_networks else Lane.CPU
