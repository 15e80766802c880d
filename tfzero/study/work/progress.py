"""What a person sees while a study runs: a live table and bar in a terminal, lines in a log."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from rich import progress as rich_progress
from rich.console import Console, Group
from rich.live import Live

# Without a terminal a line this often, in seconds.
_LOG_INTERVAL = 20.0
# Expected seconds count as much as this many observed ones, until there are more.
_TRUST = 20.0


class Planned(NamedTuple):
    """What a study was expected to take, and when it began, by `time.monotonic`."""

    seconds: float
    began: float


class Progress:
    """Progress over jobs weighted by their expected seconds, with the time left.

    Args:
        console: Where to write; a quiet one writes nothing.
        workers: Jobs that run at once.
        standing: What is shown above the bar; is told the key of each job that is done.
    """

    def __init__(self, console: Console, *, workers: int, standing: Any = None):
        self.console = console
        self.workers = workers
        self.standing = standing
        self._bar: rich_progress.Progress | None = None
        self._live: Live | None = None
        self._total = self._done = self._count = self._jobs = 0.0
        self._started = self._last_line = time.monotonic()

    def start(self, jobs) -> None:
        """Begins; the jobs are all that will be advanced."""
        self._total = sum(job.seconds for job in jobs) or 1.0
        self._jobs, self._done, self._count = len(jobs), 0.0, 0
        self._started = self._last_line = time.monotonic()
        if self._jobs and self.console.is_terminal and not self.console.quiet:
            self._bar = rich_progress.Progress(
                rich_progress.BarColumn(),
                rich_progress.TaskProgressColumn(),
                rich_progress.TextColumn("{task.description}"),
                console=self.console,
            )
            self._task = self._bar.add_task(self._describe(None), total=self._total)
            shown = self._bar if self.standing is None else Group(self.standing, self._bar)
            self._live = Live(shown, console=self.console, transient=True)
            self._live.start()

    def advance(self, job: Any) -> None:
        """Counts a job as done."""
        self._done += job.seconds
        self._count += 1
        if self._bar is not None:
            if self.standing is not None:
                self.standing.add(job.key)
            self._bar.update(self._task, completed=self._done, description=self._describe(job))
            return
        now = time.monotonic()
        if now - self._last_line >= _LOG_INTERVAL or self._count == self._jobs:
            self._last_line = now
            share = min(1.0, self._done / self._total)
            self.console.print(f"{share:4.0%}  {self._describe(job)}", highlight=False)

    def stop(self) -> None:
        """Takes the live table and bar away, if there are any."""
        if self._live is not None:
            self._live.stop()
            self._bar = self._live = None

    def seconds_left(self) -> float:
        """Returns the expected seconds left, the forecast corrected by what was observed."""
        expected = self._done / self.workers
        elapsed = time.monotonic() - self._started
        pace = (elapsed + _TRUST) / (expected + _TRUST)
        return pace * (self._total - self._done) / self.workers

    def _describe(self, job) -> str:
        left = format_seconds(self.seconds_left())
        text = f"{self._count:,.0f} of {self._jobs:,.0f} jobs, {left} left"
        return text if job is None else f"{text} (done: {job.label})"


def format_seconds(seconds: float) -> str:
    """Returns a duration as people say it: "40 s", "3 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
