"""Settings shared by the tests of strategies, so that one traced graph serves them all."""

import pytest

from tfzero.pretrain import Denoising
from tfzero.transfer import STRATEGIES, budget, fit_classifier, training
from tfzero.transfer.budget import Budget

# 40 steps at batch 8: enough to learn clean bars, over in a second.
BUDGET = Budget(steps=40, batch_size=8)
# And of a training on labels and unlabeled images.
JOINT_STEPS = 60
NETWORKS = [name for name, each in STRATEGIES.items() if each.trains_network]
# Those that take steps, and so can be compared step by step.
TUNED = [name for name, each in STRATEGIES.items() if each.trains_encoder]
UNLABELED = [name for name, each in STRATEGIES.items() if each.takes_generated]
FROZEN = [name for name, each in STRATEGIES.items() if each.reads_features]


def fit(strategy, encoder, images, labels, **settings):
    """Fits by a strategy at learning rates that suit the small encoder, whatever the defaults."""
    settings = {"budget": BUDGET, "seed": 0, **settings}
    if strategy in STRATEGIES and STRATEGIES[strategy].reads_pool:
        settings.setdefault("pool", images)
    if strategy in STRATEGIES and STRATEGIES[strategy].needs_objective and encoder is not None:
        settings.setdefault("objective", make_objective(encoder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEARNING_RATE", 0.02)
        patch.setattr(training, "LEARNING_RATE_AFTER_PROBE", 0.005)
        patch.setattr(budget, "_JOINT_STEPS", JOINT_STEPS)
        return fit_classifier(strategy, encoder=encoder, images=images, labels=labels, **settings)


def make_objective(encoder):
    """Returns what an encoder could have been pretrained for."""
    return Denoising(encoder, decoder_width=4)


def read_weights(model):
    return [weight.numpy() for weight in model.weights]
