"""Scaling of losses in float16: what it counts, what it refuses, and what it keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzero.common.adam import FusedAdam
from tfzero.common.checks import InputError
from tfzero.common.loss_scaling import LossScaling, scale_losses


def step(optimizer, variable, slope):
    """Updates a variable once by a loss of this slope."""
    with tf.GradientTape() as tape:
        loss = optimizer.scale_loss(slope * tf.convert_to_tensor(variable))
    optimizer.apply([tape.gradient(loss, variable)], [variable])


def test_a_step_that_changes_nothing_counts_and_halves_the_scale():
    variable = keras.Variable(1.0)
    optimizer = LossScaling(FusedAdam(0.1), initial_scale=64.0)
    step(optimizer, variable, float("inf"))
    assert variable.numpy() == 1.0 and optimizer.dynamic_scale.numpy() == 32.0
    assert optimizer.iterations.numpy() == 1 and optimizer.inner_optimizer.iterations.numpy() == 0
    step(optimizer, variable, 2.0)
    # Adam's first step is its learning rate, by the count of the inner optimizer.
    np.testing.assert_allclose(variable.numpy(), 0.9, rtol=1e-5)
    assert optimizer.iterations.numpy() == 2 and optimizer.inner_optimizer.iterations.numpy() == 1
    np.testing.assert_allclose(optimizer.inner_optimizer._momentums[0].numpy(), 0.2, rtol=1e-5)


def test_the_scale_in_a_traced_step_is_the_present_one():
    variable = keras.Variable(1.0)
    optimizer = LossScaling(FusedAdam(0.1), initial_scale=64.0)  # builds its slots while traced

    @tf.function
    def several(slopes):
        for slope in slopes:
            step(optimizer, variable, slope)

    several(tf.constant([float("inf"), 2.0]))
    np.testing.assert_allclose(optimizer.inner_optimizer._momentums[0].numpy(), 0.2, rtol=1e-5)


def test_gradients_of_a_loss_without_scale_are_refused():
    variable = keras.Variable(1.0)
    optimizer = LossScaling(keras.optimizers.Adam())
    step(optimizer, variable, 2.0)
    with pytest.raises(InputError, match=r"not scaled.*self\.optimizer\.scale_loss\(loss\)"):
        optimizer.apply([tf.constant(2.0)], [variable])


def test_the_learning_rate_is_the_inner_optimizers():
    optimizer = LossScaling(FusedAdam(0.1))
    optimizer.learning_rate = 0.02
    assert float(optimizer.inner_optimizer.learning_rate) == pytest.approx(0.02)


def test_only_float16_is_scaled_and_no_optimizer_twice():
    adam = FusedAdam()
    assert scale_losses(adam, "float32") is adam and scale_losses("adam", "float32") == "adam"
    assert scale_losses(adam, "mixed_bfloat16") is adam
    assert scale_losses(None, "mixed_float16") is None
    scaling = scale_losses(adam, "mixed_float16")
    assert isinstance(scaling, LossScaling) and scaling.inner_optimizer is adam
    assert scale_losses(scaling, "mixed_float16") is scaling
    assert isinstance(scale_losses("adam", "mixed_float16").inner_optimizer, keras.optimizers.Adam)
    own = scale_losses(keras.optimizers.LossScaleOptimizer(adam, 8.0, 3), "mixed_float16")
    assert isinstance(own, LossScaling) and own.inner_optimizer is adam
    assert own.initial_scale == 8.0 and own.dynamic_growth_steps == 3


def test_what_it_learned_is_forgotten_and_its_configuration_makes_it_again():
    variable = keras.Variable(1.0)
    optimizer = LossScaling(FusedAdam(0.1, beta_1=0.5), initial_scale=64.0)
    step(optimizer, variable, float("inf"))
    step(optimizer, variable, 2.0)
    optimizer.forget()
    assert optimizer.dynamic_scale.numpy() == 64.0
    assert optimizer.iterations.numpy() == optimizer.inner_optimizer.iterations.numpy() == 0
    assert optimizer.inner_optimizer._momentums[0].numpy() == 0
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, LossScaling) and again.initial_scale == 64.0
    assert again.inner_optimizer.beta_1 == 0.5
