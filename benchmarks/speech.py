"""Spoken digits (Free Spoken Digit Dataset): the official split, and each speaker left out.

    python benchmarks/speech.py FSDD --out runs/speech --dev
    python benchmarks/speech.py FSDD --out runs/speech --split official --labels 100
    python benchmarks/speech.py FSDD --out runs/speech --split speakers --labels all --seeds 1

FSDD is a folder with `DIGIT/SPEAKER_INDEX.wav` anywhere in it. The official split tests on the
indices 0 to 4 of every speaker and digit. Leaving a speaker out tests on all clips of that speaker,
of which nobody has heard any, labelled or not. --dev takes the indices 5 to 9 for test instead, and
never reads those below: use that to choose, and the others once, for a table.

Each split is a labels.csv in --out. Every arm is fitted as in a study, one after another in this
process. Prints a line of JSON a fit, and at the end a line an arm: accuracy in %, mean and standard
deviation over seeds, or over speakers.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import pathlib
import re
import time
from collections import defaultdict

import numpy as np

from tfzero.common.seeds import derive_seed

_NAME = re.compile(r"([a-z]+)_(\d+)\.wav")
_ARMS = "pixels/svm,scratch/finetune,simclr/lpft"
_TESTED, _DEVELOPED = 5, 10


def main() -> None:
    """Runs the splits asked for and prints a table of each."""
    arguments = parse_arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    clips = list_clips(arguments.folder)
    if arguments.split == "official":
        scores = compare_split(split_by_index(clips, dev=arguments.dev), "official", arguments)
        show(scores, what=f"{arguments.seeds} seeds")
        return
    speakers = sorted({speaker for _, speaker, _, _ in clips})
    folds = defaultdict(list)
    for left_out in arguments.speakers or speakers:
        scores = compare_split(split_by_speaker(clips, left_out), f"without-{left_out}", arguments)
        show(scores, what=left_out)
        for arm, values in scores.items():
            folds[arm].append(float(np.mean(values)))
    show(folds, what=f"{len(next(iter(folds.values())))} speakers")


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="Folder for labels.csv.")
    parser.add_argument("--split", choices=("official", "speakers"), default="official")
    parser.add_argument("--speakers", type=lambda text: text.split(","), help="Leave out these.")
    parser.add_argument("--dev", action="store_true", help="Do not read the test clips.")
    parser.add_argument("--labels", default="100", help='A number, or "all".')
    parser.add_argument("--arms", type=lambda text: text.split(","), default=_ARMS.split(","))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--encoders", type=int, help="Encoders a method, shared by the seeds.")
    parser.add_argument("--epochs", type=int, help="Of pretraining.")
    parser.add_argument("--size", type=int, help="Bands and columns of the images.")
    parser.add_argument("--resize", default="stretch", help="stretch or pad.")
    parser.add_argument("--trim-db", type=float, help="What is silence at the ends; 0 cuts none.")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def list_clips(folder: pathlib.Path) -> list[tuple[pathlib.Path, str, str, int]]:
    """Returns path, speaker, digit and index of every clip."""
    clips = []
    for path in sorted(folder.rglob("*.wav")):
        match = _NAME.fullmatch(path.name)
        if match:
            clips.append((path.resolve(), match[1], path.parent.name, int(match[2])))
    if not clips:
        raise SystemExit(f"{folder} has no files DIGIT/SPEAKER_INDEX.wav; give the unpacked FSDD.")
    return clips


def split_by_index(clips, *, dev: bool) -> list[tuple[pathlib.Path, str, str]]:
    """Returns path, digit and part by the official split, or by one within its training part."""
    least, first = (_TESTED, _DEVELOPED) if dev else (0, _TESTED)
    return [
        (path, digit, "train" if index >= first else "test")
        for path, _, digit, index in clips
        if index >= least
    ]


def split_by_speaker(clips, left_out: str) -> list[tuple[pathlib.Path, str, str]]:
    """Returns path, digit and part: one speaker to test, all others to train."""
    return [
        (path, digit, "test" if speaker == left_out else "train")
        for path, speaker, digit, _ in clips
    ]


def compare_split(rows, name: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Returns the accuracies of each arm, one a seed, in %."""
    import tfzero
    from tfzero.study.planning.label_counts import parse_label_counts

    name += "-dev" if arguments.dev else ""
    folder = arguments.out / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "split"), *rows])
    data = tfzero.load_data(
        folder / "labels.csv",
        size=arguments.size,
        resize=arguments.resize,
        trim_db=arguments.trim_db,
    )
    print(data.describe(), *data.notes, sep="\n", flush=True)
    [count] = parse_label_counts(
        [arguments.labels], most=len(data.train_images), num_classes=data.num_classes
    )
    scores, encoders = defaultdict(list), {}
    for seed in range(arguments.seeds):
        chosen = tfzero.data.nested_subsets(
            data.train_images, data.train_labels, [count], seed=derive_seed(seed, "labels")
        )[count]
        for arm in arguments.arms:
            began = time.monotonic()
            accuracy = score_arm(arm, data, chosen, encoders, arguments, seed=seed)
            scores[arm].append(100 * accuracy)
            seconds = round(time.monotonic() - began)
            line = {"split": name, "arm": arm, "labels": count, "seed": seed}
            line |= {"accuracy": round(accuracy, 4), "seconds": seconds}
            print(json.dumps(line), flush=True)
    return scores


