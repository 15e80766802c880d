"""A finished study as Python and notebooks use it."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError, require_choice
from tfzero.common.files import read_json
from tfzero.study.records import RunFolder
from tfzero.study.stored import read_plan
from tfzero.study.study import FinishedStudy
from tfzero.study.work.final import final_key
from tfzero.study.workspace import Workspace

if TYPE_CHECKING:
    import keras
    import pandas
    from matplotlib.figure import Figure

    from tfzero.export.predict import Prediction

# Of a record's costs, those that a data frame has.
_COSTS = ("seconds", "cpu_seconds", "steps", "parameters")


class Study(FinishedStudy):
    """A finished study: the verdict, its numbers, and the exported model.

    In a notebook, it shows the answer, a table and the chart of the report.

    Attributes:
        plan: Plan that was run.
        folder: Folder with its records.
        results: Content of `verdict.json`: comparisons, best arms, table, recommendation.
    """

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Study:
        """Returns the finished study in a run folder.

        Args:
            folder: Path of the run folder, for example "runs/digits".

        Raises:
            InputError: If there is no study, or if it is not finished.
        """
        run = RunFolder(folder)
        plan, verdict = read_plan(run.path), read_json(run.verdict)
        if verdict is None:
            raise InputError(
                f"{run.path} holds a study without a verdict; expected a finished one. Give "
                "the command that started it again, to continue it."
            )
        return cls(plan, str(run.path), verdict)

    def to_frame(self) -> pandas.DataFrame:
        """Returns a row per arm, label count and replicate, from the records in the folder.

        `arm`, `name` (the arm in plain words), `init`, `strategy`, `num_labels` and `replicate`
        name the row. The scores on the test images include `accuracy` in 0..1,
        `balanced_accuracy`, `macro_f1`, `negative_log_likelihood` (nats) and
        `calibration_error`. The costs of training with the labels, without pretraining, are
        `seconds`, `cpu_seconds`, `steps` and `parameters`.

        Raises:
            InputError: If pandas is not installed, or if the records are missing.
        """
        try:
            import pandas
        except ImportError as error:
            raise InputError(
                "`to_frame` needs pandas, which is not installed: pip install pandas. "
                "Without pandas, use `study.table()`, or the CSV files in the folder "
                "`tables` of the run folder."
            ) from error
        return pandas.DataFrame(self._list_rows())

    def _list_rows(self) -> list[dict[str, Any]]:
        from tfzero.report.run import read_run
        from tfzero.study.plain_names import plain_name

        place = {arm: number for number, arm in enumerate(self.plan.arms)}
        cells = sorted(
            read_run(pathlib.Path(self.folder)).cells,
            key=lambda cell: (place.get(Arm.parse(cell.arm), len(place)), cell.num_labels),
        )
        rows = []
        for cell in cells:
            arm = Arm.parse(cell.arm)
            scores = {k: v for k, v in cell.result.items() if isinstance(v, (int, float, bool))}
            rows.append(
                {
                    "arm": str(arm),
                    "name": plain_name(arm),
                    "init": arm.init,
                    "strategy": arm.strategy,
                    "num_labels": cell.num_labels,
                    "replicate": cell.replicate,
                    **scores,
                    **{name: cell.cost.get(name) for name in _COSTS},
                }
            )
        return rows

    def plot(self, *, arms: Sequence[str] | None = None, width: float = 8.0) -> Figure:
        """Returns the chart of the report as a matplotlib figure: accuracy against labels.

        Args:
            arms: Arms to draw, such as `study.plan.arms` for all. None draws the five that the
                report shows first.
            width: Width and height in inches.

        Raises:
            InputError: If the study has no such arm.
        """
        for arm in arms or ():
            require_choice(arm, self.plan.arms, what="arm of this study")
        from tfzero.report.notebook import draw_study

        counts = self.plan.label_counts
        return draw_study(
            self.results, arms=self.plan.arms, label_counts=counts, shown=arms, width=width
        )

    @functools.cached_property
    def model(self) -> keras.Model:
        """The exported Keras model, trained on all labels. It is loaded on first use.

        It takes float32 images in 0..1 of shape `(B, H, W, C)` and gives the calibrated
        probabilities `(B, K)` of the SavedModel. An encoder with your own classes needs
        `tfzero.load_model(path, custom_objects=...)` with the path in the error.

        Raises:
            InputError: If the study exported no model, or if its file is missing.
        """
        from tfzero.jobs.load import load_model

        self._require_export()
        arm = Arm.parse(self.results["recommended"]["arm"])
        workspace = Workspace(self.plan, pathlib.Path(self.folder), {})
        return load_model(workspace.run.final / f"{final_key(workspace, arm)}.keras")

    def predict(
        self, files: Sequence[str | os.PathLike[str]], *, batch_size: int = 64
    ) -> list[Prediction]:
        """Classifies image or sound files, or folders of them, with the exported model.

        Args:
            files: Files or folders, as in `tfzero.predict_files`.
            batch_size: Number of files decoded and scored together.

        Returns:
            One prediction per file.

        Raises:
            InputError: If the study exported no model, or if a file cannot be used.
        """
        from tfzero.export import predict_files

        return predict_files(self._require_export(), files, batch_size=batch_size)

    def _require_export(self) -> pathlib.Path:
        """Returns the folder of the exported version."""
        place = (self.results.get("recommended") or {}).get("savedmodel")
        if place is None:
            reason = self.results.get("not_exported") or "It recommends no arm."
            raise InputError(f"The study in {self.folder} exported no model. {reason}")
        return pathlib.Path(place)

    def __repr__(self) -> str:
        return f"<Study {self.plan.name} in {self.folder}>\n{self.results.get('headline', '')}"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the answer, a table and the chart."""
        from tfzero.report.notebook import render_study

        return render_study(
            self.plan.name,
            self.results,
            arms=self.plan.arms,
            label_counts=self.plan.label_counts,
        )
