"""Scaling of losses: small gradients would be 0 in float16."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfzero.common.checks import InputError

# The one precision whose exponents do not reach small gradients; bfloat16 has those of float32.
_SCALED = "mixed_float16"


@keras.saving.register_keras_serializable("tfzero")
class LossScaling(keras.optimizers.LossScaleOptimizer):
    """Keras's dynamic loss scaling, which counts every step and refuses losses without scale.

    A step whose gradients are not finite changes no weight, and halves the scale. Keras does not
    count such a step in `iterations`. Here it counts: learning rates, random seeds and the number
    of finished epochs depend on it. The inner optimizer counts its own updates.

    Args:
        inner_optimizer: Optimizer of Keras's that updates the weights.
        initial_scale: Positive float: the first scale of the loss.
        dynamic_growth_steps: Number of steps without a halving after which the scale is doubled.
        name: Name of the optimizer.

    Reference:
        Micikevicius et al. 2018, arXiv:1710.03740, section 3.2.
    """

    def __init__(
        self,
        inner_optimizer: keras.optimizers.Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str = "loss_scaling",
    ):
        super().__init__(inner_optimizer, initial_scale, dynamic_growth_steps, name=name)
        self._is_scaled = False
        # Keras makes them with the slots. A graph that is traced before would then hold the first
        # scale as a constant.
        self.step_counter = self.add_variable((), dtype="int", name="step_counter")
        first = keras.initializers.Constant(initial_scale)
        self.dynamic_scale = self.add_variable((), first, dtype="float32", name="dynamic_scale")

    def build(self, var_list):
        """Makes the inner optimizer's slots."""
        self.inner_optimizer.build(var_list)
        keras.optimizers.Optimizer.build(self, var_list)

    @property
    def iterations(self):
        """Number of steps so far, those that changed no weight among them."""
        return self._iterations

    def scale_loss(self, loss):
        """Returns a loss times the scale, float32 `()`, to be differentiated."""
        self._is_scaled = True
        return tf.cast(loss, "float32") * tf.convert_to_tensor(self.dynamic_scale)

    def apply(self, grads, trainable_variables=None):
        """Updates the weights once by gradients of a scaled loss.

        Raises:
            InputError: If no loss was scaled since the last update.
        """
        if not self._is_scaled:
            raise InputError(
                "A train_step applies gradients of a loss that was not scaled, and float16 needs "
                "it scaled. Differentiate `self.optimizer.scale_loss(loss)`, or build the "
                "encoder under keras.config.set_dtype_policy('mixed_bfloat16')."
            )
        self._is_scaled = False
        super().apply(grads, trainable_variables)
        self._iterations.assign_add(1)

    def forget(self) -> None:
        """Puts it back to where it was before the first step; the learning rate becomes 0.

        The inner optimizer is a `FusedAdam`.
        """
        for variable in self._variables:
            variable.assign(tf.zeros_like(variable))
        self.dynamic_scale.assign(self.initial_scale)
        self.inner_optimizer.forget()


def scale_losses(optimizer: Any, precision: str) -> Any:
    """Returns an optimizer that scales losses where a precision needs it.

    Args:
        optimizer: Whatever `compile` takes, or None.
        precision: Of the network that it trains; see `tfzero.common.surroundings.PRECISIONS`.

    Returns:
        The same, where nothing is to be scaled.
    """
    if precision != _SCALED or optimizer is None:
        return optimizer
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, LossScaling):
        return optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):  # Keras's own
        return LossScaling(
            optimizer.inner_optimizer, optimizer.initial_scale, optimizer.dynamic_growth_steps
        )
    return LossScaling(optimizer)
