"""What comes near all or nothing is never called so."""

import pathlib
import re

import pytest

import tfzero
from tfzero.common.numbers import count_of, write_number
from tfzero.report import formatting
from tfzero.study import verdict_screen
from tfzero.study.verdict.words import describe_best, format_points

PACKAGE = pathlib.Path(tfzero.__file__).parent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (97.25, "97.2"),
        (99.94, "99.9"),
        (99.97, "99.97"),
        (99.9996, "99.9996"),
        (100.0, "100.0"),
        (100 - 1e-12, "100.0"),  # as a mean over seeds may leave it
        (100.02, "100.02"),
        (0.04, "0.04"),
        (-0.04, "-0.04"),
        (0.0, "0.0"),
        (-1e-14, "0.0"),
        (1e-7, "0.0000001"),
        (1234.56, "1,234.6"),
    ],
)
def test_no_number_is_rounded_to_all_or_nothing(value, text):
    assert write_number(value) == text


def test_other_digits_and_wholes():
    assert write_number(99.7, 0) == "99.7" and write_number(40.2, 0) == "40"
    assert write_number(0.9997, 3, whole=1.0) == "0.9997"
    assert write_number(0.99, 3, whole=1.0) == "0.990"
    assert write_number(0.02, sign="+") == "+0.02" and format_points(-0.04) == "-0.04"


def test_table_report_and_sentences_say_it():
    row = {"mean": 99.97, "half_width": 0.02, "num_labels": 10, "arm": "a"}
    assert verdict_screen._format(row) == "99.97 ± 0.02"
    assert formatting.number(99.97) == "99.97" and formatting.signed(-0.04) == "−0.04"
    assert formatting.percent(0.9997) == "99.97 %" and formatting.percent(0.998, 0) == "99.8 %"
    assert formatting.probability(0.9998) == "0.9998"
    assert "(99.97 ± 0.02 %)" in describe_best(
        {"num_labels": 10, "highest": "a", "arms": ["a"]}, [row]
    )
    assert "a 99.97 %" in formatting.means_in_words([row], ["a"], 10)


def test_no_other_place_rounds_percent_or_accuracy():
    # Thresholds are constants, and the progress of a study is no result.
    percent = re.compile(r"\.\d%\}|\.\df\}[^\"]{0,3}%|\.\df\}[^\"]{0,3} points|toFixed\(\d\)\}? %")
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js")]
        for line in path.read_text("utf-8").splitlines()
        if percent.search(line) and "_LEAST" not in line and "{share:4.0%}" not in line
    ]
    assert not found


def test_one_thing_is_no_plural():
    assert [count_of(n, "seed") for n in (0, 1, 1200)] == ["0 seeds", "1 seed", "1,200 seeds"]
