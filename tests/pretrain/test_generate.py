import numpy as np

from tests.pretrain.cases import SHAPE, make_method
from tfzero.common.seeds import derive_seed
from tfzero.pretrain import generate
from tfzero.pretrain.generate import generate_images, generate_pool


def test_many_samples_come_in_batches_that_differ():
    method = make_method("vae")
    images = generate_images(method, 1100, seed=4)
    assert images.shape == (1100, *SHAPE)
    np.testing.assert_array_equal(images[:500], method.generate(500, seed=4))
    assert len(np.unique(images.reshape(1100, -1), axis=0)) == 1100


def test_a_generated_pool_is_of_bytes_and_of_no_more_images_than_it_may_be(monkeypatch):
    method = make_method("gan")
    monkeypatch.setattr(generate, "_LARGEST_POOL", 700)
    images = generate_pool(method, 900, seed=4)
    assert images.shape == (700, *SHAPE) and images.dtype == np.uint8
    for start, count in ((0, 500), (500, 200)):
        drawn = np.asarray(method.generate(count, seed=derive_seed(4, "generated", start)))
        expected = np.rint(drawn * 255).astype(np.uint8)
        np.testing.assert_array_equal(images[start : start + count], expected)
    assert len(generate_pool(method, 3, seed=4)) == 3
