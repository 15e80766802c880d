"""What `predict` writes beside its answers: a table, and a page of the least certain files."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tfzero.common.files import require_free_file, write_text_file
from tfzero.export.answers import (
    check_unsure,
    is_unsure,
    read_class_names,
    to_csv,
)
from tfzero.jobs.style import read_style

if TYPE_CHECKING:
    from tfzero.export.predict import Prediction


class Written(NamedTuple):
    """What to write of predictions.

    Attributes:
        csv: File of the table, or None.
        page: HTML file with the least certain first, or None.
        unsure: Scores below it are marked, or None.
        overwrite: Whether files that are there are replaced.
    """

    csv: pathlib.Path | None = None
    page: pathlib.Path | None = None
    unsure: float | None = None
    overwrite: bool = False

    def check(self) -> None:
        """Refuses, before any work, what cannot be written or marked.

        Raises:
            InputError: If a file is there and must stay, a place is not open to writing, or the
                score is none.
        """
        check_unsure(self.unsure)
        for name, path in {"csv": self.csv, "page": self.page}.items():
            if path is not None:
                require_free_file(path, overwrite=self.overwrite, chosen_by=name)

    def write(
        self,
        savedmodel: pathlib.Path,
        predictions: Sequence[Prediction],
        *,
        unusable: Sequence[str] = (),
    ) -> list[str]:
        """Writes the files; returns a sentence on each, and on what is unsure.

        Args:
            savedmodel: The exported model.
            predictions: Of `predict_files`.
            unusable: Sentences on files that could not be classified.

        Raises:
            StopError: If a file cannot be written.
        """
        said = []
        if self.unsure is not None:
            count = sum(is_unsure(one, self.unsure) for one in predictions)
            said.append(
                f"{count:,} of {len(predictions):,} files have a best score below {self.unsure:g}."
            )
        if self.csv is not None:
            names = read_class_names(savedmodel)
            write_text_file(self.csv, to_csv(predictions, names, unsure=self.unsure))
            said.append(f"Wrote {self.csv}.")
        if self.page is not None:
            from tfzero.export.page import write_answers_page
            from tfzero.export.sights import find_sights

            write_answers_page(
                self.page,
                predictions,
                model=str(savedmodel),
                see=find_sights(savedmodel),
                unsure=self.unsure,
                unusable=unusable,
                style=read_style(),
            )
            said.append(f"Wrote {self.page}, least certain files first.")
        return said
