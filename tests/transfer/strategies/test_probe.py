"""The probe: a frozen encoder stays as it is, and the head is fitted to its features."""

import keras
import numpy as np

from tests.transfer.cases import fit


def test_probe_leaves_the_encoder_alone(encoder, bars):
    fitted = fit("probe", encoder, *bars)
    assert fitted.cost.steps == 0
    assert fitted.model.encoder is not encoder
    for before, after in zip(encoder.weights, fitted.model.encoder.weights, strict=True):
        np.testing.assert_array_equal(before, after)


def test_probe_keeps_the_statistics_of_batch_normalization(bars):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(6)(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization(name="normal")(x)
    own = keras.Model(inputs, keras.layers.ReLU()(x))
    normal = own.get_layer("normal")
    normal.moving_mean.assign(np.linspace(-1, 1, 6))
    normal.moving_variance.assign(np.linspace(0.5, 2, 6))
    model = fit("probe", own, *bars).model
    for before, after in zip(own.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)
    # And they are used: the head was fitted to features of inference.
    scaled = (bars[0] / 255).astype(np.float32)
    expected = np.asarray(model.head(own(scaled, training=False)))
    np.testing.assert_allclose(model(bars[0]), expected, atol=1e-5)
