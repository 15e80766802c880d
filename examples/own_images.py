"""Is pretraining worth it on a folder of own images? Compare, and read the verdict.

The folder has one subfolder of image files a class. Without --folder, circles, crosses and
squares are drawn into `shapes/` of the current folder, if that is not there yet.

Writes `runs/NAME/` (records, verdict, report.html) and `savedmodels/NAME/` into the current
folder, NAME being the folder's. The same command again goes on where it was stopped.

Run: python examples/own_images.py (about two minutes on two cores)
     python examples/own_images.py --folder my_images --size 32 --label-counts 50,200
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

import tfzero

ARMS = ("vae/lpft", "scratch/finetune", "pixels/svm")


def main(
    *,
    folder: str | None = None,
    size: int | None = None,
    arms: Sequence[str] = ARMS,
    label_counts: Sequence[int | str] = (15, 60),
    seeds: int = 3,
    epochs: int | None = None,
) -> tfzero.Study:
    """Returns the finished study."""
    if folder is None:
        folder = "shapes"
        if not pathlib.Path(folder).exists():
            draw_shapes(pathlib.Path(folder))
    data = tfzero.load_data(folder, size=size)
    print(data.describe())
    print(f"Comparing {', '.join(arms)} with {seeds} seeds; this takes minutes ...", flush=True)
    study = tfzero.compare(
        data,
        arms=arms,
        label_counts=label_counts,
        seeds=seeds,
        epochs=epochs,
        export=pathlib.Path("savedmodels", data.name),  # also where there is no verdict
    )
    print(study.verdict)
    print()
    for row in study.table():
        margin = "" if row["half_width"] is None else f" ± {row['half_width']:.1f}"
        print(
            f"{row['arm']:20} {row['num_labels']:5} labels: {row['mean']:5.1f}{margin} % right, "
            f"{row['pretrain_seconds']:.0f} s pretraining, {row['transfer_seconds']:.0f} s transfer"
        )
    print(f"\nReport: {study.folder}/report.html")
    return study


def draw_shapes(folder: pathlib.Path, *, per_class: int = 80, side: int = 12) -> None:
    """Draws noisy gray pictures, `folder/CLASS/NUMBER.png`, the same ones every time."""
    random = np.random.default_rng(0)
    for name in ("circle", "cross", "square"):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            picture = Image.new("L", (side, side), int(random.integers(0, 80)))
            extent = int(random.integers(side // 2, side - 3))
            left, top = (int(corner) for corner in random.integers(1, side - extent, 2))
            box = (left, top, left + extent, top + extent)
            pen, gray = ImageDraw.Draw(picture), int(random.integers(150, 256))
            if name == "circle":
                pen.ellipse(box, outline=gray)
            elif name == "square":
                pen.rectangle(box, outline=gray)
            else:
                pen.line(box, fill=gray)
                pen.line((left + extent, top, left, top + extent), fill=gray)
            pixels = np.asarray(picture) + random.normal(0, 20, (side, side))
            noisy = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            noisy.save(folder / name / f"{number:03}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="own folder with a subfolder of images a class")
    parser.add_argument("--size", type=int, help="resize all images to so many pixels a side")
    parser.add_argument("--label-counts", type=lambda text: text.split(","), default=(15, 60))
    parser.add_argument("--seeds", type=int, default=3, help="at least 3 for a verdict")
    main(**vars(parser.parse_args()))
