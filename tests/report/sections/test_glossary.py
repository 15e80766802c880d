"""Words with a tooltip, and the glossary that holds them all."""

import html
import re

import pytest

from tests.report.pages import cells, section
from tests.report.run_folder import DIGIT_ARMS
from tfzero.report.glossary import WORDS, anchor, name_arm, term
from tfzero.study.plain_names import plain_name


def test_every_word_with_a_tooltip_is_in_the_glossary(digits):
    text = digits[1]
    used = re.findall(r'<a class="term" href="#([^"]+)" data-tip="([^"]+)"', text)
    listed = re.findall(
        r'<div id="([^"]+)"><dt>[^<]+</dt><dd>([^<]+)</dd>', section(text, "glossary")
    )
    assert len(set(used)) > 15
    assert set(used) <= set(listed)
    assert [html.unescape(name) for name, _ in listed] == [
        anchor(word) for word in sorted(WORDS, key=str.lower)
    ]


def test_a_word_that_is_not_in_the_list_cannot_have_a_tooltip():
    with pytest.raises(KeyError, match="frobnication"):
        term("frobnication")


def test_meanings_are_short_sentences_and_anchors_differ():
    for word, meaning in WORDS.items():
        assert meaning[0].isupper() and meaning.endswith("."), word
        for sentence in re.split(r"(?<=[.:]) ", meaning):
            assert len(sentence.split()) <= 25, sentence
    assert len({anchor(word) for word in WORDS}) == len(WORDS)


def test_the_arms_of_the_study_are_named_in_plain_words(digits):
    rows = cells(section(digits[1], "glossary"))
    assert rows == [[arm, plain_name(arm)] for arm in DIGIT_ARMS]
    assert f'title="{plain_name("gan/lpft")}"' in section(digits[1], "table")


def test_names_of_arms_are_escaped():
    assert "<b>" not in name_arm("<b>x/lpft")
