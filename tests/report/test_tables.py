import csv
import json
import shutil

from tests.report.pages import read, write_sections
from tests.report.run_folder import write_run


def test_tables_stand_beside_the_page_as_csv_and_json(digits):
    folder, text = digits
    names = {path.stem for path in (folder / "tables").iterdir()}
    assert {"accuracy", "comparisons", "cells", "costs", "confusion", "robustness"} <= names
    for name in names:
        rows = json.loads(read(folder / "tables" / f"{name}.json"))
        with (folder / "tables" / f"{name}.csv").open(newline="") as file:
            found = list(csv.DictReader(file))
        assert len(found) == len(rows) > 0
        assert set(found[0]) == {key for row in rows for key in row}
        assert f"<code>{name}</code>" in text
    accuracy = json.loads(read(folder / "tables" / "accuracy.json"))
    assert accuracy == json.loads(read(folder / "verdict.json"))["table"]


def test_tables_of_an_earlier_report_do_not_stay(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    write_sections(folder, "table", "mistakes")
    shutil.rmtree(folder / "cells")
    write_sections(folder, "table", "mistakes")
    assert not (folder / "tables" / "confusion.csv").exists()
    assert (folder / "tables" / "accuracy.csv").exists()


def test_files_of_other_people_beside_the_tables_stay(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    (folder / "tables").mkdir()
    (folder / "tables" / "mine.csv").write_text("a,b")
    write_sections(folder, "table")
    assert read(folder / "tables" / "mine.csv") == "a,b"
