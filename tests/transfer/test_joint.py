"""Training on labels and unlabeled images at once: what is minimized, and exact resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder, draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import (
    SHAPE,
    TYPICAL_METHODS,
    Brightness,
    assert_same_state,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.pretrain import METHODS, Distillation
from tfzero.pretrain.base import Pretrainer
from tfzero.transfer import STRATEGIES, Budget, Classifier, Task, fit_classifier
from tfzero.transfer.joint import JointNetwork, train_jointly
from tfzero.transfer.training import Labelled

IMAGES, LABELS = draw_bars(12, seed=1)
POOL = make_pixels(24, *SHAPE, seed=1)
EVERY_METHOD = pytest.mark.parametrize("name", list(METHODS))


def build(name, *, classifier=None, **settings):
    """Returns a network that is trained by a method beside its labels; compiled."""
    method = make_method(name)
    classifier = classifier or Classifier(method.encoder, 4, augment=True, seed=2)
    network = JointNetwork(classifier, method, **{"averaging": 0.9, **settings})
    network.compile(keras.optimizers.Adam(2e-3), steps_per_execution=2)
    return network, method


def fit(network, *, epochs=3, done=0):
    """Trains for epochs of two steps, in the order that a run from the start would have."""
    batches = tf.data.Dataset.zip(
        stream_batches(IMAGES, LABELS, batch_size=4, seed=1, start=2 * done),
        stream_batches(POOL, batch_size=6, seed=2, start=2 * done),
    )
    settings = {"steps_per_epoch": 2, "initial_epoch": done, "epochs": epochs}
    return network.fit(batches, shuffle=False, verbose=0, **settings).history


@EVERY_METHOD
def test_encoder_head_and_the_methods_own_parts_learn_and_the_given_ones_stay(name):
    network, method = build(name)
    given = method.get_weights()
    learning = [*network.joint_variables, *network.objective.opponent_variables]
    start = [variable.numpy() for variable in learning]
    history = fit(network)
    assert all(np.isfinite(values).all() for values in history.values())
    for variable, before in zip(learning, start, strict=True):
        assert np.abs(variable.numpy() - before).max() > 1e-5, variable.path
    assert len({id(variable) for variable in learning}) == len(learning)
    assert network.objective.encoder is network.classifier.encoder
    for weight, before in zip(method.get_weights(), given, strict=True):
        np.testing.assert_array_equal(weight, before)


@EVERY_METHOD
def test_the_copy_starts_with_all_of_the_methods_weights(name):
    method = make_method(name)
    for weight in method.weights:
        if weight.dtype == "float32":
            weight.assign(weight + 0.01)
    copy = method.around(method.encoder)
    assert copy is not method and copy.encoder is method.encoder
    for ours, theirs in zip(copy.get_weights(), method.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@EVERY_METHOD
def test_saved_training_continues_as_if_never_stopped(name, tmp_path):
    network, _ = build(name)
    fit(network, epochs=3)
    expected = read_state(network)
    assert len(expected) > 20
    again, _ = build(name)
    fit(again, epochs=2)
    again.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.objective.encoder is loaded.classifier.encoder
    fit(loaded, epochs=3, done=2)
    assert_same_state(expected, read_state(loaded))


class Mean:
    """An objective with a gradient that is known: the mean logit of each image."""

    own_variables: list = []
    opponent_variables: list = []

    def around(self, encoder):
        return self

    def read_unlabeled(self, images, network):
        return tf.reduce_mean(network.read_logits(images)), None

    def prepare(self, images, *, read=None):
        pass

    def release(self):
        pass


def take_one_step(network, step=0):
    """Returns by how much a step of plain gradient descent changes the head's bias."""
    network.compile(keras.optimizers.SGD(1.0))
    network.optimizer.iterations.assign(step)
    before = network.classifier.head.bias.numpy()
    network.train_step(((IMAGES, LABELS), POOL))
    return before - network.classifier.head.bias.numpy()


def of_labels(network, weights=(1, 1, 1, 1)):
    """Returns the gradient of the weighted cross-entropy by the bias, in NumPy."""
    probabilities = network(IMAGES).numpy()
    errors = probabilities - np.eye(4)[LABELS]
    return (errors * np.array(weights)[LABELS, None]).mean(axis=0)


