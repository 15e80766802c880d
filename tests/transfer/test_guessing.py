"""Labels guessed for unlabeled images: which are believed."""

import numpy as np

from tfzero.transfer.spreading import choose_surest


def test_the_surest_of_each_class_are_believed():
    guesses = np.array([[0.4, 0.6], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.2, 0.8], [0.45, 0.55]])
    # Half of 6, two thirds of it class 0: 2 of class 0, 1 of class 1.
    rows, labels = choose_surest(guesses, share=0.5, class_shares=np.array([2 / 3, 1 / 3]))
    assert rows.tolist() == [2, 3, 4] and labels.tolist() == [0, 0, 1]
    # A class cannot have more than say so; nobody else takes its place.
    rows, labels = choose_surest(guesses, share=1.0, class_shares=np.array([0, 1.0]))
    assert rows.tolist() == [0, 4, 5] and labels.tolist() == [1, 1, 1]
