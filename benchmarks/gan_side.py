"""A side of `benchmarks/gan_before_after.py`: a process that trains one GAN and keeps what it made.

    python benchmarks/gan_side.py POOL.npy KEPT.npz --seed 0 --passes 3

It takes whichever tfzero is on the path, also an older one. So it imports only what both have.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

import numpy as np

# Images whose features are kept, so that another process can check that it has the same encoder.
CHECKED = 64
_AT_ONCE = 500


def main() -> None:
    """Trains on the pool, and writes the weights, the CPU seconds and generated images."""
    arguments = parse_arguments()
    _prepare()
    from tfzero.networks.encoder import build_encoder
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.run import pretrain

    pool = np.load(arguments.pool)
    encoder = build_encoder(pool.shape[1:], seed=arguments.seed)
    method = build_method("gan", encoder, kind=arguments.kind, seed=arguments.seed)
    budget = METHODS["gan"].budget(len(pool), epochs=arguments.passes)
    if arguments.batch is not None:
        budget = dataclasses.replace(budget, batch_size=arguments.batch)
    began = time.process_time()
    pretrain(method, pool, budget=budget)
    seconds = time.process_time() - began
    parts = [
        np.asarray(method.generate(min(_AT_ONCE, arguments.images - start), seed=start))
        for start in range(0, arguments.images, _AT_ONCE)
    ]
    made: dict[str, Any] = {
        "seconds": seconds,
        "passes": budget.epochs,
        "generated": np.rint(255 * np.concatenate(parts)).astype(np.uint8),
        "features": np.asarray(method(pool[:CHECKED])),
    }
    weights = {f"weight{i:03}": weight for i, weight in enumerate(encoder.get_weights())}
    np.savez(arguments.kept, **made, **weights)


def _prepare() -> None:
    """Gives the process one thread, as a study's workers have."""
    try:
        from tfzero.common.surroundings import own_process
        from tfzero.study.work.process import prepare_process
    except ImportError:  # of an older tfzero
        from tfzero.study.work.worker import prepare_process  # type: ignore[attr-defined]
    else:
        own_process()
    prepare_process()


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", help="Images, .npy.")
    parser.add_argument("kept", help="File to write, .npz.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--passes", type=int, help="Default: the method's.")
    parser.add_argument("--batch", type=int, help="Images per update. Default: the method's.")
    parser.add_argument("--images", type=int, default=10_000, help="How many are generated.")
    parser.add_argument("--kind", default="clothes", help="The kind of data.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
