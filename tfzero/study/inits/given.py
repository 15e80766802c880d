"""Inits of encoders that come ready: public weights, and a user's own file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfzero.common.seeds import derive_seed
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context
from tfzero.transfer.budget import CAREFULLY, limit_large

if TYPE_CHECKING:
    import keras


class Given(Init):
    """An encoder that came ready: one for all replicates."""

    is_foreign = True
    is_given = True
    spreads_once = True
    is_start_given = True

    def transfer_changes(self, steps: int, extra: int, operations: int) -> dict[str, Any]:
        """Returns what the training of a large network may cost."""
        del extra
        return limit_large(steps, operations)

    def encoder(self, context: Context, replicate: int) -> keras.Model:
        """Returns the encoder. Its noise, such as Dropout's, is drawn from the replicate's seed."""
        from tfzero.networks.copies import seed_noise

        return seed_noise(context.load_given(), seed=derive_seed(replicate, "noise"))


class Public(Given):
    """Weights that others trained and published."""

    word = "public"
    # It is large: looking at its networks would take longer than the study.
    shows_networks = False
    remark = (
        ". It is also a larger network than the study's own, so a difference can come from "
        "its size, not only from its weights"
    )

    def transfer_changes(self, steps: int, extra: int, operations: int) -> dict[str, Any]:
        """Returns how published weights are trained, of whatever size their network is."""
        return {**CAREFULLY, **super().transfer_changes(steps, extra, operations)}

    def describe(self) -> str:
        """Returns that others trained it."""
        return "a public pretrained network"


class File(Given):
    """The encoder in a user's own `.keras` file."""

    word = "file"

    def describe(self) -> str:
        """Returns that the user brought it."""
        return "your own encoder"
