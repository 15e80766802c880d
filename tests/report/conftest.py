"""The report of a study of the digits, which all tests that only read share."""

import pytest

from tests.report.pages import read
from tests.report.run_folder import write_run
from tfzero.report import write_report


@pytest.fixture(scope="session")
def digits(build_once):
    folder = build_once("report", lambda base: write_report(write_run(base / "digits"))) / "digits"
    return folder, read(folder / "report.html")
