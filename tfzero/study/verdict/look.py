"""One look of the judge at a growing study: what it may spend, and what was claimed before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from tfzero.common.arm import Arm
from tfzero.study.verdict.claims import Claim
from tfzero.study.verdict.levels import PLANNED, extension_level, level_at_look, spent_by


class Earlier(NamedTuple):
    """What earlier looks claimed of a comparison.

    Attributes:
        direction: "better" or "worse", or None for neither.
        equivalent: Whether it was shown to be smaller than the margin.
    """

    direction: str | None
    equivalent: bool


@dataclasses.dataclass(frozen=True)
class Look:
    """A look at a study.

    Attributes:
        planned: Numbers of seeds at all looks that were planned.
        number: Which this is, counted from 1. Beyond the planned ones, seeds were added.
        earlier: By family and comparison, what earlier looks claimed.
    """

    planned: tuple[int, ...]
    number: int
    earlier: Mapping[str, Mapping[Claim, Earlier]] = dataclasses.field(default_factory=dict)

    @property
    def is_extension(self) -> bool:
        """Whether its seeds were added to those planned."""
        return self.number > len(self.planned)

    @property
    def alpha(self) -> float:
        """The probability of any false claim of a family: over all planned looks, or here."""
        if self.is_extension:
            return extension_level(self.number - len(self.planned))
        return PLANNED

    def level(self, share: float) -> float:
        """Returns the level of this look for a share of alpha."""
        return share if self.is_extension else level_at_look(self.planned, self.number, share)

    def spent(self, p_value: float) -> float:
        """Returns the smallest share of alpha at which this look rejects a p value."""
        return p_value if self.is_extension else spent_by(self.planned, self.number, p_value)

    @classmethod
    def after(cls, planned: tuple[int, ...], number: int, record: Mapping[str, Any] | None) -> Look:
        """Returns the look that follows an earlier one, or the first.

        Args:
            planned: As above.
            number: As above.
            record: Of the earlier look, with its `comparisons`; None if there was none.
        """
        earlier: dict[str, dict[Claim, Earlier]] = {}
        for entry in () if record is None else record["comparisons"]:
            pair = Arm.parse(entry["arm"]), Arm.parse(entry["baseline"])
            claim = Claim(pair, entry["num_labels"])
            found = Earlier(entry["claimed"], entry["equivalent"])
            earlier.setdefault(entry["family"], {})[claim] = found
        return cls(planned, number, earlier)
