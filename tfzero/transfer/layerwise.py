"""Learning rates and freezing by layer: the deeper, the less it should move."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("tfzero")
class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW whose learning rate falls from the last layer to the first.

    A variable of a layer that lies k layers before the last gets the learning rate times
    `layer_decay ** k`; weight decay likewise follows the rate.

    Args:
        learning_rate: Of the last layer.
        layer_decay: In 0..1; 1 is plain AdamW.
        **arguments: Passed on to `keras.optimizers.AdamW`.

    Reference:
        Howard and Ruder 2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning, with
        1 / 2.6 a layer).
    """

    def __init__(self, learning_rate: float = 1e-3, *, layer_decay: float = 1.0, **arguments: Any):
        super().__init__(learning_rate, **arguments)
        self.layer_decay = layer_decay
        self._shares: list[float] = []

    def build(self, variables):
        """Finds each variable's layer by its path; variables come first layer first."""
        super().build(variables)
        layers = [variable.path.rpartition("/")[0] for variable in variables]
        order = {layer: place for place, layer in enumerate(dict.fromkeys(layers))}
        last = len(order) - 1
        self._shares = [self.layer_decay ** (last - order[layer]) for layer in layers]

    def update_step(self, gradient, variable, learning_rate):
        """Updates a variable at its layer's rate."""
        share = self._shares[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * share)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "layer_decay": self.layer_decay}


def layer_groups(network: keras.Model, count: int) -> list[list[keras.layers.Layer]]:
    """Returns the layers with weights in groups of about one size, first to last.

    Args:
        network: Any Keras model whose `layers` are in order.
        count: How many groups; fewer where there are fewer such layers.
    """
    layers = [layer for layer in network.layers if layer.weights]
    count = min(count, len(layers))
    cuts = [round(len(layers) * k / count) for k in range(count + 1)]
    return [layers[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
