import dataclasses
import inspect

import pytest

from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.load import load
from tfzero.data.options import LoadOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_share": 0}, "test_share is 0; expected a number between 0 and 1"),
        ({"test_share": True}, "test_share is True"),
        ({"test_share": "half"}, "test_share is 'half'"),
        ({"resize": "strech"}, 'Unknown way to resize "strech". Did you mean "stretch"'),
        ({"pages": "all"}, 'Unknown meaning of pages "all".*Known: first, channels, each'),
        ({"channels": 2}, "channels is 2; expected 1 for gray or 3 for RGB"),
        ({"rate": 4000}, "`rate` is 4000; expected 8000 to 48000"),
        ({"clip_seconds": 0.0}, "`clip_seconds` is 0.0; expected 0.05 to 60"),
        ({"trim_db": -1}, "`trim_db` is -1; expected 0 to 200"),
        ({"pixel_range": (1, 1)}, r"pixel_range is \(1, 1\); expected the pixel values"),
        ({"size": 7}, "size is 7x7 pixels; expected at least 8x8"),
        ({"size": (8, 8, 3)}, r"size is \(8, 8, 3\); expected one whole number"),
        ({"size": "32"}, "size is '32'"),
    ],
)
def test_bad_values_are_refused_before_anything_is_read(options, message):
    with pytest.raises(InputError, match=message):
        LoadOptions(**options)
    with pytest.raises(InputError, match=message):
        load_data("no such folder", **options)


def test_unknown_names_are_refused():
    with pytest.raises(TypeError, match="sizes"):
        LoadOptions(sizes=32)


def test_all_arguments_of_load_data_travel_in_one_object(monkeypatch):
    arguments = list(inspect.signature(load_data).parameters.values())[1:]
    fields = {field.name: field.default for field in dataclasses.fields(LoadOptions)}
    own = {"lenient", "is_source", "sound", "size_rule"}
    assert {each.name: each.default for each in arguments} == {
        name: default for name, default in fields.items() if name not in own
    }
    arrived = []
    monkeypatch.setattr("tfzero.data.load.load", lambda *given: arrived.append(given))
    given = {
        "pool": "more",
        "pool_only": True,
        "labels": "table.tsv",
        "pages": "each",
        "size": (32, 48),
        "channels": 3,
        "resize": "pad",
        "pixel_range": (0, 4095),
        "test_share": 0.5,
        "group": "p",
        "strict": True,
        "drop_leaks": True,
        "transductive": True,
        "balanced": True,
        "rate": 8000,
        "clip_seconds": 1.0,
        "trim_db": 30.0,
    }
    assert given.keys() == fields.keys() - own
    load_data("images", **given)
    assert arrived == [("images", LoadOptions(**given))]


@pytest.mark.parametrize(
    ("size", "expected"), [(None, None), (9, (9, 9)), ((8, 12), (8, 12)), ([8, 12], (8, 12))]
)
def test_image_size(size, expected):
    assert LoadOptions(size=size).image_size == expected


def test_load_takes_the_options_as_they_are():
    by_keywords = load_data("digits", size=12, balanced=True)
    by_object = load("digits", LoadOptions(size=12, balanced=True))
    assert by_keywords.fingerprint == by_object.fingerprint and by_object.balanced
