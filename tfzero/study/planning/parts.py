"""The parts of a plan: what identifies its data and encoders, a cell, a network's budget."""

from __future__ import annotations

from typing import Any

import pydantic

from tfzero.common.arm import Arm
from tfzero.data.logmel import LogMel
from tfzero.study.inits.settings import Model
from tfzero.transfer.budget import Budget


class DataSummary(Model):
    """What identifies the data; the images themselves are not in the plan."""

    source: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    num_pool: int
    num_train: int
    num_test: int
    notes: tuple[str, ...]
    resize: str = "stretch"
    # See `ImageData.pixel_range`: served files are read as those of training were.
    pixel_range: tuple[float, float] | None = None
    sound: LogMel | None = None
    transductive: bool = False
    balanced: bool = False
    # See `ImageData.num_folds`.
    num_folds: int = 1

    @property
    def told_kind(self) -> str | None:
        """As `ImageData.told_kind`."""
        return None if self.sound is None else "spectrograms"

    @property
    def most_labels(self) -> int:
        """The most labels that a classifier of the study may learn from: of all folds but one."""
        largest_fold = -(-self.num_train // self.num_folds) if self.num_folds > 1 else 0
        return self.num_train - largest_fold


class SourceSummary(Model):
    """What identifies another data set that encoders learn from first."""

    name: str
    source: str
    fingerprint: str
    num_images: int
    num_labelled: int
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


class GivenEncoder(Model):
    """What identifies an encoder that comes ready, with weights that others trained."""

    init: str
    # The network's name, or the file that it is from.
    name: str
    # A hash of its weights and architecture.
    fingerprint: str
    # As it was named; the same network by another name is the same study.
    source: str = ""
    notes: tuple[str, ...] = ()
    # Multiply-adds by which it reads an image.
    operations: int = 0


class TransferPlan(Model):
    """What each network strategy may spend at one label count."""

    steps: int = pydantic.Field(ge=1)
    batch_size: int = pydantic.Field(ge=1)
    augment: bool
    kind: str
    class_weights: bool
    # As `Budget` has them, where a large network that came ready differs.
    learning_rate: float | None = None
    frozen_blocks: int | None = None
    unlabeled_steps: int | None = None
    most_unlabeled: int | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _read_earlier(cls, values: Any) -> Any:
        """Reads the plans of recipe 9 and before, which had the updates of each of two rounds."""
        if isinstance(values, dict) and "round_steps" in values:
            rounds = values["round_steps"]
            values = {name: value for name, value in values.items() if name != "round_steps"}
            values["unlabeled_steps"] = rounds and 2 * rounds
        return values

    @classmethod
    def from_budget(cls, budget: Budget) -> TransferPlan:
        """Returns what a study decides of a budget; the rest is the same in every study."""
        names = ("steps", "batch_size", "augment", "kind", "class_weights")
        return cls(**{name: getattr(budget, name) for name in names})

    def to_budget(self) -> Budget:
        """Returns the budget of a strategy."""
        return Budget(**self.model_dump(exclude_none=True))


class CellSpec(Model):
    """One arm at one label count in one replicate."""

    arm: Arm
    num_labels: int
    replicate: int

    @property
    def init(self) -> str:
        """Where the encoder comes from."""
        return self.arm.init

    @property
    def strategy(self) -> str:
        """How the labels are used."""
        return self.arm.strategy

    @property
    def label(self) -> str:
        """What the cell is, in words."""
        return f"{self.arm}, {self.num_labels:,} labels, seed {self.replicate}"
