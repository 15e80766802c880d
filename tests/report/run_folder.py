"""Writes synthetic run folders: seeded numbers in the files that a study leaves behind."""

import json

import numpy as np

from tfzero.common.arm import Arm

DIGIT_ARMS = ("gan/lpft", "vae/lpft", "scratch/finetune", "scratch/probe", "pixels/svm")


def write_run(
    folder,
    *,
    arms=DIGIT_ARMS,
    label_counts=(20, 50, 200),
    seeds=4,
    class_names=tuple("0123456789"),
    num_test=200,
    encoders=True,
    readings=True,
    shape=(8, 8, 1),
    missing=(),
):
    """Writes a run folder; (arm, count) pairs in `missing` have neither cells nor a table row."""
    random = np.random.default_rng(0)
    (folder / "cells").mkdir(parents=True)
    labels = np.arange(num_test, dtype=np.int64) % len(class_names)
    np.save(folder / "test_labels.npy", labels)
    table = []
    for rank, arm in enumerate(arms):
        for count in label_counts:
            if (arm, count) in missing:
                continue
            skill = 0.97 - 0.5 / np.sqrt(count / 4) - 0.02 * rank
            scores = [
                _write_cell(folder, random, labels, len(class_names), arm, count, seed, skill)
                for seed in range(seeds)
            ]
            spread = 196 * np.std(scores, ddof=1) / np.sqrt(seeds) if seeds > 1 else None
            pretrained = Arm.parse(arm).init in ("gan", "vae", "simclr")
            table.append(
                {
                    "arm": arm,
                    "num_labels": count,
                    "mean": 100 * float(np.mean(scores)),
                    "half_width": spread,
                    "seeds": seeds,
                    "pretrain_seconds": 8.1 + rank if pretrained else 0.0,
                    "transfer_seconds": 0.02 if arm == "pixels/svm" else 1.2 + 0.1 * rank,
                }
            )
    if encoders:
        _write_encoders(folder, random, seeds, shape)
    if readings:
        write_readings(folder, random, arms, label_counts, labels, len(class_names), shape)
    _write_json(folder / "study.json", _study(arms, label_counts, seeds, class_names, num_test))
    _write_json(folder / "verdict.json", _verdict(arms, label_counts, seeds, table))
    return folder


def _write_json(path, content):
    schema = 2 if path.name in ("study.json", "verdict.json") else 1
    path.write_text(json.dumps({"schema": schema, **content}), encoding="utf-8")


def _write_cell(folder, random, labels, num_classes, arm, count, seed, skill):
    skill += random.normal(0, 0.01)
    predicted = np.where(
        random.random(len(labels)) < skill,
        labels,
        (labels + random.geometric(0.5, len(labels))) % num_classes,
    )
    probabilities = np.full((len(labels), num_classes), 0.1 / num_classes, np.float32)
    probabilities[np.arange(len(labels)), predicted] = 0.9
    key = f"{arm}-{count}-{seed}".replace("/", "-")
    np.savez(folder / "cells" / f"{key}.npz", probabilities=probabilities)
    accuracy = float((predicted == labels).mean())
    content = {
        "key": key,
        "spec": {"arm": arm, "num_labels": count, "replicate": seed},
        "result": {
            "accuracy": accuracy,
            "macro_f1": accuracy - 0.01,
            "negative_log_likelihood": 0.41,
            "calibration_error": 0.032,
        },
        "cost": {
            "seconds": 1.2,
            "cpu_seconds": 1.1,
            "steps": 300,
            "parameters": 9034,
            "peak_memory_bytes": 700_000_000,
        },
    }
    _write_json(folder / "cells" / f"{key}.json", content)
    return accuracy


