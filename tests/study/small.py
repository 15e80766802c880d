"""A study of 8x8 bars, small enough to run its cells in a test's own process."""

import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.study.studies import make_plan
from tfzero.data import from_arrays
from tfzero.study.planning import resolve
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.workspace import Workspace
from tfzero.transfer.budget import Budget


def open_small_run(
    folder,
    *,
    arms=("scratch/finetune",),
    label_counts=(8,),
    seeds=1,
    groups=None,
    whole=False,
    cross_fits=False,
    device=None,
):
    """Returns the plan of a small study and its folder, ready for cells.

    Its encoder is the library's own if `whole`, else one of a single block. With `cross_fits` its
    80 labelled images are cross-fitted, and the pool is others. `device` names its GPU.
    """
    pool = draw_bars(100, seed=1)[0] if cross_fits else None
    data = from_arrays(*draw_bars(80, seed=0), groups=groups, pool=pool).cross_fitted()
    encoder = None if whole else build_small_encoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "default_budget", lambda num_labels: Budget(steps=40))
        asked = {"arms": arms, "label_counts": label_counts, "seeds": seeds, "epochs": 1}
        asked["device"] = device
        plan = make_plan(data, encoder=encoder, **asked)
    run = RunFolder(folder)
    open_run(plan, data, run, encoder=encoder)
    return plan, run


def at(plan, run):
    """The workspace of a plan in a folder, as jobs take it."""
    return Workspace(plan, run.path.resolve())
