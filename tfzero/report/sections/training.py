"""How pretraining went."""

from __future__ import annotations

from typing import Any

from tfzero.report import _format, figures
from tfzero.report._pictures import Canvas, Chart
from tfzero.report._read import Encoder, Run


def pretrainings(run: Run, canvas: Canvas) -> list[dict[str, Any]]:
    """Returns each method's curves, of its first replicate, and the alarms of all."""
    sections = []
    for method in dict.fromkeys(encoder.method for encoder in run.encoders):
        found = [encoder for encoder in run.encoders if encoder.method == method]
        alarms = [
            f"Replicate {encoder.replicate}, {sentence}"
            for encoder in found
            for sentence in encoder.alarms
        ]
        sections.append(
            {
                "method": method,
                "curves": _curves(found, canvas),
                "alarms": alarms,
                "encoders": len(found),
            }
        )
    return sections


def _curves(encoders: list[Encoder], canvas: Canvas) -> Chart | None:
    first = encoders[0]
    history = {name: values for name, values in first.history.items() if values}
    if not history:
        return None
    others = [encoder.history for encoder in encoders[1:]]
    ends = [
        f"{name.replace('_', ' ')} from {_format.number(values[0], 3)} to "
        f"{_format.number(values[-1], 3)}"
        for name, values in history.items()
    ]
    rest = " The other replicates are gray." if others else ""
    return canvas.chart(
        lambda width: figures.training_curves(history, others=others, width=width),
        alt=f"Training curves of {first.method}: {'; '.join(ends)}.",
        caption=f"Replicate {first.replicate}, one point an epoch, each panel on its own scale."
        + rest,
    )