@pytest.mark.parametrize("step, share", [(0, 0.0), (5, 0.5), (10, 1.0), (40, 1.0)])
def test_the_weight_of_the_unlabeled_loss_grows_over_the_warmup(step, share):
    classifier = Classifier(build_small_encoder(), 4)
    network = JointNetwork(classifier, Mean(), weight=2.0, warmup=10)
    expected = of_labels(network) + 2.0 * share / 4  # the mean of 4 logits
    np.testing.assert_allclose(take_one_step(network, step), expected, atol=1e-5)


def test_classes_weigh_as_asked():
    weights = [0.5, 1.0, 2.0, 4.0]
    classifier = Classifier(build_small_encoder(), 4)
    network = JointNetwork(classifier, Mean(), weight=0.0, class_weights=weights)
    expected = of_labels(network, weights)
    np.testing.assert_allclose(take_one_step(network), expected, atol=1e-5)


def test_guesses_come_from_the_average_of_the_weights():
    network = JointNetwork(Classifier(build_small_encoder(), 4), Mean(), averaging=0.5)
    start = network.classifier.head.bias.numpy()
    change = take_one_step(network)
    # After 1 step a young average keeps 2/11 of what it was.
    averaged = network.averaged.head.bias.numpy()
    np.testing.assert_allclose(averaged, start - 9 / 11 * change, atol=1e-6)
    guesses = network.guess(tf.constant(IMAGES / 255, tf.float32))
    np.testing.assert_allclose(guesses, network.averaged(IMAGES), atol=1e-6)
    assert np.abs(guesses - network(IMAGES)).max() > 1e-4


def test_a_gans_generated_images_are_one_class_more():
    method = make_method("gan")
    classifier = Classifier(method.encoder, 4, seed=2)
    network = JointNetwork(classifier, method)
    network.compile(keras.optimizers.SGD(0.0))
    images = tf.constant(POOL[:5] / 255, tf.float32)
    loss, of_generator = network.objective.read_unlabeled(images, network)
    latents = tf.random.stateless_normal((5, 3), network.objective.step_seed())
    fakes = tf.sigmoid(method.generator(latents, training=True))

    def read(pictures):
        features = method.encoder(pictures).numpy()
        return features, features @ classifier.head.kernel.numpy() + classifier.head.bias.numpy()

    (real_features, real), (fake_features, fake) = read(images), read(fakes)

    def probability_of_fake(logits):
        # Salimans et al. 2016, section 5: K + 1 logits, the last of which is 0.
        powers = np.exp(np.append(logits, 0.0).astype(np.float64))
        return powers[-1] / powers.sum()

    expected = -np.mean([np.log(1 - probability_of_fake(row)) for row in real])
    expected -= np.mean([np.log(probability_of_fake(row)) for row in fake])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    gap = real_features.mean(axis=0) - fake_features.mean(axis=0)
    np.testing.assert_allclose(of_generator, (gap**2).sum(), rtol=1e-4)


@TYPICAL_METHODS
def test_the_objective_draws_new_noise_in_each_step(name):
    network, _ = build(name)
    seeds = []
    for step in range(2):
        network.optimizer.iterations.assign(step)
        seeds.append(network.objective.step_seed().numpy().tolist())
    assert seeds[0] != seeds[1]


def test_a_fit_watches_the_labels_that_are_held_out():
    network, _ = build("vae", class_weights=[1.0, 2.0, 3.0, 4.0])
    batches = tf.data.Dataset.zip(
        stream_batches(IMAGES, LABELS, batch_size=4, seed=1),
        stream_batches(POOL, batch_size=6, seed=2),
    )
    settings = {"steps_per_epoch": 2, "shuffle": False, "verbose": 0}
    history = network.fit(batches, validation_data=(IMAGES, LABELS), **settings).history
    probabilities = network(IMAGES).numpy()
    right = (probabilities.argmax(axis=1) == LABELS).mean()
    assert history["val_accuracy"][0] == pytest.approx(right)
    entropy = -np.log(probabilities[np.arange(12), LABELS]).mean()
    assert history["val_loss"][0] == pytest.approx(entropy, rel=1e-4)


