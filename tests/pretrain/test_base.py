import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, list_able, make_method
from tfzero.common.checks import InputError
from tfzero.pretrain import METHODS
from tfzero.pretrain.base import Pretrainer

ABILITIES = {
    "decode": ([None], {}),
    "generate": ([3], {}),
    "reconstruct": ([None], {}),
    "posterior": ([None], {"training": False}),
    "discriminate": ([None], {}),
    "draw_views": ([None], {"seed": None}),
}


@pytest.mark.parametrize("name", list(METHODS))
def test_what_a_method_can_do_is_what_it_overrides(name):
    method = make_method(name)
    for ability, (arguments, settings) in ABILITIES.items():
        assert method.can(ability) == (ability in vars(type(method)))
        if not method.can(ability):
            with pytest.raises(
                NotImplementedError, match=rf"no `{ability}`; check can\('{ability}'"
            ):
                getattr(method, ability)(*arguments, **settings)
    assert (method.latent_dim > 0) == method.can("decode")


def test_a_method_of_features_alone_can_do_nothing_else():
    class Still(Pretrainer):
        """Overrides nothing; never built."""

    assert not any(
        getattr(Still, ability) is not getattr(Pretrainer, ability) for ability in ABILITIES
    )
    with pytest.raises(AttributeError):
        make_method("vae").can("fly")


@pytest.mark.parametrize("name", list(METHODS))
def test_abilities_give_what_they_promise(name):
    method, images = make_method(name), make_pixels(5, *SHAPE)
    scaled = (images / 255).astype(np.float32)
    latents = np.random.default_rng(0).normal(size=(5, method.latent_dim)).astype(np.float32)
    made = {
        "decode": lambda: [method.decode(latents)],
        "generate": lambda: [method.generate(5), method.draw_fakes(5)],
        "reconstruct": lambda: [method.reconstruct(images), method.reconstruct(scaled)],
        "draw_views": lambda: method.draw_views(scaled, seed=tf.constant([1, 2])),
    }
    for ability, make in made.items():
        if method.can(ability):
            for found in map(np.asarray, make()):
                assert found.shape == (5, *SHAPE) and found.dtype == np.float32, ability
                assert ability == "draw_views" or found.min() >= 0 and found.max() <= 1
    if method.can("posterior"):
        for found in method.posterior(scaled, training=False):
            assert found.shape == (5, method.latent_dim)
    if method.can("discriminate"):
        assert method.discriminate(images).shape == method.discriminate(scaled).shape == (5,)
        np.testing.assert_allclose(
            method.discriminate(images), method.discriminate(scaled), atol=1e-5
        )


class Subclassed(keras.Model):
    """An encoder that does not know its shapes."""

    def call(self, images):
        return tf.reduce_mean(images, axis=[1, 2])


def build_sizeless():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


def build_unflattened():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))


@pytest.mark.parametrize("name", list(METHODS))
@pytest.mark.parametrize(
    ("build", "seen"),
    [
        (Subclassed, "input shape None and output shape None"),
        (build_sizeless, r"input shape \(None, None, None, 3\) and output shape \(None, 3\)"),
        (build_unflattened, r"output shape \(None, 6, 6, 2\)"),
    ],
)
def test_encoders_that_do_not_say_their_shapes_are_refused(name, build, seen):
    with pytest.raises(InputError, match=rf"encoder has .*{seen}; expected \(None, H, W, C\)"):
        make_method(name, encoder=build())


@pytest.mark.parametrize("name", list_able("draw_views"))
def test_views_depend_on_their_seed_alone(name):
    method, images = make_method(name), (make_pixels(5, *SHAPE) / 255).astype(np.float32)
    first, same, other = (
        np.stack(method.draw_views(images, seed=tf.constant(seed)))
        for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0 and np.abs(first[0] - first[1]).max() > 0


def test_every_image_of_an_epoch_counts_as_much():
    class Bright(Pretrainer):
        """Reports how bright images are."""

        def train_step(self, data):
            images = self.take_images(data)
            return self.track(images, loss=tf.reduce_mean(images))

        test_step = train_step

    method = Bright(build_small_encoder(), loss_names=("loss",), seed=0)
    method.built = True
    images = make_pixels(21, *SHAPE)
    images[20] = 255  # alone in the last batch
    method.compile(run_eagerly=True)
    history = method.fit(images, batch_size=10, epochs=2, shuffle=False, verbose=0).history
    evaluated = method.evaluate(images, batch_size=10, verbose=0, return_dict=True)
    found = [*history["loss"], evaluated["loss"]]
    np.testing.assert_allclose(found, images.mean() / 255, rtol=1e-5)
