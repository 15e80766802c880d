"""Inits of random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context
from tfzero.study.inits.patches import Patches
from tfzero.transfer.budget import round_to_calls

if TYPE_CHECKING:
    import keras

    from tfzero.transfer.strategies import Strategy


class Scratch(Init):
    """Random weights, drawn anew for each replicate."""

    word = "scratch"
    description = "random weights"
    is_pretrained = False
    is_random = True
    spreads_once = True

    def describe(self) -> str:
        """Returns that nothing was learned before."""
        return "a network with random weights"

    def spread_by(self, given: Init | None) -> Init:
        """Returns k-means patches: features of random weights are further from what is shown."""
        del given
        return Patches()

    def encoder(self, context: Context, replicate: int) -> keras.Model:
        """Returns the encoder with the random weights of a replicate."""
        return context.random_encoder(replicate)


class ScratchLong(Scratch):
    """Random weights, with the updates that pretraining would have bought."""

    word = "scratch-long"
    description = "random weights, trained for longer"
    # It starts as scratch does.
    has_map = False
    # It takes as long as all other arms of a count together, and says the same at each.
    largest_count_only = True

    def name_arm(self, strategy: Strategy) -> str:
        """Returns the name of scratch's arm, and that it trains for longer."""
        return f"{super().name_arm(strategy)} for longer"

    def transfer_changes(self, steps: int, extra: int, operations: int) -> dict[str, Any]:
        """Returns the usual updates and those bought, rounded up to whole calls."""
        del operations
        return {"steps": round_to_calls(steps + extra)}
