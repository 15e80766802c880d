"""What a notebook shows of a data set."""

import dataclasses
import re

import numpy as np

import tfzero
from tests.conftest import draw_bars


def make(**settings):
    images, labels = draw_bars(80, seed=0)
    return tfzero.from_arrays(images, labels, name="bars", **settings)


def test_a_notebook_shows_counts_and_samples_of_each_class():
    data = make(class_names=["<b>up", "down", "left", "right"])
    html = data._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;up" in html
    rows = re.findall(r"<tr><th>([^<]+)</th><td>(\d+)</td><td>(\d+)</td>", html)
    train, test = (np.bincount(labels) for labels in (data.train_labels, data.test_labels))
    assert [(int(a), int(b)) for _, a, b in rows] == list(zip(train, test, strict=True))
    assert html.count('src="data:image/png;base64,') == 4 * 8
    assert "(the training images without their labels)" in html
    assert repr(data) == f"<ImageData {data.describe()}>"
    assert "tfzero" in html and data.notes[0] in html


def test_unlabeled_images_of_their_own_are_shown_too():
    data = make()
    pool = np.concatenate([data.train_images, data.train_images])
    html = dataclasses.replace(data, pool=pool)._repr_html_()
    assert html.count('alt="unlabeled"') == 8 and f"{len(pool)} unlabeled." in html


def test_of_very_many_classes_it_says_how_many_are_not_shown():
    images, labels = draw_bars(200, seed=0)
    data = tfzero.from_arrays(images, np.arange(200) % 20, name="many")
    html = data._repr_html_()
    assert "8 more classes are not shown." in html and "20 classes" in html


def test_cross_fitted_images_are_counted_once():
    data = make()
    folds = dataclasses.replace(
        data, test_images=data.train_images, test_labels=data.train_labels, num_folds=5
    )
    html = folds._repr_html_()
    assert "<th>labelled</th>" in html and "<th>test</th>" not in html
