import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, compile_method, make_method
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.pretrain.denoising import Denoising
from tfzero.transfer import fit_classifier

IMAGES = make_pixels(5, *SHAPE, seed=3)
SCALED = (IMAGES / 255).astype(np.float32)


def corrupt(**arguments):
    method = compile_method(make_method("denoising", **{"noise_stddev": 0.0, **arguments}))
    return method.corrupt(tf.constant(SCALED)).numpy()


def test_the_loss_equals_numpy():
    method = compile_method(make_method("denoising", noise_stddev=0.3, seed=6))
    noise = tf.random.stateless_normal(SCALED.shape, (6, 0)).numpy()  # seed 6, step 0
    draws = tf.random.stateless_uniform((5, 16), (6, 1)).numpy()  # the second stream
    corrupted = SCALED + 0.3 * noise
    for image, row in enumerate(draws):
        # The first half of the patches, shuffled by sorting the draws.
        for place, patch in enumerate(np.argsort(row)):
            if patch < 8:
                top, left = 2 * (place // 4), 2 * (place % 4)
                corrupted[image, top : top + 2, left : left + 2] = 0.5
    logits = np.asarray(method.decoder(method.encoder(corrupted)), np.float64)
    expected = ((1 / (1 + np.exp(-logits)) - SCALED) ** 2).sum() / 5
    loss = method.loss_terms(tf.constant(SCALED), training=True)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("share, patches", [(0.0, 0), (0.25, 4), (0.5, 8), (1.0, 16)])
def test_the_share_of_patches_turns_gray_in_each_image(share, patches):
    gray = (corrupt(mask_share=share) == 0.5).all(axis=-1)  # no pixel of 8 bits is 0.5
    np.testing.assert_array_equal(gray.sum(axis=(1, 2)), 4 * patches)
    # Whole patches, not single pixels.
    cells = gray.reshape(5, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(5, 16, 4)
    assert (cells.all(axis=-1) == cells.any(axis=-1)).all()
    if 0 < patches < 16:
        assert len({image.tobytes() for image in gray}) > 1  # each image has its own
    else:
        np.testing.assert_array_equal(corrupt(mask_share=0.0), SCALED)


def test_every_patch_is_masked_as_often():
    method = compile_method(make_method("denoising", mask_share=0.25))
    masked = np.asarray(method._draw_mask(2000, method.step_seed()))[:, ::2, ::2, 0].mean(axis=0)
    np.testing.assert_allclose(masked, 0.25, atol=0.05)  # 5 standard deviations


def test_patches_are_cut_at_the_edge():
    # 3 x 3 patches of 3 pixels cover 8 x 8 pixels: all masked, nothing else is there.
    assert (corrupt(mask_share=1.0, patch_size=3) == 0.5).all()
    assert compile_method(make_method("denoising", patch_size=None))._patch == 1  # 8 / 7


def test_noise_has_its_standard_deviation_and_no_colour():
    method = compile_method(make_method("denoising", noise_stddev=0.3, mask_share=0.0))
    images = tf.fill((400, *SHAPE), 0.5)
    noise = method.corrupt(images).numpy() - 0.5
    assert noise.std() == pytest.approx(0.3, rel=0.02) and abs(noise.mean()) < 0.01
    assert np.abs(np.corrcoef(noise[:, 2, 2, 0], noise[:, 2, 3, 0])[0, 1]) < 0.2


def test_corruption_depends_on_the_step():
    method = compile_method(make_method("denoising"))
    method.optimizer.build(method.trainable_variables)
    first = method.corrupt(tf.constant(SCALED)).numpy()
    np.testing.assert_array_equal(first, method.corrupt(tf.constant(SCALED)))
    method.optimizer.iterations.assign(1)
    other = method.corrupt(tf.constant(SCALED)).numpy()
    assert ((first == 0.5) != (other == 0.5)).any()
    shown = (first != 0.5) & (other != 0.5)
    assert (first[shown] != other[shown]).all()


def test_training_descends_the_gradient_of_the_loss():
    method = make_method("denoising")
    method.compile(optimizer=keras.optimizers.SGD(1e-3), run_eagerly=True)
    twin = compile_method(make_method("denoising"))
    with tf.GradientTape() as tape:
        loss = twin.loss_terms(tf.constant(SCALED), training=True)["loss"]
    gradient = tape.gradient(loss, twin.trainable_weights)
    method.fit(IMAGES, epochs=1, shuffle=False, verbose=0)
    for moved, start, part in zip(
        method.trainable_weights, twin.trainable_weights, gradient, strict=True
    ):
        np.testing.assert_allclose(moved, start - 1e-3 * part, rtol=1e-4, atol=1e-5)


def test_reconstructs_bytes_and_floats_without_corrupting_them():
    method = make_method("denoising")
    expected = tf.sigmoid(method.decoder(method.encoder(SCALED)))
    for images in (IMAGES, SCALED):
        np.testing.assert_allclose(method.reconstruct(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"noise_stddev": -0.1}, "noise_stddev is -0.1; expected at least 0"),
        ({"mask_share": 1.5}, "mask_share is 1.5; expected 0 to 1"),
        ({"mask_share": "half"}, "mask_share is 'half'; expected 0 to 1"),
        ({"patch_size": 0}, "patch_size is 0; expected 1 to 8"),
        ({"patch_size": 9}, "patch_size is 9; expected 1 to 8"),
        ({"patch_size": 2.5}, "patch_size is 2.5; expected an integer from 1"),
        ({"decoder_width": 0}, "width is 0; expected at least 1"),
    ],
)
def test_amounts_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_method("denoising", **arguments)


@pytest.mark.slow
def test_learns_to_restore_and_features_that_a_probe_reads():
    """Faint bars in noise, 2 labels a class: measured 0.61 before, 0.98 after."""
    pool, _ = draw_bars(640, seed=1, contrast=0.25, noise=0.3)
    few = draw_bars(8, seed=2, contrast=0.25, noise=0.3)
    test = draw_bars(400, seed=3, contrast=0.25, noise=0.3)
    clean = draw_bars(400, seed=3, contrast=0.25, noise=0.0)[0] / 255

    def probe_accuracy(encoder):
        fitted = fit_classifier("probe", encoder=encoder, images=few[0], labels=few[1])
        return (fitted.predict(test[0]).argmax(axis=1) == test[1]).mean()

    encoder = build_encoder((8, 8, 1), width=4, seed=0)
    untrained = probe_accuracy(encoder)
    method = Denoising(encoder, decoder_width=8, seed=0)
    method.compile(optimizer=keras.optimizers.Adam(3e-3), steps_per_execution=20)
    method.fit(
        stream_batches(pool, batch_size=32, seed=0), steps_per_epoch=120, shuffle=False, verbose=0
    )
    # Nobody has shown it a clean image; what is left is nearer to one than what it was given.
    restored = np.asarray(method.reconstruct(test[0]))
    left = np.mean((restored - clean) ** 2) / np.mean((test[0] / 255 - clean) ** 2)
    trained = probe_accuracy(encoder)
    assert left < 0.3 and untrained < 0.8 and trained > 0.9, (left, untrained, trained)
