"""Whether a small pool wants a narrower encoder: widths beside each other, by pool size.

    python benchmarks/width.py FASHION --kind clothes --out runs/width

Takes the first so many training images as a whole data set, labels of all but the label subset
unseen, and runs `tfzero compare` in it with encoders of several widths, which scratch and transfer
share. A tenth of the training images, which no pool holds, scores; the test images are not read.
Prints a line a pool, width and arm; a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from encoders import take_data

SCRATCH = "scratch/finetune"


def main() -> None:
    """Runs the studies in turn and prints them."""
    arguments = parse_arguments()
    images, labels, dev_images, dev_labels = take_data(arguments.data, test=False)
    shown = dev_images[: arguments.scored], dev_labels[: arguments.scored]
    for count in arguments.images:
        for width in arguments.widths:
            study = run_study(images[:count], labels[:count], *shown, arguments, width=width)
            for line in describe(study):
                print(f"{count:6,} images, width {width:3}: {line}", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text):
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument("--images", type=numbers, default=[1000, 5000], help="Pool sizes.")
    parser.add_argument("--widths", type=numbers, default=[16, 32, 64], help="Of block 1.")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=["rotation"])
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--scored", type=int, default=6000, help="Images to score on.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="Folder of the studies.")
    return parser.parse_args()


def run_study(images, labels, dev_images, dev_labels, arguments, *, width: int):
    """Returns the finished study of one pool and one width."""
    import tfzero
    from tfzero.networks import build_encoder

    arms = [f"{method}/{strategy}" for method in arguments.methods for strategy in ("lpft", "svm")]
    name = f"{len(images)}-{width}"
    return tfzero.compare(
        tfzero.from_arrays(images, labels, dev_images, dev_labels, name=name),
        arms=[SCRATCH, *arms],
        label_counts=[arguments.labels],
        seeds=arguments.seeds,
        kind=arguments.kind,
        encoder=build_encoder(images.shape[1:], width=width),
        out=arguments.out / name,
        export=arguments.out / name / "exported",
        workers=arguments.workers,
    )


def describe(study) -> list[str]:
    """Returns a line an arm: accuracy in percent over seeds, and what it is above scratch."""
    from tfzero.study.work.tasks import read_records
    from tfzero.study.workspace import Workspace

    cells, _ = read_records(Workspace(study.plan, pathlib.Path(study.folder)))
    scores: dict[str, dict[int, float]] = {}
    for cell in cells:
        of_arm = scores.setdefault(cell["spec"]["arm"], {})
        of_arm[cell["spec"]["replicate"]] = 100 * cell["result"]["accuracy"]

    def spread(values, sign: str = "") -> str:
        return f"{np.mean(values):{sign}.1f} ± {np.std(values, ddof=1):.1f}"

    return [
        f"{arm} {spread(list(found.values()))}, over scratch "
        f"{spread([score - scores[SCRATCH][k] for k, score in found.items()], '+')}"
        for arm, found in scores.items()
    ]


if __name__ == "__main__":
    main()
