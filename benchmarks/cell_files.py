"""The files of `tfzero` that one cell of a study enters, from the study's plan to its record.

    python benchmarks/cell_files.py vae/lpft ROOT

Runs a small study of digits with this arm, all in one process, by the package in ROOT, which must
come first on `PYTHONPATH`. Prints the files in which a function is called while the first cell of
the arm runs. Imports are no calls: all modules are imported before.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import pkgutil
import sys
from typing import Any

# The function that makes a cell's record, of an argument that says its arm.
CELL = "run_cell"


def main() -> None:
    """Runs the study, prints the files that its first cell enters, and ends the process."""
    import rich.console

    import tfzero

    arm, package = sys.argv[1], str(pathlib.Path(sys.argv[2]) / "tfzero")
    for module in pkgutil.walk_packages([package], "tfzero."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    sys.setprofile(_Tracer(arm, package))
    with open(os.devnull, "w") as nowhere:
        tfzero.compare(
            "digits",
            arms=[arm],
            label_counts=[20],
            seeds=1,
            epochs=1,
            workers=1,
            console=rich.console.Console(file=nowhere),
        )
    raise SystemExit(f"No {CELL} of {arm} ran.")


class _Tracer:
    """Collects the files entered from the call of a cell of an arm to its return.

    What earlier jobs of the process keep in caches is dropped at the call: a cell stands for
    itself, in whatever process it runs.
    """

    def __init__(self, arm: str, package: str):
        self.arm, self.package = arm, package
        self.cell: Any = None
        self.entered: set[str] = set()

    def __call__(self, frame, event, _) -> None:
        if event == "return" and frame is self.cell:
            sys.setprofile(None)
            self.finish()
        if event != "call" or not frame.f_code.co_filename.startswith(self.package):
            return
        if self.cell is None and self._is_cell(frame):
            self.cell = frame
            _forget()
        if self.cell is not None:
            self.entered.add(frame.f_code.co_filename)

    def _is_cell(self, frame) -> bool:
        arms = [str(getattr(value, "arm", "")) for value in frame.f_locals.values()]
        return frame.f_code.co_name == CELL and self.arm in arms

    def finish(self) -> None:
        """Prints the files and ends the process: the study's end is of no interest."""
        start = len(str(pathlib.Path(self.package).parent)) + 1
        print("\n".join(sorted(name[start:] for name in self.entered)), flush=True)
        os._exit(0)


def _forget() -> None:
    """Empties the caches of functions of tfzero."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tfzero"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


if __name__ == "__main__":
    main()
