"""The end of a study: the verdict is kept first, and nothing that fails after it costs the rest."""

from __future__ import annotations

import contextlib
import functools
import json
import traceback
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from tfzero.common.checks import InputError, StopError
from tfzero.common.files import read_json, write_json
from tfzero.common.version import KEY, __version__
from tfzero.jobs import opening
from tfzero.jobs.recommended import Exporting, export_recommended
from tfzero.jobs.study import Study
from tfzero.study import screen
from tfzero.study.readings.maps import missing_maps
from tfzero.study.records import RunFolder
from tfzero.study.study import reach_verdict
from tfzero.study.work.map import run_map
from tfzero.study.work.pool import Job, run_jobs
from tfzero.study.workspace import Workspace

_WAITING = "Export and report are not done yet. The same command continues with them."
# What the export adds to what the verdict recommends.
_OF_EXPORT = ("file", "sentences", "savedmodel", "bytes")


class _Ending:
    """The steps after the verdict, each of which may fail without harm to the others.

    Args:
        run: The run folder, whose log takes the traceback of what nobody foresaw.
    """

    def __init__(self, run: RunFolder):
        self.troubles: list[str] = []
        self._run = run

    @contextlib.contextmanager
    def step(self, failed: str) -> Iterator[None]:
        """Makes an error that leaves the block one sentence, which begins with `failed`."""
        try:
            yield
        except (InputError, StopError) as error:
            self.troubles.append(f"{failed}. {error}")
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self.troubles.append(
                f"{failed}: {reason.rstrip('.')}. The same command tries again; details are in "
                f"{self._run.log}."
            )
            with contextlib.suppress(OSError), self._run.log.open("a", encoding="utf-8") as log:
                log.write(traceback.format_exc())


def end_study(
    workspace: Workspace, exporting: Exporting, console: Console, *, verbose: bool = False
) -> Study:
    """Reaches, keeps and shows the verdict; then exports the recommended arm and reports.

    What fails after the verdict is named in its `unfinished`, in sentences; the rest is done.

    Raises:
        StopError: If the verdict cannot be kept. It was shown then.
    """
    run, verdict = workspace.run, reach_verdict(workspace)
    verdict |= {"not_exported": None, "unfinished": [_WAITING], KEY: __version__}
    study, ending = Study(workspace.plan, str(run.path), verdict), _Ending(run)
    # The export can take as long as the study, and it can fail: nobody waits for the verdict.
    try:
        _keep_first(verdict, run)
    finally:
        screen.show_verdict(console, study, verbose=verbose)
    with ending.step("Nothing is exported"):
        estimate = functools.partial(opening.estimate_study, workspace)
        export_recommended(workspace, verdict, exporting, console, estimate=estimate)
    if ending.troubles:
        verdict["not_exported"] = ending.troubles[0]
    with ending.step(f"{run.verdict} does not name the export"):
        write_json(run.verdict, verdict)  # the report reads it
    with ending.step("The report has no map of the images"):
        run_jobs(_list_maps(workspace), log=run.log)
    with ending.step("The report is not complete"):
        from tfzero.report import write_report  # matplotlib is slow to import

        write_report(run.path)
    verdict["unfinished"] = ending.troubles
    with ending.step(f"{run.verdict} says that the study has not ended"):
        write_json(run.verdict, verdict)
    screen.show_export(console, study, verbose=verbose)
    return study


def _keep_first(verdict: dict[str, Any], run: RunFolder) -> None:
    """Writes the verdict, unless it is there already with the export that it led to."""
    kept = read_json(run.verdict)
    if kept is None or _without_ending(kept) != _without_ending(verdict):
        write_json(run.verdict, verdict)


def _without_ending(verdict: dict[str, Any]) -> dict[str, Any]:
    """Returns what the records alone decide, as JSON gives it back."""
    own = {
        name: value
        for name, value in verdict.items()
        if name not in ("not_exported", "unfinished", "recommended", KEY)
    }
    if recommended := verdict.get("recommended"):
        own["recommended"] = {
            name: value for name, value in recommended.items() if name not in _OF_EXPORT
        }
    return json.loads(json.dumps(own))


def _list_maps(workspace: Workspace) -> list[Job]:
    return [
        Job(f"map of {init}", 1.0, run_map, (workspace, init))
        for init in missing_maps(workspace.plan, workspace.run)
    ]
