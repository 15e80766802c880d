import keras
import numpy as np
import pytest

from tfzero.transfer import network
from tfzero.transfer.network import WarmupCosine


@pytest.fixture(autouse=True)
def fixed_share(monkeypatch):
    monkeypatch.setattr(network, "_WARMUP_SHARE", 0.1)


@pytest.mark.parametrize(
    "done, rate",
    [(0, 0.05), (4, 0.25), (9, 0.5), (10, 0.5), (55, 0.25), (100, 0.0), (150, 0.0)],
)
def test_rate_rises_linearly_and_falls_as_a_cosine(done, rate):
    assert WarmupCosine(0.5, steps=100).rate(done) == pytest.approx(rate, abs=1e-12)


def test_rate_at_a_third_of_the_descent():
    # 10 + 30 of 90 steps of descent: cos(pi / 3) = 1/2.
    assert WarmupCosine(1.0, steps=100).rate(40) == pytest.approx(0.75)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 301])
def test_rate_is_never_above_the_peak_nor_zero_before_the_end(steps):
    schedule = WarmupCosine(0.5, steps)
    rates = [schedule.rate(done) for done in range(steps)]
    assert max(rates) == 0.5 and min(rates) > 0
    assert schedule.rate(steps) == pytest.approx(0, abs=1e-12) or steps == 1
    top = rates.index(0.5)
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)


def test_the_callback_follows_the_optimizers_count():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(9.0), loss="mse", run_eagerly=True)
    rates = []

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate.numpy()))

    schedule = WarmupCosine(0.5, steps=6)
    for _ in range(2):  # a second fit goes on where the first stopped
        model.fit(
            np.ones((3, 2)), np.ones((3, 1)), batch_size=1, callbacks=[schedule, Read()], verbose=0
        )
    assert rates == pytest.approx([schedule.rate(done) for done in range(6)])