def blobs(random, count, shape=(8, 8, 1)):
    """Returns uint8 pictures that look like something: a bright spot somewhere."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centers = random.uniform(2, 6, (count, 2, 1, 1)) * shape[0] / 8
    distance = (rows - centers[:, 0]) ** 2 + (columns - centers[:, 1]) ** 2
    return np.repeat((255 * np.exp(-distance / 6))[..., None], shape[2], 3).astype(np.uint8)


def write_readings(folder, random, arms, label_counts, labels, num_classes, shape):
    """Writes what a study records for its report: of data, of encoders, of networks."""
    (folder / "readings").mkdir()
    count = min(60, len(labels))
    images = blobs(random, count, shape)
    chosen = {"rows": np.arange(count), "labels": labels[:count], "thumbnails": images}
    np.savez(folder / "readings" / "images.npz", **chosen)
    counts = np.bincount(labels, minlength=num_classes)
    content = {
        "counts": {"train": (6 * counts).tolist(), "test": counts.tolist()},
        "num_pool": 1297,
        "findings": [
            {"check": "leaks", "level": "fine", "sentence": "No leak was found.", "count": 0},
            {"check": "duplicates", "level": "look", "sentence": "4 <b>pairs</b>.", "count": 4},
        ],
        "left_out": ["Not looked for: nearly equal images."],
    }
    _write_json(folder / "readings" / "data.json", content)
    np.savez(folder / "readings" / "data.npz", examples=images[:20], example_labels=labels[:20])
    for init in dict.fromkeys(Arm.parse(arm).init for arm in arms):
        if init.isidentifier():
            _write_map(folder, random, init, labels[:count])
    for arm in arms:
        if arm.endswith(("lpft", "finetune", "probe")) and arm[0] != "<":
            _write_network(folder, random, arm, max(label_counts), labels, num_classes, shape)


def _write_map(folder, random, init, labels):
    points = random.normal(labels[:, None], 0.4, (len(labels), 2)).astype(np.float32)
    nearest = np.abs(points[:, None] - points).sum(axis=2).argsort(axis=1)[:, 1:6]
    arrays = {"pca": points, "tsne": -points, "queries": np.arange(3), "neighbours": nearest[:3]}
    np.savez(folder / "readings" / f"map-{init}.npz", **arrays)
    said = {"explained": [0.5, 0.2], "like_neighbours": 0.7, "by_chance": 0.1}
    _write_json(folder / "readings" / f"map-{init}.json", {"spec": {"init": init}, **said})


def _write_network(folder, random, arm, count, labels, num_classes, shape):
    key = f"{arm}-{count}-0".replace("/", "-")
    shown = labels[:10]
    guesses = (shown + (np.arange(10) < 6)) % num_classes
    arrays = {
        "rows": np.arange(10),
        "labels": shown,
        "guesses": guesses,
        "confidences": np.linspace(1, 0.6, 10, dtype=np.float32),
        "images": blobs(random, 10, shape),
        "heat": random.integers(0, 256, (10, 4, 4), np.uint8),
    }
    np.savez(folder / "readings" / f"{key}.npz", **arrays)
    start = 0.9 if arm == "scratch/finetune" else 0.95
    falling = {"noise": [start, 0.8, 0.7, 0.6], "blur": [start, 0.9, 0.85, 0.8]}
    spec = {"arm": arm, "num_labels": count, "replicate": 0}
    said = {"layer": "block3", "robustness": {"images": 100, "accuracy": falling}}
    _write_json(folder / "readings" / f"{key}.json", {"spec": spec, **said})


def _write_encoders(folder, random, seeds, shape):
    (folder / "encoders").mkdir()
    falling = np.exp(-np.arange(30) / 8)
    histories = {
        "gan": {"discriminator_loss": 0.6 + 0.1 * falling, "generator_loss": 1 - 0.3 * falling},
        "vae": {
            "loss": 20 + 30 * falling,
            "reconstruction_loss": 15 + 32 * falling,
            "kl_loss": 5 - 2 * falling,
        },
    }
    for method, history in histories.items():
        for seed in range(seeds):
            content = {
                "spec": {"method": method, "replicate": seed},
                "settings": {"latent_dim": 64, f"{method}_weight": 0.0002},
                "history": {name: list(values) for name, values in history.items()},
                "cost": {"seconds": 8.1 + seed / 10, "cpu_seconds": 9.0, "steps": 630},
            }
            _write_json(folder / "encoders" / f"{method}-{seed}.json", content)
            arrays = {"samples": blobs(random, 64, shape)}
            if method == "vae":
                arrays["originals"] = blobs(random, 16, shape)
                arrays["traversals"] = np.concatenate(list(blobs(random, 9, shape)), axis=1)
                arrays["reconstructions"] = arrays["originals"] // 2 + 20
            np.savez(folder / "encoders" / f"{method}-{seed}.npz", **arrays)


def _study(arms, label_counts, seeds, class_names, num_test):
    return {
        "name": "digits",
        "data": {
            "source": "digits",
            "fingerprint": "ab12cd34ef56",
            "image_shape": [8, 8, 1],
            "class_names": list(class_names),
            "num_pool": 1297,
            "num_train": 1297,
            "num_test": num_test,
            "notes": ["3 duplicate images were removed from the pool."],
        },
        "arms": list(arms),
        "label_counts": list(label_counts),
        "looks": [seeds],
        "pretraining": {
            "gan": {"epochs": 30, "batch_size": 32, "learning_rate": 1e-3, "kind": None},
            "vae": {"epochs": 30, "batch_size": 32, "learning_rate": 1e-3, "kind": None},
        },
        "transfer": {"batch_size": 32, "steps": {str(count): 300 for count in label_counts}},
        "versions": {"tfzero": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.0"},
        "recipe": "1",
        "commands": [f"tfzero compare digits --seeds {seeds}"],
        "machine": {"processors": 2, "workers": 2},
    }


def _verdict(arms, label_counts, seeds, table):
    first, baseline = arms[0], "scratch/finetune"
    comparisons = [
        {
            "family": "pretraining",
            "arm": arm,
            "baseline": baseline,
            "num_labels": count,
            "difference": 3.1 - 2.4 * rank,
            "low": 1.2 - 2.4 * rank,
            "high": 5.0 - 2.4 * rank,
            "p_value": (0.0002, 0.21)[rank],
            "p_adjusted": (0.0004, 0.42)[rank],
            "outcome": ("better", "cannot tell")[rank],
            "seeds": seeds,
        }
        for rank, arm in enumerate(arms[:2])
        for count in (*label_counts, None)
    ]
    saved = {"num_labels": label_counts[0], "labels": 1.6 * label_counts[0], "bound": None}
    crossover = {"num_labels": 0.9 * label_counts[-1], "shown": False}
    best = [{"num_labels": n, "arms": list(arms[:2]), "highest": first} for n in label_counts]
    return {
        "headline": "Pretraining is worth it on digits with few labels; "
        f"from {label_counts[-1]} labels on the study cannot tell.",
        "sentences": [
            f"At {count} labels, {first} beats training from scratch by 3.1 points "
            f"(95 % interval 1.2 to 5.0; {seeds} seeds)."
            for count in label_counts
        ],
        "alpha": 0.04,
        "seeds": seeds,
        "exploratory": [
            f"{first} with {label_counts[0]} labels does as well as <scratch> with 90."
        ],
        "labels_saved": [{"arm": first, **saved}],
        "crossovers": [{"arm": first, **crossover}],
        "comparisons": comparisons,
        "best": best,
        "table": table,
        "recommended": {
            "arm": first,
            "reason": "It has the highest mean at every label count.",
            "savedmodel": "savedmodels/digits/1",
        },
        "caveats": ["The test set has few images of each class.", "All encoders saw one pool."],
    }
