"""Adam and AdamW with one fused operation per variable, where Keras has about fifty small ones."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfzero")
class FusedAdam(keras.optimizers.Adam):
    """Adam with decoupled weight decay, by TensorFlow's fused kernel.

    It computes what `keras.optimizers.AdamW` does, up to rounding. The many small operations of
    that optimizer take an eighth of a step on images of 8x8 pixels.
    Its state is saved and loaded as that of any Keras optimizer.

    Args:
        learning_rate: Positive float, or a schedule of Keras's.
        weight_decay: Non-negative float: share of each weight, times the learning rate, that every
            step takes away. 0 makes it Adam.
        beta_1: Float in 0..1: decay of the mean of gradients.
        beta_2: Float in 0..1: decay of the mean of squared gradients.
        epsilon: Positive float, for gradients near 0.
        name: Name of the optimizer.

    Reference:
        Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        *,
        weight_decay: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "adam",
    ):
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, name=name)
        # Not Keras's attribute of this name: Keras would take the weights down once more.
        self.decay = weight_decay

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its two slots."""
        place = self._get_variable_index(variable)
        variable = _resource(variable)

        def cast(value):  # the kernel has one type for all, and ends the process on another
            return tf.cast(tf.convert_to_tensor(value), variable.dtype)

        rate, step = cast(learning_rate), cast(self.iterations + 1)
        beta_1, beta_2 = cast(self.beta_1), cast(self.beta_2)
        if self.decay:
            variable.assign_sub(variable * (rate * cast(self.decay)))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=_resource(self._momentums[place]).handle,
            v=_resource(self._velocities[place]).handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=cast(self.epsilon),
            grad=cast(gradient),
        )

    def forget(self) -> None:
        """Puts it back to where it was before the first step; the learning rate becomes 0."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        config = super().get_config()
        names = ("learning_rate", "beta_1", "beta_2", "epsilon", "name")
        return {**{name: config[name] for name in names}, "weight_decay": self.decay}


def _resource(variable) -> tf.Variable:
    """Returns TensorFlow's variable of one of Keras's, which may be one already."""
    return variable.value if isinstance(variable, keras.Variable) else variable
