"""The init of a source's labels."""

from __future__ import annotations

import numpy as np

from tfzero.pretrain.budget import default_budget
from tfzero.study.inits.base import Bought, Learner, Learnt
from tfzero.study.inits.context import Context, Counts, Occasion
from tfzero.study.inits.settings import SupervisedPlan
from tfzero.transfer import fit_classifier
from tfzero.transfer.budget import Budget


class Supervised(Learner):
    """A network trained on the source's labels, by the strategy that scratch is trained by."""

    word = "supervised"
    is_foreign = True

    def __init__(self):
        super().__init__(Supervised.word)
        self.is_foreign = self.reads_source = True

    def describe(self) -> str:
        """Returns what taught the network."""
        return "a network trained on the source task's labels"

    def own_counterpart(self) -> None:
        """Returns None: the target's pool has no labels."""

    def plan(self, occasion: Occasion) -> SupervisedPlan:
        """Returns as many passes as a pretraining makes over so many images."""
        assert occasion.source is not None
        budget = default_budget(len(occasion.source.labels), epochs=occasion.epochs)
        return SupervisedPlan(
            epochs=budget.epochs, batch_size=budget.batch_size, kind=occasion.source.kind
        )

    def images(self, context: Context) -> np.ndarray:
        """Returns all images of the source."""
        return context.source.images

    def count_images(self, counts: Counts) -> int:
        """Returns how many images of the source have labels."""
        return counts.labelled

    def learn(self, context: Context, replicate: int, *, seed: int) -> Learnt:
        """Trains a classifier of the source's labels, and keeps its encoder."""
        settings: SupervisedPlan = context.settings(self.word)
        steps = settings.num_steps(len(context.source.labels))
        classifier = self._train(context, replicate, steps=steps, seed=seed)
        return Learnt(classifier.encoder, classifier.trainable_weights, steps=steps)

    def updates_bought(self, settings: SupervisedPlan, counts: Counts, bought: Bought) -> float:
        """Returns the updates themselves, for they are a classifier's."""
        return bought.updates(settings.epochs, self.count_images(counts), settings.batch_size)

    def _train(self, context: Context, replicate: int, *, steps: int, seed: int):
        source, settings = context.source, context.settings(self.word)
        return fit_classifier(
            "finetune",
            encoder=context.random_encoder(replicate),
            images=source.labelled_images,
            labels=source.labels,
            num_classes=len(source.class_names),
            budget=Budget(steps=steps, batch_size=settings.batch_size, kind=settings.kind),
            seed=seed,
        ).model
