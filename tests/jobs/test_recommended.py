import pathlib

import pytest

import tfzero
from tests.conftest import draw_bars
from tfzero.common.checks import InputError
from tfzero.jobs.recommended import Exporting, choose_place
from tfzero.study.records import RunFolder


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_trained(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder of models would be")
    data = tfzero.from_arrays(*draw_bars(80, seed=0), name="bars")
    with pytest.raises(InputError, match=r"Cannot write .*taken.*another place with `export`"):
        tfzero.compare(
            data,
            arms=["scratch/finetune"],
            label_counts=[12],
            seeds=1,
            out=tmp_path / "run",
            export=tmp_path / "taken" / "bars",
        )
    assert not (tmp_path / "run").exists()


def test_the_savedmodel_goes_where_the_run_is_unless_it_is_said():
    run = RunFolder("there")
    default, chosen = pathlib.Path("savedmodels/bars"), pathlib.Path("there/savedmodel")
    assert choose_place("bars", run, out=None, export=None) == Exporting(default, asked=False)
    assert choose_place("bars", run, out="there", export=None) == Exporting(chosen, asked=False)
    here = Exporting(pathlib.Path("here"), asked=True)
    assert choose_place("bars", run, out="there", export="here") == here
