"""The page of the files that a model is least certain of."""

import pathlib
import re

import tfzero
from tests.report.pages import read
from tfzero.export import Prediction, page
from tfzero.export.sights import Sight

PICTURE = "data:image/png;base64,AAAA"


def predict(name, score):
    best, other = ("<b>cat", "dog") if score > 0.6 else ("dog", "<b>cat")
    return Prediction(pathlib.Path(name), best, 0, {best: score, other: 1 - score})


def write(tmp_path, *predictions, see=lambda path: Sight(PICTURE), **settings):
    place = tmp_path / "next.html"
    page.write_answers_page(place, predictions, model="cats/1", see=see, **settings)
    return read(place)


def test_the_least_certain_come_first_and_are_marked(tmp_path):
    text = write(
        tmp_path, predict("a.png", 0.99), predict("b.png", 0.51), predict("c.png", 0.7), unsure=0.6
    )
    assert re.findall(r'<span class="name">([^<]+)<', text) == ["b.png", "c.png", "a.png"]
    assert text.count(">unsure</strong>") == 1 and "<dt>below 0.6</dt><dd>1</dd>" in text
    assert "51.0&nbsp;%" in text and "then &lt;b&gt;cat 0.49" in text
    assert "<b>" not in text and text.count(PICTURE) == 3
    assert f'content="tfzero {tfzero.__version__}"' in text


def test_a_page_stays_small_and_says_how_many_files_it_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "MOST_SHOWN", 2)
    text = write(tmp_path, *(predict(f"{place}.png", 0.9 + place / 100) for place in range(5)))
    assert text.count('<span class="name">') == 2
    assert "The page shows 2 of 5 files." in text and "unsure" not in text.split("</style>")[1]


def test_sound_is_on_the_page_and_what_cannot_be_shown_or_used_is_said(tmp_path):
    sound = "data:audio/wav;base64,BBBB"
    sights = {"a.wav": Sight(PICTURE, sound), "b.wav": Sight()}
    text = write(
        tmp_path,
        predict("a.wav", 0.7),
        predict("b.wav", 0.8),
        see=lambda path: sights[path.name],
        unusable=["c.wav is <i>broken</i>."],
    )
    assert text.count(f'<audio controls preload="none" src="{sound}">') == 1
    assert text.count("no picture") == 1
    assert "c.wav is &lt;i&gt;broken&lt;/i&gt;." in text


def test_it_needs_nothing_but_itself(tmp_path):
    text = write(tmp_path, predict("a.png", 0.9))
    assert "default-src 'none'" in text and "<script" not in text
    assert re.findall(r'src="(?!data:)', text) == []


def test_without_a_file_the_page_says_so(tmp_path):
    assert "No file was classified" in write(tmp_path)
