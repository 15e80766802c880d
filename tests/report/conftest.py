"""The report of a study of the digits, which all tests that only read share."""

import pytest

from tests.report.pages import read
from tests.report.run_folder import write_run
from tfzero.report import write_report


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("run") / "digits")
    return folder, read(write_report(folder))
