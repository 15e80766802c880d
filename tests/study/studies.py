"""Studies made of numbers, for the tests of the judge."""

import numpy as np

from tfzero.data import from_arrays
from tfzero.study.planning import resolve
from tfzero.study.planning.request import read_request
from tfzero.study.verdict.headline import write_headline
from tfzero.study.verdict.judge import judge, see
from tfzero.study.verdict.look import Look

SCRATCH = "scratch/finetune"
NUM_TEST = 1000


def draw_arms(generator, num_seeds, num_images, *, gap=0.0, seeds=0.0, images=0.0):
    """Two arms' (S, I): accuracy 0.8 and 0.8 + gap, moved by replicate and by image."""
    by_seed = generator.normal(0, seeds, (2, num_seeds, 1))
    by_image = generator.normal(0, images, (2, 1, num_images))
    chance = 0.8 + by_seed + by_image + np.array([gap, 0.0])[:, None, None]
    return generator.random((2, num_seeds, num_images)) < chance


def make_plan(data, *, encoder=None, source=None, given=None, **asked):
    """The plan of a study, asked for by the names of `Request`."""
    beside = {"encoder": encoder, "source": source, "given": given}
    return resolve.make_plan(data, read_request(asked), **beside)


def plan_study(*, num_images=90, **asked):
    """The plan of a study of 8x8 images of 3 classes."""
    images = np.random.default_rng(0).integers(0, 256, (num_images, 8, 8, 1), np.uint8)
    data = from_arrays(images, np.arange(num_images) % 3)
    defaults = {"arms": ["vae/lpft", "gan/lpft", SCRATCH], "label_counts": [6, 12], "seeds": 5}
    return make_plan(data, **{**defaults, **asked})


def make_right(accuracy, *, num_test=NUM_TEST):
    """`Right` for {(arm, count): accuracies in percent by replicate}, a multiple of 0.1.

    The images that an arm gets right are the first so many: arms differ as little as they can.
    """
    return {
        place: {
            r: np.arange(num_test) < round(num_test * value / 100) for r, value in enumerate(values)
        }
        for place, values in accuracy.items()
    }


def make_records(accuracy):
    """A record, as far as the judge reads it, for each accuracy."""
    return [
        {
            "spec": {"arm": arm, "num_labels": count, "replicate": replicate},
            "result": {"diverged": False},
            "cost": {"seconds": 1.5},
        }
        for (arm, count), values in accuracy.items()
        for replicate in range(len(values))
    ]


def judge_accuracy(plan, accuracy, *, encoders=(), look=None, right=None, records=None):
    """The verdict at a study's last look, of accuracies as `make_right` takes them."""
    right = make_right(accuracy) if right is None else right
    num_test = len(next(iter(next(iter(right.values())).values())))
    seen = see(plan, right, np.arange(num_test) % len(plan.data.class_names))
    look = look or Look(plan.looks, len(plan.looks))
    return judge(plan, records or make_records(accuracy), list(encoders), seen, look)


def say(verdict, *, plan):
    """What a study says first, and the details of that, as one text."""
    headline, details = write_headline(verdict, plan=plan)
    return " ".join([headline, *details])
