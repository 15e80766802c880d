"""Small versions of benchmarks/speed.py and benchmarks/overhead.py."""

import contextlib
import pathlib

import pytest

from benchmarks import overhead, speed

ROOT = pathlib.Path(__file__).parents[2]


def test_a_step_is_counted_by_its_convolutions():
    by_images = (28 * 28 * 32 * 9, 14 * 14 * 64 * 9 * 32, 7 * 7 * 128 * 9 * 64, 16 * 256 * 9 * 128)
    expected = 32 * (3 * sum(by_images) - by_images[0])  # nothing is derived by the images
    assert speed.Case("classifier", (28, 28, 1)).operations() == expected


def test_a_row_has_medians_quartiles_and_ratios_of_turns():
    case = speed.Case("classifier", (28, 28, 1), has_torch=True)
    milliseconds = 2 * case.operations() / 50e9 * 1000  # 50 GFLOP/s
    took = [milliseconds * factor for factor in (0.5, 1, 1, 1, 1.5)]
    row = speed.write_row(case, {"tfzero": took, "torch": [2 * each for each in took]}, 100.0)
    title, ours, before, _, over_before, over_torch, share = row.strip("| ").split(" | ")
    assert title == "classifier 28x28x1, batch 32"
    assert ours == f"{milliseconds:.2f} ({milliseconds:.2f} to {milliseconds:.2f})"
    assert (before.strip(), over_before.strip()) == ("", "")
    assert (over_torch, share) == ("0.50", "50%")


@pytest.mark.slow
def test_both_sides_are_timed_and_profiled(capsys):
    cases = [speed.Case("classifier", (8, 8, 1), batch=8), speed.Case("simclr", (8, 8, 1), batch=8)]
    with contextlib.ExitStack() as stack:
        arguments = speed.parse_arguments(["--before", str(ROOT)])
        sides = speed.open_sides(arguments, stack)
        for case in cases:
            found = speed.time_case(case, sides, rounds=2)
            assert set(found) == {"tfzero", "before"}
            assert all(0 < each < 1000 for took in found.values() for each in took)
        speed.print_profiles(sides, (8, 8, 1))
    printed = capsys.readouterr().out
    assert "Conv2D" in printed and "| all others |" in printed


@pytest.mark.slow
def test_starting_and_cells_are_timed():
    nothing = overhead.time_start(["-c", ""], ROOT)
    assert 0 < nothing < overhead.time_start(["-c", "import numpy"], ROOT)
    found = overhead.ask_cells(ROOT)
    assert set(found) == {
        f"{arm}, {count} labels" for arm in overhead.ARMS.split(",") for count in (20, 100)
    }
    assert all(0 < each < 60 for beside in found.values() for each in beside)
    first, peak = overhead.run_study(ROOT)
    assert 0 < first < 300 and 100 < peak < 10_000
