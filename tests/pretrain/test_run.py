import keras
import numpy as np
import pytest

from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, assert_same_state, make_method, read_state
from tfzero.common.schedule import WarmupCosine
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import PretrainingBudget, default_budget
from tfzero.pretrain.run import pretrain, steps_per_call
from tfzero.pretrain.vae import VAE

IMAGES = make_pixels(42, *SHAPE, seed=2)


@pytest.mark.parametrize("count, steps", [(1, 1), (64, 1), (65, 2), (1297, 21)])
def test_a_pass_fills_its_last_batch(count, steps):
    assert PretrainingBudget(3, 64, 1e-3).steps_per_epoch(count) == steps


@pytest.mark.parametrize("count", [1, 50, 1_300, 60_000])
def test_the_default_budget_can_be_spent(count):
    budget = default_budget(count)
    assert budget.epochs >= 1 and 1 <= budget.batch_size <= count and budget.learning_rate > 0
    assert default_budget(count, epochs=7).epochs == 7


@pytest.mark.parametrize("steps", [1, 2, 7, 20, 21, 23, 40, 46, 97, 469])
@pytest.mark.parametrize("side", [8, 28])
def test_calls_divide_an_epoch(steps, side):
    # Keras rounds the updates of an endless stream up to whole calls.
    assert steps % steps_per_call(steps, (side, side, 1)) == 0


def test_spends_its_budget_and_continues_exactly(monkeypatch):
    traced = []
    loss_terms = VAE.loss_terms

    def count(self, *arguments, **settings):
        traced.append(self)
        return loss_terms(self, *arguments, **settings)

    monkeypatch.setattr(VAE, "loss_terms", count)
    budget = PretrainingBudget(epochs=2, batch_size=2, learning_rate=2e-3)
    whole = make_method("vae", seed=5)
    history = pretrain(whole, IMAGES, budget=budget)
    assert int(whole.optimizer.iterations.numpy()) == 2 * budget.steps_per_epoch(42) == 2 * 21
    assert set(history) == set(whole.trackers)
    for values in history.values():
        assert len(values) == 2 and np.isfinite(values).all()

    traced.clear()
    halves = make_method("vae", seed=5)
    first = pretrain(halves, IMAGES, budget=PretrainingBudget(1, 2, 2e-3))
    second = pretrain(halves, IMAGES, budget=budget, start_epoch=1)
    assert_same_state(read_state(whole), read_state(halves))
    assert {name: first[name] + second[name] for name in first} == history

    other = make_method("vae", seed=6)
    pretrain(other, IMAGES, budget=budget)
    assert traced == []  # one graph serves all seeds
    kernels = [method.encoder.get_layer("block1").kernel.numpy() for method in (whole, other)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3


def test_callbacks_see_the_seed_of_the_method():
    seen = []
    for seed in (5, 6):
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: seen.append(callback.model.get_config()["seed"])  # noqa: B023
        )
        pretrain(
            make_method("vae", seed=seed),
            IMAGES,
            budget=PretrainingBudget(1, 2, 2e-3),
            callbacks=[callback],
        )
    assert seen == [5, 6]


class StopAfter(keras.callbacks.Callback):
    """Ends a fit after some epochs, as if it had been killed."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            self.model.stop_training = True


@pytest.mark.parametrize("name", [pytest.param("simclr", marks=pytest.mark.slow), "gan"])
def test_a_decaying_rate_follows_the_updates_also_after_a_resume(name, tmp_path):
    budget = PretrainingBudget(epochs=4, batch_size=5, learning_rate=0.01, decays=True)
    images = make_pixels(20, *SHAPE, seed=3)
    rates, others = [], []

    class Read(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            if name == "gan":
                others.append(float(self.model.discriminator_optimizer.learning_rate))

    whole = make_method(name)
    pretrain(whole, images, budget=budget, callbacks=[Read()])
    schedule = WarmupCosine(0.01, steps=16)
    # All 4 updates of an epoch are one call, whose rate is that of its middle.
    assert rates == pytest.approx([schedule.rate(4 * epoch + 1.5) for epoch in range(4)])
    if name == "gan":
        highest = whole.discriminator_learning_rate
        assert others == pytest.approx([highest * rate / 0.01 for rate in rates])
    half = make_method(name)
    pretrain(half, images, budget=budget, callbacks=[StopAfter(2)])
    half.save(tmp_path / "half.keras")
    half = keras.models.load_model(tmp_path / "half.keras")
    pretrain(half, images, budget=budget, start_epoch=2)
    assert_same_state(read_state(half), read_state(whole))


@pytest.mark.parametrize("name", list(METHODS))
def test_a_methods_budget_says_how_it_trains(name):
    method = METHODS[name]
    budget = method.budget(60_000)
    assert budget.batch_size == max(method.large_pool_batch, method.smallest_batch)
    assert method.budget(9_999).batch_size == max(64, method.smallest_batch)
    assert budget.learning_rate == method.learning_rate and budget.decays == method.decays
    assert budget.epochs == method.budget(60_000, epochs=None).epochs >= 2
    assert method.budget(1_300).epochs == round(18 * method.passes)
    few = method.budget(50, epochs=7)
    assert few.batch_size == 50 and few.epochs == 7
