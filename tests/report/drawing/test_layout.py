from tfzero.report.drawing.layout import plain


def test_long_names_keep_their_ends():
    assert plain("class_of_animals_042", 12) == "class_of…042"
    assert plain("short\x00", 12) == "short\N{REPLACEMENT CHARACTER}"
