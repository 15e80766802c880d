from tfzero.report.drawing.layout import new_figure, percent_limits, place_axes, plain


def test_long_names_keep_their_ends():
    assert plain("class_of_animals_042", 12) == "class_of…042"
    assert plain("short\x00", 12) == "short\N{REPLACEMENT CHARACTER}"


def test_the_axis_zooms_to_the_means_and_cuts_intervals_far_wider():
    figure = new_figure(4, 3)
    axes = place_axes(figure, left=0.5, right=0.5, top=0.5, bottom=0.5)
    percent_limits(axes, [{"mean": 90.0, "half_width": 30.0}, {"mean": 94.0, "half_width": 1.0}])
    assert axes.get_ylim() == (81.0, 99.0)  # 8 points beyond the means, and some room
    percent_limits(axes, [{"mean": 50.0, "half_width": 2.0}, {"mean": 90.0, "half_width": None}])
    assert axes.get_ylim() == (45.9, 92.1)