def test_the_objective_prepares_the_pool_once_and_forgets_it(monkeypatch):
    called = []
    prepare, release = Distillation.prepare, Distillation.release

    def watch(self, images, **settings):
        prepare(self, images, **settings)
        keys = self.table.find(tf.constant(images / 255, tf.float32))[1].numpy()
        called.append(("prepare", bool(keys.all())))

    def watch_release(self):
        release(self)
        keys = self.table.find(tf.constant(POOL / 255, tf.float32))[1].numpy()
        called.append(("release", bool(keys.any())))

    monkeypatch.setattr(Distillation, "prepare", watch)
    monkeypatch.setattr(Distillation, "release", watch_release)
    method = make_method("distillation")
    network = JointNetwork(Classifier(method.encoder, 4), method)
    budget = Budget(steps=2, batch_size=4)
    labelled = Labelled(IMAGES, LABELS)
    train_jointly(network, labelled, POOL, peak=1e-3, budget=budget, seed=0, steps=2)
    assert called == [("prepare", True), ("release", False)]


def test_the_teachers_known_features_are_not_read_again(monkeypatch):
    method = make_method("distillation")
    known = np.random.default_rng(0).normal(size=(30, method.teacher.output_shape[-1]))
    pool = make_pixels(30, *SHAPE, seed=3)
    seen = []
    monkeypatch.setattr(
        Distillation, "prepare", lambda self, images, *, read: seen.append((images, read))
    )
    task = Task(
        inputs=IMAGES,
        labels=LABELS,
        num_classes=4,
        budget=Budget(steps=2, batch_size=4, unlabeled_steps=2, most_unlabeled=9),
        seed=3,
        encoder=method.encoder,
        pool=pool,
        objective=method,
        known_targets=known,
    )
    STRATEGIES["joint"].fit(task)
    [(images, read)] = seen
    rows = [next(r for r in range(30) if (pool[r] == image).all()) for image in images]
    assert len(rows) == 9
    np.testing.assert_array_equal(read(None, images), known[rows])


def test_each_fit_draws_its_own_noise_and_counts_all_that_it_trains(monkeypatch):
    method = make_method("vae", seed=5)
    seeds = []

    def watch(network, *arguments, **settings):
        seeds.append(int(network.objective.noise_seed.numpy()))
        return train_jointly(network, *arguments, **settings)

    monkeypatch.setattr("tfzero.transfer.joint.train_jointly", watch)
    settings = {"encoder": method.encoder, "objective": method, "pool": POOL}
    budget = Budget(steps=2, batch_size=4, unlabeled_steps=2)
    for seed in (1, 2):
        fitted = fit_classifier(
            "joint", images=IMAGES, labels=LABELS, budget=budget, seed=seed, **settings
        )
    assert len({5, *seeds}) == 3
    apart = sum(int(np.prod(v.shape)) for v in method.own_variables)
    head = 4 * method.encoder.output_shape[-1] + 4
    encoder = sum(int(np.prod(v.shape)) for v in method.encoder.trainable_weights)
    assert fitted.cost.parameters == encoder + head + apart


def test_a_method_of_an_unregistered_class_goes_on_too():
    class Mute(Pretrainer):
        def __init__(self, encoder, *, seed=0):
            super().__init__(encoder, loss_names=("loss",), seed=seed)
            self.built = True

        def train_step(self, data):
            raise NotImplementedError

        test_step = train_step

        def read_unlabeled(self, images, network):
            return tf.reduce_mean(tf.square(self.encoder(images, training=True))), None

    encoder = build_small_encoder()
    fitted = fit_classifier(
        "joint",
        encoder=encoder,
        objective=Mute(encoder),
        images=IMAGES,
        labels=LABELS,
        pool=POOL,
        budget=Budget(steps=2, batch_size=4, unlabeled_steps=2),
    )
    assert fitted.predict(IMAGES).shape == (12, 4)


@pytest.mark.parametrize(
    "make, telling",
    [
        (lambda: None, "`objective` is None"),
        (build_small_encoder, "`objective` is a Functional; expected a method of tfzero"),
        (lambda: Brightness(build_small_encoder()), "`objective` is a Brightness; expected a"),
        (lambda: make_method("vae", shape=(9, 8, 1)), "The encoder of `objective` has the shapes"),
    ],
)
def test_another_objective_is_refused(make, telling):
    settings = {"images": IMAGES, "labels": LABELS, "pool": POOL}
    with pytest.raises(InputError, match=telling):
        fit_classifier("joint", encoder=build_small_encoder(), objective=make(), **settings)
