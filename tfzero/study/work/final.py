"""The job that trains an arm on all labels, to be exported."""

from __future__ import annotations

from tfzero.common.arm import Arm
from tfzero.common.files import write_by_path, write_json
from tfzero.study.planning.plan import CellSpec
from tfzero.study.work.inputs import fit_on_images
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace


@in_study
def run_final(workspace: Workspace, arm: Arm) -> str:
    """Retrains an arm on all labelled training images, with the first seed; returns its key."""
    run, cell = workspace.run, final_cell(workspace, arm)
    key = final_key(workspace, arm)
    fitted = fit_on_images(workspace, cell)
    write_by_path(run.final / f"{key}.keras", fitted.model.save)
    record = {
        "schema": 1,
        "key": key,
        "arm": arm,
        "num_labels": cell.num_labels,
        "cost": vars(fitted.cost),
    }
    write_json(run.final / f"{key}.json", record)
    return key


def final_cell(workspace: Workspace, arm: Arm) -> CellSpec:
    """Returns the cell of all labels."""
    return CellSpec(arm=arm, num_labels=workspace.plan.data.num_train, replicate=0)


def final_key(workspace: Workspace, arm: Arm) -> str:
    """Returns the name of the retrained network's files."""
    return f"final-{workspace.plan.cell_key(final_cell(workspace, arm))}"
