"""The GAN of this tfzero beside the GAN of another version: cost, features and samples.

    python benchmarks/gan_before_after.py FASHION --before CHECKOUT --before-python PYTHON \
        --passes 1,3 --out runs/gan

The other version trains with its defaults, this one with each number of `--passes`, and with
`--batch` images per update. Each training is a process with one thread, and the versions take
turns. A part of the training images is held back, and no test image is read. The table has a row
per training: CPU minutes of pretraining; accuracy in percent of `probe` and `svm` on 100 and 1,000
labels, which this version fits for both on the same draws; precision and coverage over those of
real against real images, and KID. The last lines are paired differences to the other version, with
their standard deviation. What a training made stays in `--out`; a second call does not train it
again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_process, own_settings
from tfzero.data import load_data, nested_subsets
from tfzero.networks.encoder import build_encoder
from tfzero.pretrain.quality import measure_quality
from tfzero.pretrain.spaces import pixel_space
from tfzero.study.work.counted import probe_speed
from tfzero.study.work.process import prepare_process
from tfzero.transfer import fit_classifier
from tfzero.transfer.budget import default_budget

HERE = pathlib.Path(__file__).resolve().parent
STRATEGIES = ("probe", "svm")


class Side(NamedTuple):
    """One of the trainings that are compared.

    Attributes:
        name: As the table calls it.
        python: The interpreter.
        path: Folder of the version of tfzero.
        passes: Over the pool; None is the version's default.
        batch: Images per update; None is the version's default.
    """

    name: str
    python: str
    path: pathlib.Path
    passes: int | None
    batch: int | None


def main() -> None:
    """Prints the table, and the differences below it."""
    arguments = parse_arguments()
    own_process()
    prepare_process()
    loaded = load_data(arguments.data)
    images, labels = loaded.train_images, loaded.train_labels
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    split = len(images) - arguments.held
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "pool.npy", images[:split])
    columns = [f"{s}, {n:,}" for n in arguments.labels for s in STRATEGIES]
    print(f"{probe_speed():.0f} GFLOP/s per core")
    print(" | ".join(["version", "seed", "CPU minutes", *columns, "precision", "coverage", "KID"]))
    scores: dict[str, list[np.ndarray]] = {}
    for seed in range(arguments.seeds):
        for side in list_sides(arguments):
            made = train(side, arguments, seed)
            with own_settings():
                found = score(made, images, labels, split, arguments)
            scores.setdefault(side.name, []).append(found)
            name = side.name if side.passes else f"{side.name}, passes {int(made['passes'])}"
            figures = [f"{mean:.1f} ± {found[:, i].std(ddof=1):.1f}" for i, mean in _means(found)]
            cells = [name, f"{seed}", f"{made['seconds'] / 60:.2f}", *figures]
            print(" | ".join([*cells, *describe_samples(made, images)]), flush=True)
    for name in list(scores)[1:]:
        paired = np.concatenate(scores[name]) - np.concatenate(scores["before"])
        parts = [
            f"{columns[i]}: {mean:+.1f} ± {paired[:, i].std(ddof=1):.1f}"
            for i, mean in _means(paired)
        ]
        print(f"{name} - before, {len(paired)} pairs: " + "; ".join(parts))


def _means(found: np.ndarray):
    return enumerate(found.mean(axis=0))


def list_sides(arguments) -> list[Side]:
    """Returns the trainings of a seed in their order; the first is the other version's."""
    batch = arguments.batch
    title = "after, passes" if batch is None else f"after, batches of {batch}, passes"
    ours = [
        Side(f"{title} {passes}", sys.executable, HERE.parent, passes, batch)
        for passes in arguments.passes
    ]
    before = Side("before", arguments.before_python, arguments.before.resolve(), None, None)
    return [before, *ours]


def train(side: Side, arguments, seed: int) -> dict[str, np.ndarray]:
    """Returns what `gan_side.py` wrote, after it ran unless it had."""
    kept = arguments.out / f"{side.name.replace(', ', '-').replace(' ', '-')}-{seed}.npz"
    if not kept.exists():
        asked = [str(arguments.out / "pool.npy"), str(kept), "--seed", str(seed)]
        asked += ["--images", str(arguments.images), "--kind", arguments.kind]
        if side.passes is not None:
            asked += ["--passes", str(side.passes)]
        if side.batch is not None:
            asked += ["--batch", str(side.batch)]
        subprocess.run(
            # Safe: else the script's folder came first, and with it another version.
            [side.python, "-P", str(HERE / "gan_side.py"), *asked],
            env={**os.environ, "PYTHONPATH": str(side.path), "OMP_NUM_THREADS": "1"},
            check=True,
        )
    with np.load(kept) as made:
        return dict(made)


def score(made, images, labels, split: int, arguments) -> np.ndarray:
    """Returns accuracies in percent `(draws, counts * strategies)`, all fitted by this version."""
    encoder = build_encoder(images.shape[1:], seed=0)
    encoder.set_weights([made[name] for name in sorted(made) if name.startswith("weight")])
    few = images[: len(made["features"])].astype(np.float32) / 255
    np.testing.assert_allclose(encoder(few), made["features"], rtol=1e-3, atol=1e-3)
    found = []
    for draw in range(arguments.draws):
        row = []
        for count in arguments.labels:
            seed = derive_seed(draw, "labels")
            rows = nested_subsets(images[:split], labels[:split], [count], seed=seed)[count]
            for strategy in STRATEGIES:
                fitted = fit_classifier(
                    strategy,
                    encoder=encoder,
                    images=images[rows],
                    labels=labels[rows],
                    num_classes=int(labels.max()) + 1,
                    budget=dataclasses.replace(default_budget(count), kind=arguments.kind),
                    seed=draw,
                )
                told = fitted.predict(images[split:]).argmax(axis=1)
                row.append(100 * float((told == labels[split:]).mean()))
        found.append(row)
    return np.array(found)


def describe_samples(made, images) -> list[str]:
    """Returns precision, coverage and KID on principal components of pixels."""
    generated = made["generated"]
    real = images[: 2 * len(generated)]
    quality = measure_quality(real, generated, space=pixel_space(real))
    shares = [quality.generated[name] / quality.real[name] for name in ("precision", "coverage")]
    return [*(f"{share:.2f}" for share in shares), f"{quality.generated['kid']:.4f}"]


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def counts(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--before", type=pathlib.Path, required=True, help="Folder of a version.")
    parser.add_argument("--before-python", default=sys.executable, help="Its interpreter.")
    parser.add_argument("--passes", type=counts, default=[1, 3], help="Of this version.")
    parser.add_argument("--batch", type=int, help="Images per update. Default: the method's.")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="Folder of what was made.")
    parser.add_argument("--held", type=int, default=10_000, help="Images that are scored.")
    parser.add_argument("--labels", type=counts, default=[100, 1000])
    parser.add_argument("--draws", type=int, default=3, help="Draws of labels, at least 2.")
    parser.add_argument("--images", type=int, default=10_000, help="How many are generated.")
    parser.add_argument("--seeds", type=int, default=1, help="Encoders per version.")
    parser.add_argument("--kind", default="clothes", help="The kind of data.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
