"""The words of the field that the report uses, each with what it means here.

This file is the only list: tooltips and the glossary section read it.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from tfzero.study.plain_names import plain_name

WORDS = {
    "accuracy": "The share of test images that the classifier classifies correctly.",
    "arm": "One way from images to a classifier, written as INIT/STRATEGY: where the encoder comes "
    "from, and how the labels are used.",
    "adjusted p": "The p value, corrected for the number of comparisons and of looks. A difference "
    "is claimed only if this value is small enough.",
    "baseline": "The arm that another arm is compared with. For pretrained arms it is training "
    "from scratch.",
    "best set": "The arms whose accuracy does not differ detectably from the highest one.",
    "calibration": "How well probabilities match reality. Of answers given with a probability of "
    "0.9, nine in ten should be right. The calibration error is the mean gap.",
    "cannot tell": "The interval holds both zero and a difference worth having. More seeds or more "
    "test images may decide it.",
    "cell": "One arm at one label count in one replicate. It gives one accuracy.",
    "confusion matrix": "A table of true classes (rows) against predicted classes (columns). Right "
    "answers lie on the diagonal.",
    "cross-fitting": "Every labelled image is tested once, by a network that did not train on it. "
    "It is used where no separate test images exist.",
    "crossover": "The label count at which an arm falls behind training from scratch.",
    "encoder": "The network that turns an image into features. All arms use the same architecture.",
    "epoch": "One pass of training over all images.",
    "features": "The numbers that an encoder gives for an image. A classifier reads them.",
    "fine-tuning": "Training the encoder and the classifier together on the labels.",
    "Grad-CAM": "A map of the image regions that support a network's answer.",
    "init": "Where an arm's encoder comes from: random weights, a pretraining method, or weights "
    "that others trained.",
    "interval": "The range that holds the true value with 95 % confidence. Where it includes zero, "
    "no difference is shown.",
    "label": "The class that a person gave to an image.",
    "labels saved": "How many more labels training from scratch needs to reach the same accuracy.",
    "linear probe": "A linear classifier on the features of an encoder that is not changed.",
    "look": "A fixed number of seeds at which the study reads its results and may stop.",
    "loss": "The number that training minimizes. Losses of different methods cannot be compared.",
    "macro F1": "The mean over classes of the F1 score, which combines precision and recall. Every "
    "class counts equally.",
    "negative log-likelihood": "How surprised the classifier is by the true classes. Lower is "
    "better.",
    "outcome": "What the study claims about a difference: better, worse, no difference worth "
    "having, or cannot tell.",
    "p": "The probability of a difference at least this large if there were none.",
    "PCA": "A map along the directions in which features vary most.",
    "point": "A percentage point of accuracy: from 90 % to 91 % is one point.",
    "pretraining": "Training an encoder on unlabeled images before it sees any label.",
    "reconstruction": "An image that a network rebuilds from its own features.",
    "replicate": "One repetition of everything random: the choice of labelled images, pretraining "
    "and training.",
    "robustness": "The accuracy on test images that were made worse by noise, blur or shift.",
    "SavedModel": "A folder with a trained model that TensorFlow and its servers load without "
    "tfzero.",
    "scratch": "Training from scratch: a network that starts with random weights and learns from "
    "the labels alone.",
    "seed": "The number that starts one replicate. Several seeds show how much results vary by "
    "chance.",
    "strategy": "How the labels are used: fine-tuning, a linear probe, a support vector machine "
    "and others.",
    "t-SNE": "A map that keeps similar images near each other. Distances between groups mean "
    "little.",
    "test image": "A labelled image that no training has seen. Accuracy is measured on these.",
    "transfer": "Training a classifier on the labels, from the encoder of an arm.",
    "unlabeled image": "An image without a class. Pretraining learns from these.",
    "update": "One step of training: a batch of images changes the weights once.",
    "utility": "Labels saved as a share: +100 % means that training from scratch needs twice as "
    "many labels for the same accuracy.",
}


def anchor(word: str) -> str:
    """Returns the anchor of a word's entry in the glossary."""
    return "word-" + re.sub(r"[^a-z0-9]+", "-", word.lower())


def term(word: str, shown: str | None = None) -> Markup:
    """Returns a word with its meaning as a tooltip, linked to its entry in the glossary.

    Args:
        word: A key of `WORDS`.
        shown: The text on the page, such as a plural; None shows the word.

    Raises:
        KeyError: If the word is not in the list.
    """
    return Markup('<a class="term" href="#{}" data-tip="{}" title="{}">{}</a>').format(
        anchor(word), WORDS[word], WORDS[word], shown or word
    )


def name_arm(arm: str) -> Markup:
    """Returns an arm's word with its plain name as a tooltip."""
    name = plain_name(arm)
    return Markup('<span class="arm-name" data-tip="{}" title="{}">{}</span>').format(
        name, name, arm
    )
