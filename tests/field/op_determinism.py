"""Trains by every method and strategy as on a GPU, and prints which operations that takes.

Run as a script, because TensorFlow cannot leave that mode again.
"""

import json

import keras
import numpy as np
from tensorflow.python.framework import func_graph

from tests.conftest import build_small_encoder
from tests.pretrain.cases import ARGUMENTS, make_method
from tests.transfer.cases import fit
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.run import pretrain
from tfzero.study.work.slots import fix_rounding
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import Budget

SHAPE = (9, 12, 3)


def collect_operations():
    """Returns a set that will have the type of each operation of a graph that is built."""
    found, create = set(), func_graph.FuncGraph._create_op_internal

    def spy(self, op_type, inputs, *args, **kwargs):
        made = create(self, op_type, inputs, *args, **kwargs)
        training = made.node_def.attr.get("is_training")
        found.add(op_type if training is None else f"{op_type}, training={training.b}")
        return made

    func_graph.FuncGraph._create_op_internal = spy
    return found


def draw(count, *, seed):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *SHAPE), np.uint8), np.arange(count) % 3


def train(name, images):
    """Returns the weights after two steps of a method."""
    encoder = build_small_encoder(SHAPE)
    kind = {"kind": "photos"} if "kind" in ARGUMENTS[name] else {}
    method = make_method(name, encoder=encoder, **kind)
    budget = PretrainingBudget(epochs=1, batch_size=8, learning_rate=1e-3)
    pretrain(method, images, budget=budget)
    return [weight.numpy() for weight in method.weights]


def build_normalized():
    """Returns an encoder with batch normalization, some of it frozen in training."""
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, strides=2, name="block1")(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="block2")(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="features")(x))


def are_equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def main():
    fix_rounding()
    operations = collect_operations()
    images, labels = draw(16, seed=0)
    equal = {}
    for name in METHODS:
        equal[name] = are_equal(train(name, images), train(name, images))
    for name in STRATEGIES:
        for encoder in (build_small_encoder(SHAPE), build_normalized()):
            settings = {"budget": Budget(steps=4, batch_size=8, kind="photos"), "num_classes": 3}
            first, second = (fit(name, encoder, images, labels, **settings) for _ in range(2))
            asked = draw(20, seed=1)[0]
            same = np.array_equal(first.predict(asked), second.predict(asked))
            equal[name] = equal.get(name, True) and same
    print(json.dumps({"equal": equal, "operations": sorted(operations)}))


if __name__ == "__main__":
    main()
