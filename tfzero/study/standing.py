"""What a study has found so far, as a table for the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from tfzero.common.files import read_json
from tfzero.common.numbers import write_number
from tfzero.study.workspace import Workspace


class Standing:
    """Mean accuracies of the cells that have a record, an arm a row.

    Args:
        workspace: The study; records that are there count from the start.
    """

    def __init__(self, workspace: Workspace):
        plan = workspace.plan
        self._plan, self._run = plan, workspace.run
        self._scores: dict[tuple[str, int], dict[int, float]] = {}
        for cell in plan.cells():
            self.add(plan.cell_key(cell))

    def follow(self, workspace: Workspace) -> None:
        """Shows the study by another plan."""
        self._plan = workspace.plan

    def add(self, key: str) -> None:
        """Counts a job's record if it is a cell's and there."""
        record = read_json(self._run.cells / f"{key}.json")
        if record is not None:
            spec, accuracy = record["spec"], record["result"]["accuracy"]
            place = self._scores.setdefault((spec["arm"], spec["num_labels"]), {})
            place[spec["replicate"]] = accuracy

    def __rich__(self) -> Table:
        """Returns the table: mean accuracy in percent, and of how many seeds."""
        plan = self._plan
        table = Table(title=f"Test accuracy so far in %, and number of seeds done of {plan.seeds}")
        table.add_column("arm", no_wrap=True)
        for count in plan.label_counts:
            table.add_column(f"{count:,} labels", justify="right", no_wrap=True)
        for arm in plan.arms:
            table.add_row(Text(arm), *(self._cell(arm, count) for count in plan.label_counts))
        return table

    def _cell(self, arm: str, count: int) -> Any:
        scores = list(self._scores.get((arm, count), {}).values())
        if not scores:
            return "-"
        return Text.assemble(
            f"{write_number(100 * float(np.mean(scores)))} ", (f"({len(scores)})", "dim")
        )
