"""What a study will do, fixed before it starts: arms, label counts, replicates, budgets."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import pydantic

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Counts
from tfzero.study.inits.settings import Model, Settings
from tfzero.study.planning.parts import (
    CellSpec,
    DataSummary,
    GivenEncoder,
    SourceSummary,
    TransferPlan,
)
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, takes_generated
from tfzero.transfer.budget import default_budget
from tfzero.transfer.neighbours import MOST_EXACT

SCHEMA = 2
# Raise it with every change that alters results, so that no study mixes two ways of working.
RECIPE = "11"
SCRATCH = Arm("scratch", "finetune")
# Mean over test images, or over classes of the mean over each one's images (recall).
METRICS = ("accuracy", "balanced_accuracy")
# Each has a reason. scratch/selftrain and scratch/spread_finetune use the unlabeled images without
# pretraining; on digits at 20 labels the second scores 92.3 % where training from scratch has 82.0.
# Pretraining and self-training together did best at 100 labels on two small gray data sets, by
# rotation. What needs no network can embarrass all networks: on digits label spreading by k-means
# features had 93.8 % at 20 labels.
DEFAULT_ARMS = (
    SCRATCH,
    Arm("scratch", "selftrain"),
    Arm("scratch", "spread_finetune"),
    Arm("rotation", "lpft"),
    Arm("rotation", "selftrain"),
    Arm("simclr", "lpft"),
    Arm("vae", "lpft"),
    Arm("gan", "lpft"),
    Arm("kmeans", "svm"),
    Arm("kmeans", "label_spreading"),
    Arm("pixels", "svm"),
    Arm("scratch-long", "finetune"),
)


class StudyPlan(Model):
    """A whole study; two runs of one plan give equal results."""

    schema_version: int = pydantic.Field(SCHEMA, alias="schema")
    name: str
    data: DataSummary
    source: SourceSummary | None = None
    given: GivenEncoder | None = None
    arms: tuple[Arm, ...] = pydantic.Field(min_length=1)
    label_counts: tuple[int, ...] = pydantic.Field(min_length=1)
    # Numbers of replicates at which the judge looks at the results, fixed before the first.
    looks: tuple[int, ...] = pydantic.Field(min_length=1)
    # The same for replicates that are added later: all there are then.
    extensions: tuple[int, ...] = ()
    # Arms and label counts that were added after a look, and how many extensions there were then.
    # No claim is made of them until a look at seeds that were added since.
    added_arms: dict[Arm, int] = {}
    added_counts: dict[int, int] = {}
    # Encoders a method, where replicates share them; None for one each.
    encoders: int | None = pydantic.Field(None, ge=1)
    margin: float = pydantic.Field(gt=0)
    # What the verdict is made on, one of METRICS.
    metric: str = "accuracy"
    # What is learnt before the labels are seen, by init; what another goes on from comes first.
    pretraining: dict[str, Settings]
    # At each label count, and on all labels for the network that is exported.
    transfer: dict[int, TransferPlan]
    # Updates that scratch-long gets beside those of `transfer`: what pretraining would have bought.
    extra_steps: dict[int, int]
    # What was asked in minutes, and what was dropped to keep to it.
    minutes: float | None = pydantic.Field(None, gt=0)
    dropped: tuple[str, ...] = ()
    # Whether the looks are a first guess. The first look replaces them once, by what the seeds up
    # to it took: as many as fit into the minutes.
    provisional: bool = False
    encoder: str | None = None
    # The model of the GPU that networks are trained on and read by; None if all is done on CPUs.
    device: str | None = None
    # What networks compute in; None for float32, so that such studies keep their records.
    precision: str | None = None
    # Where the images come from that networks are trained on without labels.
    unlabeled_from: str = UNLABELED_FROM[0]
    # Methods and strategies from outside the package: by word, what identifies their code.
    outside: dict[str, str] = {}
    versions: dict[str, str]
    recipe: str = RECIPE

    @property
    def seeds(self) -> int:
        """The most replicates that the study may use."""
        return max((*self.looks, *self.extensions))

    @property
    def num_encoders(self) -> int:
        """How many encoders each method pretrains."""
        return min(self.encoders or self.seeds, self.seeds)

    @property
    def counts(self) -> Counts:
        """How many images there are to learn from."""
        if self.source is None:
            return Counts(self.data.num_pool)
        return Counts(self.data.num_pool, self.source.num_images, self.source.num_labelled)

    def network_arms(self) -> list[Arm]:
        """Returns the arms that end in a network."""
        return [arm for arm in self.arms if STRATEGIES[arm.strategy].trains_network]

    def exportable_arms(self) -> list[Arm]:
        """Returns the arms of which a Keras model can be made."""
        return [arm for arm in self.arms if STRATEGIES[arm.strategy].becomes_model]

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as `study.json` holds it."""
        return self.model_dump(mode="json", by_alias=True)

    def extended(self, seeds: int) -> StudyPlan:
        """Returns the plan with one more look, beyond those planned, at `seeds` replicates."""
        return self.model_copy(update={"extensions": (*self.extensions, seeds)})

    def judged_at(self, look: int) -> StudyPlan:
        """Returns the plan with the arms and label counts alone that a look may claim something of.

        Args:
            look: Its number, counted from 1; those beyond the planned ones are of added seeds.
        """
        later = look - len(self.looks)
        arms = tuple(arm for arm in self.arms if self.added_arms.get(arm, -1) < max(later, 0))
        counts = tuple(n for n in self.label_counts if self.added_counts.get(n, -1) < max(later, 0))
        return self.model_copy(update={"arms": arms, "label_counts": counts})

    def weigh_images(self, classes: np.ndarray) -> np.ndarray | None:
        """Returns what each test image counts in the metric; None where all count alike.

        Args:
            classes: int `(T,)`, each test image's class.

        Returns:
            float `(T,)` with a mean of 1, or None.
        """
        if self.metric == METRICS[0]:
            return None
        _, codes, sizes = np.unique(classes, return_inverse=True, return_counts=True)
        return len(classes) / (len(sizes) * sizes[codes])

    def with_count(self, count: int) -> StudyPlan:
        """Returns the plan with what a network may spend at one label count more."""
        if count in self.transfer:
            return self
        usual = self.transfer[self.data.num_train]
        budget = dataclasses.replace(
            default_budget(count), kind=usual.kind, class_weights=usual.class_weights
        )
        extra = self.extra_steps[self.data.num_train]
        return self.model_copy(
            update={
                "transfer": {**self.transfer, count: TransferPlan.from_budget(budget)},
                "extra_steps": {**self.extra_steps, count: extra},
            }
        )

    def transfer_for(self, cell: CellSpec) -> TransferPlan:
        """Returns what a cell's network strategy may spend."""
        settings = self.transfer[cell.num_labels]
        extra = self.extra_steps[cell.num_labels]
        operations = 0 if self.given is None else self.given.operations
        changes = read_init(cell.init).transfer_changes(settings.steps, extra, operations)
        return settings.model_copy(update=changes)

    def cells(self) -> list[CellSpec]:
        """Returns all cells, replicate by replicate, so that early results are balanced."""
        largest = max(self.label_counts)
        return [
            CellSpec(arm=arm, num_labels=count, replicate=replicate)
            for replicate in range(self.seeds)
            for count in self.label_counts
            for arm in self.arms
            if count == largest or not read_init(arm.init).largest_count_only
        ]

    def cell_key(self, cell: CellSpec) -> str:
        """Returns the name of a cell's record: readable, and unique to all that decides it."""
        decides = {
            "cell": cell.model_dump(),
            "pretraining": self.pretraining_key(cell.init, cell.replicate)
            if cell.init in self.pretraining
            else None,
            "transfer": self.transfer_for(cell).model_dump(exclude_none=True),
            **self._given_key(cell.init),
            **({"unlabeled_from": self.unlabeled_from} if self.reads_generated(cell) else {}),
            **({"neighbours": "approximate"} if self._searches_many(cell) else {}),
            **self._common(),
        }
        readable = f"{cell.arm.replace('/', '-')}-{cell.num_labels}-{cell.replicate}"
        return f"{readable}-{_digest(decides)}"

    def pretraining_key(self, method: str, replicate: int) -> str:
        """Returns the name of the files of the encoder that a replicate uses."""
        if self.encoders is not None:
            replicate %= self.encoders
        decides = {
            "method": method,
            "replicate": replicate,
            "settings": self.pretraining[method].model_dump(),
            **({"generated": True} if self.keeps_generated(method) else {}),
            **self._common(),
            **self._given_key(method),
        }
        init = read_learner(method)
        if self.source is not None and init.reads_source:
            decides["source"] = self.source.fingerprint
        if init.before is not None and init.before.learns():
            decides["before"] = self.pretraining_key(init.before.word, replicate)
        return f"{method}-{replicate}-{_digest(decides)}"

    def start_key(self, init: str, replicate: int) -> str:
        """Returns a name unique to all that decides an encoder that no job makes."""
        decides = {"replicate": replicate, **self._given_key(init), **self._common()}
        return f"{init}-{replicate}-{_digest(decides)}"

    def _given_key(self, init: str) -> dict[str, Any]:
        if self.given is None or not read_init(init).reads_given:
            return {}
        return {"given": self.given.fingerprint}

    def _searches_many(self, cell: CellSpec) -> bool:
        strategy = STRATEGIES[cell.strategy]
        return (strategy.spreads or strategy.reads_graph) and self.data.num_pool > MOST_EXACT

    def reads_generated(self, cell: CellSpec) -> bool:
        """Returns whether a cell trains on images that its own pretrained method made."""
        generates = not read_init(cell.init).is_random
        return self.unlabeled_from != "pool" and generates and takes_generated(cell.strategy)

    def keeps_method(self, word: str) -> bool:
        """Returns whether an arm goes on with what an init's encoder was pretrained for."""
        return any(a.init == word and STRATEGIES[a.strategy].needs_objective for a in self.arms)

    def spread_by(self, init: Init) -> Init:
        """Returns the init whose features decide what is near for a network of this init."""
        return init.spread_by(None if self.given is None else read_init(self.given.init))

    def keeps_features(self, init: Init) -> bool:
        """Returns whether what an init's encoder makes of the pool is kept beside the images.

        It is if all replicates share it, or if it is read on a GPU for jobs that run without one.
        """
        is_read = init.is_arm and not init.is_fixed
        return init.is_given or (self.device is not None and is_read)

    def keeps_generated(self, method: str) -> bool:
        """Returns whether images that a pretrained method makes are kept for its arms."""
        cells = [CellSpec(arm=arm, num_labels=0, replicate=0) for arm in self.arms]
        return any(self.reads_generated(cell) and cell.init == method for cell in cells)

    def _common(self) -> dict[str, Any]:
        return {
            "data": self.data.fingerprint,
            # Only where it is asked for, so that other studies keep their records.
            **({"balanced": True} if self.data.balanced else {}),
            **({"outside": self.outside} if self.outside else {}),
            **({} if self.device is None else {"device": self.device}),
            **({"precision": self.precision} if self.precision else {}),
            "encoder": self.encoder,
            "recipe": self.recipe,
            "versions": self.versions,
        }


def _digest(value) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
