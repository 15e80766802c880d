"""Progress in a notebook: one line that changes, not hundreds."""

import io

import nbclient
import nbformat
from rich.console import Console

from tfzero.study.work.cell_line import print_line

CELL = """
import threading

from rich.console import Console
from tfzero.common.outlet import standard_output
from tfzero.study.work.cell_line import print_line

console = Console(file=standard_output(), emoji=False)


def work():  # progress is told by a thread that watches the clock
    for number in range(30):
        print_line(console, f"{number} %  of [12] jobs")


print_line(console, "0 %")
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_in_a_notebook_the_line_changes_in_its_place():
    cell = nbformat.v4.new_code_cell(CELL)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    [output] = cell.outputs
    assert output["data"]["text/plain"] == "29 %  of [12] jobs"


def test_in_a_log_every_line_stays():
    console = Console(file=io.StringIO(), width=80)
    for number in range(3):
        print_line(console, f"{number} %")
    assert console.file.getvalue() == "0 %\n1 %\n2 %\n"
