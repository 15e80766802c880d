import numpy as np
import pytest
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.data.kinds import KINDS
from tfzero.networks import augment_images
from tfzero.networks.augmentation import AUGMENTATIONS
from tfzero.networks.views import VIEWS, random_views

SEED = tf.constant([3, 5])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_every_kind_has_an_augmentation_and_no_other():
    assert set(AUGMENTATIONS) == set(KINDS)
    with pytest.raises(InputError, match='Unknown kind of data "cloths". Did you mean "clothes"'):
        augment_images(draw(2, 8, 8, 1), kind="cloths", seed=SEED)


@pytest.mark.parametrize("kind", KINDS)
def test_changes_are_those_of_the_kind_drawn_by_the_seed(kind):
    images = draw(3, 8, 12, 3)
    augmented = augment_images(images, kind=kind, seed=SEED).numpy()
    np.testing.assert_array_equal(
        augmented, random_views(images, AUGMENTATIONS[kind], seed=SEED).numpy()
    )
    assert augmented.min() >= 0 and augmented.max() <= 1
    assert np.abs(augmented - augment_images(images, kind=kind, seed=SEED + 1)).max() > 0.1


def test_only_what_keeps_its_meaning_is_mirrored():
    # One bright column to the left of the middle: mirrored, it is to the right.
    images = np.zeros((200, 16, 16, 1), np.float32)
    images[:, :, 4] = 1
    for kind in KINDS:
        augmented = augment_images(images, kind=kind, seed=SEED).numpy()
        right = augmented[:, :, 9:].sum(axis=(1, 2, 3)) > augmented[:, :, :7].sum(axis=(1, 2, 3))
        is_mirrored = kind in ("photos", "microscopy")
        assert 0.2 < right.mean() < 0.6 if is_mirrored else right.mean() == 0


def test_labelled_images_change_less_than_views_do():
    for kind, gentle in AUGMENTATIONS.items():
        assert gentle.smallest_crop >= VIEWS[kind].smallest_crop
        assert gentle.jitter <= VIEWS[kind].jitter and gentle.hue <= VIEWS[kind].hue
        assert gentle.saturation <= VIEWS[kind].saturation
        assert gentle.gray_share <= VIEWS[kind].gray_share
        assert gentle.mask_share <= VIEWS[kind].mask_share
