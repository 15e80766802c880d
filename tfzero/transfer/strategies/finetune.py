"""Strategies that train encoder and head on the labels: at once, after a probe, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.common.seeds import derive_seed
from tfzero.transfer.strategies.base import Need, Task
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled


class Finetune(NetworkStrategy):
    """Trains encoder and head together from a random head."""

    name = "finetune"
    summary = "train encoder and head together"
    phrase = "Direct fine-tuning of {start}"
    phrase_from_scratch = "Training from scratch"
    reads = frozenset({Need.IMAGES})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import training

        classifier = training.start_classifier(task, seed=task.seed)
        trained = training.train(
            classifier, labelled, peak=training.LEARNING_RATE, budget=task.budget, seed=task.seed
        )
        return classifier, trained.steps


class ProbeThenFinetune(NetworkStrategy):
    """Fits the head alone, then trains encoder and head together from there.

    Reference:
        Kumar et al. 2022, arXiv:2202.10054, section 4 (LP-FT).
    """

    name = "lpft"
    summary = "probe first, then fine-tune"
    phrase = "Fine-tuning {start}"
    phrase_from_scratch = "Training from scratch after a linear probe"
    reads = frozenset({Need.IMAGES})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import training

        classifier = training.start_classifier(task, seed=task.seed)
        training.fit_head(classifier, labelled, class_weights=task.budget.class_weights)
        peak = training.LEARNING_RATE_AFTER_PROBE
        trained = training.train(
            classifier, labelled, peak=peak, budget=task.budget, seed=task.seed
        )
        return classifier, trained.steps


class GradualUnfreezing(NetworkStrategy):
    """Fits the head alone, then trains it with the last block, the last two, and so on down.

    Each stage has an equal part of the steps, its own warm-up and a fresh optimizer. What is
    frozen stays as it is, statistics of normalization included. Where `until` is reached, the
    blocks below are never trained; out of patience, the next stage begins.

    Reference:
        Howard and Ruder 2018, arXiv:1801.06146, section 3.3 (gradual unfreezing).
    """

    name = "gradual"
    summary = "probe first, then fine-tune from the last block down"
    phrase = "Fine-tuning {start} block by block"
    phrase_from_scratch = "Training from scratch block by block"
    reads = frozenset({Need.IMAGES})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import training

        classifier = training.start_classifier(task, seed=task.seed)
        training.fit_head(classifier, labelled, class_weights=task.budget.class_weights)
        blocks = [
            [layer for layer in block if layer.trainable_variables]
            for block in training.divide_blocks(classifier.encoder, task.budget)[1]
        ]
        stages, most, spent = max(1, len(blocks)), task.budget.steps, 0
        for stage in range(stages):
            for depth, block in enumerate(reversed(blocks)):
                for layer in block:
                    layer.trainable = depth <= stage
            steps = most * (stage + 1) // stages - most * stage // stages
            if not steps:
                continue
            # Steps count from 0 in every stage; the images should not change alike.
            classifier.noise_seed.assign(derive_seed(task.seed, "noise", str(stage)))
            trained = training.train(
                classifier,
                labelled,
                peak=training.LEARNING_RATE_AFTER_PROBE,
                budget=task.budget,
                seed=derive_seed(task.seed, "stage", str(stage)),
                steps=steps,
            )
            spent += trained.steps
            if trained.reached:
                break
        return classifier, spent
