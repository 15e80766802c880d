"""What `tfzero.estimate_transfer` says of a study's encoders, beside what the study then measured.

    python benchmarks/foretold.py RUN DATA

RUN is the folder of a finished `tfzero compare`, DATA what it was given. Each pretrained encoder is
estimated on the labels of each replicate, as one would before any training; the study has what
became of it: how many points `INIT/lpft` scored more than training from scratch on the same labels.
Prints a line an init and label count, then the rank correlation over all its cases.
"""

from __future__ import annotations

import argparse
import collections
from typing import NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed

TRANSFERRED, SCRATCH = "lpft", "scratch/finetune"


class Case(NamedTuple):
    """One encoder with one draw of labels.

    Attributes:
        init: Where the encoder came from.
        count: Labels.
        gain: Points over the same network with random weights, by estimate.
        over_pixels: The same over pixels.
        over_kmeans: The same over k-means patches.
        verdict: First words of the estimate's.
        real: Points over training from scratch, by the study.
    """

    init: str
    count: int
    gain: float
    over_pixels: float
    over_kmeans: float
    verdict: str
    real: float


def main() -> None:
    """Estimates, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("data")
    arguments = parser.parse_args()
    cases = list(estimate_all(arguments.run, arguments.data))
    for init, count in dict.fromkeys((case.init, case.count) for case in cases):
        print(describe([case for case in cases if (case.init, case.count) == (init, count)]))
    if len(cases) > 2:
        from scipy.stats import spearmanr

        found = spearmanr([case.gain for case in cases], [case.real for case in cases])
        print(f"{len(cases)} cases: rank correlation {found.statistic:.2f}")


def estimate_all(path: str, source: str):
    """Yields a `Case` for each of a run's encoders that was fine-tuned, count and replicate."""
    import tfzero
    from tfzero.common.files import read_json
    from tfzero.data import nested_subsets
    from tfzero.study.planning.plan import StudyPlan
    from tfzero.study.records import RunFolder
    from tfzero.study.workspace import Workspace

    run = RunFolder(path)
    saved = read_json(run.study)
    plan = StudyPlan.model_validate({k: saved[k] for k in StudyPlan.model_fields if k in saved})
    height, width, channels = plan.data.image_shape
    data = tfzero.load_data(source, size=(height, width), channels=channels)
    assert data.fingerprint == plan.data.fingerprint, f"{path} is about other images than {source}"
    accuracy = {
        (spec["arm"], spec["num_labels"], spec["replicate"]): 100 * cell["result"]["accuracy"]
        for cell in map(read_json, sorted(run.cells.glob("*.json")))
        for spec in [cell["spec"]]
    }
    workspace = Workspace(plan, run.path)
    inits = [arm.init for arm in plan.arms if arm.strategy == TRANSFERRED]
    for replicate in range(plan.seeds):
        subsets = nested_subsets(
            data.train_images,
            data.train_labels,
            list(plan.label_counts),
            seed=derive_seed(replicate, "labels"),
            balanced=plan.data.balanced,
        )
        for init in inits:
            encoder = workspace.load_encoder(init, replicate)
            for count, rows in subsets.items():
                found = tfzero.estimate_transfer(
                    encoder, data.train_images[rows], data.train_labels[rows], pool=data.pool
                )
                real = accuracy[f"{init}/{TRANSFERRED}", count, replicate]
                estimated = found.gain[0], found.gains["pixels"][0], found.gains["kmeans"][0]
                verdict = found.verdict.partition(":")[0]
                gained = real - accuracy[SCRATCH, count, replicate]
                yield Case(init, count, *estimated, verdict, gained)


def describe(cases: list[Case]) -> str:
    """Returns one line of what was foretold and what came, over the draws of labels."""

    def spread(values) -> str:
        return f"{np.mean(values):+.1f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.1f}"

    said = collections.Counter(case.verdict for case in cases)
    return (
        f"{cases[0].init} with {cases[0].count:,} labels: estimated "
        f"{spread([case.gain for case in cases])} over random weights, "
        f"{spread([case.over_pixels for case in cases])} over pixels, "
        f"{spread([case.over_kmeans for case in cases])} over k-means; real "
        f"{spread([case.real for case in cases])} over scratch; "
        + ", ".join(f"{count} x {verdict!r}" for verdict, count in said.items())
    )


if __name__ == "__main__":
    main()
