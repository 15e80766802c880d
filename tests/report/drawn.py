"""Tables to draw figures of, and what was drawn."""

import io

from matplotlib.figure import Figure

TWELVE = (
    "gan/lpft gan/probe vae/lpft vae/gradual simclr/lpft rotation/lpft scratch/finetune "
    "scratch/probe kmeans/svm pixels/svm pixels/knn public/lpft"
).split()


def accuracy_rows(arms, counts, half_width=1.0):
    return [
        {
            "arm": arm,
            "num_labels": count,
            "mean": 60.0 + 5 * place - rank,
            "half_width": half_width,
            "pretrain_seconds": 9.0 if rank == 0 else None,
            "transfer_seconds": 1.0,
        }
        for rank, arm in enumerate(arms)
        for place, count in enumerate(counts)
    ]


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def draw(figure):
    """Draws for real; with warnings as errors this finds what laying out does not."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="svg")
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    return figure
