"""How an init makes its encoder, as a plan stores it."""

from __future__ import annotations

from typing import ClassVar, Self

import pydantic

from tfzero.pretrain.budget import PretrainingBudget


class Model(pydantic.BaseModel):
    """A part of a plan: unknown keys are refused, and nothing changes it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Passes(Model):
    """Settings of what passes over its images again and again."""

    epochs: int = pydantic.Field(ge=1)

    @property
    def passes(self) -> int:
        """How many passes over the images there are."""
        return self.epochs

    def shorten(self, share: float) -> Self:
        """Returns the settings with a share of the passes, one at least."""
        return self.model_copy(update={"epochs": max(1, round(share * self.epochs))})


class PretrainingPlan(Passes):
    """How one method is pretrained; every other setting is the method's default."""

    batch_size: int = pydantic.Field(ge=1)
    learning_rate: float = pydantic.Field(gt=0)
    decays: bool = False
    # The kind of data, of methods that are told it.
    kind: str | None = None

    def to_budget(self) -> PretrainingBudget:
        """Returns what `tfzero.pretrain.run.pretrain` may spend."""
        return PretrainingBudget(self.epochs, self.batch_size, self.learning_rate, self.decays)

    def describe(self) -> str:
        """Returns the settings in words."""
        views = f", augmentation for {self.kind}" if self.kind else ""
        return f"{self.epochs} epochs, batches of {self.batch_size}{views}"


class SupervisedPlan(Passes):
    """How an encoder is trained on a source's labels; the head is thrown away."""

    batch_size: int = pydantic.Field(ge=1)
    kind: str

    def num_steps(self, num_labelled: int) -> int:
        """Returns the updates for a number of labelled images."""
        return self.epochs * -(-num_labelled // self.batch_size)

    def describe(self) -> str:
        """Returns the settings in words."""
        return f"{self.epochs} epochs, batches of {self.batch_size}"


class KMeansPlan(Model):
    """How the centroids of k-means patches are found."""

    num_centroids: int = pydantic.Field(ge=2)
    patch_size: int = pydantic.Field(ge=2)
    passes: ClassVar[int] = 1

    def shorten(self, share: float) -> Self:
        """Returns the settings: the images are read once."""
        del share
        return self

    def describe(self) -> str:
        """Returns the settings in words."""
        side = self.patch_size
        return f"{self.num_centroids} centroids of patches of {side}x{side} pixels"


Settings = PretrainingPlan | KMeansPlan | SupervisedPlan
