"""Learning rates that fall from the head down to the first block."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfzero.common.adam import FusedAdam
from tfzero.networks.blocks import split_blocks
from tfzero.transfer.classifier import Classifier


@keras.saving.register_keras_serializable("tfzero")
class LayerwiseAdamW(FusedAdam):
    """AdamW whose learning rate is multiplied by a factor of each variable's own.

    Weight decay, which AdamW multiplies by the learning rate, is multiplied too: with all factors
    f it does what AdamW does at f times the rate.

    Args:
        factors: One for each trainable variable, in the order of the model's.
        learning_rate: As in `FusedAdam`; schedules and callbacks may change it.
        weight_decay: As in `FusedAdam`.
        options: Every other argument of `FusedAdam`.
    """

    def __init__(
        self,
        factors: Sequence[float],
        learning_rate: float = 1e-3,
        weight_decay: float = 4e-3,
        **options,
    ):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, **options)
        self.factors = [float(factor) for factor in factors]

    def build(self, variables):
        """Makes the slots; refuses another number of variables than of factors."""
        if len(variables) != len(self.factors):
            raise ValueError(
                f"There are {len(self.factors)} factors for {len(variables)} trainable "
                "variables; expected one factor per variable. Build the optimizer again "
                "after changing `trainable`."
            )
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable at its own rate."""
        super().update_step(gradient, variable, learning_rate * self._factor(variable))

    def _factor(self, variable) -> float:
        return self.factors[self._get_variable_index(variable)]

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factors": self.factors}


def layer_factors(classifier: Classifier, rate: float) -> list[float]:
    """Returns each trainable variable's factor: 1 in the head, `rate` times less a block down.

    Args:
        classifier: Its encoder's blocks are those of `split_blocks`; the last has `rate`, the one
            below it `rate ** 2`, and so on.
        rate: What the rate is multiplied by from a block to the one below it.
    """
    powers = {}
    for depth, block in enumerate(reversed(split_blocks(classifier.encoder)), start=1):
        for layer in block:
            powers.update({id(variable): depth for variable in layer.trainable_variables})
    return [rate ** powers.get(id(each), 0) for each in classifier.trainable_variables]
