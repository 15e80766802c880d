"""The report's tables as files beside it: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
import pathlib
from typing import Any

from tfzero.common.files import make_folder, write_text_file

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]


def write_tables(folder: pathlib.Path, tables: Tables) -> None:
    """Writes `NAME.csv` and `NAME.json` for each table, each file whole.

    Args:
        folder: Where to; is made.
        tables: Rows by name, numbers not rounded. Of a table without rows no file is left.
    """
    make_folder(folder)
    for name, rows in tables.items():
        places = folder / f"{name}.csv", folder / f"{name}.json"
        if rows:
            write_text_file(places[0], _to_csv(rows))
            text = json.dumps([_finite(row) for row in rows], indent=1, ensure_ascii=False)
            write_text_file(places[1], text + "\n")
        else:  # an earlier report may have had it
            for place in places:
                place.unlink(missing_ok=True)


def _to_csv(rows: Rows) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
