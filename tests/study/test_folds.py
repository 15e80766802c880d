import numpy as np

from tests.data.pictures import make_pixels
from tfzero.common.seeds import derive_seed
from tfzero.data import from_arrays, nested_subsets
from tfzero.study.folds import Fold, list_folds

LABELS = np.arange(60) % 3
DATA = from_arrays(make_pixels(60, 8, 8, 1), LABELS, pool=make_pixels(90, 8, 8, 1, seed=1))
CROSS_FIT = DATA.cross_fitted()


def draw(fold, counts, *, data=CROSS_FIT, balanced=False):
    return fold.subsets(data, counts, replicate=2, balanced=balanced)


def test_a_test_part_makes_one_fold_of_all_images():
    assert list_folds(DATA, num_folds=1, replicate=2) == [Fold()]
    drawn = draw(Fold(), [6, 12], data=DATA)
    seed = derive_seed(2, "labels")
    expected = nested_subsets(DATA.train_images, DATA.train_labels, [6, 12], seed=seed)
    assert {n: list(rows) for n, rows in drawn.items()} == {
        n: list(rows) for n, rows in expected.items()
    }


def test_labels_of_a_fold_are_no_images_that_it_is_asked_about():
    folds = list_folds(CROSS_FIT, num_folds=5, replicate=2)
    asked = np.concatenate([fold.asked for fold in folds])
    assert len(folds) == 5 and sorted(asked) == list(range(60))
    seeds = {fold.seed(2, "transfer") for fold in folds}
    assert len(seeds) == 5
    for fold in folds:
        subsets = draw(fold, [6, 12, 48])
        assert not set(subsets[48]) & set(fold.asked)
        assert set(subsets[6]) <= set(subsets[12]) <= set(subsets[48]) <= set(fold.learnt)
        assert list(np.bincount(CROSS_FIT.train_labels[subsets[6]])) == [2, 2, 2]


def test_a_fold_smaller_than_a_count_gives_all_it_has():
    fold = Fold(np.arange(30), np.arange(30, 60), ("fold", 0))
    assert sorted(draw(fold, [6, 48])[48]) == list(range(30))
