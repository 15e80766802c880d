"""A study from plan to verdict, over a folder that can be left and taken up again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfzero._checks import InputError
from tfzero.data import ImageData, save_arrays
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.study import words
from tfzero.study.judge import Right, judge
from tfzero.study.plan import (
    DEFAULT_ARMS,
    DataSummary,
    PretrainingPlan,
    StudyPlan,
    TransferPlan,
    current_versions,
    default_label_counts,
    parse_arms,
    parse_label_counts,
    plan_difference,
)
from tfzero.study.records import RunFolder, atomic_file, read_json, write_by_path, write_json
from tfzero.study.run import read_records
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import default_budget as default_transfer

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes:
        plan: What was run.
        folder: Where its records are.
        results: What `verdict.json` holds: comparisons, best arms, table, recommendation.
    """

    plan: StudyPlan
    folder: str
    results: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The verdict in words: the headline, then a sentence a claim."""
        return "\n".join([self.results["headline"], "", *self.results["sentences"]])

    def table(self) -> list[dict[str, Any]]:
        """Returns a row per arm and label count.

        Each has `arm`, `num_labels`, `mean` accuracy in percent, `half_width` of its 95 %
        interval over seeds, `seeds`, `pretrain_seconds` and `transfer_seconds`.
        """
        return list(self.results["table"])


def make_plan(
    data: ImageData,
    *,
    arms: Sequence[str] | None = None,
    label_counts: Sequence[int | str] | None = None,
    seeds: int = 10,
    epochs: int | None = None,
    encoder: keras.Model | None = None,
) -> StudyPlan:
    """Returns the plan of a study, every default resolved.

    Args:
        data: The images.
        arms: As INIT/STRATEGY; None takes the default five.
        label_counts: Numbers or "all"; None takes 2, 5 and 20 a class.
        seeds: Replicates.
        epochs: Pretraining passes over the pool; None chooses by its size.
        encoder: An own architecture; its weights are drawn anew for every replicate.

    Raises:
        InputError: If something asked for cannot be done with this data.
    """
    arms = parse_arms(DEFAULT_ARMS if arms is None else arms)
    num_train, num_classes = len(data.train_images), data.num_classes
    counts = (
        default_label_counts(num_train, num_classes)
        if label_counts is None
        else parse_label_counts(label_counts, num_train=num_train, num_classes=num_classes)
    )
    for name, value in (("seeds", seeds), ("epochs", epochs)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; expected at least 1.")
    inits = {arm.partition("/")[0] for arm in arms}
    pretraining = default_pretraining(len(data.pool), epochs=epochs)
    return StudyPlan(
        schema=1,
        name=data.name,
        data=DataSummary(
            source=data.source,
            fingerprint=data.fingerprint,
            image_shape=data.image_shape,
            class_names=data.class_names,
            num_pool=len(data.pool),
            num_train=num_train,
            num_test=len(data.test_images),
            notes=data.notes,
        ),
        arms=arms,
        label_counts=counts,
        seeds=seeds,
        pretraining={
            method: PretrainingPlan(**dataclasses.asdict(pretraining))
            for method in METHODS
            if method in inits
        },
        transfer={
            count: TransferPlan(**dataclasses.asdict(default_transfer(count))) for count in counts
        },
        encoder=None if encoder is None else _identify_encoder(encoder, data.image_shape),
        versions=current_versions(),
    )


def open_run(
    plan: StudyPlan,
    data: ImageData,
    run: RunFolder,
    *,
    encoder: keras.Model | None = None,
    overwrite: bool = False,
) -> None:
    """Prepares the run folder for a plan, or recognizes that it holds a part of it already.

    Raises:
        InputError: If the folder holds another plan's study, or cannot be written.
    """
    old = read_json(run.study)
    if old is not None and overwrite:
        _remove_study(run)
    elif old is not None:
        differences = plan_difference(_comparable(old), _comparable(plan.to_json()))
        if differences:
            raise InputError(
                f"{run.path} holds a study with another plan ({'; '.join(differences[:5])}). "
                "Choose another folder with --out, or start it anew with --overwrite."
            )
    run.create()
    if not (run.cache_for(plan.data.fingerprint) / "data.json").exists():
        save_arrays(data, run.cache_for(plan.data.fingerprint))
    with atomic_file(run.test_labels) as file:
        np.save(file, data.test_labels)
    if encoder is not None:
        write_by_path(run.own_encoder, encoder.save)
    if old is None or overwrite:
        write_json(run.study, {**plan.to_json(), "command": _command()})


def reach_verdict(plan: StudyPlan, run: RunFolder) -> dict[str, Any]:
    """Returns the verdict from the records in the folder, as `verdict.json` holds it."""
    records, encoders = read_records(plan, run)
    verdict = judge(plan, records, encoders, _read_right(run, records))
    comparisons = verdict["comparisons"]
    verdict["headline"] = words.write_headline(comparisons, arms=plan.arms, seeds=plan.seeds)
    verdict["sentences"] = [words.describe_comparison(entry) for entry in comparisons] + [
        words.describe_best(entry, verdict["table"]) for entry in verdict["best"]
    ]
    networks = [arm for arm in plan.arms if STRATEGIES[arm.partition("/")[2]].trains_network]
    verdict["recommended"] = words.recommend(verdict, network_arms=networks)
    verdict["caveats"] = [
        words.smallest_difference(num_test=plan.data.num_test, seeds=plan.seeds),
        "Intervals of differences account for seeds and test images; those in the table, of one "
        "arm alone, for seeds only. Neither says how the result would be on other kinds of images.",
        *([] if verdict["recommended"] is None else verdict["recommended"]["notes"]),
    ]
    return verdict


def _read_right(run: RunFolder, records: list[dict[str, Any]]) -> Right:
    labels = np.load(run.test_labels)
    right: Right = {}
    for record in records:
        spec = record["spec"]
        cells = right.setdefault((spec["arm"], spec["num_labels"]), {})
        guesses = run.read_probabilities(record["key"]).argmax(axis=1)
        cells[spec["replicate"]] = guesses == labels
    return right


def _identify_encoder(encoder, image_shape) -> str:
    takes, gives = encoder.input_shape, encoder.output_shape
    if tuple(takes[1:]) != tuple(image_shape) or len(gives) != 2:
        raise InputError(
            f"The encoder maps {takes} to {gives}; expected {(None, *image_shape)} to (None, D). "
            "Build it for these images, and end it in pooling or Flatten."
        )
    text = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    return f"{encoder.name}-{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}"


def _comparable(plan: dict[str, Any]) -> dict[str, Any]:
    # The same images in another place are the same study.
    data = {key: value for key, value in plan["data"].items() if key not in ("source", "notes")}
    rest = {key: value for key, value in plan.items() if key not in ("name", "command")}
    return {**rest, "data": data}


def _command() -> str:
    """Returns the command line of this process, without the folder of its program."""
    return shlex.join([pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])


def _remove_study(run: RunFolder) -> None:
    """Removes what a study wrote, and nothing else that may lie in the folder."""
    for folder in (run.cells, run.encoders, run.final, run.failures, run.cache):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (run.study, run.verdict, run.report, run.log, run.own_encoder, run.test_labels):
        file.unlink(missing_ok=True)
