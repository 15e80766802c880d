from tfzero.study.planning.difference import plan_difference


def test_what_differs_is_named_with_both_values():
    old = {"seeds": 3, "data": {"name": "a", "balanced": False}, "arms": ["vae/lpft"]}
    new = {"seeds": 4, "data": {"name": "a", "balanced": True}, "arms": ["vae/lpft"]}
    assert plan_difference(old, new) == [
        "seeds: 3 there, 4 now",
        "data.balanced: false there, true now",
    ]
    assert plan_difference(old, old) == []


def test_what_only_one_plan_has_is_none_in_the_other_and_long_values_are_cut():
    [line] = plan_difference({}, {"notes": ["x" * 100]})
    assert line == f'notes: null there, ["{"x" * 55}... now'
