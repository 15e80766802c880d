"""What the study was made of, in a few numbers above the page."""

from __future__ import annotations

from tfzero.report import formatting
from tfzero.report.run import Run


def list_facts(run: Run) -> list[tuple[str, str]]:
    """Returns the data set and the size of the study as names and values."""
    data = run.study.get("data", {})
    shape = data.get("image_shape")
    cross_fits = data.get("num_folds", 1) > 1
    labelled = "labelled images" if cross_fits else "training images"
    sizes = [("unlabeled images", "num_pool"), (labelled, "num_train")]
    rows = [("data", formatting.setting(data.get("source")))]
    if shape:
        rows.append(("image", " × ".join(str(side) for side in shape)))
    rows.append(("classes", f"{len(data.get('class_names') or []):,}"))
    rows += [(name, f"{data[key]:,}") for name, key in sizes if key in data]
    if cross_fits:
        rows.append(("tested by", f"{data['num_folds']}-fold cross-fitting"))
    elif "num_test" in data:
        rows.append(("test images", f"{data['num_test']:,}"))
    rows.append(("replicates", f"{run.seeds:,}"))
    missing = len(run.verdict.get("missing") or [])
    if missing:
        wanted = len(run.cells) + missing
        rows.append(("cells with a result", f"{len(run.cells):,} of {wanted:,} planned"))
    return rows