def score_arm(arm: str, data, chosen, encoders: dict, arguments, *, seed: int) -> float:
    """Fits an arm as a study does, on the chosen labels; returns its accuracy on the test part."""
    from tfzero.networks import build_encoder
    from tfzero.transfer import STRATEGIES, fit_classifier
    from tfzero.transfer.budget import default_budget

    init, _, strategy = arm.partition("/")
    encoder = None
    if init == "scratch":
        encoder = build_encoder(data.image_shape, seed=derive_seed(seed, "encoder"))
    elif init != "pixels":
        number = seed % (arguments.encoders or arguments.seeds)
        if (init, number) not in encoders:
            encoders[init, number] = pretrain_encoder(init, data, arguments, seed=number)
        encoder = encoders[init, number]
    budget = dataclasses.replace(default_budget(len(chosen)), kind=data.told_kind)
    fitted = fit_classifier(
        strategy,
        encoder=encoder,
        images=data.train_images[chosen],
        labels=data.train_labels[chosen],
        pool=data.pool if STRATEGIES[strategy].reads_pool else None,
        num_classes=data.num_classes,
        budget=budget,
        seed=derive_seed(seed, "transfer"),
    )
    found = fitted.predict(data.test_images).argmax(axis=1)
    return float((found == data.test_labels).mean())


def pretrain_encoder(init: str, data, arguments: argparse.Namespace, *, seed: int):
    """Returns an encoder that a method, or k-means, learnt from the pool as in a study."""
    from tfzero.networks import build_encoder
    from tfzero.networks.kmeans import fit_kmeans
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.run import pretrain

    if init == "kmeans":
        return fit_kmeans(data.pool, num_centroids=400, patch_size=6, seed=seed)
    encoder = build_encoder(data.image_shape, seed=derive_seed(seed, "encoder"))
    method = build_method(
        init, encoder, kind=data.told_kind, seed=derive_seed(seed, "pretrain", init)
    )
    pretrain(
        method, data.pool, budget=METHODS[init].budget(len(data.pool), epochs=arguments.epochs)
    )
    return encoder


def show(scores: dict[str, list[float]], *, what: str) -> None:
    """Prints a line an arm, the best first."""
    print(f"\n{what}:")
    for arm, values in sorted(scores.items(), key=lambda entry: -np.mean(entry[1])):
        spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
        print(f"{arm:24} {np.mean(values):5.1f}{spread}", flush=True)


if __name__ == "__main__":
    main()
