"""Predictions as a table, the unsure ones, and what a page shows of the files."""

from __future__ import annotations

import base64
import csv
import io
import pathlib

import numpy as np
import PIL.Image
import pytest

from tests.data.sounds import RATE, make_clips
from tests.export.conftest import CLASS_NAMES
from tfzero.common.checks import InputError
from tfzero.data.logmel import plan_logmel
from tfzero.export import Prediction, answers, export_savedmodel
from tfzero.export.sights import find_sights


def predict(name, **scores):
    ordered = dict(sorted(scores.items(), key=lambda item: -item[1]))
    return Prediction(pathlib.Path(name), next(iter(ordered)), 0, ordered)


SURE, UNSURE = predict("a,b.png", cat=0.9, dog=0.1), predict("c.png", cat=0.45, dog=0.55)


def test_the_table_has_the_scores_in_the_order_of_the_model():
    text = answers.to_csv([UNSURE, SURE], ["cat", "dog"])
    assert text.splitlines() == [
        "file,label,score_cat,score_dog",
        "c.png,dog,0.45,0.55",
        '"a,b.png",cat,0.9,0.1',
    ]


def test_what_is_below_a_score_is_marked():
    rows = list(csv.DictReader(io.StringIO(answers.to_csv([SURE, UNSURE], ["dog"], unsure=0.6))))
    assert [row["unsure"] for row in rows] == ["no", "yes"]
    assert not answers.is_unsure(UNSURE, None) and not answers.is_unsure(UNSURE, 0.55)
    assert answers.least_certain_first([SURE, UNSURE]) == [UNSURE, SURE]


@pytest.mark.parametrize("score", [0, -0.1, 60])
def test_a_score_that_is_none_is_refused(score):
    with pytest.raises(InputError, match=f"`unsure` is {score:g}; expected"):
        answers.check_unsure(score)


def decode(address):
    content = base64.b64decode(address.partition(",")[2])
    return PIL.Image.open(io.BytesIO(content))


def test_pictures_are_shown_upright_in_their_colours_and_deep_ones_too(version, tmp_path):
    see = find_sights(version)
    color = np.zeros((200, 300, 3), np.uint8)
    color[:, :150] = [255, 0, 0]
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 6
    PIL.Image.fromarray(color).save(tmp_path / "turned.jpg", exif=exif)
    shown = decode(see(tmp_path / "turned.jpg").picture)
    assert shown.size == (85, 128) and shown.mode == "RGB"
    deep = np.arange(120, dtype=np.uint16).reshape(12, 10) * 500
    PIL.Image.fromarray(deep).save(tmp_path / "deep.png")
    shown = decode(see(tmp_path / "deep.png").picture)  # as the model sees it: 12 by 9
    assert shown.size == (54, 72) and shown.mode == "L"
    assert np.asarray(shown)[-1, -1] > 200
    (tmp_path / "text.png").write_text("no picture")
    assert see(tmp_path / "text.png") == ("", "")


def test_clips_are_seen_as_spectrograms_and_heard(model, tmp_path):
    sound = plan_logmel(rate=RATE, seconds=0.4, size=(12, 9))
    version = export_savedmodel(model, tmp_path / "words", class_names=CLASS_NAMES, sound=sound)
    [clip, *_] = make_clips(tmp_path / "clips", {"down": 1})
    seen = find_sights(version)(clip)
    pixels = np.asarray(decode(seen.picture))
    assert pixels.shape == (72, 54) and pixels.max() > pixels.min()
    assert base64.b64decode(seen.sound.partition(",")[2]) == clip.read_bytes()
