"""What is asked of a study, before any default is resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import pydantic

from tfzero.common.checks import InputError, require_choice
from tfzero.common.surroundings import PRECISIONS
from tfzero.data.kinds import KINDS
from tfzero.study.inits.settings import Model
from tfzero.study.planning.plan import METRICS, StudyPlan

DEFAULT_SEEDS, DEFAULT_MARGIN = 10, 1.0
# Minutes that a study may take if nothing is said: on own data, and on the built-in digits.
DEFAULT_MINUTES, BUILT_IN_MINUTES = 30.0, 3.0
# Of `minutes`: one of these two.
AUTO: Literal["auto"] = "auto"


class Request(Model):
    """What is asked of a study.

    Attributes:
        arms: As INIT/STRATEGY; None takes `DEFAULT_ARMS`, and those of a source.
        label_counts: Numbers or "all"; None takes 2, 5 and 20 per class.
        seeds: Replicates.
        epochs: Pretraining passes over the pool; None chooses by its size.
        encoders: Encoders per method, shared by the replicates; None pretrains one each.
        early_stop: Whether the study stops at an earlier look that answers the question.
        margin: Smallest difference worth having, in points of accuracy.
        metric: What the verdict is made on, one of `METRICS`.
        minutes: What the study may take; `fit_minutes` makes the plan keep to it. "auto" means 30,
            and 3 on the built-in digits; None means any time.
        class_weights: Whether rare classes weigh as much as frequent ones, in every arm.
        kind: The kind of data, one of `tfzero.data.kinds.KINDS`; None chooses by channels.
        unlabeled_from: Where networks' unlabeled images come from: "pool", "generated" (by the
            arm's own GAN or VAE) or "both".
        precision: What networks compute in, one of `PRECISIONS`; None means float32, or what an own
            encoder computes in.
        then: Method that goes on, on the target's own pool, from what a source gives.
        device: The model of the GPU that networks run on; None if all is done on CPUs.
        outside: By word of a method or strategy from outside, what identifies its code.
    """

    arms: tuple[str, ...] | None = None
    label_counts: tuple[int | str, ...] | None = None
    seeds: int = DEFAULT_SEEDS
    early_stop: bool = True
    epochs: int | None = None
    encoders: int | None = None
    margin: float = DEFAULT_MARGIN
    metric: str = METRICS[0]
    minutes: float | Literal["auto"] | None = AUTO
    class_weights: bool = False
    kind: str | None = None
    unlabeled_from: str = "pool"
    precision: str | None = None
    then: str | None = None
    device: str | None = None
    outside: dict[str, str] = {}

    def widened(
        self,
        arms: Iterable[str] | None,
        label_counts: Iterable[int | str] | None,
        *,
        like: StudyPlan,
    ) -> Request:
        """Returns the request with more arms and label counts than those of a plan."""
        more_arms = [arm for arm in arms or () if arm not in like.arms]
        return self.model_copy(
            update={
                "arms": (*like.arms, *dict.fromkeys(more_arms)),
                "label_counts": (*like.label_counts, *(label_counts or ())),
            }
        )

    def require_possible(self) -> None:
        """Raises if a number or a kind cannot be, whatever the data.

        Raises:
            InputError: As said.
        """
        for name in ("seeds", "epochs", "encoders"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"`{name}` is {value}; expected at least 1.")
        if not 0 < self.margin < 100:
            raise InputError(
                f"`margin` is {self.margin:g}; expected points of accuracy between 0 and 100."
            )
        require_choice(self.metric, METRICS, what="metric")
        if isinstance(self.minutes, float) and not 0 < self.minutes < math.inf:
            raise InputError(f"`minutes` is {self.minutes:g}; expected a positive number.")
        if self.kind is not None:
            require_choice(self.kind, KINDS, what="kind of data")
        if self.precision is not None:
            require_choice(self.precision, PRECISIONS, what="precision")


def read_request(values: dict[str, Any]) -> Request:
    """Returns what is asked for, by the names of `Request`.

    Raises:
        InputError: If a value is of another type.
    """
    try:
        return Request.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(f"`{name}` is {values[name]!r}; {first['msg']}.") from error
