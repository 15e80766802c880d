"""How pretraining went: losses by epoch, and alarms."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.run import Encoder, Run
from tfzero.report.section import Section
from tfzero.report.sections.curves.figure import training_curves


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"pretrainings": pretrainings(run, canvas)}


def pretrainings(run: Run, canvas: Canvas) -> list[dict[str, Any]]:
    """Returns each method's curves, of its first replicate, and the alarms of all."""
    return [
        {
            "method": method,
            "curves": _curves(encoders, canvas),
            "alarms": [
                f"Replicate {encoder.replicate}, {sentence}"
                for encoder in encoders
                for sentence in encoder.alarms
            ],
            "encoders": len(encoders),
        }
        for method, encoders in run.encoders_by_method().items()
    ]


def _curves(encoders: list[Encoder], canvas: Canvas) -> Chart | None:
    first = encoders[0]
    history = {name: values for name, values in first.history.items() if values}
    if not history:
        return None
    others = [encoder.history for encoder in encoders[1:]]
    ends = [
        f"{name.replace('_', ' ')} from {formatting.number(values[0], 3)} to "
        f"{formatting.number(values[-1], 3)}"
        for name, values in history.items()
    ]
    rest = " The other replicates are gray." if others else ""
    return canvas.chart(
        lambda width: training_curves(history, others=others, width=width),
        alt=f"Training curves of {first.method}: {'; '.join(ends)}.",
        caption=f"Replicate {first.replicate}, one point per epoch. Each panel has its own scale."
        + rest,
    )


SECTION = Section(
    id="curves",
    title="Training",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
