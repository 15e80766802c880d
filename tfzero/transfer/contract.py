"""What every strategy returns: a fitted model, and what fitting it cost."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass
class Cost:
    """What a fit spent.

    Attributes:
        seconds: Wall-clock seconds.
        cpu_seconds: Processor seconds of this process.
        steps: Updates of the network; 0 for classical models.
        parameters: Weights that were fitted.
        peak_memory_bytes: Largest memory of the process while the fit ran, with the libraries and
            images in it; where the system cannot tell that, since the process began, or 0.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    steps: int = 0
    parameters: int = 0
    peak_memory_bytes: int = 0


def mean_cost(costs: Sequence[Cost]) -> Cost:
    """Returns what one of several like fits spent on average; of memory, the most."""
    count = len(costs)
    return Cost(
        seconds=sum(each.seconds for each in costs) / count,
        cpu_seconds=sum(each.cpu_seconds for each in costs) / count,
        steps=round(sum(each.steps for each in costs) / count),
        parameters=costs[0].parameters,
        peak_memory_bytes=max(each.peak_memory_bytes for each in costs),
    )


# The costs that are being measured in this process, the outermost first.
_MEASURING: list[Cost] = []


@contextlib.contextmanager
def measure_cost() -> Iterator[Cost]:
    """Yields a `Cost` whose times and memory are filled in when the block ends.

    Blocks may lie in each other.
    """
    cost = Cost()
    for outer in _MEASURING:  # what they have needed until now will be forgotten
        outer.peak_memory_bytes = max(outer.peak_memory_bytes, _read_peak_memory())
    _forget_peak_memory()
    _MEASURING.append(cost)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        _MEASURING.pop()
    cost.seconds = time.perf_counter() - wall
    cost.cpu_seconds = time.process_time() - cpu
    cost.peak_memory_bytes = max(cost.peak_memory_bytes, _read_peak_memory())
    for outer in _MEASURING:
        outer.peak_memory_bytes = max(outer.peak_memory_bytes, cost.peak_memory_bytes)


def _forget_peak_memory() -> None:
    """Has Linux count the largest memory anew; elsewhere it counts from the process's start."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _read_peak_memory() -> int:
    """Returns the largest memory of this process in bytes, since it was last forgotten."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class FittedModel(Protocol):
    """Anything with `predict(inputs) -> probabilities (N, K)`."""

    def predict(self, inputs: Any) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)`."""
        ...


@dataclasses.dataclass
class Fitted:
    """A fitted classifier.

    Attributes:
        model: What predicts; a `tfzero.Classifier` from strategies that end in a network.
        cost: What fitting it spent.
        chosen: What was chosen within the labels, as the encoder's blocks: values that JSON can
            hold, by name. Empty where the strategy has nothing to choose.
    """

    model: Any
    cost: Cost
    chosen: dict[str, Any] = dataclasses.field(default_factory=dict)

    def predict(self, inputs: Any) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)`, each once.

        Args:
            inputs: In the same form as those that it was fitted to; from `fit_classifier` images
                `(N, H, W, C)`.
        """
        return self.model.predict(inputs)
