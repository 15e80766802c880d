"""What a network's operations number, whatever its layers are."""

from __future__ import annotations

import math

import keras
import tensorflow as tf


def count_operations(network: keras.Model) -> int:
    """Returns the multiply-adds by which a network reads an image, counted in its graph.

    `tfzero.networks.shapes.count_network` knows convolutions and dense layers alone, and needs no
    graph. This one also counts what layers of others do inside.

    Args:
        network: From float32 images `(B, H, W, C)` to one tensor.
    """
    shape = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32)
    read = tf.function(lambda images: network(images, training=False), autograph=False)
    operations = read.get_concrete_function(shape).graph.get_operations()
    return sum(_COUNTS[each.type](each) for each in operations if each.type in _COUNTS)


def _count_convolution(operation) -> int:
    kernel = _shape(operation.inputs[1])
    return math.prod(_shape(operation.outputs[0])) * math.prod(kernel[:3])


def _count_depthwise(operation) -> int:
    kernel = _shape(operation.inputs[1])
    return math.prod(_shape(operation.outputs[0])) * math.prod(kernel[:2])


def _count_product(operation) -> int:
    first = _shape(operation.inputs[0])
    turned = any(operation.get_attr(name) for name in _TURNED if name in operation.node_def.attr)
    return math.prod(_shape(operation.outputs[0])) * first[-2 if turned else -1]


def _count_einsum(operation) -> int:
    """Returns the product of the sizes of all indices."""
    equation = operation.get_attr("equation").decode()
    sizes: dict[str, int] = {}
    terms = equation.partition("->")[0].split(",")
    for letters, value in zip(terms, operation.inputs, strict=True):
        sizes.update(zip(letters.replace("...", ""), _shape(value), strict=False))
    return math.prod(sizes.values())


def _shape(tensor) -> list[int]:
    return [size or 1 for size in tensor.shape.as_list()]


# Attributes by which a product turns its first factor.
_TURNED = ("transpose_a", "adj_x")
_COUNTS = {
    "Conv2D": _count_convolution,
    "DepthwiseConv2dNative": _count_depthwise,
    "MatMul": _count_product,
    "BatchMatMulV2": _count_product,
    "BatchMatMulV3": _count_product,
    "Einsum": _count_einsum,
}
