"""What a person sees while a study runs: a live table and bar in a terminal, lines in a log."""

from __future__ import annotations

import math
import threading
import time
from typing import Any, NamedTuple

from rich import progress as rich_progress
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tfzero.study.work.cell_line import print_line

# Without a terminal a line this often, in seconds.
_LOG_INTERVAL = 20.0
# One at least this often, for pretraining on many images is a single job of many minutes.
_LOG_SILENCE = 60.0
# Expected seconds count as much as this many observed ones, until there are more.
_TRUST = 20.0


class Planned(NamedTuple):
    """What a study was expected to take, and when it began, by `time.monotonic`.

    Attributes:
        seconds: All of it.
        ending: From the last cell to the end.
        began: When.
        revised: All of it as it was expected after the first replicate, if that was run.
    """

    seconds: float
    ending: float
    began: float
    revised: float | None = None


class Progress:
    """Progress over jobs weighted by their expected seconds, with the time left.

    It moves between jobs, too, by the clock; jobs that are not at work yet are never taken as done.
    It never goes back: what is expected may grow, as at a look that asks for more seeds, but the
    share that was shown stays until the rest has caught up.

    Args:
        console: Where to write; a quiet one writes nothing.
        workers: Jobs that run at once.
        standing: What is shown above the bar; is told the key of each job that is done.
        forecast: Knows the seconds left better than the jobs' first estimates; is told the keys of
            jobs that begin and end.
        tick: Seconds from one look at the clock to the next.
    """

    def __init__(
        self,
        console: Console,
        *,
        workers: int,
        standing: Any = None,
        forecast: Any = None,
        tick: float = 1.0,
    ):
        self.console = console
        self.workers = workers
        self.standing = standing
        self.forecast = forecast
        # What the jobs lead to, as the end of "12 of 36 jobs".
        self.goal = ""
        # The forecast's seconds left, when it was last asked, and when jobs were last done.
        self._forecast_left = 0.0
        self._asked = self._learnt = -math.inf
        self._tick = tick
        self._bar: rich_progress.Progress | None = None
        self._live: Live | None = None
        self._clock: threading.Thread | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._total = self._done = self._count = self._jobs = self._share = 0.0
        self._at_work = _AtWork()
        self._started: float | None = None
        self._last_line = self._last_job = time.monotonic()

    def start(self, jobs) -> None:
        """Begins, or goes on with more jobs; those are all that will be advanced until then."""
        self._total += sum(job.seconds for job in jobs)
        self._jobs += len(jobs)
        self._last_line = self._last_job = now = time.monotonic()
        self._started = now if self._started is None else self._started
        self.stop()
        if not jobs or self.console.quiet:
            return
        if self.console.is_terminal:
            self._bar = rich_progress.Progress(
                rich_progress.BarColumn(),
                rich_progress.TaskProgressColumn(),
                rich_progress.TextColumn("{task.description}", markup=False),
                console=self.console,
            )
            self._task = self._bar.add_task(self._describe(None), total=1.0)
            above = [] if self.standing is None else [self.standing]
            shown = Group(*above, self._bar, self._at_work)
            self._live = Live(shown, console=self.console, transient=True)
            self._live.start()
        self._stopped.clear()
        self._clock = threading.Thread(target=self._watch_clock, daemon=True)
        self._clock.start()

    def begin(self, job: Any) -> None:
        """Notes that a worker is at a job from now on."""
        with self._lock:
            self._at_work.labels[job.label] = None
            if self.forecast is not None:
                self.forecast.begin(job.key)

    def advance(self, job: Any) -> None:
        """Counts a job as done."""
        with self._lock:
            if self.forecast is not None:
                self.forecast.end(job.key)
                self._learnt = time.monotonic()
            self._at_work.labels.pop(job.label, None)
            self._done += job.seconds
            self._count += 1
            self._last_job = time.monotonic()
            if self._bar is not None and self.standing is not None:
                self.standing.add(job.key)
            self._show(job, after=_LOG_INTERVAL)

    def stop(self) -> None:
        """Takes the live table and bar away, if there are any."""
        self._stopped.set()
        if self._clock is not None:
            self._clock.join()
        if self._live is not None:
            self._live.stop()
            self._bar = self._live = self._clock = None

    def seconds_left(self) -> float:
        """Returns the expected seconds left, by the forecast or corrected by what was observed."""
        if self.forecast is not None:
            return self._ask_forecast()
        expected = self._done / self.workers
        elapsed = self._last_job - (self._started or self._last_job)
        pace = (elapsed + _TRUST) / (expected + _TRUST)
        left = pace * (self._total - self._done) / self.workers
        # What waits for a worker is still to do, however long those at work have been at it.
        jobs = self._jobs - self._count
        waiting = left * max(0.0, jobs - self.workers) / jobs if jobs else 0.0
        return max(waiting, left - (time.monotonic() - self._last_job))

    def _ask_forecast(self) -> float:
        now = time.monotonic()
        if self._learnt > self._asked or now - self._asked > _TRUST:
            self._forecast_left, self._asked = self.forecast.seconds_left(), now
        return max(0.0, self._forecast_left - (now - self._asked))

    def _watch_clock(self) -> None:
        while not self._stopped.wait(self._tick):
            with self._lock:
                if self._count < self._jobs:
                    self._show(None, after=_LOG_SILENCE)

    def _show(self, job, *, after: float) -> None:
        """Moves the bar, or writes a line unless the last was less than `after` seconds ago."""
        now, left = time.monotonic(), self.seconds_left()
        elapsed = now - (self._started or now)
        over = self._count == self._jobs
        # After the jobs until a look, more may come.
        share = 1.0 if over and left < 0.5 else min(elapsed / (elapsed + left + 1e-9), 0.99)
        share = self._share = max(self._share, share)
        if self._bar is not None:
            self._bar.update(self._task, completed=share, description=self._describe(job))
        elif now - self._last_line >= after or over:
            self._last_line = now
            print_line(self.console, f"{share:4.0%}  {self._describe(job)}")

    def _describe(self, job) -> str:
        seconds = self.seconds_left()
        left = f"{format_seconds(seconds)} left"
        if seconds < 0.5 and self._count < self._jobs:
            left = "longer than expected"
        text = f"{self._count:,.0f} of {self._jobs:,.0f} jobs{self.goal}, {left}"
        return text if job is None else f"{text} (done: {job.label})"


class _AtWork:
    """Names in a terminal, under the bar, what is being done now."""

    def __init__(self):
        self.labels: dict[str, None] = {}

    def __rich__(self) -> Text:
        said = "; ".join(list(self.labels))
        return Text(f"Now: {said}" if said else "", style="dim", no_wrap=True, overflow="ellipsis")


def format_seconds(seconds: float) -> str:
    """Returns a duration as people say it: "40 s", "3 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
